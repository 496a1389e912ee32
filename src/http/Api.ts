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
import { NesServer } from "../server/NesServer.js"
import { ServerRef } from "./ServerRef.js"

/**
 * Serves an `HttpApi` as `HttpApiBuilder.serve` does. The handlers are built before the server they may refer to.
 *
 * @since 0.1.0
 * @category layers
 */
export const of = <E, R, A, E2, R2>(
  api: Layer.Layer<HttpApi.Api, E, R>,
  serve: (
    app: HttpApp.Default<never, HttpRouter.HttpRouter.DefaultServices>,
    incomplete: ServerRef
  ) => Layer.Layer<A, E2, R2>
) =>
  Layer.suspend(() => {
    const incomplete = new ServerRef()
    return Layer.unwrapEffect(Effect.map(HttpApiBuilder.httpApp, (app) => serve(app, incomplete))).pipe(
      Layer.provide([HttpApiBuilder.Router.Live, HttpApiBuilder.Middleware.layer]),
      Layer.provide(Layer.provide(api, Layer.succeed(NesServer, incomplete.service)))
    )
  })
