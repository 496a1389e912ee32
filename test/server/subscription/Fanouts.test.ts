/** Fan-outs in slices, beside what would have been written had everything been written at once. */
import { setImmediate } from "node:timers/promises"
import { expect, it, onTestFinished, vi } from "vitest"
import { Fanouts, type Recipient, type Sending } from "../../../src/server/subscription/Fanouts.js"
import { Turns } from "../../../src/server/transport/Turns.js"
import * as fc from "../../harness/Property.js"

const paths = ["/a", "/b", "/c", "/d", "/e", "/f"]

/** Who notes what is written to it, and what would have been had all been written at once. */
class Listener implements Recipient {
  reached = 0
  departed = false
  held = 0
  readonly subscriptions = new Map<string, true>()
  readonly written: Array<string> = []
  readonly expected: Array<string> = []

  constructor(private readonly fanouts: Fanouts<Listener>) {}

  readonly hold = (): void => {
    this.held++
  }

  readonly letGo = (): void => {
    this.held = 0
  }

  write(text: string): void {
    this.fanouts.catchUp(this)
    if (!this.departed) {
      this.written.push(text)
    }
  }

  tell(text: string): void {
    this.expected.push(text)
    this.write(text)
  }
}

class Crowd {
  readonly turns = new Turns()
  readonly fanouts = new Fanouts<Listener>(this.turns)
  readonly listeners = new Set<Listener>()
  readonly subscribers = new Map(paths.map((path) => [path, new Set<Listener>()]))
  readonly sendings: Array<Sending> = []
  count = 0

  constructor(size: number) {
    for (let i = 0; i < size; i++) {
      const listener = this.join()
      this.enter(listener, "/a")
      paths.slice(1).forEach((path, n) => i % (n + 2) === 0 && this.enter(listener, path))
    }
  }

  join(): Listener {
    const listener = new Listener(this.fanouts)
    this.fanouts.catchUp(listener)
    this.listeners.add(listener)
    return listener
  }

  enter(listener: Listener, path: string): void {
    this.fanouts.catchUp(listener)
    listener.subscriptions.set(path, true)
    this.subscribers.get(path)?.add(listener)
  }

  leave(listener: Listener, path: string): void {
    this.fanouts.catchUp(listener)
    listener.subscriptions.delete(path)
    this.subscribers.get(path)?.delete(listener)
  }

  /** Closes it: whatever was under way for it is lost, as the rest of what is on its way is. */
  depart(listener: Listener): void {
    listener.departed = true
    this.listeners.delete(listener)
    for (const path of listener.subscriptions.keys()) {
      this.subscribers.get(path)?.delete(listener)
    }
  }

  publish(path: string | undefined): void {
    const text = `${path ?? "all"} ${++this.count}`
    const members = path === undefined ? this.listeners : this.subscribers.get(path) ?? new Set<Listener>()
    for (const listener of members) {
      listener.expected.push(text)
    }
    const sending = this.fanouts.send(path, members, (listener) => {
      listener.write(text)
      return undefined
    })
    if (sending && "written" in sending) {
      this.sendings.push(sending)
    }
  }
}

type Step =
  | { readonly do: "publish"; readonly path: string | undefined }
  | { readonly do: "tell" | "depart"; readonly who: number }
  | { readonly do: "enter" | "leave"; readonly who: number; readonly path: string }
  | { readonly do: "join" | "turn" }

const who = fc.nat(300)
const path = fc.constantFrom(...paths)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("publish" as const), path: fc.option(path, { nil: undefined }) })
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("enter", "leave"), who, path }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("tell", "tell", "depart"), who }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("turn", "turn", "join") }) }
)

const run = async (crowd: Crowd, { do: what, ...step }: Step): Promise<void> => {
  const all = [...crowd.listeners]
  const listener = "who" in step ? all[step.who % all.length] : undefined
  switch (what) {
    case "publish":
      return crowd.publish("path" in step ? step.path : undefined)
    case "join":
      crowd.join()
      return
    case "turn":
      await setImmediate()
      return
    case "tell":
      return listener?.tell(`told ${++crowd.count}`)
    case "depart":
      return listener && crowd.depart(listener)
    default:
      return listener && "path" in step && step.path ? crowd[what](listener, step.path) : undefined
  }
}

it("everyone is written the same, in the same order, as if all had been written at once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 60, max: 300 }), fc.array(step, { maxLength: 60 }), async (size, steps) => {
      const crowd = new Crowd(size)
      const everyone = new Set(crowd.listeners)
      for (const step of steps) {
        await run(crowd, step)
        crowd.listeners.forEach((listener) => everyone.add(listener))
      }
      await Promise.all(crowd.sendings.map(({ written }) => written))
      for (const { departed, expected, held, written } of everyone) {
        expect(written).toEqual(departed ? expected.slice(0, written.length) : expected)
        expect(held).toBe(0)
      }
    }),
    { numRuns: fc.runs(60, 150) }
  )
})

it("hundreds of publishes in one turn reach everyone in order", async () => {
  // Of the few to more, both paths have a crowd.
  for (const [size, publishes] of [[100, 3000], [200, 30]] as const) {
    const crowd = new Crowd(size)
    for (let i = 0; i < publishes; i++) {
      crowd.publish(paths[i % 2])
    }
    await crowd.fanouts.written("/a")
    await Promise.all(crowd.sendings.map(({ written }) => written))
    expect(paths.map((path) => crowd.fanouts.written(path))).toEqual(paths.map(() => undefined))
    for (const { expected, written } of crowd.listeners) {
      expect(written).toEqual(expected)
    }
  }
})

it("a recipient looks through what is new to it, however much is under way on its paths", () => {
  const crowd = new Crowd(200)
  const looks: Array<number> = []
  const { concerning } = crowd.fanouts as unknown as Record<string, (...them: Array<unknown>) => Array<unknown>>
  Object.assign(crowd.fanouts, {
    concerning: (...them: Array<unknown>) => {
      const found = concerning?.apply(crowd.fanouts, them) ?? []
      looks.push(found.length)
      return found
    }
  })
  const [listener] = crowd.listeners
  for (let i = 0; i < 1000; i++) {
    crowd.publish(paths[i % 2])
    listener?.tell("told")
    listener?.tell("told again")
  }
  expect(listener?.written).toEqual(listener?.expected)
  expect(looks).toEqual(Array.from({ length: 1000 }, () => 1))
})

it("where one of a crowd has to wait, those behind it get theirs one after another, each once, and none who has left", async () => {
  const fanouts = new Fanouts<Listener>(new Turns())
  const members = new Set(Array.from({ length: 100 }, () => new Listener(fanouts)))
  const [first, slow, ahead, gone, ...others] = members
  let release = (): void => {}
  const sending = fanouts.send("/a", members, (listener) => {
    listener.write("a")
    return listener === slow ? new Promise((resolve) => void (release = resolve)) : undefined
  })
  ahead?.write("b")
  await setImmediate()
  expect([first, slow, gone, ...others].map((listener) => listener?.written)).toEqual([
    ["a"],
    ["a"],
    [],
    ...others.map(() => [])
  ])
  const written = sending && "written" in sending ? sending.written : undefined
  others[0]?.write("b")
  members.delete(gone as Listener)
  await setImmediate()
  expect(await Promise.race([written, Promise.resolve("under way")])).toBe("under way")
  release()
  await written
  expect([ahead, gone, ...others].map((listener) => listener?.written))
    .toEqual([["a", "b"], [], ["b", "a"], ...others.slice(1).map(() => ["a"])])
})

it("while a crowd is written to, others get their turn, and what is published to them does not wait for it", async () => {
  const crowd = new Crowd(100_000)
  const few = crowd.join()
  crowd.enter(few, "/f")
  // However fast the machine is: each look at the clock is a moment after the one before.
  let now = 0
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now += 0.1)
  onTestFinished(() => clock.mockRestore())
  crowd.publish("/a")
  await setImmediate()
  crowd.publish("/f")
  await setImmediate()
  await crowd.sendings[1]?.written
  expect(few.written).toEqual(few.expected)
  expect([...crowd.listeners].some(({ written }) => written.length === 0)).toBe(true)
  await crowd.sendings[0]?.written
  expect([...crowd.listeners].every(({ expected, written }) => written.length === expected.length)).toBe(true)
})

/** Lets each write take so long (ms) by the clock of the slices, and tells how long the turns of the event loop were. */
const timed = async (write: number, run: (spend: () => void) => Promise<void>): Promise<ReadonlyArray<number>> => {
  let now = 0
  let last = 0
  let over = false
  const turns: Array<number> = []
  const look = (): void => {
    turns.push(now - last)
    last = now
    if (!over) {
      globalThis.setImmediate(look)
    }
  }
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now)
  globalThis.setImmediate(look)
  await run(() => {
    now += write
  })
  over = true
  turns.push(now - last)
  clock.mockRestore()
  return turns
}

it.each([0.008, 0.05, 0.3])(
  "100,000 are written to in turns that end in time, where a write takes %f ms",
  async (write) => {
    const turns = await timed(write, async (spend) => {
      const fanouts = new Fanouts<Listener>(new Turns())
      const listeners = new Set(Array.from({ length: 100_000 }, () => new Listener(fanouts)))
      const sending = fanouts.send("/a", listeners, (listener) => {
        spend()
        listener.write("a")
        return undefined
      })
      await (sending && "written" in sending ? sending.written : sending)
      expect([...listeners].every(({ written }) => written.length === 1)).toBe(true)
    })
    expect(turns.reduce((sum, turn) => sum + turn, 0)).toBeCloseTo(100_000 * write, 3)
    // A slice, and the writes of one step.
    expect(Math.max(...turns)).toBeLessThanOrEqual(2 + 8 * write + 1e-6)
  }
)

it("another task has its turn after a bit, however many fan-outs are under way", async () => {
  const turns = new Turns()
  const fanouts = new Fanouts<Listener>(turns)
  const crowd = (): Set<Listener> => new Set(Array.from({ length: 200 }, () => new Listener(fanouts)))
  const written: Array<Promise<void>> = []
  for (let i = 0; i < 300; i++) {
    const sending = fanouts.send(undefined, crowd(), (listener) => {
      listener.write("a")
      return undefined
    })
    written.push(Promise.resolve(sending && "written" in sending ? sending.written : sending))
  }
  const writes: Array<number> = []
  turns.start({ step: () => writes.push(fanouts.writes) < 300 })
  await Promise.all(written)
  const between = writes.slice(1).map((count, i) => count - (writes[i] ?? 0))
  expect(writes).toHaveLength(300)
  expect(Math.max(...between)).toBeLessThanOrEqual(8)
})
