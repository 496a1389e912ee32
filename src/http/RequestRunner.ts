/**
 * An HTTP application that answers for itself: whatever becomes of it, there is a response.
 *
 * @since 0.1.0
 */
import * as HttpApp from "@effect/platform/HttpApp"
import type { HttpMiddleware } from "@effect/platform/HttpMiddleware"
import * as HttpServerError from "@effect/platform/HttpServerError"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type { HttpServerResponse } from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { globalValue } from "effect/GlobalValue"
import * as Scope from "effect/Scope"

/**
 * What takes the response of a request.
 *
 * @since 0.1.0
 * @category models
 */
export type Respond = (
  request: HttpServerRequest.HttpServerRequest,
  response: HttpServerResponse
) => Effect.Effect<void, unknown>

// The scopes that a handler has taken upon itself to close, by `HttpApp.ejectDefaultScopeClose`.
const ejectedScopes = globalValue("@effect/platform/HttpApp/ejectedScopes", () => new WeakSet<Scope.Scope>())

/**
 * `HttpApp.toHandled` for what has neither middleware nor a tracer, in two thirds of its time: the request's scope goes
 * into the context that the fiber was started with, instead of into one made for it. That context must be the fiber's own.
 *
 * @since 0.1.0
 * @category constructors
 */
export const bare = <E>(app: HttpApp.Default<E>, respond: Respond): Effect.Effect<void> => {
  const answer = (
    request: HttpServerRequest.HttpServerRequest,
    response: HttpServerResponse
  ): Effect.Effect<void, unknown> =>
    Effect.withFiberRuntime((fiber) => {
      const handler = fiber.getFiberRef(HttpApp.currentPreResponseHandlers)
      return handler._tag === "None"
        ? respond(request, response)
        : Effect.flatMap(handler.value(request, response), (response) => respond(request, response))
    })

  const recover = (
    request: HttpServerRequest.HttpServerRequest,
    cause: Cause.Cause<unknown>
  ): Effect.Effect<void, unknown> =>
    Effect.flatMap(
      HttpServerError.causeResponse(cause),
      ([response, rest]) =>
        Effect.zipRight(answer(request, response), Cause.isEmptyType(rest) ? Effect.void : Effect.failCause(rest))
    )

  const run = Effect.withFiberRuntime<void, unknown>((fiber) => {
    const { currentContext } = fiber
    const request = Context.unsafeGet(currentContext, HttpServerRequest.HttpServerRequest)
    return Effect.flatMap(Scope.make(), (scope) => {
      currentContext.unsafeMap.set(Scope.Scope.key, scope)
      return Effect.matchCauseEffect(
        Effect.matchCauseEffect(app as Effect.Effect<HttpServerResponse, E>, {
          onSuccess: (response) => answer(request, response),
          onFailure: (cause) => recover(request, cause)
        }),
        {
          onSuccess: () => close(scope, Exit.void),
          onFailure: (cause) => Effect.zipRight(close(scope, Exit.failCause(cause)), Effect.failCause(cause))
        }
      )
    })
  })

  return Effect.uninterruptible(run) as Effect.Effect<void>
}

const close = (scope: Scope.CloseableScope, exit: Exit.Exit<void, unknown>): Effect.Effect<void> =>
  ejectedScopes.has(scope) ? Effect.void : Scope.close(scope, exit)

/**
 * The application as the platform's own servers run it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const full = <E>(
  app: HttpApp.Default<E>,
  respond: Respond,
  middleware: HttpMiddleware | undefined
): Effect.Effect<void> => HttpApp.toHandled(app, respond, middleware) as Effect.Effect<void>
