/**
 * A server without hapi: an Effect HTTP application served over HTTP and over sockets, on one port.
 *
 * ```ts
 * const Live = HttpRouter.add("GET", "/", HttpServerResponse.text("hello")).pipe(NesHttpServer.layerNode({ port: 8000 }))
 * ```
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type { FileSystem } from "effect/FileSystem"
import { constVoid, dual } from "effect/Function"
import type { Generator as EtagGenerator } from "effect/http/Etag"
import type { HttpPlatform } from "effect/http/HttpPlatform"
import type * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import type { ServeError } from "effect/http/HttpServerError"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import type { Path } from "effect/Path"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import type * as Scope from "effect/Scope"
import type { Stdio } from "effect/Stdio"
import type { Terminal } from "effect/Terminal"
import { createServer, IncomingMessage, type ServerResponse } from "node:http"
import { createServer as createSecureServer, type ServerOptions as TlsOptions } from "node:https"
import type { UserError } from "../protocol/NesError.js"
import * as NesServer from "../server/NesServer.js"
import { isWebSocket } from "../server/transport/Upgrades.js"
import * as EarlyRequests from "./EarlyRequests.js"
import * as Hooks from "./Hooks.js"
import type { RoutesRequirements } from "./HttpApplication.js"
import type { Code, Options, ServerOptions } from "./Options.js"
import * as Serving from "./Serving.js"

/** @since 0.1.0 */
export type { FilterContext, HookRequirements, SubscriptionOptions } from "./Hooks.js"
/** @since 1.0.0 */
export type { AccessSettingOptions, PresenceSettingOptions } from "../server/Settings.js"
/** @since 1.0.0 */
export type { LimitOptions as ConnectionLimitOptions } from "../server/LimitSettings.js"
/** @since 1.0.0 */
export { type Snapshot, snapshotAt } from "../server/subscription/Snapshot.js"
/** @since 1.0.0 */
export type { Verdict } from "../server/subscription/Subscription.js"
/** @since 0.1.0 */
export type { Code, LimitOptions, Options, ServerOptions } from "./Options.js"

/**
 * What a server made of an Effect requires of its surroundings: `R` has what is given a request (the application and
 * `authenticate`), `RH` what is not (the hooks and `verify`). Both may use `NesServer`: it is the server being made.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements<R, RH = never> =
  | Exclude<R, HttpServerRequest.HttpServerRequest | Scope.Scope | NesServer.NesServer>
  | Exclude<RH, Scope.Scope | NesServer.NesServer>

/**
 * What a server made of routes requires of its surroundings: what the routes need to be built and to answer, what the
 * hooks and `verify` need (`RH`), and `authenticate` (`RA`). All of them may use `NesServer`.
 *
 * @since 1.0.0
 * @category models
 */
export type ServerRequirements<R, RH, RA = never> = Requirements<RA, RoutesRequirements<R> | RH>

/**
 * Makes a server for sockets alone of an Effect that answers requests. When the scope closes, it accepts no more
 * connections, lets what is being answered finish for at most `gracePeriod`, and closes every connection with code
 * 1001.
 *
 * Fails with `UserError` on invalid options.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <E, R, RU = never, RC = never, RD = never, RM = never, RA = never, RV = never>(
  app: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>,
  options: Options<RU, RC, RD, RM, RA, RV> = {}
): Effect.Effect<NesServer.Service, UserError, Scope.Scope | Requirements<R | RA, RU | RC | RD | RM | RV>> =>
  Serving.make(Effect.succeed(app), options)

/**
 * A server made of routes, as a Layer: `RH` is what its hooks require, `RA` what `authenticate` does, `Given` what is
 * there for all of them, and `Built` what else the Layer makes.
 *
 * @since 1.0.0
 * @category models
 */
export type ServerLayer<E, R, RH, RA, Given = never, Built = never> = Layer.Layer<
  NesServer.NesServer | Built,
  UserError | HttpRouter.Request.Without<E>,
  Exclude<HttpServer.HttpServer | ServerRequirements<R, RH, RA>, Given>
>

/**
 * Makes a server of routes: `serve(routes, options)` or, in a pipe, `serve(options)`.
 *
 * @since 1.0.0
 * @category models
 */
export interface Serve<Settings = unknown, Failure = never, Given = never, Built = never> {
  <RU = never, RC = never, RD = never, RM = never, RA = never, RV = never>(
    options?: Options<RU, RC, RD, RM, RA, RV> & Settings
  ): <A, E, R>(
    routes: Layer.Layer<A, E, R>
  ) => ServerLayer<E | Failure, R, RU | RC | RD | RM | RV, RA, Given, Built>
  <A, E, R, RU = never, RC = never, RD = never, RM = never, RA = never, RV = never>(
    routes: Layer.Layer<A, E, R>,
    options?: Options<RU, RC, RD, RM, RA, RV> & Settings
  ): ServerLayer<E | Failure, R, RU | RC | RD | RM | RV, RA, Given, Built>
}

/**
 * The same with options from Config: `serveConfig(routes, code, config)` or, in a pipe, `serveConfig(code, config)`.
 *
 * @since 1.0.0
 * @category models
 */
export interface ServeConfig<Settings = unknown, Failure = never, Given = never, Built = never> {
  <RU = never, RC = never, RD = never, RM = never, RA = never, RV = never>(
    code: Code<RU, RC, RD, RM, RA, RV>,
    config: Config.Wrap<ServerOptions & Settings>
  ): <A, E, R>(
    routes: Layer.Layer<A, E, R>
  ) => ServerLayer<E | Failure | Config.ConfigError, R, RU | RC | RD | RM | RV, RA, Given, Built>
  <A, E, R, RU = never, RC = never, RD = never, RM = never, RA = never, RV = never>(
    routes: Layer.Layer<A, E, R>,
    code: Code<RU, RC, RD, RM, RA, RV>,
    config: Config.Wrap<ServerOptions & Settings>
  ): ServerLayer<E | Failure | Config.ConfigError, R, RU | RC | RD | RM | RV, RA, Given, Built>
}

// An optional peer: needed only by what uses it, who has it then. In a `try` a bundler may miss it.
const platform = Effect.promise(async () => {
  try {
    const { layer } = await import("@effect/platform-node/NodeHttpServer")
    const { toServerResponse } = await import("@effect/platform-node/NodeHttpServerRequest")
    return { layer, toServerResponse }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`NesHttpServer.layerNode and upgrade need @effect/platform-node: ${reason}`, { cause })
  }
})

/**
 * What `@effect/platform-node` has for the routes of a server on Node.
 *
 * @since 1.0.0
 * @category models
 */
export type NodePlatform =
  | HttpServer.HttpServer
  | HttpPlatform
  | EtagGenerator
  | ChildProcessSpawner
  | FileSystem
  | Path
  | Stdio
  | Terminal

/**
 * Where `layerNode` listens.
 *
 * @since 1.0.0
 * @category models
 */
export interface ListenOptions {
  /** By default any that is free: `HttpServer` has the address. */
  readonly port?: number | undefined
  readonly host?: string | undefined
  /** The certificate and the like, for `https:` and `wss:`. */
  readonly tls?: TlsOptions | undefined
}

// What the types of a server say is said by its interface, for both ways to call it.
type Build<Settings> = (
  routes: Layer.Layer<never>,
  options?: Options & Settings
) => Layer.Layer<never, unknown, unknown>

const dualOfConfig = <Settings>(build: Build<Settings>) =>
  dualOf((routes: Layer.Layer<never>, code: Code, config: Config.Wrap<ServerOptions & Settings>) =>
    Layer.unwrap(Effect.map(Config.unwrap(config), (options) => build(routes, { ...options, ...code })))
  )

const dualOf = (body: object): never => dual<never, never>((args) => Layer.isLayer(args[0]), body as never)

const buildLayer: Build<unknown> = (routes, options = {}) =>
  Layer.effect(NesServer.NesServer, Effect.andThen(HttpServer.HttpServer, Serving.ofRoutes(routes, options)))

const buildServe: Build<unknown> = (routes, options = {}) =>
  Layer.effect(NesServer.NesServer, Serving.ofRoutes(routes, options, true))

const buildNode: Build<ListenOptions> = (
  routes,
  { gracePeriod = "5 seconds", host, port = 0, tls, ...options } = {}
) =>
  Layer.unwrap(Effect.map(platform, ({ layer }) => {
    const server = options.server ?? (tls === undefined ? createServer() : createSecureServer(tls))
    // The platform opens the port before the application is built, which may have a database to wait for.
    const giveUp = options.server ? constVoid : EarlyRequests.hold(server)
    return buildServe(routes, { ...options, gracePeriod, server }).pipe(
      Layer.tapCause(() => Effect.sync(giveUp)),
      Layer.provideMerge(layer(() => server, { host, port, gracefulShutdownTimeout: gracePeriod }))
    )
  }))

/**
 * A server for sockets alone, as a Layer. It closes its connections before the HTTP server, which would wait for them.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Serve = dualOf(buildLayer)

/**
 * A server for HTTP and sockets, in place of `HttpRouter.serve`: the same routes, with the same middleware, on the same
 * port. They are what `HttpRouter.add`, `HttpApiBuilder.layer` and the like make. They may use `NesServer`, which is
 * the server being made, from the first.
 *
 * @since 0.1.0
 * @category layers
 */
export const serve: Serve = dualOf(buildServe)

/**
 * `serve` on an HTTP server of Node that it makes itself, with `@effect/platform-node`: the routes have the services of
 * that platform.
 *
 * ```ts
 * const Live = HttpRouter.add("GET", "/", HttpServerResponse.text("hello")).pipe(NesHttpServer.layerNode({ port: 8000 }))
 * ```
 *
 * @since 1.0.0
 * @category layers
 */
export const layerNode: Serve<ListenOptions, ServeError, NodePlatform, HttpServer.HttpServer> = dualOf(buildNode)

/**
 * `layer`, with options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: ServeConfig = dualOfConfig(buildLayer)

/**
 * `serve`, with options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const serveConfig: ServeConfig = dualOfConfig(buildServe)

/**
 * `layerNode`, with options from Config, the port included.
 *
 * @since 1.0.0
 * @category layers
 */
export const layerNodeConfig: ServeConfig<ListenOptions, ServeError, NodePlatform, HttpServer.HttpServer> =
  dualOfConfig(buildNode)

/**
 * Declares a path that clients can subscribe to. The requirements of its hooks are those of this Effect.
 *
 * Fails with `UserError` if the path is invalid or conflicts with another, or an option is invalid.
 *
 * @since 0.1.0
 * @category subscriptions
 */
export const subscription = <RF = never, RS = never, RN = never, RP = never>(
  path: string,
  options: Hooks.SubscriptionOptions<RF, RS, RN, RP> = {}
): Effect.Effect<void, UserError, NesServer.NesServer | Hooks.HookRequirements<RF | RS | RN | RP>> =>
  Hooks.declare(path, options)

/**
 * `subscription` as a Layer.
 *
 * @since 0.1.0
 * @category subscriptions
 */
export const layerSubscription = <RF = never, RS = never, RN = never, RP = never>(
  path: string,
  options: Hooks.SubscriptionOptions<RF, RS, RN, RP> = {}
): Layer.Layer<never, UserError, NesServer.NesServer | Hooks.HookRequirements<RF | RS | RN | RP>> =>
  Layer.effectDiscard(subscription(path, options))

const upgradeRequired = HttpServerResponse.empty({
  status: 426,
  headers: { connection: "Upgrade", upgrade: "websocket" }
})

/**
 * A route that makes sockets: the way to put a server at a path of an application, without holding the HTTP server. Per
 * connection it costs more than to give `server`.
 *
 * ```ts
 * const Sockets = HttpRouter.add("GET", "/nes", NesHttpServer.upgrade)
 * ```
 *
 * @since 0.1.0
 * @category routes
 */
export const upgrade: Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  never,
  NesServer.NesServer | HttpServerRequest.HttpServerRequest
> = Effect.gen(function*() {
  const request = yield* HttpServerRequest.HttpServerRequest
  const { node } = yield* NesServer.NesServer
  const { source } = request
  if (!(source instanceof IncomingMessage && isWebSocket(source))) {
    return upgradeRequired
  }
  const { toServerResponse } = yield* platform
  const response = toServerResponse(request) as ServerResponse
  const { socket } = source
  // Without its socket, the response that the platform is about to write has ended and goes nowhere.
  response.detachSocket(socket)
  response.end()
  node.upgrade(source, socket, Buffer.alloc(0))
  return HttpServerResponse.empty()
})
