import { readFile } from "node:fs/promises"
import { expect, it } from "vitest"
import { differences, documented } from "./differences/index.js"
import { sessions } from "./sessions/index.js"

const clientSection = async (): Promise<string> => {
  const text = await readFile(new URL("../../docs/differences.md", import.meta.url), "utf8")
  return text.split(/^## /m).find((section) => section.startsWith("Client\n")) ?? ""
}

it("the documentation lists exactly the known differences of the client", async () => {
  const listed = (await clientSection()).split("\n").filter((line) => line.startsWith("- "))
  expect(listed).toEqual(differences.map(documented))
})

it("every difference has a name of its own, and is shown on both sides", () => {
  expect(new Set(differences.map(({ id }) => id)).size).toBe(differences.length)
  for (const { id, shown } of differences) {
    const sides = Object.values(shown).flatMap((byName) => Object.values(byName))
    expect(sides.length, id).toBeGreaterThan(0)
    expect(sides.filter(({ ours, theirs }) => JSON.stringify(ours) === JSON.stringify(theirs)), id).toEqual([])
  }
})

it("every session has a name of its own", () => {
  expect(new Set(sessions.map(({ name }) => name)).size).toBe(sessions.length)
})
