/** Tests that are cited by their titles. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { read, root } from "./Repository.js"

/** Titles of tests by file, below `test/`; also the first cell of a table's row, where that names the test. */
export type Shown = Readonly<Record<string, ReadonlyArray<string>>>

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

/** Those that are not there, or not the only ones of their title in their file. */
export const missing = (shown: Shown) =>
  Object.entries(shown).flatMap(([name, titles]) => titles.map((title) => ({ name, title }))).filter(
    ({ name, title }) => {
      const file = `test/${name}`
      return !/\.test(?:-d)?\.ts$/.test(file) || !existsSync(join(root, file)) ||
        occurrences(title, textOf(file)) !== 1
    }
  )
