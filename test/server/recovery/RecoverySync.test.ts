/** A track against a history, whatever is announced, lost, repeated or late, and whoever comes when. */
import * as fc from "fast-check"
import { expect, it } from "vitest"
import type { Published } from "../../../src/server/Command.js"
import type { Connection } from "../../../src/server/connection/Connection.js"
import type { Page, Since } from "../../../src/server/recovery/History.js"
import { RecoverySync } from "../../../src/server/recovery/RecoverySync.js"

type Step =
  | { readonly do: "publish"; readonly announced: boolean }
  | { readonly do: "repeat"; readonly back: number }
  | { readonly do: "admit"; readonly since: number | undefined }
  | { readonly do: "revive" | "wait" | "trim" | "lose" }
  | { readonly do: "fail"; readonly reads: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.boolean().map((announced) => ({ do: "publish", announced }) as const) },
  fc.nat(5).map((back) => ({ do: "repeat", back }) as const),
  { weight: 2, arbitrary: fc.option(fc.nat(8), { nil: undefined }).map((since) => ({ do: "admit", since }) as const) },
  fc.constantFrom("revive", "wait", "wait", "trim", "lose").map((name) => ({ do: name }) as const),
  fc.integer({ min: 1, max: 3 }).map((reads) => ({ do: "fail", reads }) as const)
)

/** What one subscriber was told: offsets of updates, or a gap. */
type Told = Array<number | "gap">

class World {
  epoch = 1
  top = 0
  start = 0
  kept: Array<Published> = []
  failures = 0
  readonly all: Array<Published> = []
  readonly told = new Map<Connection, { readonly told: Told; readonly from: number | undefined; inside: boolean }>()
  readonly track: RecoverySync

  constructor(private readonly slow: boolean) {
    this.track = new RecoverySync({
      ready: () => undefined,
      read: (since) => this.read(since),
      deliver: (update, to) => this.deliver(update, to),
      gap: (_, to) => this.tell("gap", to),
      enter: (connection) => {
        const entry = this.told.get(connection)
        if (entry) {
          entry.inside = true
        }
      },
      wants: () => true,
      failed: () => {},
      idle: () => {}
    })
  }

  async read(since: Since | undefined): Promise<Page> {
    await Promise.resolve()
    if (this.failures > 0) {
      this.failures--
      throw new Error("away")
    }
    const epoch = `e${this.epoch}`
    const from = !since ? this.top : since.epoch === epoch ? since.offset : Math.min(since.offset, this.start)
    const { start, top } = this
    return { epoch, start, top, updates: this.kept.filter(({ position }) => position.offset > from) }
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

  publish(announced: boolean): void {
    const position = { epoch: `e${this.epoch}`, offset: ++this.top }
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
    if (announced) {
      void this.track.arrive(update)
    }
  }

  admit(since: number | undefined): void {
    const connection = {} as Connection
    const last = since === undefined ? undefined : this.all[since - 1]
    const position = last?.position ?? (since === undefined ? undefined : { epoch: "e1", offset: 0 })
    const from = since === undefined ? undefined : last ? since : 0
    this.told.set(connection, { told: [], from, inside: false })
    void this.track.admit(connection, position)
  }
}

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
              world.publish(each.announced)
              break
            case "repeat": {
              const update = world.all.at(-1 - each.back)
              if (update) {
                // Only what the present epoch has announced can come late.
                if (update.position.epoch === `e${world.epoch}`) {
                  void world.track.arrive(update)
                }
              }
              break
            }
            case "admit":
              world.admit(each.since)
              break
            case "revive":
              void world.track.work()
              break
            case "wait":
              await settle()
              break
            case "trim":
              world.kept = world.kept.slice(-2)
              break
            case "lose":
              await settle()
              world.epoch++
              world.top = 0
              world.kept = []
              break
            case "fail":
              world.failures = each.reads
          }
        }
        await settle()
        world.failures = 0
        await world.track.work()
        world.publish(true)
        await world.track.work()
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
