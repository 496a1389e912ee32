/** Deadlines on a clock of the test's own: what a machine that slept, or a blocked event loop, does to them. */
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Deadline from "../../src/client/Deadline.js"
import { turn } from "./FakeServer.js"

const clock = Effect.runSync(Clock.Clock)

/** A clock that stands still: its sleepers are woken by hand. */
class StandingClock {
  now = 0n
  readonly sleeps: Array<number> = []
  private wake: () => void = () => {}

  readonly clock: Clock.Clock = Object.assign(Object.create(clock) as Clock.Clock, {
    monotonicTimeNanosUnsafe: () => this.now,
    sleep: (duration: Duration.Duration) => {
      this.sleeps.push(Duration.toMillis(duration))
      return Effect.callback<void>((resume) => {
        this.wake = () => resume(Effect.void)
      })
    }
  })

  /** Wakes the sleeper at a time in milliseconds. */
  wakeAt(millis: number): Effect.Effect<void> {
    this.now = BigInt(millis * 1e6)
    this.wake()
    return turn
  }
}

describe("a deadline", () => {
  it.effect("passes after a last look at what has arrived", () =>
    Effect.gen(function*() {
      const time = new StandingClock()
      const passed = yield* Effect.forkChild(Deadline.pass(time.clock, () => 1_000_000_000n))
      yield* turn
      yield* time.wakeAt(1000)
      expect(time.sleeps).toEqual([1000])
      expect(yield* Fiber.join(passed)).toBe(true)
    }))

  it.effect("that moved while the timer was late, or early, is slept for again", () =>
    Effect.gen(function*() {
      const time = new StandingClock()
      let due: bigint | undefined = 1_000_000_000n
      const passed = yield* Effect.forkChild(Deadline.pass(time.clock, () => due))
      yield* turn
      // Timers may fire a little early.
      yield* time.wakeAt(999.5)
      // The machine slept for an hour. What came in meanwhile is read in the turn that follows.
      setImmediate(() => {
        due = 3_601_000_000_000n
      })
      yield* time.wakeAt(3_600_000)
      yield* turn
      expect(time.sleeps).toEqual([1000, 1, 1000])
      due = undefined
      yield* time.wakeAt(3_601_000)
      expect(yield* Fiber.join(passed)).toBe(false)
    }))

  it.effect("does not pass in a pause that comes while it is looked for what has arrived", () =>
    Effect.gen(function*() {
      const time = new StandingClock()
      let due: bigint | undefined = 1_000_000_000n
      const passed = yield* Effect.forkChild(Deadline.pass(time.clock, () => due))
      yield* turn
      // The timer is in time; then the process stops, and what has come in is read in the turn after that.
      setImmediate(() => {
        time.now = 1_700_000_000n
        setImmediate(() => {
          due = 2_200_000_000n
        })
      })
      yield* time.wakeAt(1000)
      yield* turn
      yield* turn
      expect(time.sleeps).toEqual([1000, 500])
      due = undefined
      yield* time.wakeAt(2200)
      expect(yield* Fiber.join(passed)).toBe(false)
    }))

  it("is measured by a clock that does not jump with the wall's", () => {
    const before = clock.monotonicTimeNanosUnsafe()
    const wall = Date.now
    try {
      Date.now = () => wall() + 3_600_000
      const jump = clock.monotonicTimeNanosUnsafe() - before
      expect(Number(jump)).toBeLessThan(60e9)
    } finally {
      Date.now = wall
    }
  })
})
