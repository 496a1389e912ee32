/**
 * Waiting for a moment that moves: without a timer per change, by a clock that does not jump.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

const millisecond = 1_000_000n

/**
 * Sleeps until `due` (nanoseconds of the clock; `undefined` for none) has passed, asking again after every sleep, and
 * returns whether there was a moment to wait for. What has arrived in the meantime and was not yet read (the machine
 * slept, the event loop was blocked) is read before the deadline counts as missed.
 *
 * @since 0.1.0
 * @category constructors
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
        yield* clock.sleep(Duration.zero)
      }
    }
  })
