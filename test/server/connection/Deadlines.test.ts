/** Deadlines by a clock that is set while they are awaited. */
import { expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { Deadlines } from "../../../src/server/connection/Deadlines.js"

it.effect.each([0, -3_600_000, 3_600_000])(
  "a clock that is set by %d ms puts no end off by more than a deadline",
  (by) =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      const fork = Effect.runForkWith(yield* Effect.context())
      const passes = (ms: number) =>
        Effect.andThen(TestClock.adjust(ms), Effect.promise(() => new Promise(setImmediate)))
      let offset = 0
      const wall: Clock.Clock = Object.create(clock, {
        currentTimeMillisUnsafe: { value: () => clock.currentTimeMillisUnsafe() + offset }
      })
      const ended: Array<string> = []
      const deadlines = new Deadlines<string>(100, { clock: wall, fork }, (key) => void ended.push(key))
      deadlines.set("a")
      yield* passes(10)
      deadlines.set("b")
      yield* passes(40)
      offset = by
      deadlines.set("c")
      yield* passes(50)
      yield* passes(100)
      expect(ended).toEqual(["a", "b", "c"])
      deadlines.set("d")
      yield* passes(99)
      expect(ended).toEqual(["a", "b", "c"])
      yield* passes(1)
      expect(ended).toEqual(["a", "b", "c", "d"])
    })
)
