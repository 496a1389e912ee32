/**
 * A refusal with a status: what a hook, an authentication or a route fails with to answer other than 500.
 *
 * @since 0.1.0
 */
import * as Boom from "@hapi/boom"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as HttpServerRespondable from "effect/http/HttpServerRespondable"
import * as HttpServerResponse from "effect/http/HttpServerResponse"

/**
 * The client gets the status and `{ statusCode, error, message }`, over the socket and over HTTP alike.
 *
 * @since 0.1.0
 * @category errors
 */
export class Refusal extends Data.TaggedError("Refusal")<{
  /** 400 to 599. */
  readonly statusCode: number
  readonly message: string
}> implements HttpServerRespondable.Respondable {
  [HttpServerRespondable.symbol]() {
    const { payload, statusCode } = boom(this.statusCode, this.message).output
    return HttpServerResponse.json(payload, { status: statusCode })
  }
}

const boom = (statusCode: number, message?: string): Boom.Boom =>
  new Boom.Boom(message, { statusCode: statusCode >= 400 && statusCode <= 599 ? statusCode : 500 })

/**
 * 400: the request makes no sense.
 *
 * @since 0.1.0
 * @category constructors
 */
export const badRequest = (message = "Bad Request"): Refusal => new Refusal({ statusCode: 400, message })

/**
 * 401: it is not known who asks.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unauthorized = (message = "Unauthorized"): Refusal => new Refusal({ statusCode: 401, message })

/**
 * 403: who asks may not.
 *
 * @since 0.1.0
 * @category constructors
 */
export const forbidden = (message = "Forbidden"): Refusal => new Refusal({ statusCode: 403, message })

/**
 * 404: there is no such thing.
 *
 * @since 0.1.0
 * @category constructors
 */
export const notFound = (message = "Not Found"): Refusal => new Refusal({ statusCode: 404, message })

/**
 * Makes the failures of an Effect answers: a `Refusal` as it is, a response or what is `HttpServerRespondable` by its
 * status, a Boom as it is. Anything else, and every defect, becomes 500 and tells nothing.
 *
 * @since 0.1.0
 * @category conversions
 */
export const asAnswer = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, unknown, R> =>
  Effect.catch(effect, (error: unknown) => {
    if (error instanceof Refusal) {
      return Effect.fail(boom(error.statusCode, error.message))
    }
    return HttpServerResponse.isHttpServerResponse(error) || HttpServerRespondable.isRespondable(error)
      ? Effect.flatMap(
        HttpServerRespondable.toResponseOrElse(error, unexpected),
        ({ status }) => Effect.fail(boom(status))
      )
      : Effect.fail(error)
  })

const unexpected = HttpServerResponse.empty({ status: 500 })

/**
 * The body of an answer that has a status and nothing else.
 *
 * @since 0.1.0
 * @category conversions
 */
export const payloadOf = (statusCode: number): unknown => boom(statusCode).output.payload
