/**
 * Types of peers that a program need not have: without them it is compiled as if they were `any`. TypeScript has no
 * optional imports, and reports one that it cannot find even in a declaration that the program does not use. Only what
 * is published is marked: our own compilation, which has all peers, checks the same lines in the sources.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const optionalPeer = /(?:\bfrom |\bimport\(|^declare module )"(?:@hapi\/hapi|@redis\/client|@effect\/platform-node)[/"]/
const mayBeMissing = "// @ts-ignore"

/** Marks each such line at the end of the line before, so that no line gets another number. */
export const writeOptionalTypes = (folder) => {
  for (const name of readdirSync(folder, { recursive: true })) {
    if (/\.d\.c?ts$/.test(name)) {
      const file = join(folder, name)
      const lines = readFileSync(file, "utf8").split("\n")
      const marked = lines.map((line, n) => optionalPeer.test(lines[n + 1] ?? "") ? `${line} ${mayBeMissing}` : line)
      writeFileSync(file, [...optionalPeer.test(lines[0]) ? [mayBeMissing] : [], ...marked].join("\n"))
    }
  }
}
