import { describe, expect, it } from "vitest"
import { entries, read } from "./Repository.js"

/** The modules that a barrel hands on, by name. */
const modules = (file: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...read(file).matchAll(/^export \* as (\w+) from "\.\/([^"]+)\.js"/gm)].map((match) => [
      match[1] ?? "",
      `src/${match[2] ?? ""}.ts`
    ])
  )

// What the root would load for everybody, and few need.
const apart = { NesAtom: "src/client/NesAtom.ts" }

const doors = ["", "/client", "/hapi", "/inspector", "/lib/client", "/lib/client.js", "/redis"]

describe("what can be imported", () => {
  it("has a subpath for every module of the root, by its name there, and no other", () => {
    const expected = { ...modules("src/page.ts"), ...modules("src/index.ts"), ...modules("src/redis.ts"), ...apart }
    const actual = entries.filter(([subpath]) => !doors.includes(subpath)).map(([subpath, source]) => [
      subpath.slice(1),
      source
    ])
    expect(Object.fromEntries(actual)).toEqual(expected)
  })

  it("has the doors", () => {
    expect(entries.map(([subpath]) => subpath).filter((subpath) => !/^\/[A-Z]/.test(subpath)).toSorted()).toEqual(doors)
  })
})
