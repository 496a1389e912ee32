/** The hapi plugin: registration, decorations, and the server's life with hapi's. */
import type { Plugin, RequestRoute, Server } from "@hapi/hapi"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { Application, type Service } from "../server/Application.js"
import { Broker } from "../server/Broker.js"
import type { Connection } from "../server/connection/Connection.js"
import * as Password from "../server/conversation/Password.js"
import * as LimitSettings from "../server/LimitSettings.js"
import * as NesServer from "../server/NesServer.js"
import type { BroadcastOptions, PublishOptions } from "../server/Node.js"
import type { PathPresence } from "../server/presence/Presence.js"
import type { PathHistory } from "../server/recovery/PathHistory.js"
import * as Settings from "../server/Settings.js"
import * as Endpoint from "./Endpoint.js"
import { socketOf as socketOfRequest } from "./Exchange.js"
import * as HapiApplication from "./HapiApplication.js"
import * as Hooks from "./Hooks.js"
import * as Lifecycle from "./Lifecycle.js"
import * as Options from "./Options.js"
import * as Socket from "./Socket.js"
import { version } from "./Version.js"

/**
 * Which sockets `server.eachSocket()` visits.
 *
 * @since 0.1.0
 * @category models
 */
export interface EachSocketOptions {
  /** Only those subscribed to this path. */
  readonly subscription?: string | undefined
  /** Only those of this user; needs `subscription` and its `auth.index`. */
  readonly user?: unknown
}

declare module "@hapi/hapi" {
  interface Server {
    /** Sends a message to all connected clients, or those of one user (nes-api.txt, "server.broadcast"). */
    broadcast(message: unknown, options?: BroadcastOptions): Promise<void>
    /** Declares a path that clients can subscribe to (nes-api.txt, "server.subscription"). */
    subscription<Message = unknown>(path: string, options?: Options.SubscriptionOptions<Message>): void
    /** Sends a message to all who are subscribed to a path (nes-api.txt, "server.publish"). */
    publish(path: string, message: unknown, options?: PublishOptions): Promise<void>
    /** Who is present at a path of a subscription with `presence` (docs/presence.md). */
    presence(path: string): PathPresence
    /** Reads and clears what is kept of a path with `recovery` or `state` (docs/history.md). */
    history(path: string): PathHistory
    /** Calls `each` with every connected socket, at once (nes-api.txt, "server.eachSocket"). */
    eachSocket(each: (socket: Socket.Socket) => unknown, options?: EachSocketOptions): Promise<void>
  }

  interface Request {
    /** The socket a request came over; `null` for an ordinary HTTP request. */
    readonly socket: Socket.Socket | null
  }

  interface PluginsStates {
    /** Of a request over a socket. */
    nes?: { readonly socket: Socket.Socket }
  }

  interface PluginProperties {
    nes: NesServer.Service
  }
}

// hapi's own default, which also bounds custom messages where no route takes a payload.
const leastBytes = 1_048_576

// A route that takes no payload has no settings for it, whatever hapi's types say.
const maxBytesOf = ({ settings }: RequestRoute): number =>
  (settings.payload as { readonly maxBytes?: number } | null | undefined)?.maxBytes ?? 0

// How long a frame may be, so that what is somewhat too large for a route is answered 413: the largest limit of all
// routes, later ones included, and room for the message around it (bytes).
const frameLimit = (server: Server): () => number => {
  let largest = Math.max(leastBytes, ...server.table().map(maxBytesOf))
  server.events.on("route", (route) => {
    largest = Math.max(largest, maxBytesOf(route))
  })
  return () => largest + LimitSettings.envelopeBytes
}

// How long a stop waits for sockets that have nothing to wait for before it goes on (ms).
const handshakeGrace = 200

// hapi ends every connection on which it answers no request itself, also one that answers some over its socket.
const keepFromEnding = ({ idle, raw, stage }: Connection): void => {
  if (stage === "ready") {
    Object.assign(raw, { end: () => raw })
    void idle.then(() => Reflect.deleteProperty(raw, "end"))
  }
}

// Connections live from hapi's start to its stop; what is declared outlives both. Of a stop, hapi bounds the time: it
// waits for HTTP requests, and for sockets whose requests are being answered, and destroys what is still open then.
// What these publish reaches everybody: the node is the last to leave.
const followLifecycle = (server: Server, { listen, node }: NesServer.Service): void => {
  Lifecycle.whileStarted(server, listen(server.listener), "onPostStop")
  server.ext("onPreStop", async () => {
    Array.from(node.hub.connections.keys()).forEach(keepFromEnding)
    await Effect.runPromise(Effect.timeoutOption(Effect.promise(() => node.drain()), handshakeGrace))
  })
}

const decorate = (
  server: Server,
  { node }: NesServer.Service,
  host: Socket.Host
): void => {
  const { socketOf } = host
  const methods = {
    broadcast: node.broadcast,
    publish: node.publish,
    eachSocket: (each: (socket: Socket.Socket) => unknown, options?: EachSocketOptions) =>
      node.each((connection) => each(socketOf(connection)), options ?? {}),
    presence: (path: string) => node.presence(path),
    history: (path: string) => node.history(path),
    subscription: (path: string, options?: Options.SubscriptionOptions) => {
      const given = options ?? {}
      node.subscription(path, {
        ...Options.decodeSubscription(path, given, socketOf),
        ...Hooks.ofSubscription(given, host)
      })
    }
  }
  for (const [name, method] of Object.entries(methods)) {
    server.decorate("server", name, method)
  }
  server.decorate("request", "socket", socketOfRequest as never, { apply: true })
}

// hapi takes nothing back of a registration that fails: what lives with the server comes after all that can, but for what
// it returns, which takes time. As in 14, all is there when this returns, for those who do not wait.
const register = (server: Server, options: Options.PluginOptions): () => Promise<void> | undefined => {
  const { api, auth, broker, payload, tracer, ...settings } = Options.decodePlugin(options)
  const passwords = Password.forIron((auth && auth.password) || Password.generate())
  if (auth) {
    Endpoint.declare(server, auth, options.auth ? options.auth.route : undefined, passwords)
  }

  // By the node, so that its inspector hears of it.
  const log: Service["log"] = (...entry) => nes.node.log(...entry)
  const host: Socket.Host = { server, log, socketOf: (connection) => Socket.of(connection, host) }
  const application = HapiApplication.make(host, auth, passwords, payload.maxStreamBytes)
  const making = NesServer.make({
    ...settings,
    hooks: Hooks.ofPlugin(options, host),
    maxChunkChars: payload.maxChunkChars,
    auth: auth && Settings.authSettings(auth, settings.heartbeat),
    log: "application",
    limits: {
      ...settings.limits,
      ...((options.limits?.maxFrameBytes ?? null) === null && { maxFrameBytes: frameLimit(server) })
    }
  })
  const nes = Effect.runSync(
    making.pipe(
      broker ? Effect.provideService(Broker, broker) : identity,
      tracer ? Effect.provideService(Tracer.Tracer, tracer) : identity,
      Effect.provideService(Application, application),
      Scope.provide(Scope.makeUnsafe())
    )
  )

  decorate(server, nes, host)
  server.plugins.nes = nes
  if (api) {
    Lifecycle.declareAtStart(server, async () => (await import("./Api.js")).declare(server, nes.node, api))
  }
  followLifecycle(server, nes)
  return () => auth ? Endpoint.rehearse(server, auth, passwords) : undefined
}

// Whoever depends on what this plugin replaces finds it registered, at the version whose API it has.
const replaced: Array<Plugin<void>> = Object.entries({ "@hapi/nes": "14.0.1", nes: "6.5.2" }).map((
  [name, version]
) => ({ name, version, register: () => {} }))

/**
 * The plugin, for `server.register()`. `server.plugins.nes` is the Effect service beneath.
 *
 * @since 0.1.0
 * @category plugins
 */
export const plugin: Plugin<Options.PluginOptions> = {
  name: "effect-nes",
  version,
  requirements: { hapi: ">=21.0.0" },
  register: async (server, options) => {
    const rehearse = register(server, options ?? {})
    await server.register(replaced, { once: true })
    await rehearse()
  }
}
