/** Tells what a test measures from what its machine withheld: on a busy one a process does not get its turn at once. */
import { onTestFinished, vi } from "vitest"
import { LoopWatch } from "./LoopWatch.js"

export interface Stopwatch {
  /** How much time the loop has had (ms). */
  readonly elapsed: () => number
  /** For how long it did not get its turn, in all (ms). */
  readonly withheld: () => number
}

export const stopwatch = (): Stopwatch => {
  const from = performance.now()
  const loop = new LoopWatch()
  onTestFinished(() => loop.stop())
  return {
    elapsed: () => loop.look() - from - loop.all,
    withheld: () => {
      loop.look()
      return loop.all
    }
  }
}

/**
 * Makes an attempt that looks at what came of it. If it fails, though a loop was held up for so long meanwhile (ms), that
 * says nothing, and it is made again: this process's, or others' that are asked.
 */
export const unhindered = async <A>(
  limit: number,
  attempt: () => Promise<A>,
  others: () => Promise<number> | number = () => 0
): Promise<A> => {
  let over = false
  onTestFinished(() => {
    over = true
  })
  for (;;) {
    const loop = new LoopWatch()
    try {
      return await attempt()
    } catch (error) {
      if (Math.max(loop.take(), await others()) < limit || over) {
        throw error
      }
    } finally {
      loop.stop()
    }
  }
}

/** Sets the clock that intervals are measured by ahead, until the test is over: how old something is waits for nothing. */
export const later = (ms: number): void => {
  const now = process.hrtime.bigint.bind(process.hrtime)
  const clock = vi.spyOn(process.hrtime, "bigint").mockImplementation(() => now() + BigInt(ms) * 1_000_000n)
  onTestFinished(() => clock.mockRestore())
}
