/** What is due by a wall clock that is set while it is awaited. */
import { expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import type { Connection } from "../../../src/server/connection/Connection.js"
import { Deadlines } from "../../../src/server/connection/Deadlines.js"
import { Lifetimes } from "../../../src/server/connection/Lifetimes.js"
import type { NodeContext } from "../../../src/server/NodeContext.js"
import * as Settings from "../../../src/server/Settings.js"

/** Time that passes, and a wall clock that is set. */
const timing = Effect.gen(function*() {
  const clock = yield* Clock.Clock
  const wall = { offset: 0 }
  const set: Clock.Clock = Object.create(clock, {
    currentTimeMillisUnsafe: { value: () => clock.currentTimeMillisUnsafe() + wall.offset }
  })
  const fork = Effect.runForkWith(yield* Effect.context())
  const passes = (ms: number) => Effect.andThen(TestClock.adjust(ms), Effect.promise(() => new Promise(setImmediate)))
  return { wall, passes, clock: set, fork }
})

const hour = 3_600_000

it.effect.each([0, -hour, hour])(
  "a clock that is set by %d ms hastens no deadline, and puts none off",
  (by) =>
    Effect.gen(function*() {
      const { passes, wall, ...time } = yield* timing
      const ended: Array<string> = []
      const deadlines = new Deadlines<string>(100, time, (key) => void ended.push(key))
      deadlines.set("a")
      yield* passes(10)
      deadlines.set("b")
      yield* passes(40)
      wall.offset = by
      deadlines.set("c")
      yield* passes(49)
      expect(ended).toEqual([])
      yield* passes(1)
      expect(ended).toEqual(["a"])
      yield* passes(10)
      expect(ended).toEqual(["a", "b"])
      yield* passes(39)
      expect(ended).toEqual(["a", "b"])
      yield* passes(1)
      expect(ended).toEqual(["a", "b", "c"])
    })
)

it.effect.each([0, -hour, hour])(
  "a clock that is set by %d ms sends nobody away sooner or later",
  (by) =>
    Effect.gen(function*() {
      const { passes, wall, ...time } = yield* timing
      const context = { ...time, closing: time, settings: Settings.make({}) } as unknown as NodeContext
      const closed: Array<number> = []
      const connections = Array.from(
        { length: 4 },
        (_, index) => ({ stage: "new", close: async () => void closed.push(index) }) as unknown as Connection
      )
      const away = new Lifetimes(context).sendAway(connections, { within: 400 })
      yield* passes(0)
      wall.offset = by
      yield* passes(99)
      expect(closed).toEqual([0])
      yield* passes(1)
      expect(closed).toEqual([0, 1])
      yield* passes(99)
      expect(closed).toEqual([0, 1])
      yield* passes(101)
      yield* Effect.promise(() => away)
      expect(closed).toEqual([0, 1, 2, 3])
    })
)
