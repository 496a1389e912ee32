/**
 * A server without hapi: an Effect HTTP application served over HTTP and over sockets, on one port.
 *
 * ```ts
 * const server = createServer()
 *
 * const Live = NesHttpServer.serve(router, { server }).pipe(
 *   Layer.provide(NodeHttpServer.layer(() => server, { port: 8000 }))
 * )
 * ```
 *
 * @since 0.1.0
 */
import type * as HttpApi from "@effect/platform/HttpApi"
import type * as HttpApp from "@effect/platform/HttpApp"
import type * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { IncomingMessage } from "node:http"
import type { UserError } from "../protocol/NesError.js"
import * as NesServer from "../server/NesServer.js"
import * as Api from "./Api.js"
import * as Hooks from "./Hooks.js"
import type { Code, Options, ServerOptions } from "./Options.js"
import * as Serving from "./Serving.js"
import { refused } from "./Setting.js"
import { isWebSocket } from "./Upgrades.js"

/** @since 0.1.0 */
export type { FilterContext, SubscriptionOptions } from "./Hooks.js"
/** @since 0.1.0 */
export type { Code, LimitOptions, Options, ServerOptions } from "./Options.js"

/**
 * What a server requires of its surroundings. The application, the hooks and the authentication may use `NesServer`
 * themselves: it is the server being made.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements<R> = Exclude<
  R,
  HttpServerRequest.HttpServerRequest | Scope.Scope | NesServer.NesServer
>

/**
 * Makes a server for sockets alone. When the scope closes, it accepts no more connections, lets what is being answered
 * finish for at most `gracePeriod`, and closes every connection with code 1001.
 *
 * Fails with `UserError` on invalid options.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <E, R, RO = never>(
  app: HttpApp.Default<E, R>,
  options: Options<RO> = {}
): Effect.Effect<NesServer.Service, UserError, Scope.Scope | Requirements<R | RO>> =>
  Serving.make(app, options) as Effect.Effect<
    NesServer.Service,
    UserError,
    Scope.Scope | Requirements<R | RO>
  >

/**
 * A server for sockets alone, as a Layer. It closes its connections before the HTTP server, which would wait for them.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E, R, RO = never>(
  app: HttpApp.Default<E, R>,
  options: Options<RO> = {}
): Layer.Layer<NesServer.NesServer, UserError, HttpServer.HttpServer | Requirements<R | RO>> =>
  Layer.scoped(NesServer.NesServer, Effect.zipRight(HttpServer.HttpServer, make(app, options)))

/**
 * A server for HTTP and sockets: the application, its middleware and its port are the same.
 *
 * @since 0.1.0
 * @category layers
 */
export const serve = <E, R, RO = never>(
  app: HttpApp.Default<E, R>,
  options: Options<RO> = {}
): Layer.Layer<NesServer.NesServer, UserError, HttpServer.HttpServer | Requirements<R | RO>> =>
  Layer.scoped(
    NesServer.NesServer,
    Serving.make(app, options, { http: true }) as Effect.Effect<
      NesServer.Service,
      UserError,
      Scope.Scope | HttpServer.HttpServer | Requirements<R | RO>
    >
  )

/**
 * `layer`, with options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <E, R, RO = never>(
  app: HttpApp.Default<E, R>,
  code: Code<RO>,
  config: Config.Config.Wrap<ServerOptions>
): Layer.Layer<
  NesServer.NesServer,
  UserError | ConfigError.ConfigError,
  HttpServer.HttpServer | Requirements<R | RO>
> => Layer.unwrapEffect(Effect.map(Config.unwrap(config), (options) => layer(app, { ...options, ...code })))

/**
 * `serve`, with options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const serveConfig = <E, R, RO = never>(
  app: HttpApp.Default<E, R>,
  code: Code<RO>,
  config: Config.Config.Wrap<ServerOptions>
): Layer.Layer<
  NesServer.NesServer,
  UserError | ConfigError.ConfigError,
  HttpServer.HttpServer | Requirements<R | RO>
> => Layer.unwrapEffect(Effect.map(Config.unwrap(config), (options) => serve(app, { ...options, ...code })))

/**
 * Declares a path that clients can subscribe to. The requirements of its hooks are those of this Effect.
 *
 * Fails with `UserError` if the path is invalid or conflicts with another, or an option is invalid.
 *
 * @since 0.1.0
 * @category subscriptions
 */
export const subscription = <R = never>(
  path: string,
  options: Hooks.SubscriptionOptions<R> = {}
): Effect.Effect<void, UserError, NesServer.NesServer | R> =>
  Effect.flatMap(
    Effect.context<NesServer.NesServer | R>(),
    (context) =>
      Effect.zipWith(
        NesServer.NesServer,
        Effect.try({ try: () => Hooks.ofSubscription(options, context), catch: refused }),
        (nes, subscription) => nes.subscription(path, subscription)
      ).pipe(Effect.flatten)
  )

/**
 * `subscription` as a Layer.
 *
 * @since 0.1.0
 * @category subscriptions
 */
export const layerSubscription = <R = never>(
  path: string,
  options: Hooks.SubscriptionOptions<R> = {}
): Layer.Layer<never, UserError, NesServer.NesServer | R> => Layer.effectDiscard(subscription(path, options))

/**
 * What an `HttpApi` requires, once its handlers have the server and the hooks what they need.
 *
 * @since 0.1.0
 * @category models
 */
export type ApiRequirements<R, RO> =
  | Exclude<R, NesServer.NesServer>
  | HttpRouter.HttpRouter.DefaultServices
  | Requirements<RO>

/**
 * `serve` for an `HttpApi`, in place of `HttpApiBuilder.serve`: the same endpoints over HTTP and over sockets. Its handlers
 * may use `NesServer`: it is the server being made.
 *
 * ```ts
 * const Live = NesHttpServer.serveApi(HttpApiBuilder.api(Api).pipe(Layer.provide(Handlers)), { server }).pipe(
 *   Layer.provide(NodeHttpServer.layer(() => server, { port: 8000 }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const serveApi = <E, R, RO = never>(
  api: Layer.Layer<HttpApi.Api, E, R>,
  options: Options<RO> = {}
): Layer.Layer<NesServer.NesServer, E | UserError, HttpServer.HttpServer | ApiRequirements<R, RO>> =>
  Api.of(
    api,
    (app, incomplete) => Layer.scoped(NesServer.NesServer, Serving.make(app, options, { http: true, incomplete }))
  ) as Layer.Layer<
    NesServer.NesServer,
    E | UserError,
    HttpServer.HttpServer | ApiRequirements<R, RO>
  >

/**
 * `serveApi`, with options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const serveApiConfig = <E, R, RO = never>(
  api: Layer.Layer<HttpApi.Api, E, R>,
  code: Code<RO>,
  config: Config.Config.Wrap<ServerOptions>
): Layer.Layer<
  NesServer.NesServer,
  E | UserError | ConfigError.ConfigError,
  HttpServer.HttpServer | ApiRequirements<R, RO>
> => Layer.unwrapEffect(Effect.map(Config.unwrap(config), (options) => serveApi(api, { ...options, ...code })))

const upgradeRequired = HttpServerResponse.empty({
  status: 426,
  headers: { connection: "Upgrade", upgrade: "websocket" }
})

// An optional peer: needed only where somebody mounts the route, who has it then.
const platformRequest = Effect.promise(() => import("@effect/platform-node/NodeHttpServerRequest"))

/**
 * A route that makes sockets: the way to put a server at a path of an application, without holding the HTTP server. Per
 * connection it costs more than to give `server`.
 *
 * ```ts
 * const router = HttpRouter.empty.pipe(HttpRouter.get("/nes", NesHttpServer.upgrade))
 * ```
 *
 * @since 0.1.0
 * @category routes
 */
export const upgrade: HttpApp.Default<never, NesServer.NesServer> = Effect.gen(function*() {
  const request = yield* HttpServerRequest.HttpServerRequest
  const { node } = yield* NesServer.NesServer
  const { source } = request
  if (!(source instanceof IncomingMessage && isWebSocket(source))) {
    return upgradeRequired
  }
  const { toServerResponse } = yield* platformRequest
  const response = toServerResponse(request)
  const { socket } = source
  // Without its socket, the response that the platform is about to write has ended and goes nowhere.
  response.detachSocket(socket)
  response.end()
  node.upgrade(source, socket, Buffer.alloc(0))
  return HttpServerResponse.empty()
})
