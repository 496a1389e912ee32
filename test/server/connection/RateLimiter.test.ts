import { expect, it } from "vitest"
import { TokenBucket } from "../../../src/server/connection/RateLimiter.js"
import * as fc from "../../harness/Property.js"

it("a second's worth may come at once, and no more", () => {
  const bucket = new TokenBucket(3, 1000)
  expect(Array.from({ length: 4 }, () => bucket.take(1000))).toEqual([true, true, true, false])
  expect(bucket.take(1333)).toBe(false)
  expect(bucket.take(1334)).toBe(true)
  expect(Array.from({ length: 4 }, () => bucket.take(99_000))).toEqual([true, true, true, false])
})

it("in no stretch of time more than its length allows and one second's worth, whatever the clock does", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.array(fc.integer({ min: -5, max: 200 }), { maxLength: 300 }),
      (rate, steps) => {
        const bucket = new TokenBucket(rate, 0)
        let now = 0
        let forward = 0
        let taken = 0
        for (const step of steps) {
          now += step
          forward += Math.max(0, step)
          taken += bucket.take(now) ? 1 : 0
        }
        expect(taken).toBeLessThanOrEqual(rate + forward * rate / 1000 + 1e-6)
      }
    )
  )
})
