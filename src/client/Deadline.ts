/** Waiting for a moment that moves: without a timer per change, by a clock that does not jump. */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

const millisecond = 1_000_000n

/**
 * How long a page, which has no turn to wait for, is given to hand out what has arrived, in milliseconds: as a rule, and
 * if it has slept. Its network is another process, which is not awake before it.
 */
const patience = 50
const afterSleep = 1000

/**
 * Ends when what has arrived has been read. After a pause (of the process, the page or the machine) timers run before
 * sockets are read: what came in time must not be judged late. `overdue` is how late the timer was (nanoseconds).
 */
const arrived = (overdue: bigint): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const done = (): void => resume(Effect.void)
    if (typeof setImmediate === "function") {
      const immediate = setImmediate(done)
      return Effect.sync(() => clearImmediate(immediate))
    }
    const timer = setTimeout(done, overdue > millisecond * 50n ? afterSleep : patience)
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
 * returns whether there was a moment to wait for. What has arrived in the meantime is read before the deadline counts
 * as missed.
 */
export const pass = (clock: Clock.Clock, due: () => bigint | undefined): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    let late = false
    while (true) {
      const moment = due()
      if (moment === undefined) {
        return false
      }
      const rest = moment - clock.monotonicTimeNanosUnsafe()
      if (rest > 0n) {
        late = false
        yield* clock.sleep(Duration.millis(Number((rest + millisecond - 1n) / millisecond)))
      } else if (late) {
        return true
      } else {
        late = true
        yield* arrived(-rest)
      }
    }
  })
