/**
 * What other languages, jobs and hands can ask of the server over HTTP: a group for an `HttpApi` of the application's
 * (docs/api.md), behind its own authentication.
 *
 * ```ts
 * const Api = HttpApi.make("app").add(ServerApi.group(Authorization).prefix("/nes"))
 * const Routes = HttpApiBuilder.layer(Api, { openapiPath: "/openapi.json" }).pipe(Layer.provide(ServerApi.layer(Api)))
 * ```
 *
 * @since 1.0.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import type * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import type * as Layer from "effect/Layer"
import * as Definition from "../server/api/Definition.js"
import * as Operations from "../server/api/Operations.js"
import { NesServer } from "../server/NesServer.js"

/**
 * The group, named `nes`: `publish`, `broadcast`, `revoke`, `disconnect`, `count`, `presence`, `history` and
 * `clearHistory`. The middleware is the application's authentication: who passes it may do all of it.
 *
 * @since 1.0.0
 * @category groups
 */
export const group = <I extends HttpApiMiddleware.AnyId, S>(middleware: Context.Key<I, S>) =>
  Definition.group.middleware(middleware)

type NesGroup<Groups> = HttpApiGroup.WithIdentifier<Groups, "nes">

// Every endpoint can fail with the first two; what else one can fail with, its own description says.
interface Failure<Status = 400 | 503> {
  readonly statusCode: Status
  readonly error: string
  readonly message: string
}

/**
 * What answers the group, with the `NesServer` that serves the application.
 *
 * @since 1.0.0
 * @category layers
 */
export const layer = <ApiId extends string, Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<ApiId, Groups>
): Layer.Layer<
  HttpApiGroup.Service<ApiId, "nes">,
  never,
  | NesServer
  | HttpApiEndpoint.Middleware<HttpApiGroup.Endpoints<NesGroup<Groups>>>
  | HttpApiGroup.MiddlewareServices<NesGroup<Groups>>
> =>
  HttpApiBuilder.group(
    api as unknown as HttpApi.HttpApi<ApiId, typeof Definition.group>,
    "nes",
    (handlers) =>
      Effect.map(NesServer, ({ node }) => {
        const operations = Operations.make(node)
        // What an operation publishes is part of the request's span.
        const attempt = <A>(work: () => Promise<A>): Effect.Effect<A, Failure> =>
          Effect.catch(
            Effect.withFiber(({ cache }) => Effect.tryPromise(() => node.inSpan(cache.span, work))),
            ({ cause: error }) => {
              const refusal = Operations.refusalOf(error)
              return refusal ? Effect.fail(refusal.output.payload as Failure) : Effect.die(error)
            }
          )
        // What comes without a type could be sent by a page on another site without being asked: the builder takes it.
        const attemptTyped = ({ headers }: HttpServerRequest, work: () => Promise<void>) =>
          headers["content-type"] === undefined
            ? Effect.fail(Operations.untyped().output.payload as Failure<415>)
            : attempt(work)
        return handlers
          .handle("publish", ({ headers, payload, request }) =>
            attemptTyped(request, () => operations.publish(payload, headers["idempotency-key"])))
          .handle("broadcast", ({ headers, payload, request }) =>
            attemptTyped(request, () =>
              operations.broadcast(payload, headers["idempotency-key"])))
          .handle("revoke", ({ payload, request }) =>
            attemptTyped(request, () =>
              operations.revoke(payload)))
          .handle("disconnect", ({ payload, request }) =>
            attemptTyped(request, () => operations.disconnect(payload)))
          .handle("count", ({ query }) => attempt(() => operations.count(query)))
          .handle("presence", ({ query }) => attempt(() => operations.presence(query)))
          .handle("history", ({ query }) => attempt(() => operations.history(query)))
          .handle("clearHistory", ({ query }) => attempt(() => operations.clearHistory(query)))
      })
  )
