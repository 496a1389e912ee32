/** Every line of the specification is shown by a test that exists (Specification.ts). */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { read, root } from "./Repository.js"
import { length, statements } from "./Specification.js"

const texts = new Map<string, string>()

const textOf = (file: string): string => {
  const text = texts.get(file) ?? read(file)
  texts.set(file, text)
  return text
}

const escape = (text: string): string => text.replace(/[/\\^$.*+?()[\]{}|-]/g, "\\$&")

/** How often a text is the first argument of a call, as titles are, or the first cell of a row of cases. */
const occurrences = (title: string, text: string): number =>
  text.match(new RegExp(`[([]\\s*${escape(JSON.stringify(title))},`, "g"))?.length ?? 0

it("the statements follow each other without a gap, from the first line to the last", () => {
  const ends = [0, ...statements.map(([, last]) => last)]
  expect(statements.map(([first]) => first)).toEqual(ends.slice(0, -1).map((last) => last + 1))
  expect(statements.filter(([first, last]) => last < first)).toEqual([])
  expect(ends.at(-1)).toBe(length)
})

describe.each(statements)("nes-api.txt %i-%i: %s", (_first, _last, says, shown) => {
  it("is shown by tests that are there, each the only one of its title in its file", () => {
    expect(says).not.toBe("")
    const cited = Object.entries(shown).flatMap(([name, titles]) => titles.map((title) => ({ name, title })))
    expect(cited.length).toBeGreaterThan(0)
    const missing = cited.filter(({ name, title }) => {
      const file = `test/${name}`
      return !/\.test(?:-d)?\.ts$/.test(file) || !existsSync(join(root, file)) ||
        occurrences(title, textOf(file)) !== 1
    })
    expect(missing).toEqual([])
  })
})
