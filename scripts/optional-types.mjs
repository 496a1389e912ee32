/** Types of peers that a program need not have: without them it is compiled as if they were `any`. */
import { globSync, readFileSync, writeFileSync } from "node:fs"

const optional = /(?:\bfrom |\bimport\(|^declare module )"(?:@hapi\/hapi|@redis\/client|@effect\/platform-node)[/"]/
const ignored = "// @ts-ignore"

/** Tells the compiler so, at the end of the line before, so that no line gets another number. */
export const writeOptionalTypes = (folder) => {
  for (const file of globSync(`${folder}/**/*.d.{ts,cts}`)) {
    const lines = readFileSync(file, "utf8").split("\n")
    const text = lines.map((line, n) => optional.test(lines[n + 1] ?? "") ? `${line} ${ignored}` : line).join("\n")
    writeFileSync(file, optional.test(lines[0]) ? `${ignored}\n${text}` : text)
  }
}
