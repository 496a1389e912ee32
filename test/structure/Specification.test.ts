/** Every line of the specification is shown by a test that exists (Specification.ts). */
import { describe, expect, it } from "vitest"
import { length, statements } from "./Specification.js"
import { missing } from "./Titles.js"

it("the statements follow each other without a gap, from the first line to the last", () => {
  const ends = [0, ...statements.map(([, last]) => last)]
  expect(statements.map(([first]) => first)).toEqual(ends.slice(0, -1).map((last) => last + 1))
  expect(statements.filter(([first, last]) => last < first)).toEqual([])
  expect(ends.at(-1)).toBe(length)
})

describe.each(statements)("nes-api.txt %i-%i: %s", (_first, _last, says, shown) => {
  it("is shown by tests that are there, each the only one of its title in its file", () => {
    expect(says).not.toBe("")
    expect(Object.values(shown).flat()).not.toEqual([])
    expect(missing(shown)).toEqual([])
  })
})
