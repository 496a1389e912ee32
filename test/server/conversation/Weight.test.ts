import { expect, it } from "vitest"
import * as Weight from "../../../src/server/conversation/Weight.js"
import * as fc from "../../harness/Property.js"

const depthOf = (value: unknown): number =>
  typeof value === "object" && value !== null
    ? 1 + Math.max(0, ...Object.values(value).map(depthOf))
    : 0

it("says of any JSON whether it is nested more deeply than allowed", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.json({ maxDepth: 6 }), fc.json({ maxDepth: 6, stringUnit: "binary" })),
      fc.integer({ min: 0, max: 7 }),
      (json, max) => {
        expect(Weight.of(json, max) === Infinity).toBe(depthOf(JSON.parse(json)) > max)
      }
    ),
    { numRuns: 1000 }
  )
})

it.each([
  [`["[[[[[["]`, 1, false],
  [String.raw`["\"[[[[[["]`, 1, false],
  [String.raw`["\\",[1]]`, 1, true],
  [String.raw`["\\\"[[[["]`, 1, false],
  [`{"[[[[":{}}`, 1, true],
  [`[[],[],[],[]]`, 2, false],
  [`${"[".repeat(5000)}${"]".repeat(5000)}`, 5000, false],
  [`${"[".repeat(5001)}${"]".repeat(5001)}`, 5000, true]
])("%s deeper than %i: %s", (json, max, expected) => {
  expect(Weight.of(json, max) === Infinity).toBe(expected)
})
