/** Waiting for a moment that moves: without a timer per change, by a clock that does not jump. */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

const millisecond = 1_000_000n

/** How long a page, which has no turn to wait for, is given to hand out what has arrived, in milliseconds. */
const patience = 50

/** A timer that is later than this has been asleep, in nanoseconds. */
const awake = 100n * millisecond

/** How often is looked for what has arrived after a sleep: a page's network is another process, which wakes after it. */
const looksAfterSleep = 10

/** A turn in which what has arrived can be read. */
const turn: Effect.Effect<void> = Effect.callback((resume) => {
  const done = (): void => resume(Effect.void)
  if (typeof setImmediate === "function") {
    const immediate = setImmediate(done)
    return Effect.sync(() => clearImmediate(immediate))
  }
  const timer = setTimeout(done, patience)
  return Effect.sync(() => clearTimeout(timer))
})

/** Sleeps for so long, and until what has arrived by then has been read. */
export const sleep = (duration: Duration.Input): Effect.Effect<unknown> =>
  Effect.clockWith((clock) => {
    const millis = Duration.toMillis(duration)
    const due = clock.monotonicTimeNanosUnsafe() + BigInt(Math.ceil(Math.min(millis, Number.MAX_SAFE_INTEGER) * 1e6))
    return pass(clock, () => due)
  })

/**
 * Sleeps until `due` (nanoseconds of the clock; `undefined` for none) has passed, asking again after every sleep, and
 * returns whether there was a moment to wait for. After a pause (of the process, the page or the machine) timers run
 * before sockets are read: what has arrived in the meantime is read before the deadline counts as missed, also what
 * arrived in a pause that came while it was looked for.
 */
export const pass = (clock: Clock.Clock, due: () => bigint | undefined): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    let looks = 0
    let enough = 1
    let expected = 0n
    while (true) {
      const moment = due()
      if (moment === undefined) {
        return false
      }
      const now = clock.monotonicTimeNanosUnsafe()
      const rest = moment - now
      if (rest > 0n) {
        looks = 0
        enough = 1
        expected = moment
        yield* clock.sleep(Duration.millis(Number((rest + millisecond - 1n) / millisecond)))
      } else if (now - expected > awake && enough < 2 * looksAfterSleep) {
        enough = looks + looksAfterSleep
        expected = now
      } else if (looks < enough) {
        looks++
        expected = now
        yield* turn
      } else {
        return true
      }
    }
  })
