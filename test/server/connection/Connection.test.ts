import { Socket } from "node:net"
import { expect, it } from "vitest"
import * as Backlog from "../../../src/server/connection/Backlog.js"
import { take } from "../../../src/server/connection/Connection.js"
import * as LimitSettings from "../../../src/server/LimitSettings.js"
import * as fc from "../../harness/Property.js"

it("a second's worth may come at once, and no more", () => {
  const allowance = { left: 3, at: 1000 }
  const takeAt = (now: number): boolean => take(allowance, 3, 1000, now)
  expect(Array.from({ length: 4 }, () => takeAt(1000))).toEqual([true, true, true, false])
  expect(takeAt(1333)).toBe(false)
  expect(takeAt(1334)).toBe(true)
  expect(Array.from({ length: 4 }, () => takeAt(99_000))).toEqual([true, true, true, false])
})

it("in no stretch of time more than its length allows and one second's worth, whatever the clock does", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.array(fc.integer({ min: -5, max: 200 }), { maxLength: 300 }),
      (rate, steps) => {
        const allowance = { left: rate, at: 0 }
        let now = 0
        let forward = 0
        let taken = 0
        for (const step of steps) {
          now += step
          forward += Math.max(0, step)
          taken += take(allowance, rate, 1000, now) ? 1 : 0
        }
        expect(taken).toBeLessThanOrEqual(rate + forward * rate / 1000 + 1e-6)
      }
    )
  )
})

it("a client may take nothing for as long as a timer can be, and no less where it may for longer", () => {
  const raw = new Socket()
  const limits = { ...LimitSettings.defaults, stallTimeout: Number.MAX_SAFE_INTEGER }
  const none = (): void => {}
  Backlog.begin({ raw, lag: undefined, stopReading: none, readOn: none, giveUp: none }, 1, limits, none)
  expect(raw.timeout).toBe(2 ** 31 - 1)
  raw.destroy()
})
