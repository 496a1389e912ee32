import { expect, it } from "vitest"
import { Subscribed } from "../../../src/server/subscription/Subscription.js"
import * as fc from "../../harness/Property.js"

it("behaves as a Map, whatever is added and taken out", () => {
  const key = fc.constantFrom("a", "b", "c")
  const step = fc.tuple(fc.constantFrom("set", "delete", "clear"), key, fc.object())
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const small = new Subscribed<object>()
      const map = new Map<string, object>()
      for (const [what, key, value] of steps) {
        if (what === "set") {
          small.set(key, value)
          map.set(key, value)
        } else if (what === "delete") {
          small.delete(key)
          map.delete(key)
        } else if (steps.length > 10) {
          small.clear()
          map.clear()
        }
        expect(small.size).toBe(map.size)
        expect([...small]).toEqual([...map])
        expect([...small.keys()]).toEqual([...map.keys()])
        expect(small.has(key)).toBe(map.has(key))
        expect(small.get("b")).toBe(map.get("b"))
      }
    })
  )
})
