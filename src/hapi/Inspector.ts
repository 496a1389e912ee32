/** The inspector as a hapi plugin. */
import type { Plugin, RouteOptions, Server } from "@hapi/hapi"
import * as Effect from "effect/Effect"
import * as CloseCode from "../protocol/CloseCode.js"
import * as Inspector from "../server/inspection/Inspector.js"
import type * as NesServer from "../server/NesServer.js"
import type { UpgradeRequest } from "../server/Settings.js"
import * as Lifecycle from "./Lifecycle.js"
import { routeAuth, toError } from "./Options.js"
import { version } from "./Version.js"

/**
 * The inspector of a hapi server (docs/inspector.md).
 *
 * @since 1.0.0
 * @category models
 */
export interface PluginOptions {
  /** hapi's route `auth` settings of the page and of its sockets. There is no default: `false` lets everybody in. */
  readonly auth: Exclude<RouteOptions["auth"], undefined>
  /** Where the page is; `'/nes/inspector'` by default. */
  readonly path?: string | undefined
  /** Origins that may connect beside the page's own host, where a proxy changes the `Host` header. */
  readonly origin?: string | ReadonlyArray<string> | undefined
}

const ofSocket = /^(?:connection|upgrade|content-length|transfer-encoding|sec-websocket-.+)$/

// Who may have the page may have its sockets: hapi itself is asked, with what the upgrade brings. A login page may come
// with the same status: `pages` is what the page's handler answered with.
const admitBy =
  (server: Server, pages: WeakMap<object, string>) =>
  async ({ address, headers, url }: UpgradeRequest): Promise<boolean | number> => {
    const { request, result, statusCode } = await server.inject({
      method: "GET",
      url,
      headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !ofSocket.test(name))) as Record<
        string,
        string
      >,
      ...(address !== undefined && { remoteAddress: address })
    })
    return statusCode === 200 ? pages.has(request) && pages.get(request) === result : statusCode
  }

const decode = Inspector.decoder(routeAuth, toError)

const register = (server: Server, given: Partial<PluginOptions> = {}): void => {
  const { auth, origin, path } = decode(given)
  const { nes } = server.plugins as { readonly nes?: NesServer.Service }
  if (!nes) {
    throw new Error("The inspector needs the plugin effect-nes, registered before it")
  }
  const pages = new WeakMap<object, string>()
  const below: { readonly prefix?: string } = server.realm.modifiers.route
  const options = { path: (below.prefix ?? "") + path, origin, admit: admitBy(server, pages) }
  Lifecycle.declareAtStart(server, () =>
    server.route({
      method: "GET",
      path,
      options: { auth, tags: ["nes"] },
      handler: async (request, h) => {
        const { headers, html } = await Inspector.page()
        pages.set(request, html)
        const response = h.response(html)
        Object.entries(headers).forEach(([name, value]) => response.header(name, value))
        return response
      }
    }))
  const running = Effect.flatMap(
    Inspector.make(nes.node, options),
    (inspector) => inspector.listen(server.listener, { closeCode: CloseCode.goingAway })
  )
  Lifecycle.whileStarted(server, running, "onPreStop")
}

/**
 * The plugin, for `server.register()`, after that of effect-nes.
 *
 * @since 1.0.0
 * @category plugins
 */
export const plugin: Plugin<PluginOptions> = {
  name: "effect-nes-inspector",
  version,
  register: async (server, options) => register(server, options)
}
