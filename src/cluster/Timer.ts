/** Something that is to be done later. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { Latch } from "../server/connection/Latch.js"

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

/** Ends with some work, or after a time (ms). */
export const atMost = async (after: After, time: number, work: Promise<unknown>): Promise<void> => {
  const late = new Latch()
  const cancel = after(time, () => late.open())
  await Promise.race([work, late.wait]).finally(cancel)
}
