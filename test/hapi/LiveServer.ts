/** A hapi server with the plugin, and who connects to it; everything is closed when the test ends. */
import { unauthorized } from "@hapi/boom"
import Hapi from "@hapi/hapi"
import { once } from "node:events"
import { onTestFinished } from "vitest"
import { type ClientOptions, WebSocket } from "ws"
import * as Nes from "../../src/hapi.js"
import { Journal } from "../harness/Journal.js"
import { RawClient } from "../harness/RawClient.js"

/** A started server. */
export interface Live {
  readonly server: Hapi.Server
  readonly url: string
  /** The server's log entries of the plugin, as [tags, message of the error]. */
  readonly log: Journal
  readonly connect: (options?: Parameters<Nes.Client["connect"]>[0] & object) => Promise<Nes.Client>
  readonly open: (options?: ClientOptions) => Promise<RawClient>
}

export interface Options {
  readonly hapi?: Hapi.ServerOptions
  readonly nes?: Nes.PluginOptions
  /** Comes before the plugin. */
  readonly prepare?: (server: Hapi.Server) => unknown
  /** Declares routes and subscriptions, before the start. */
  readonly declare?: (server: Hapi.Server) => unknown
}

/** Users of the scheme `user`: who sends `authorization: NAME` is them. */
export const users: Readonly<Record<string, Hapi.AuthCredentials>> = {
  john: { user: "john", scope: ["a", "admin"] },
  jane: { user: "jane", scope: ["b"] },
  robot: { app: "robot", scope: ["a"] }
}

/** A default strategy that knows the users. */
export const authenticating = (
  server: Hapi.Server,
  mode: "required" | "optional" = "required",
  access?: Hapi.RouteOptionsAccessObject
): void => {
  server.auth.scheme("user", () => ({
    authenticate: (request, h) => {
      const credentials = users[String(request.headers.authorization)]
      return credentials ? h.authenticated({ credentials, artifacts: { by: "name" } }) : h.unauthenticated(
        unauthorized("Unknown user")
      )
    }
  }))
  server.auth.strategy("user", "user")
  server.auth.default({ strategy: "user", mode, ...access })
}

/** What `client.connect()` takes to be one of the users. */
export const as = (name: string): { readonly auth: { readonly headers: { readonly authorization: string } } } => ({
  auth: { headers: { authorization: name } }
})

const clientsOf = (url: string): Pick<Live, "connect" | "open"> => ({
  connect: async (options = {}) => {
    const client = new Nes.Client(url)
    onTestFinished(() => client.disconnect())
    await client.connect({ reconnect: false, ...options })
    return client
  },
  open: async (options = {}) => {
    const socket = new WebSocket(url, options)
    onTestFinished(() => socket.terminate())
    const raw = new RawClient(socket)
    await once(socket, "open")
    return raw
  }
})

/** Starts a server. */
export const live = async ({ declare, hapi = {}, nes = {}, prepare }: Options = {}): Promise<Live> => {
  const server = Hapi.server({ port: 0, host: "127.0.0.1", debug: false, ...hapi })
  const log = new Journal()
  server.events.on({ name: "log", filter: "nes" }, ({ data, error, tags }) => {
    log.note(tags.join(" "), error instanceof Error ? error.message : data)
  })
  await prepare?.(server)
  await server.register({ plugin: Nes.plugin, options: nes })
  await declare?.(server)
  onTestFinished(() => server.stop({ timeout: 0 }))
  await server.start()
  const url = server.info.uri.replace(/^http/, "ws")
  return { server, url, log, ...clientsOf(url) }
}

/** Collects the updates of a subscription. */
export const updatesOf = async (client: Nes.Client, path: string): Promise<Journal> => {
  const journal = new Journal()
  await client.subscribe(path, (message, flags) => journal.note(flags.revoked ? "revoked" : "update", message))
  return journal
}

/** Returns when everything the server wrote to a client before has arrived there. */
export const fence = async (client: Nes.Client): Promise<void> => {
  await client.message("fence").catch(() => {})
}
