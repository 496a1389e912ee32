/**
 * What `HttpApiBuilder` makes of an `HttpApi`, as an application to be served.
 *
 * @since 0.1.0
 */
import type * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import type * as HttpApp from "@effect/platform/HttpApp"
import type * as HttpRouter from "@effect/platform/HttpRouter"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * Serves the `HttpApi` there is, as `HttpApiBuilder.serve` does.
 *
 * @since 0.1.0
 * @category layers
 */
export const of = <A, E, R>(
  serve: (app: HttpApp.Default<never, HttpRouter.HttpRouter.DefaultServices>) => Layer.Layer<A, E, R>
): Layer.Layer<A, E, Exclude<R, HttpApiBuilder.Router | HttpApiBuilder.Middleware> | HttpApi.Api> =>
  Layer.unwrapEffect(Effect.map(HttpApiBuilder.httpApp, serve)).pipe(
    Layer.provide([HttpApiBuilder.Router.Live, HttpApiBuilder.Middleware.layer])
  )
