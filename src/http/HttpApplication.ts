/**
 * The Application port on an Effect HTTP application: the routes of an `HttpRouter`, an `HttpApi`, or one Effect that
 * answers every request. Requests over a socket run through it in this process, without an HTTP request being made.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { HttpMiddleware } from "effect/http/HttpMiddleware"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServerError from "effect/http/HttpServerError"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { rootless } from "../protocol/Tracing.js"
import { Application, type Service } from "../server/Application.js"
import * as ResponseBody from "../server/conversation/ResponseBody.js"
import * as Log from "../server/telemetry/Log.js"
import * as Authentication from "./Authentication.js"
import * as GivenAuthentication from "./GivenAuthentication.js"
import * as RequestRunner from "./RequestRunner.js"

/**
 * How an HTTP application is put on a socket.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never, RV = R> {
  /** The middleware that ordinary HTTP requests go through (the second argument of `HttpServer.serve`). */
  readonly middleware?: HttpMiddleware | undefined
  /** Route ids: clients may ask for one instead of a method and a path. */
  readonly ids?: { readonly [id: string]: `${string} /${string}` } | undefined
  /** The longest body put together from a stream (bytes). A longer one is answered 500. Default: 10 MiB. */
  readonly maxStreamBytes?: number | undefined
  /** Authentication; `false` (the default) for none. */
  readonly auth?: Authentication.Authentication<R, RV> | false | undefined
}

/**
 * What a port needs from outside, once the application has what a request and the server bring.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements<R> = Exclude<R, HttpServerRequest | Scope.Scope>

/**
 * What the routes of a router require, to be built and for each request, once they have what a request brings.
 *
 * @since 1.0.0
 * @category models
 */
export type RoutesRequirements<R> =
  | Exclude<HttpRouter.Request.Without<R>, HttpRouter.HttpRouter>
  | Exclude<HttpRouter.Request.Only<"Requires" | "GlobalRequires", R>, HttpRouter.GlobalProvided>

/** The port's own log, by the loggers of a context. */
export const logOf = (context: Context.Context<never>): Service["log"] => {
  const fork = Effect.runForkWith(context)
  return (tags, data, connection) =>
    void fork(Effect.annotateLogs(
      tags.includes("error") ? Log.reportFault(tags[1], data) : Effect.logInfo(data),
      { tags: tags.join(","), ...(connection && Log.annotationsOf(connection)) }
    ))
}

/**
 * Makes the port of an Effect that answers requests (for routes: `HttpRouter.toHttpEffect`). Requests that have not
 * ended are interrupted when their connection does, and all with the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <E, R, RA = never, RV = never>(
  app: Effect.Effect<HttpServerResponse, E, R>,
  options: Options<RA, RV> = {}
): Effect.Effect<Service, never, Scope.Scope | Requirements<R | RA> | Exclude<RV, Scope.Scope>> =>
  Effect.gen(function*() {
    const { auth = false, ids = {}, maxStreamBytes = ResponseBody.defaultMaxStreamBytes, middleware } = options
    yield* Effect.orDie(GivenAuthentication.check(auth))
    const context = yield* rootless<Requirements<RA> | Exclude<RV, Scope.Scope>>()
    const request = RequestRunner.make(
      // What the application requires is in the context: the type of this function says so.
      app as Effect.Effect<HttpServerResponse, E>,
      context,
      // Closed after whatever is added to the scope later, such as what lets requests finish.
      yield* Scope.fork(yield* Effect.scope, "parallel"),
      { middleware, maxStreamBytes, isLogged: yield* Log.listens("Fatal") }
    )
    const port = Authentication.port(auth)
    const settled = <A, E>(
      effect: Effect.Effect<A, E, Requirements<RA> | Exclude<RV, Scope.Scope>>
    ): Effect.Effect<A, E> => Effect.provideContext(effect, context)
    const service: Service = {
      ...port,
      request,
      lookup: (id) => {
        const [method, path] = Object.hasOwn(ids, id) ? ids[id]?.split(/ (.*)/s) ?? [] : []
        return method === undefined || path === undefined ? undefined : { method, path }
      },
      authenticateCookie: (_connection, cookies) => port.authenticateCookie(cookies),
      authenticate: (connection, given) => settled(port.authenticate(connection, given)),
      verify: (auth, connection) => settled(port.verify(auth, connection)),
      log: logOf(context)
    }
    return service
  })

/**
 * The Effect that answers what routes do. What each request requires has to be there when they are built.
 *
 * @since 1.0.0
 * @category constructors
 */
export const ofRoutes = <A, E, R>(
  routes: Layer.Layer<A, E, R>
): Effect.Effect<
  Effect.Effect<HttpServerResponse, HttpServerError.HttpServerError, HttpServerRequest | Scope.Scope>,
  HttpRouter.Request.Without<E>,
  Scope.Scope | RoutesRequirements<R>
> =>
  // An `HttpApi` runs its handlers in the span that its Layer is built in.
  Effect.updateContext(HttpRouter.toHttpEffect(routes), Context.omit(Tracer.ParentSpan)) as never

/**
 * The port of routes as a Layer, for `NesServer.layer`. `NesHttpServer.serve` does both, and HTTP beside it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <A, E, R, RA = never, RV = never>(
  routes: Layer.Layer<A, E, R>,
  options: Options<RA, RV> = {}
): Layer.Layer<
  Application,
  HttpRouter.Request.Without<E>,
  Exclude<RoutesRequirements<R> | RV, Scope.Scope> | Requirements<RA>
> => Layer.effect(Application, Effect.flatMap(ofRoutes(routes), (app) => make(app, options)))

/**
 * `layer`, with what may come from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <A, E, R, RA = never, RV = never>(
  routes: Layer.Layer<A, E, R>,
  code: Omit<Options<RA, RV>, "maxStreamBytes">,
  config: Config.Wrap<Pick<Options, "maxStreamBytes">>
): Layer.Layer<
  Application,
  HttpRouter.Request.Without<E> | Config.ConfigError,
  Exclude<RoutesRequirements<R> | RV, Scope.Scope> | Requirements<RA>
> => Layer.unwrap(Effect.map(Config.unwrap(config), (options) => layer(routes, { ...options, ...code })))
