/**
 * The control interface on a hapi server with a nes plugin: `@hapi/nes` and `effect-nes/hapi` have the same API, so one
 * adapter drives both.
 */
import * as Application from "./Application.mjs"
import { filters } from "./Filter.mjs"

/**
 * What a scenario asks of a server.
 *
 * @typedef {object} ServerOptions
 * @property {string} [subscription] the path pattern to declare
 * @property {keyof typeof filters} [filter] the subscription's filter
 * @property {object} [broker] how it shares what it publishes with other nodes
 * @property {object} [limits] what one connection may ask for; this package alone has them
 * @property {boolean} [metrics] whether what is counted goes into metrics; this package alone has them
 * @property {boolean} [recovery] keep what is published; this package alone does
 * @property {boolean} [secure] over TLS
 * @property {boolean | number} [compression] compress messages; this package alone can
 * @property {boolean} [token] authenticate connections by token
 * @property {boolean} [users] authenticate connections by name, and index subscribers by user
 * @property {number} [maxChunkChars]
 * @property {{ interval: number, timeout: number }} [heartbeat] ms; none when absent
 */

/**
 * What every server offers.
 *
 * @typedef {object} Server
 * @property {number} port
 * @property {import("node:http").Server} [listener] its HTTP server
 * @property {() => Promise<string>} [token] a token that lets anybody in
 * @property {(path: string, message: unknown, options?: { user?: string, internal?: unknown }) => unknown} publish
 */

/**
 * @param {unknown} plugin
 * @param {ServerOptions} options
 * @returns {Promise<Server>}
 */
export const start = async (
  plugin,
  {
    broker,
    compression,
    filter,
    heartbeat = false,
    limits,
    maxChunkChars = false,
    metrics,
    recovery,
    secure,
    subscription,
    token,
    users
  }
) => {
  const server = Application.make({ secure })
  if (users || token) Application.authenticate(server)
  await server.register({
    plugin,
    options: {
      heartbeat,
      ...(broker && { broker }),
      ...(compression && { compression }),
      ...(limits && { limits }),
      ...(metrics !== undefined && { metrics }),
      payload: { maxChunkChars },
      auth: users
        ? { type: "direct", index: true, route: { strategy: "name", mode: "try" } }
        : token
        ? { type: "token", password: "a password that is long enough to seal with", route: { strategy: "name" } }
        : false
    }
  })
  if (subscription) {
    server.subscription(subscription, {
      ...(filter && { filter: filters[filter] }),
      ...(recovery && { recovery }),
      auth: users ? { mode: "required", index: true } : false
    })
  }
  await server.start()
  return {
    listener: server.listener,
    port: server.info.port,
    token: async () => {
      const { result } = await server.inject({ url: "/nes/auth", headers: { authorization: "john" } })
      return result.token
    },
    publish: (path, message, publishOptions) => server.publish(path, message, publishOptions)
  }
}
