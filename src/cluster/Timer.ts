/** What is to be done later, and what is waited for no longer than a time. */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { arrived } from "../server/connection/Deadlines.js"
import { Latch } from "../server/transport/Turns.js"

/** Runs something after a time (ms), and what has arrived by then is read; returns how to let it be. */
export type After = (delay: number, run: () => void) => () => void

export const make = (context: Context.Context<never>): After => {
  const fork = Effect.runForkWith(context)
  return (delay, run) => {
    const fiber = fork(Effect.sleep(delay).pipe(Effect.andThen(arrived), Effect.andThen(Effect.sync(run))))
    return () => fiber.interruptUnsafe()
  }
}

/** Ends with some work, which does not fail, or after a time (ms). */
export const atMost = (after: After, time: number, work: Promise<unknown>): Promise<void> =>
  new Promise((resolve) => {
    const cancel = after(time, resolve)
    void work.then(() => {
      cancel()
      resolve()
    })
  })

/** Those who wait until something holds, though no longer than `patience` (ms). */
export class Waiting {
  private readonly checks = new Set<() => void>()

  constructor(private readonly after: After, private readonly patience: number) {}

  async until(holds: () => boolean): Promise<void> {
    const held = new Latch()
    const check = (): void => holds() ? held.open() : undefined
    check()
    this.checks.add(check)
    await atMost(this.after, this.patience, held.wait)
    this.checks.delete(check)
  }

  /** To be called when something may hold that did not. */
  changed(): void {
    this.checks.forEach((check) => check())
  }
}
