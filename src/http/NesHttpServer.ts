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
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { IncomingMessage, type Server } from "node:http"
import type { Server as SecureServer } from "node:https"
import type { UserError } from "../protocol/NesError.js"
import { Application } from "../server/Application.js"
import * as NesServer from "../server/NesServer.js"
import type { Authentication } from "./Authentication.js"
import * as Hooks from "./Hooks.js"
import * as HttpApplication from "./HttpApplication.js"
import { decode, type ServerOptions } from "./Options.js"
import * as Upgrades from "./Upgrades.js"

/** @since 0.1.0 */
export type { FilterContext, SubscriptionOptions } from "./Hooks.js"
/** @since 0.1.0 */
export type { LimitOptions, ServerOptions } from "./Options.js"

/**
 * The code of a server: what cannot come from Config.
 *
 * @since 0.1.0
 * @category models
 */
export interface Code<R = never> extends Hooks.Hooks<R>, HttpApplication.Options<R> {
  /**
   * The HTTP server that `NodeHttpServer.layer` gets too: its upgrades are taken before the platform sees them. Without
   * it, sockets come only by the route at which the application mounts `upgrade`.
   */
  readonly server?: Server | SecureServer | undefined
}

/**
 * All that a server can be told.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> extends Code<R>, ServerOptions {}

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

const closeCode = 1001

const isWebSocket = ({ headers }: IncomingMessage): boolean => headers.upgrade?.toLowerCase() === "websocket"

const isAt = (path: string | undefined) => (request: IncomingMessage): boolean =>
  isWebSocket(request) && (path === undefined || request.url?.split("?", 1)[0] === path)

const takeUpgrades = (nes: NesServer.Service, server: Server | SecureServer, path: string | undefined) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      Upgrades.take(server, isAt(path), (request, socket, head) => nes.node.upgrade(request, socket, head))
    ),
    (release) => Effect.sync(release)
  )

// The application and the hooks may use the server that is made of them: they get it before it is complete.
const build = <E, R, RO>(
  app: HttpApp.Default<E, R>,
  options: Options<RO>,
  serve: (nes: NesServer.Service) => Effect.Effect<void, never, Scope.Scope | HttpServer.HttpServer | R>
) =>
  Effect.gen(function*() {
    const nes = {} as { -readonly [K in keyof NesServer.Service]: NesServer.Service[K] }
    const provideServer = Effect.provideService(NesServer.NesServer, nes)
    const { gracePeriod, path, settings } = yield* decode(
      options,
      (options.auth ?? false) as Authentication<never> | false
    )
    const context = yield* provideServer(Effect.context<RO>())
    const application = yield* provideServer(HttpApplication.make(app, options))
    Object.assign(
      nes,
      yield* NesServer.make({ ...settings, hooks: Hooks.ofServer(options, context) }).pipe(
        Effect.provideService(Application, application)
      )
    )
    yield* provideServer(serve(nes))
    if (options.server) {
      yield* takeUpgrades(nes, options.server, path)
    }
    yield* nes.run({ closeCode, gracePeriod })
    return NesServer.NesServer.of(nes)
  })

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
  build(app, options, () => Effect.void) as Effect.Effect<
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
    build(app, options, () => serveHttp(app, options)) as Effect.Effect<
      NesServer.Service,
      UserError,
      Scope.Scope | HttpServer.HttpServer | Requirements<R | RO>
    >
  )

const serveHttp = <E, R, RO>(app: HttpApp.Default<E, R>, { middleware }: Options<RO>) =>
  (middleware
    ? HttpServer.serveEffect(app, middleware)
    : HttpServer.serveEffect(app)) as Effect.Effect<void, never, Scope.Scope | HttpServer.HttpServer | R>

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
 * Fails with `UserError` if the path is invalid or conflicts with another.
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
      Effect.flatMap(NesServer.NesServer, (nes) => nes.subscription(path, Hooks.ofSubscription(options, context)))
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
