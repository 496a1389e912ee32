/** The credentials of a hello: a value, or a function that is asked before each. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { NesError, UserError } from "../protocol/NesError.js"
import * as Thrown from "../protocol/Thrown.js"

/**
 * What the hello is for.
 *
 * @since 1.0.0
 * @category models
 */
export interface Attempt {
  /** 0 for `connect`, then the attempts to reconnect, from 1. */
  readonly attempt: number
  /** Why the attempt before this one failed. A 401 there says that its credentials were not accepted. */
  readonly error: NesError | undefined
}

/**
 * Credentials: any value, or a function that gives them for each hello.
 *
 * @since 1.0.0
 * @category models
 */
export type Auth = {} | null | undefined | ((attempt: Attempt) => unknown)

const isPromise = (u: unknown): u is PromiseLike<unknown> => typeof Object(u).then === "function"

const settled = (answer: unknown): Effect.Effect<unknown, unknown> =>
  Effect.isEffect(answer)
    ? answer as Effect.Effect<unknown, unknown>
    : isPromise(answer)
    ? Effect.promise(() => answer)
    : Effect.succeed(answer)

/** Asks a function, which may answer with a value, a Promise or an Effect; any other value is the credentials. */
export const resolve = (auth: unknown, attempt: Attempt): Effect.Effect<unknown, UserError> =>
  typeof auth === "function"
    ? Effect.catchCause(
      Effect.suspend(() => settled((auth as (attempt: Attempt) => unknown)(attempt))),
      (cause) => Effect.fail(Thrown.toUserError(Cause.squash(cause)))
    )
    : Effect.succeed(auth)
