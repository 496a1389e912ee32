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
import type { Node } from "../server/Node.js"

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

// What an operation publishes is part of the request's span.
const attempt = <A, Status extends Operations.Refused["status"]>(
  node: Node,
  work: () => Promise<A>,
  ...allowed: ReadonlyArray<Status>
): Effect.Effect<A, ReturnType<typeof Operations.bodyOf<Status>>> =>
  Effect.catch(
    Effect.withFiber(({ cache }) => Effect.tryPromise(() => node.inSpan(cache.span, work))),
    ({ cause: error }) => {
      const refused = Operations.refusalOf(error)
      const status = allowed.find((status) => status === refused?.status)
      return refused && status !== undefined
        ? Effect.fail(Operations.bodyOf(status, refused.message))
        : Effect.die(error)
    }
  )

// The builder takes what has no type for JSON.
const attemptTyped = <Status extends Operations.Refused["status"]>(
  node: Node,
  { headers }: HttpServerRequest,
  work: () => Promise<void>,
  ...allowed: ReadonlyArray<Status>
) =>
  attempt<void, 400 | 415 | 503 | Status>(
    node,
    () => {
      Operations.requireType(headers["content-type"])
      return work()
    },
    400,
    415,
    503,
    ...allowed
  )

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
      Effect.map(NesServer, (nes) => {
        const operations = (): Operations.Operations => Operations.make(nes.node, nes.node.once)
        return handlers
          .handle("publish", ({ headers, payload, request }) =>
            attemptTyped(
              nes.node,
              request,
              () => operations().publish(payload, headers["idempotency-key"]),
              409,
              422
            ))
          .handle("broadcast", ({ headers, payload, request }) =>
            attemptTyped(
              nes.node,
              request,
              () => operations().broadcast(payload, headers["idempotency-key"]),
              409,
              422
            ))
          .handle(
            "revoke",
            ({ payload, request }) => attemptTyped(nes.node, request, () => operations().revoke(payload))
          )
          .handle(
            "disconnect",
            ({ payload, request }) => attemptTyped(nes.node, request, () => operations().disconnect(payload))
          )
          .handle("count", ({ query }) => attempt(nes.node, () => operations().count(query), 400, 503))
          .handle("presence", ({ query }) => attempt(nes.node, () => operations().presence(query), 400, 503))
          .handle("history", ({ query }) => attempt(nes.node, () => operations().history(query), 400, 503))
          .handle("clearHistory", ({ query }) => attempt(nes.node, () => operations().clearHistory(query), 400, 503))
      })
  )
