/** What a port or a hook may answer with: a value, a Promise or an Effect. */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"

/** A value, a Promise of it, or an Effect of it. */
export type Awaitable<A> = A | PromiseLike<A> | Effect.Effect<A, unknown>

/** Runs an answer: a value comes back as it is, an Effect that ends without waiting as its value. */
export type Settle = <A>(answer: Awaitable<A>) => A | PromiseLike<A>

/** Whether a value is to be awaited. */
export const isPromiseLike = (u: unknown): u is PromiseLike<unknown> =>
  typeof u === "object" && u !== null && "then" in u && typeof u.then === "function"

const ignore = (): void => {}

const unwrap = <A>(exit: Exit.Exit<A, unknown>): A => {
  if (Exit.isSuccess(exit)) {
    return exit.value
  }
  throw Cause.squash(exit.cause)
}

const isEffect = <A>(answer: Awaitable<A>): answer is Effect.Effect<A, unknown> => Effect.isEffect(answer)

const isPromise = <A>(answer: Awaitable<A>): answer is PromiseLike<A> => isPromiseLike(answer)

/**
 * Settles answers with the services of a context. A failure is thrown, or rejects, as the error the Effect failed with.
 * `waiting` is told of every fiber that has to wait.
 */
export const settleWith = (
  context: Context.Context<never>,
  waiting: (fiber: Fiber.Fiber<unknown, unknown>) => void = ignore
): Settle => {
  const fork = Effect.runForkWith(context)
  return <A>(answer: Awaitable<A>): A | PromiseLike<A> => {
    if (typeof answer !== "object" || answer === null || isPromise(answer) || !isEffect(answer)) {
      return answer
    }
    const fiber = fork(answer)
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) {
      return unwrap(exit)
    }
    waiting(fiber)
    return new Promise((resolve, reject) => {
      fiber.addObserver((exit) => {
        try {
          resolve(unwrap(exit))
        } catch (error) {
          reject(error)
        }
      })
    })
  }
}
