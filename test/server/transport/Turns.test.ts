/** Slices of work, by a clock that goes on only when work is done. */
import { setImmediate } from "node:timers/promises"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { Flush, Turns } from "../../../src/server/transport/Turns.js"

let now: number
/** What was done, as one text for each turn of the event loop. */
let log: Array<string>

/** Does something that takes so long (ms). */
const work = (name: string, ms: number): void => {
  now += ms
  log[log.length - 1] += name
}

/** Lets turns pass until nothing was done in one. */
const pass = async (): Promise<ReadonlyArray<string>> => {
  do {
    log.push("")
    await setImmediate()
  } while (log.at(-1) !== "")
  return log.filter((turn) => turn !== "")
}

/** Takes this many steps, each so long (ms). */
const task = (name: string, steps: number, ms: number) => {
  let left = steps
  return {
    step: (): boolean => {
      work(name, ms)
      return --left > 0
    }
  }
}

beforeEach(() => {
  now = 0
  log = [""]
  vi.spyOn(performance, "now").mockImplementation(() => now)
})

afterEach(() => {
  vi.restoreAllMocks()
})

describe("tasks", () => {
  it("take turns step by step, and leave the event loop when their time is over", async () => {
    const turns = new Turns()
    turns.start(task("a", 4, 0.5))
    turns.start(task("b", 2, 0.5))
    turns.start(task("c", 1, 0.5))
    expect(await pass()).toEqual(["abca", "baa"])
  })

  it("leave the event loop soon where there is only one", async () => {
    const turns = new Turns()
    turns.start(task("x", 80, 0.125))
    expect(await pass()).toEqual(Array.from({ length: 5 }, () => "x".repeat(16)))
  })

  // What other work takes outside of their time in each turn, and inside, where it comes back in each.
  it.each([[0.1, 0], [0.4, 0.3], [0.7, 0.3], [2, 0.3]])(
    "are not kept by other work, which takes %s ms and %s ms of each turn",
    async (outside, inside) => {
      const turns = new Turns()
      const steps = { own: 0, turns: 0 }
      turns.start({
        step: () => {
          now += 0.05
          steps.own++
          return steps.turns < 100
        }
      })
      const other = {
        step: () => {
          now += inside
          if (steps.turns < 100) {
            turns.defer(other)
          }
          return false
        }
      }
      if (inside > 0) {
        turns.start(other)
      }
      for (; steps.turns < 100; steps.turns++) {
        await setImmediate()
        now += outside
      }
      const own = steps.own * 0.05
      expect(own / steps.turns).toBeLessThanOrEqual(2 + 0.05)
      expect(own).toBeGreaterThanOrEqual((2 - inside) * 0.95 * steps.turns)
    }
  )

  it("keep the event loop for no longer than a slice and one step, however many there are", async () => {
    const turns = new Turns()
    for (let i = 0; i < 100; i++) {
      turns.start(task("x", 10, 0.4))
    }
    const slices = await pass()
    expect(slices.join("")).toHaveLength(1000)
    expect(Math.max(...slices.map(({ length }) => length * 0.4))).toBeLessThanOrEqual(2 + 0.4 + 1e-6)
  })
})

describe("work that is no task", () => {
  it("goes on at once while there is time, and then in the order in which it paused", async () => {
    const turns = new Turns()
    const rest = async (name: string): Promise<void> => {
      for (let i = 0; i < 4; i++) {
        const pause = turns.pause()
        if (pause) {
          await pause
        }
        work(name, 1)
      }
    }
    void rest("a")
    void rest("b")
    expect(await pass()).toEqual(["aa", "aab", "bbb"])
  })

  it("is woken by and by, each for a bit at least, when everybody comes at once", async () => {
    const turns = new Turns()
    const order: Array<number> = []
    for (let i = 0; i < 100; i++) {
      void Promise.resolve(turns.pause()).then(() => {
        work("x", 2)
        order.push(i)
      })
      now += 1
    }
    await Promise.resolve()
    const slices = await pass()
    expect(order).toEqual(Array.from({ length: 100 }, (_, i) => i))
    expect(Math.max(...slices.map(({ length }) => length))).toBeLessThanOrEqual(16)
  })

  it("does something with each of many, some in each turn", async () => {
    const turns = new Turns()
    const items = Array.from({ length: 100 }, (_, i) => i)
    const done: Array<number> = []
    const running = turns.each(items.values(), (item) => {
      work("x", 0.5)
      done.push(item)
    })
    expect(done.length).toBeLessThanOrEqual(4)
    const slices = await pass()
    await running
    expect(done).toEqual(items)
    expect(Math.max(...slices.map(({ length }) => length * 0.5))).toBeLessThanOrEqual(1.5 + 0.5)
  })

  it("does it at once where there is time for all", () => {
    const turns = new Turns()
    const done: Array<number> = []
    expect(turns.each([1, 2, 3].values(), (item) => void done.push(item))).toBeUndefined()
    expect(done).toEqual([1, 2, 3])
  })
})

it("a flush is done when all that was held before it is let go, in the step of the last", async () => {
  const turns = new Turns()
  const flush = new Flush(turns)
  let letGo = 0
  const hold = (count: number): void => {
    for (let i = 0; i < count; i++) {
      flush.add({
        letGo: () => {
          letGo++
          now += 0.2
        }
      })
    }
  }
  for (const count of [40, 5_000, 100]) {
    const before = letGo
    hold(count)
    const done = flush.done.then(() => letGo)
    hold(32)
    expect(await done).toBeGreaterThanOrEqual(before + count)
    expect(await done).toBeLessThan(before + count + 16)
    await flush.done
  }
})
