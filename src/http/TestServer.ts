/**
 * A server in memory, for the tests of an application: real messages over real WebSockets, without a port.
 *
 * @since 0.1.0
 */
import type * as HttpApi from "@effect/platform/HttpApi"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createServer } from "node:http"
import { type Duplex, duplexPair } from "node:stream"
import type { UserError } from "../protocol/NesError.js"
import { NesServer } from "../server/NesServer.js"
import * as Api from "./Api.js"
import type * as NesHttpServer from "./NesHttpServer.js"
import type { ServerRef } from "./ServerRef.js"
import * as Serving from "./Serving.js"

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
export class TestServer extends Context.Tag("effect-nes/http/TestServer")<TestServer, Service>() {}

// The halves of a pair end together, but one that is destroyed leaves the other open, as no network does.
const follow = (stream: Duplex, other: Duplex): void => {
  stream.once("close", () => void setImmediate(() => other.destroy()))
}

/**
 * A server in memory. What `HttpRouter`s require of the platform comes from `HttpServer.layerContext`, or from
 * `NodeHttpServer.layerContext` where files are served.
 *
 * ```ts
 * const Test = TestServer.layer(router).pipe(Layer.provide(HttpServer.layerContext))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E, R, RO = never>(
  app: HttpApp.Default<E, R>,
  options: Omit<NesHttpServer.Options<RO>, "server"> = {}
): Layer.Layer<NesServer | TestServer, UserError, NesHttpServer.Requirements<R | RO>> =>
  serving(app, options) as Layer.Layer<
    NesServer | TestServer,
    UserError,
    NesHttpServer.Requirements<R | RO>
  >

const serving = <E, R, RO>(
  app: HttpApp.Default<E, R>,
  options: Omit<NesHttpServer.Options<RO>, "server">,
  incomplete?: ServerRef
) =>
  Layer.scopedContext(Effect.gen(function*() {
    const server = createServer()
    let closed = false
    yield* Effect.addFinalizer(() => Effect.sync(() => closed = true))
    const served = yield* Serving.make(app, { ...options, server }, { incomplete })
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
  }))

/**
 * `layer`, with options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <E, R, RO = never>(
  app: HttpApp.Default<E, R>,
  code: Omit<NesHttpServer.Code<RO>, "server">,
  config: Config.Config.Wrap<NesHttpServer.ServerOptions>
): Layer.Layer<
  NesServer | TestServer,
  UserError | ConfigError.ConfigError,
  NesHttpServer.Requirements<R | RO>
> => Layer.unwrapEffect(Effect.map(Config.unwrap(config), (options) => layer(app, { ...options, ...code })))

/**
 * `layer` for an `HttpApi`.
 *
 * ```ts
 * const Test = TestServer.layerApi(HttpApiBuilder.api(Api).pipe(Layer.provide(Handlers))).pipe(
 *   Layer.provide(HttpServer.layerContext)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerApi = <E, R, RO = never>(
  api: Layer.Layer<HttpApi.Api, E, R>,
  options: Omit<NesHttpServer.Options<RO>, "server"> = {}
): Layer.Layer<NesServer | TestServer, E | UserError, NesHttpServer.ApiRequirements<R, RO>> =>
  Api.of(api, (app, incomplete) => serving(app, options, incomplete)) as Layer.Layer<
    NesServer | TestServer,
    E | UserError,
    NesHttpServer.ApiRequirements<R, RO>
  >
