/** A path's state against a history, whatever is announced, lost, repeated or late, and whoever comes when. */
import { describe, expect, it } from "vitest"
import type { Published } from "../../../src/server/Command.js"
import type { Connection } from "../../../src/server/connection/Connection.js"
import * as Epoch from "../../../src/server/recovery/Epoch.js"
import type { Page, Since } from "../../../src/server/recovery/History.js"
import { RecoverySync } from "../../../src/server/recovery/RecoverySync.js"
import { Subscription } from "../../../src/server/subscription/Subscription.js"
import * as fc from "../../harness/Property.js"

type Step =
  | { readonly do: "publish"; readonly announced: "now" | "later" | "never"; readonly confirmed: boolean }
  | { readonly do: "repeat"; readonly back: number }
  | { readonly do: "admit"; readonly since: number | undefined }
  | { readonly do: "revive" | "wait" | "trim" | "lose" | "hear" }
  | { readonly do: "fail"; readonly reads: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("publish" as const),
      announced: fc.constantFrom("now", "later", "later", "never"),
      confirmed: fc.boolean()
    })
  },
  fc.nat(5).map((back) => ({ do: "repeat", back }) as const),
  { weight: 2, arbitrary: fc.option(fc.nat(8), { nil: undefined }).map((since) => ({ do: "admit", since }) as const) },
  fc.constantFrom("revive", "wait", "wait", "trim", "lose", "hear", "hear").map((name) => ({ do: name }) as const),
  fc.integer({ min: 1, max: 3 }).map((reads) => ({ do: "fail", reads }) as const)
)

/** What one subscriber was told: offsets of updates, or a gap. */
type Told = Array<number | "gap">

class World {
  run = 1
  top = 0
  start = 0
  kept: Array<Published> = []
  failures = 0
  reads = 0
  pauses = 0
  /** Announced by Redis, but not heard yet. */
  coming: Array<Published> = []
  readonly all: Array<Published> = []
  /** Where those were who were told of a gap. */
  readonly gaps: Array<number> = []
  readonly told = new Map<Connection, { readonly told: Told; readonly from: number | undefined; inside: boolean }>()
  readonly sync: RecoverySync

  constructor(private readonly slow: boolean) {
    this.sync = new RecoverySync("/a", new Subscription("/a", {}), {
      ready: () => undefined,
      read: (_, since) => this.read(since),
      deliver: (_, update, to) => this.deliver(update, to),
      gap: (_, { offset }, to) => {
        this.gaps.push(offset)
        this.tell("gap", to)
      },
      enter: (_, connection) => {
        const entry = this.told.get(connection)
        if (entry) {
          entry.inside = true
        }
      },
      again: () => {},
      wants: () => true,
      pause: () => this.slow && ++this.pauses % 3 === 0 ? new Promise((resolve) => setImmediate(resolve)) : undefined,
      failed: () => {},
      idle: () => {}
    })
  }

  // Of a path that nothing has been published to, nothing is kept.
  get epoch(): string {
    const unpublished = Epoch.unpublished(`r${this.run}`, 0, 0)
    return this.top === 0 ? unpublished : `random${unpublished}`
  }

  // What is published before the answer comes is not in it.
  async read(since: Since | undefined): Promise<Page> {
    this.reads++
    const { epoch, start, top } = this
    const from = !since ? top : since.epoch === epoch ? since.offset : Math.min(since.offset, start)
    const kept = this.kept.filter(({ position }) => position.offset > from)
    const updates = kept.map((update) => ({
      ...update,
      position: { ...update.position, epoch },
      origin: update.position.epoch
    }))
    const page = { epoch, start, top, updates }
    await Promise.resolve()
    if (this.failures > 0) {
      this.failures--
      throw new Error("away")
    }
    return page
  }

  deliver(update: Published, to?: Connection): void | Promise<void> {
    const tell = (): void => this.tell(Number(update.message), to)
    return this.slow ? Promise.resolve().then(tell) : tell()
  }

  tell(what: number | "gap", to?: Connection): void {
    for (const [connection, entry] of this.told) {
      if (to === connection || (to === undefined && entry.inside)) {
        entry.told.push(what)
      }
    }
  }

  publish(announced: "now" | "later" | "never", confirmed: boolean): void {
    this.top++
    const position = { epoch: this.epoch, offset: this.top }
    const update: Published = {
      type: "publish",
      path: "/a",
      message: this.all.length + 1,
      internal: undefined,
      user: undefined,
      position
    }
    this.all.push(update)
    this.kept.push(update)
    if (announced !== "never") {
      this.coming.push(update)
    }
    if (confirmed) {
      void this.sync.arrive({ ...update, confirmed })
    }
    if (announced === "now") {
      this.hear(Infinity)
    }
  }

  hear(count: number): void {
    for (const update of this.coming.splice(0, count)) {
      void this.sync.arrive(update)
    }
  }

  admit(since: number | undefined, history?: number): void {
    const connection = {} as Connection
    const last = since === undefined ? undefined : this.all[since - 1]
    const position = last?.position ??
      (since === undefined ? undefined : { epoch: Epoch.unpublished("r1", 0, 0), offset: 0 })
    const from = since === undefined ? undefined : last ? since : 0
    this.told.set(connection, { told: [], from, inside: false })
    void this.sync.admit(connection, position, history)
  }
}

const heard = (world: World): ReadonlyArray<Told> => Array.from(world.told.values(), ({ told }) => told)

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

it(
  "everyone is told every update after the point they came from, in order and once, or of a gap in its place",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), async (steps, slow) => {
        const world = new World(slow)
        world.admit(undefined)
        for (const each of steps) {
          switch (each.do) {
            case "publish":
              world.publish(each.announced, each.confirmed)
              break
            case "repeat": {
              const update = world.all.at(-1 - each.back)
              if (update) {
                // Only what the present epoch has announced can come late.
                if (update.position.epoch === world.epoch && !world.coming.includes(update)) {
                  void world.sync.arrive(update)
                }
              }
              break
            }
            case "admit":
              world.admit(each.since)
              break
            case "revive":
              void world.sync.work()
              break
            case "wait":
              await settle()
              break
            case "hear":
              world.hear(1)
              break
            case "trim":
              world.kept = world.kept.slice(-2)
              break
            case "lose":
              await settle()
              world.run++
              world.coming = []
              world.top = 0
              world.kept = []
              break
            case "fail":
              world.failures = each.reads
          }
        }
        await settle()
        world.failures = 0
        await world.sync.work()
        world.hear(Infinity)
        world.publish("now", false)
        await world.sync.work()
        await settle()
        const last = world.all.length
        for (const { from, inside, told } of world.told.values()) {
          expect(inside).toBe(true)
          let previous = from
          let gap = false
          for (const what of told) {
            if (what === "gap") {
              gap = true
              continue
            }
            if (previous !== undefined) {
              expect(what).toBeGreaterThan(previous)
              if (!gap) {
                expect(what).toBe(previous + 1)
              }
            }
            previous = what
            gap = false
          }
          expect(told.at(-1)).toBe(last)
        }
      }),
      { numRuns: 2_000 }
    )
  },
  60_000
)

it("what is confirmed before others' updates are heard waits for them, and nothing is read", async () => {
  const world = new World(false)
  world.admit(undefined)
  await settle()
  world.publish("later", false)
  world.publish("later", true)
  world.publish("later", false)
  world.publish("later", true)
  expect(heard(world)).toEqual([[]])
  world.hear(1)
  expect(heard(world)).toEqual([[1, 2]])
  world.hear(Infinity)
  expect(heard(world)).toEqual([[1, 2, 3, 4]])
  expect(world.reads).toBe(1)
})

it("what is announced once is delivered, at whatever moment of the work it comes", async () => {
  const work: ReadonlyArray<(world: World) => void> = [
    (world) => world.admit(undefined),
    (world) => world.admit(undefined, 1),
    (world) => world.publish("now", true),
    (world) => void world.sync.work()
  ]
  for (const slow of [false, true]) {
    for (const confirmed of [false, true]) {
      for (const begin of work) {
        for (let moment = 0; moment < 40; moment++) {
          const world = new World(slow)
          world.admit(undefined)
          await settle()
          begin(world)
          for (let n = 0; n < moment; n++) {
            await Promise.resolve()
          }
          world.publish("now", confirmed)
          await settle()
          await settle()
          expect(world.told.values().next().value?.told).toEqual(world.all.map(({ message }) => message))
        }
      }
    }
  }
})

it("what is announced while the history is read follows it, without another reading", async () => {
  for (const slow of [false, true]) {
    const world = new World(slow)
    world.admit(undefined)
    await settle()
    world.publish("now", false)
    await settle()
    const reading = world.sync.work()
    await Promise.resolve()
    for (let n = 0; n < 50; n++) {
      world.publish("now", n % 2 === 0)
    }
    await reading
    await settle()
    expect(heard(world)).toEqual([Array.from({ length: 51 }, (_, n) => n + 1)])
    expect(world.reads).toBe(2)
  }
})

it("what is announced while the history is read is delivered though the history does not reach back to it", async () => {
  for (const slow of [false, true]) {
    const world = new World(slow)
    world.admit(undefined)
    await settle()
    world.publish("now", false)
    await settle()
    // As with a Redis far away: asked now, what the answer tells is of later, and so is how much is kept.
    const answer = world.read.bind(world)
    world.read = (since) => {
      for (let n = 0; n < 5; n++) {
        world.publish("later", false)
      }
      world.kept = world.kept.slice(-2)
      world.hear(4)
      return answer(since)
    }
    await world.sync.work()
    world.hear(Infinity)
    await settle()
    expect(heard(world)).toEqual([[1, 2, 3, 4, 5, 6]])
  }
})

it("what is announced in a later epoch while the history is read is read, once", async () => {
  const world = new World(false)
  world.admit(undefined)
  await settle()
  world.publish("now", false)
  const reading = world.sync.work()
  await Promise.resolve()
  world.run++
  world.top = 0
  world.kept = []
  world.publish("now", false)
  await reading
  expect(heard(world)).toEqual([[1, "gap", 2]])
  expect(world.reads).toBe(3)
})

it("a node that was with an empty server for a moment tells nothing twice when it is back", async () => {
  const world = new World(false)
  world.admit(undefined)
  await settle()
  for (let n = 0; n < 3; n++) {
    world.publish("now", false)
  }
  const { kept, run } = world
  Object.assign(world, { run: run + 1, top: 0, kept: [] })
  await world.sync.work()
  // The other server has been promoted: its history goes on, in an epoch of its own, and has more by now.
  Object.assign(world, { run: run + 2, top: 3, start: 3, kept })
  world.publish("never", false)
  await world.sync.work()
  expect(heard(world)).toEqual([[1, 2, 3, "gap", "gap", 4]])
})

it("of two servers that both count as the first, each is met again where it was left", async () => {
  const world = new World(false)
  world.admit(undefined)
  await settle()
  for (let n = 0; n < 3; n++) {
    world.publish("now", false)
  }
  const one = { run: 1, top: 3, start: 0, kept: world.kept }
  Object.assign(world, { run: 2, top: 1, start: 1, kept: world.kept.slice(0, 1) })
  world.publish("never", false)
  await world.sync.work()
  Object.assign(world, one)
  world.publish("now", false)
  await world.sync.work()
  expect(heard(world)).toEqual([[1, 2, 3, "gap", 4, "gap", 5]])
})

it("nothing is told twice by a server that goes on with what another had", async () => {
  const world = new World(false)
  world.admit(undefined)
  await settle()
  for (let n = 0; n < 3; n++) {
    world.publish("now", false)
  }
  const first = world.kept
  Object.assign(world, { run: 2, top: 1, start: 1, kept: first.slice(0, 1) })
  world.publish("never", false)
  await world.sync.work()
  // The third begins where the first ended, one update later than this node has heard of.
  Object.assign(world, { run: 1, top: 3, start: 0, kept: first })
  world.publish("never", false)
  Object.assign(world, { run: 3, start: 4 })
  world.publish("never", false)
  await world.sync.work()
  expect(heard(world)).toEqual([[1, 2, 3, "gap", 4, "gap", 5, 6]])
})

it("a gap that shows while the history is read is read, at once", async () => {
  const world = new World(false)
  world.admit(undefined)
  await settle()
  const reading = world.sync.work()
  await Promise.resolve()
  world.publish("never", false)
  world.publish("now", false)
  await reading
  expect(heard(world)).toEqual([[1, 2]])
})

it("whoever comes with nothing missed is let in without a reading", async () => {
  const world = new World(false)
  world.admit(undefined)
  await settle()
  world.publish("now", false)
  world.admit(1)
  world.admit(undefined)
  world.publish("now", false)
  expect(heard(world)).toEqual([[1, 2], [2], [2]])
  expect(world.reads).toBe(1)
})

it("whoever is let in late is told of a gap before the last updates that it asked for", async () => {
  const world = new World(false)
  for (let n = 0; n < 3; n++) {
    world.publish("never", false)
  }
  world.failures = 1
  world.admit(undefined, 2)
  await settle()
  await world.sync.work()
  expect([heard(world), world.gaps]).toEqual([[["gap", 2, 3]], [1]])
})

describe("an epoch goes on", () => {
  const at = (epoch: string, offset = 0) => ({ epoch, offset })
  const before = Epoch.unpublished("run", 7, 100)

  it.each([
    [at("x.run.7.64", 5), "x.run.7.64", true],
    [at("x.run.7.64", 5), "y.run.7.64", false],
    [at("x.run.7.64"), "y.run.7.64", false],
    [at(before), before, true],
    [at(before), `x${before}`, true],
    [at(before), `x${Epoch.unpublished("run", 7, 101)}`, true],
    [at(before), Epoch.unpublished("run", 7, 102), false],
    [at(before), Epoch.unpublished("run", 7, 99), false],
    [at(before), `x${Epoch.unpublished("run", 8, 100)}`, false],
    [at(before), `x${Epoch.unpublished("other", 7, 100)}`, false],
    [at(before, 1), `x${before}`, false],
    [at("of another kind"), "of another kind", true],
    [at("of another kind"), before, false],
    [at(".run"), before, false]
  ])("%j, %s: %s", (position, later, expected) => {
    expect(Epoch.continues(position, later)).toBe(expected)
  })

  it.each([
    [at("x.one.0.0", 5), "x.two.0.0", 3, 3],
    [at("x.one.0.0", 2), "x.two.0.0", 3, 2],
    [at("x.one.0.0", 5), "x.one-1.0.0", 3, 5],
    [at("x.one-1.0.0", 5), "x.one-2.0.0", 3, 5],
    [at("x.one-1.0.0", 5), "x.two-1.0.0", 3, 3],
    [at("y.one.0.0", 5), "x.one-1.0.0", 3, 3],
    [at("y.one.0.0", 2), "x.two.0.0", 3, 3],
    [at(".one.0.0"), "x.two.0.0", 3, 3],
    [at("x.one.0.0", 5), ".two.0.0", 0, 0],
    [at("another", 5), "another kind", 0, 0]
  ])("%j has not seen what %s, which begins after %d, has after %d", (position, later, start, expected) => {
    expect(Epoch.unseen(position, later, start)).toBe(expected)
  })
})
