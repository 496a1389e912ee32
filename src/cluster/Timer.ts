/** Something that is to be done later. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** Runs something after a time (ms); returns how to let it be. */
export type After = (delay: number, run: () => void) => () => void

/** By the clock of a context. */
export const make = (context: Context.Context<never>): After => {
  const fork = Effect.runForkWith(context)
  return (delay, run) => {
    const fiber = fork(Effect.andThen(Effect.sleep(delay), Effect.sync(run)))
    return () => fiber.interruptUnsafe()
  }
}
