/**
 * The hapi plugin beside `@hapi/nes` 14: every script is played against both in the same run, and the transcripts are
 * compared frame by frame. Decided differences are asserted on both sides.
 */
import { readFile } from "node:fs/promises"
import { describe, expect, it } from "vitest"
import { unhindered } from "../harness/Pace.js"
import { answers } from "./Answers.js"
import { differences } from "./Differences.js"
import * as Pair from "./Pair.js"
import { repertoire } from "./Repertoire.js"
import { canonical } from "./Transcript.js"

/** What is short in the scripts is 30 ms at least: they say nothing of a process that did not get its turn for as long. */
const heldUp = 5

const pair = Pair.open()

describe("as @hapi/nes 14 does", () => {
  for (const script of repertoire) {
    it(script.name, () =>
      unhindered(heldUp, async () => {
        const [actual, reference] = await pair.perform(script)
        const { difference, expect: expected } = script
        if (expected !== undefined) {
          expect(canonical(actual), "ours, by the specification").toEqual(canonical(expected))
          expect(actual, "ours, by the specification, in the order of keys").toEqual(expected)
        }
        if (difference === undefined) {
          expect(canonical(actual), "ours beside the peer").toEqual(canonical(reference))
          expect(actual, "ours beside the peer, in the order of keys").toEqual(reference)
        } else {
          const decided = typeof difference.peer === "function" ? difference.peer(actual) : difference.peer
          expect(reference, "the peer, where we differ").toEqual(decided)
          if (expected !== undefined) {
            expect(actual, "a difference that is none").not.toEqual(reference)
          }
        }
      }, pair.withheld))
  }
})

describe("the answers that the specification lists", () => {
  const asserted = new Set(
    repertoire.flatMap((script) => Object.values(script.expect ?? {}).flat()).flatMap((line) => {
      if (!line.startsWith("{\"statusCode\"")) {
        return []
      }
      const { payload, statusCode } = JSON.parse(line) as {
        readonly statusCode: number
        readonly payload: { readonly message: string } | null
      }
      return [`${statusCode} ${payload?.message}`]
    })
  )

  it.each(answers)("%i %s", (status, message) => {
    expect(asserted).toContain(`${status} ${message}`)
  })
})

describe("the differences", () => {
  const listed = Object.keys(differences).toSorted()

  it("are each shown by a script", () => {
    const shown = new Set(repertoire.flatMap((script) => script.difference?.id ?? []))
    expect([...shown].toSorted()).toEqual(listed)
  })

  it("are those of docs/differences.md, section Server", async () => {
    const document = await readFile(new URL("../../docs/differences.md", import.meta.url), "utf8")
    const section = /^## Server$([^]*?)(?=^## |(?![^]))/m.exec(document)?.[1] ?? ""
    const documented = [...section.matchAll(/^- `(S-[a-z0-9-]+)`:/gm)].map((match) => match[1] ?? "")
    expect(documented.toSorted()).toEqual(listed)
  })

  it("have scripts with names of their own", () => {
    const names = repertoire.map((script) => script.name)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })
})
