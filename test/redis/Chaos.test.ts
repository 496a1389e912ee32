/** The kill-and-account run, short; `npm run chaos -- --rounds 100` is the long one. */
import { describe, expect, it } from "vitest"
import * as Chaos from "./chaos/Chaos.js"
import { Ledger, sound } from "./chaos/Ledger.js"

describe("the ledger", () => {
  const filled = (...heard: Ledger["readers"][number]): Ledger => {
    const ledger = new Ledger("/a", 1)
    for (const n of [1, 2, 3, 4]) {
      ledger.confirmed.add(n)
    }
    ledger.failed.add(5)
    ledger.readers[0]?.push(...heard)
    return ledger
  }
  const got = (n: number, replayed = false) => ({ n, replayed })

  it("tells what was delivered, recovered, reported as a gap, missing, duplicated, out of order", () => {
    expect(filled(got(1), got(2), got(3, true), got(4)).account()).toMatchObject({
      published: 4,
      failed: 1,
      delivered: 3,
      recovered: 1,
      gaps: 0,
      missing: 0
    })
    expect(filled(got(1), "gap", got(4)).account()).toMatchObject({ gaps: 2, missing: 0 })
    expect(filled(got(1), got(4)).account()).toMatchObject({ gaps: 0, missing: 2 })
    expect(filled(got(1), got(2), "gap", got(4), got(4)).account()).toMatchObject({ gaps: 1, duplicated: 1 })
    expect(filled(got(1), got(3), got(2), got(4)).account()).toMatchObject({ disordered: 1 })
  })

  it("holds what failed towards its publisher to no promise, unless one reader got it", () => {
    const ledger = new Ledger("/a", 2)
    ledger.failed.add(1)
    expect(ledger.account()).toMatchObject({ missing: 0 })
    ledger.readers[0]?.push(got(1))
    expect(ledger.account()).toMatchObject({ missing: 1 })
  })

  it("knows what failed and was kept late by its place: a gap there excuses it, whatever its number, and no other does", () => {
    const late = (...heard: Ledger["readers"][number]) => {
      const ledger = new Ledger("/a", 2)
      for (const n of [1, 4, 5, 6]) {
        ledger.confirmed.add(n)
      }
      ledger.failed.add(2).add(3)
      ledger.readers[0]?.push(got(1), got(3), got(2), got(4), got(5), got(6))
      ledger.readers[1]?.push(...heard)
      return ledger.account()
    }
    expect(late(got(1), "gap", got(2), got(4), got(5), got(6))).toMatchObject({ gaps: 1, missing: 0 })
    expect(late(got(1), "gap", got(2), got(5), got(6))).toMatchObject({ gaps: 2, missing: 0 })
    expect(late(got(1), got(2), got(4), "gap", got(6))).toMatchObject({ gaps: 1, missing: 1 })
    expect(late("gap", got(1), got(2), got(4), got(5), got(6))).toMatchObject({ gaps: 0, missing: 1 })

    const overtaken = new Ledger("/a", 2)
    for (const n of [1, 3, 4]) {
      overtaken.confirmed.add(n)
    }
    overtaken.failed.add(2)
    overtaken.readers[0]?.push(got(1), got(3), got(2), got(4))
    overtaken.readers[1]?.push(got(1), got(3), "gap", got(4))
    expect(overtaken.account()).toMatchObject({ gaps: 1, missing: 0, disordered: 0 })
  })

  it("knows when two servers were there: what one lost may be told later, and what the other had follows the gap", () => {
    const ledger = (...heard: Ledger["readers"][number]) => {
      const ledger = new Ledger("/a", 1)
      for (const entry of heard) {
        if (entry === "gap") {
          ledger.tell(0)
        } else {
          ledger.readers[0]?.push(entry)
        }
        ledger.next = Math.max(ledger.next, ...entry === "gap" ? [] : [entry.n + 1])
      }
      for (let n = 1; n < ledger.next; n++) {
        ledger.confirmed.add(n)
      }
      const before = ledger.account()
      ledger.splits.push([2, ledger.next])
      return [before, ledger.account()]
    }
    const winning = ledger(got(1), got(2), "gap", got(4), got(6), "gap", got(7), got(8))
    expect(winning).toMatchObject([{ gaps: 1, missing: 1 }, { gaps: 2, missing: 0 }])
    const losing = ledger(got(1), got(2), got(3), got(5), "gap", got(4), got(6), got(7), got(8))
    expect(losing).toMatchObject([{ disordered: 1, missing: 0 }, { disordered: 0, missing: 0 }])
    const [, never] = ledger(got(1), got(2), "gap", got(3), got(4), got(6), got(7), got(8))
    expect(never).toMatchObject({ gaps: 0, missing: 1 })
    const [, earlier] = ledger(got(2), got(3), got(4), "gap", got(5), got(6), got(7), got(8))
    expect(earlier).toMatchObject({ missing: 1 })
    const [, tangled] = ledger(got(1), got(2), got(3), "gap", got(6), got(5), got(4), got(7), got(8))
    expect(tangled).toMatchObject({ disordered: 2 })
  })
})

// The seeds begin with the clients cut off and Redis killed, with a node killed and one frozen.
it.each([["durable", 2, 11], ["lossy", 2, 10], ["sentinel", 1, 1]] as const)(
  "on a Redis that is %s, nodes, Redis and the ways between are killed, frozen and cut: every message is accounted for",
  async (kind, rounds, seed) => {
    const shares = await Chaos.run({ rounds, kind, seed })
    expect([...shares.values()].map((share) => share.rounds)).toEqual(Array.from({ length: rounds }, () => 1))
    const { figures } = [...shares.values()].reduce(Chaos.combine)
    expect(figures, Chaos.line(figures)).toMatchObject(sound)
    expect(figures.published).toBeGreaterThan(20)
  },
  240_000
)
