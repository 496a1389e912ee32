/** Tells what a test measures from what its machine withheld: on a busy one a process does not get its turn at once. */
import { onTestFinished, vi } from "vitest"

/** How often the loop is looked at (ms). */
const tick = 10

export interface Stopwatch {
  /** How much time the loop has had (ms). */
  readonly elapsed: () => number
  /** For how long it did not get its turn, in all, and at most (ms). */
  readonly withheld: () => { readonly all: number; readonly longest: number }
}

export const stopwatch = (): Stopwatch => {
  const from = performance.now()
  let last = from
  let [all, longest] = [0, 0]
  const look = (): number => {
    const now = performance.now()
    const late = Math.max(0, now - last - 2 * tick)
    all += late
    longest = Math.max(longest, late)
    last = now
    return now
  }
  const timer = setInterval(look, tick)
  onTestFinished(() => clearInterval(timer))
  return {
    elapsed: () => look() - from - all,
    withheld: () => {
      look()
      return { all, longest }
    }
  }
}

/**
 * What came of an attempt during which the loop was never held up for so long (ms): else it says nothing, even if it
 * failed, and is repeated.
 */
export const unhindered = async <A>(limit: number, attempt: () => Promise<A>): Promise<A> => {
  for (;;) {
    const watch = stopwatch()
    const [outcome] = await Promise.allSettled([attempt()])
    if (watch.withheld().longest < limit) {
      if (outcome.status === "rejected") {
        throw outcome.reason
      }
      return outcome.value
    }
  }
}

/** Sets the clock that intervals are measured by ahead, until the test is over: how old something is waits for nothing. */
export const later = (ms: number): void => {
  const now = performance.now.bind(performance)
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + ms)
  onTestFinished(() => clock.mockRestore())
}
