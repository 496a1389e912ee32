import { constants } from "node:buffer"
import { describe, expect, it } from "vitest"
import * as Chunk from "../../src/protocol/Chunk.js"
import * as fc from "../harness/Property.js"
import { json, text } from "./Arbitrary.js"

/** The joined text of a whole chunk sequence; every push but the last must still be waiting. */
const join = (chunks: ReadonlyArray<string>): string | undefined => {
  const joiner = new Chunk.Joiner()
  const results = chunks.map((chunk) => joiner.push(chunk))
  expect(results.slice(0, -1).every((result) => result === undefined)).toBe(true)
  return results.at(-1)
}

const message = fc.record({ type: fc.constant("update"), message: json })

describe("split and Joiner", () => {
  it("any message survives being split at any size and joined", () => {
    fc.assert(
      fc.property(message, fc.integer({ min: 1, max: 120 }), (message, size) => {
        const whole = JSON.stringify(message)
        expect(join(Chunk.split(whole, size))).toBe(whole)
      }),
      { numRuns: 1000 }
    )
  })

  it("any raw text survives too, lone surrogates and all", () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 8 }), (noise, size) => {
        const whole = `{${noise}`
        expect(join(Chunk.split(whole, size))).toBe(whole)
      }),
      { numRuns: 1000 }
    )
  })

  it("a text is sliced only when longer than the limit, into slices no longer than it but for a pair at size 1", () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 60 }), (noise, size) => {
        const whole = `{${noise}`
        const chunks = Chunk.split(whole, size)
        if (whole.length <= size) {
          expect(chunks).toEqual([whole])
          return
        }
        expect(chunks.length).toBeGreaterThan(1)
        expect(chunks.map((chunk) => chunk[0]).join("")).toBe(`${"+".repeat(chunks.length - 1)}!`)
        for (const chunk of chunks) {
          expect(chunk.length).toBeGreaterThan(1)
          expect(chunk.length - 1).toBeLessThanOrEqual(Math.max(size, 2))
        }
      }),
      { numRuns: 1000 }
    )
  })

  it("no slice of well-formed text ends inside a surrogate pair, so each survives UTF-8 by itself", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), fc.integer({ min: 1, max: 9 }), (noise, size) => {
        for (const chunk of Chunk.split(`{${noise}`, size)) {
          expect(Buffer.from(chunk, "utf8").toString("utf8")).toBe(chunk)
        }
      }),
      { numRuns: 1000 }
    )
  })

  it("keeps the units of a pair together at size 1", () => {
    expect(Chunk.split("{\u{1f600}}", 1)).toEqual(["+{", "+\u{1f600}", "!}"])
  })

  it("moves a pair at the edge into the next slice", () => {
    expect(Chunk.split("{a\u{1f600}}", 3)).toEqual(["+{a", "!\u{1f600}}"])
  })

  it("reads a limit that is no number as none", () => {
    expect(Chunk.split("{}", Number.NaN)).toEqual(["{}"])
  })
})

describe("Joiner", () => {
  it("takes a text that starts with neither { nor ! as a continuation, whatever its prefix", () => {
    const joiner = new Chunk.Joiner()
    expect(joiner.push("x{\"a\"")).toBeUndefined()
    expect(joiner.push(" :1")).toBeUndefined()
    expect(joiner.push("!}")).toBe("{\"a\":1}")
  })

  it("hands on the message that interrupts a sequence, and says so", () => {
    const joiner = new Chunk.Joiner()
    joiner.push("+{\"a\"")
    expect(joiner.push("{\"b\":2}")).toBe("{\"b\":2}")
    expect(joiner.push("{\"c\":3}")).toBe("{\"c\":3}")
  })

  it("counts an empty text as a continuation", () => {
    const joiner = new Chunk.Joiner()
    expect(joiner.push("")).toBeUndefined()
    expect(joiner.push("{}")).toBe("{}")
  })

  it("joins up to maxChars, and drops what outgrows it until a whole text comes", () => {
    const fitting = new Chunk.Joiner(4)
    fitting.push("+{12")
    expect(fitting.push("!}")).toBe("{12}")
    const joiner = new Chunk.Joiner(4)
    joiner.push("+{12")
    expect(joiner.exceeded).toBe(false)
    expect(joiner.push("+34")).toBeUndefined()
    expect(joiner.exceeded).toBe(true)
    expect(joiner.push("!")).toBeUndefined()
    expect(joiner.push("{}")).toBe("{}")
  })

  it("joins many small parts, and no more than a string can hold", () => {
    expect(Chunk.longest).toBe(constants.MAX_STRING_LENGTH)
    const joiner = new Chunk.Joiner()
    for (let i = 0; i < 10_000; i++) {
      joiner.push(`+${i % 10}`)
    }
    expect(joiner.push("!}")).toBe(`${"0123456789".repeat(1000)}}`)
    const long = `+${"a".repeat(110 << 20)}`
    const outgrown = new Chunk.Joiner()
    for (let i = 0; i < 5; i++) {
      expect(outgrown.push(long)).toBeUndefined()
    }
    expect(outgrown.exceeded).toBe(true)
  })

  it("takes no more empty parts than maxChars", () => {
    const joiner = new Chunk.Joiner(4)
    for (let i = 0; i < 5; i++) {
      expect(joiner.exceeded).toBe(false)
      joiner.push("+")
    }
    expect(joiner.exceeded).toBe(true)
  })

  it("any sequence of texts whatever: never throws, and never joins more than maxChars", () => {
    const chunk = fc.tuple(fc.constantFrom("+", "!", "{", "x", ""), text).map(([prefix, rest]) => prefix + rest)
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 20 }), fc.integer({ min: 1, max: 50 }), (chunks, max) => {
        let joiner = new Chunk.Joiner(max)
        for (const chunk of chunks) {
          const joined = joiner.push(chunk)
          if (joined !== undefined) {
            joiner = new Chunk.Joiner(max)
            expect(joined.length).toBeLessThanOrEqual(chunk.startsWith("{") ? chunk.length : max)
          }
        }
      })
    )
  })
})
