/**
 * A server in memory, for the tests of an application: real messages over real WebSockets, without a port, and a client
 * of it.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as HttpRouter from "effect/http/HttpRouter"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { createServer } from "node:http"
import { type Duplex, duplexPair } from "node:stream"
import * as NesClient from "./client/NesClient.js"
import type * as NesHttpServer from "./http/NesHttpServer.js"
import * as Serving from "./http/Serving.js"
import type { NesError, UserError } from "./protocol/NesError.js"
import { ClosingClock } from "./server/connection/Deadlines.js"
import { NesServer, type Service as ServerService } from "./server/NesServer.js"

/**
 * How a client reaches the server: `NesClient.make({ ...server })`, or `new Client(server.url, { ws: server.ws })`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  readonly url: string
  readonly ws: { readonly createConnection: () => Duplex }
}

/**
 * The way to the server in memory.
 *
 * @since 0.1.0
 * @category tags
 */
export class TestServer extends Context.Service<TestServer, Service>()("effect-nes/http/TestServer") {}

// The halves of a pair end together, but one that is destroyed leaves the other open, as no network does.
const follow = (stream: Duplex, other: Duplex): void => {
  stream.once("close", () => void setImmediate(() => other.destroy()))
}

/**
 * A client of the server, connected, until the scope closes.
 *
 * @since 1.0.0
 * @category constructors
 */
export const connect = <R = never>(
  options: Partial<NesClient.Options<R>> = {}
): Effect.Effect<NesClient.Service, NesError, TestServer | Scope.Scope | R> =>
  TestServer.use((server) => NesClient.make({ ...server, connect: "required", ...options }))

/**
 * `connect` as a Layer.
 *
 * @since 1.0.0
 * @category layers
 */
export const layerClient = <R = never>(
  options?: Partial<NesClient.Options<R>>
): Layer.Layer<NesClient.NesClient, NesError, TestServer | Exclude<R, Scope.Scope>> =>
  Layer.effect(NesClient.NesClient, connect(options))

/**
 * Makes a server in memory of routes: `layer(routes, options)` or, in a pipe, `layer(options)`.
 *
 * @since 1.0.0
 * @category models
 */
export interface Serve {
  <RU = never, RC = never, RD = never, RM = never, RA = never, RV = never>(
    options?: Omit<NesHttpServer.Options<RU, RC, RD, RM, RA, RV>, "server">
  ): <A, E, R>(routes: Layer.Layer<A, E, R>) => Layer.Layer<
    NesServer | TestServer,
    UserError | HttpRouter.Request.Without<E>,
    NesHttpServer.ServerRequirements<R, RU | RC | RD | RM | RV, RA>
  >
  <A, E, R, RU = never, RC = never, RD = never, RM = never, RA = never, RV = never>(
    routes: Layer.Layer<A, E, R>,
    options?: Omit<NesHttpServer.Options<RU, RC, RD, RM, RA, RV>, "server">
  ): Layer.Layer<
    NesServer | TestServer,
    UserError | HttpRouter.Request.Without<E>,
    NesHttpServer.ServerRequirements<R, RU | RC | RD | RM | RV, RA>
  >
}

/**
 * A server in memory. It closes by the time of the world, whatever the clock of the test says, and its `gracePeriod` is
 * one second by default. What an `HttpApi` and the like require of the platform comes from `HttpServer.layerServices`, or
 * from `NodeHttpServer.layerHttpServices` where files are served.
 *
 * ```ts
 * const Test = TestServer.layer(HttpApiBuilder.layer(Api).pipe(Layer.provide(Handlers))).pipe(
 *   Layer.provide(HttpServer.layerServices)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Serve = dual((args) => Layer.isLayer(args[0]), (
  routes: Layer.Layer<never>,
  options: Omit<NesHttpServer.Options, "server"> = {}
) =>
  Layer.effectContext(Effect.gen(function*() {
    const server = createServer()
    let closed = false
    yield* Effect.addFinalizer(() => Effect.sync(() => closed = true))
    const served = yield* Serving.ofRoutes(routes, { gracePeriod: "1 second", ...options, server }).pipe(
      // Whoever moves a test's clock has done so by then.
      Effect.provideService(ClosingClock, Context.get(Context.empty(), Clock.Clock))
    )
    const createConnection = (): Duplex => {
      const [client, ours] = duplexPair()
      if (closed) {
        // As a network refuses: later, when somebody listens.
        setImmediate(() => client.destroy(new Error("The server in memory has closed")))
        return client
      }
      follow(client, ours)
      follow(ours, client)
      server.emit("connection", ours)
      return client
    }
    const test: Service = { url: `ws://memory${options.path ?? ""}`, ws: { createConnection } }
    return Context.make(NesServer, served).pipe(Context.add(TestServer, test))
  })))

/**
 * No server, but what stands for one in a test of what uses `NesServer`: only the operations that are given work, any
 * other dies. (Of `NesClient` and `Publisher`, `Layer.mock` makes as much.)
 *
 * ```ts
 * const Test = TestServer.layerMock({ publish: (path, message) => Effect.log(path, message) })
 * ```
 *
 * @since 1.0.0
 * @category layers
 */
export const layerMock = (operations: Partial<ServerService>): Layer.Layer<NesServer> =>
  Layer.mock(NesServer, operations as ServerService)

/**
 * `layer`, with options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <A, E, R, RU = never, RC = never, RD = never, RM = never, RA = never, RV = never>(
  routes: Layer.Layer<A, E, R>,
  code: Omit<NesHttpServer.Code<RU, RC, RD, RM, RA, RV>, "server">,
  config: Config.Wrap<NesHttpServer.ServerOptions>
): Layer.Layer<
  NesServer | TestServer,
  UserError | Config.ConfigError | HttpRouter.Request.Without<E>,
  NesHttpServer.ServerRequirements<R, RU | RC | RD | RM | RV, RA>
> => Layer.unwrap(Effect.map(Config.unwrap(config), (options) => layer(routes, { ...options, ...code })))
