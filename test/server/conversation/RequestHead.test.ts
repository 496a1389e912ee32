/** What a request's head may be, beside Node's own parser: real HTTP requests to a real server. */
import * as Boom from "@hapi/boom"
import { once } from "node:events"
import { createServer, METHODS, type Server } from "node:http"
import { type AddressInfo, connect } from "node:net"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as RequestHead from "../../../src/server/conversation/RequestHead.js"
import * as fc from "../../harness/Property.js"
import { json } from "../../protocol/Arbitrary.js"

type Entries = ReadonlyArray<readonly [name: string, value: string]>

const upgrade: RequestHead.Upgrade = { host: "h", info: { "x-forwarded-for": undefined } }

const headers = (given: Readonly<Record<string, unknown>>): RequestHead.Headers => RequestHead.headersOf(upgrade, given)

/** What ours makes of it; `undefined` if it is refused with 400. */
const ours = <A>(make: () => A): A | undefined => {
  try {
    return make()
  } catch (error) {
    expect(Boom.isBoom(error, 400)).toBe(true)
    return undefined
  }
}

const refusal = (make: () => unknown): string => {
  try {
    make()
  } catch (error) {
    return Boom.isBoom(error, 400) ? error.message : String(error)
  }
  return "accepted"
}

let server: Server

beforeAll(async () => {
  server = createServer(({ headers, method, url }, response) => {
    response.setHeader("connection", "close").end(JSON.stringify({ method, url, headers }))
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
})

afterAll(() => server.close())

/** What Node's parser makes of it; `undefined` if it refuses. */
const nodes = async (
  path: string,
  entries: Entries
): Promise<{ readonly url: string; readonly headers: Record<string, string> } | undefined> => {
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1")
  const lines = [["Host", "h"], ...entries].map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(Buffer.from(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`, "latin1"))
  const answer = Buffer.concat(await socket.toArray()).toString("utf8")
  return answer.startsWith("HTTP/1.1 200")
    ? JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4)) as {
      readonly url: string
      readonly headers: Record<string, string>
    }
    : undefined
}

const byte = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0x20, max: 0x7e }) },
  fc.constantFrom(0x09, 0x20, 0x2c, 0x3b, 0x7f),
  fc.integer({ min: 0, max: 0xff })
).filter((code) => code !== 0x0a && code !== 0x0d).map((code) => String.fromCharCode(code))
const bytes = fc.string({ unit: byte, maxLength: 12 })
const known = ["accept", "cookie", "content-type", "user-agent", "origin", "x-a", "constructor", "referer", "range"]
const name = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...known, ...known.map((name) => name.toUpperCase())) },
  // A blank or a colon would only move where the value begins, and a line that begins with a blank continues another.
  bytes.filter((name) => !/^[\t ]|:/.test(name))
)

// Of some names Node's parser reads more than a value, and no request reaches a server with them.
const own =
  /^(?:host|connection|content-length|transfer-encoding|expect|upgrade|te|trailer|accept-encoding|set-cookie|x-forwarded-for)$/i

describe("beside Node's HTTP parser", () => {
  it("headers are the same, and what is refused is refused there too", async () => {
    let accepted = 0
    let refused = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(name, bytes), { maxLength: 5 }).map((entries): Entries =>
          Object.entries(Object.fromEntries(entries)).filter(([name]) => !own.test(name))
        ),
        async (entries) => {
          const theirs = await nodes("/", entries)
          const headed = ours(() => headers(Object.fromEntries(entries)))
          expect(headed).toEqual(theirs?.headers)
          if (headed) {
            accepted++
          } else {
            refused++
          }
        }
      ),
      { numRuns: 1000 }
    )
    expect(Math.min(accepted, refused)).toBeGreaterThan(100)
  })

  it("paths of ASCII are the same, and all others are what an HTTP client makes of them", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: fc.oneof({ weight: 9, arbitrary: byte }, fc.string({ unit: "binary", maxLength: 1 })) }),
        async (rest) => {
          const path = `/${rest}`
          const made = ours(() => RequestHead.make(upgrade, "GET", path, undefined).path)
          if (made === undefined) {
            expect(await nodes(path, [])).toBeUndefined()
          } else {
            expect((await nodes(made, []))?.url).toBe(made)
            expect(made).toBe(path.replace(/[^!-~]/gu, encodeURIComponent))
          }
        }
      ),
      { numRuns: 500 }
    )
  })
})

describe("whatever JSON", () => {
  it("is text, or is refused with 400", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.oneof(name, fc.string()), fc.oneof(bytes, json)), (given) => {
        for (const [name, value] of Object.entries(ours(() => headers(given)) ?? {})) {
          expect(name).toMatch(/^[^A-Z]+$/)
          expect(value).toBeTypeOf("string")
        }
      }),
      { numRuns: 2000 }
    )
  })
})

describe("headers", () => {
  it("may come as pairs, of which those of one name are joined", () => {
    expect(RequestHead.headersOf(upgrade, [["A", "1"], ["a", "2"], ["Host", "evil"]])).toEqual({ host: "h", a: "1, 2" })
    expect(refusal(() => RequestHead.headersOf(upgrade, [["a", "b\r\nc"]]))).toContain("an invalid character")
    const many = Array.from({ length: 2001 }, () => ["a", ""] as const)
    expect(refusal(() => RequestHead.headersOf(upgrade, many))).toContain("is one too many")
  })

  it("are text; numbers and booleans become text, null is absent", () => {
    expect(headers({ a: "b", C: 5, d: false, e: null, f: -0.5 })).toEqual({
      host: "h",
      a: "b",
      c: "5",
      d: "false",
      f: "-0.5"
    })
    expect(headers({ "bad name": null })).toEqual({ host: "h" })
  })

  it.each<[string, Readonly<Record<string, unknown>>]>([
    [`Message header "a" must be text, a number or a boolean`, { a: {} }],
    [`Message header "a" must be text, a number or a boolean`, { a: ["b"] }],
    [`Message header "a b" has no valid name`, { "a b": "" }],
    [`Message header ":authority" has no valid name`, { ":authority": "x" }],
    [`Message header "${"é".repeat(64)}…" has no valid name`, { ["é".repeat(70)]: "x" }],
    [`Message header "a" has a value with an invalid character`, { a: "b\r\nc: d" }],
    [`Message header "a" has a value with an invalid character`, { a: "\u0100" }],
    [`Message header "Host" has a value with an invalid character`, { Host: "a\nb" }],
    [`Message header "b" is too much: headers may have 16384 bytes`, { a: "x".repeat(16_383), b: "" }],
    [
      `Message header "x2000" is one too many: there may be 2000`,
      Object.fromEntries(Array.from({ length: 2001 }, (_, n) => [`x${n}`, 1]))
    ]
  ])("%s", (message, given) => {
    expect(refusal(() => headers(given))).toBe(message)
  })

  it("may be 2,000 with 16 KiB, and not more", () => {
    const many = Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [`x${n}`, 1]))
    expect(Object.keys(headers(many))).toHaveLength(2001)
    expect(headers({ a: "x".repeat(16_383) }).a).toHaveLength(16_383)
    expect(refusal(() => headers({ a: "x".repeat(16_384) }))).toContain("is too much")
  })

  it("that say how a message travels are dropped, and where it comes from is what the upgrade request said", () => {
    const given = {
      HOST: "evil",
      "X-Forwarded-For": "6.6.6.6",
      "content-length": 5,
      "Transfer-Encoding": "chunked",
      connection: "close",
      upgrade: "h2c",
      expect: "100-continue",
      te: "trailers",
      trailer: "a",
      "accept-encoding": "gzip"
    }
    expect(headers(given)).toEqual({ host: "h" })
    expect(RequestHead.headersOf({ host: undefined, info: { "x-forwarded-for": "1.2.3.4" } }, given))
      .toEqual({ "x-forwarded-for": "1.2.3.4" })
  })

  it("set no prototype, and inherit nothing", () => {
    const made = headers(
      JSON.parse(`{"__proto__":{"a":1},"__PROTO__":"b","constructor":"c","toString":"d"}`) as Record<string, unknown>
    )
    expect(Object.entries(made)).toEqual([["host", "h"], ["constructor", "c"], ["tostring", "d"]])
    expect(Object.getPrototypeOf(made)).toBe(Object.prototype)
  })

  it("of 16 KiB of blanks take no time", () => {
    const took = Array.from({ length: 5 }, () => {
      const began = performance.now()
      expect(headers({ a: `x${" ".repeat(16_000)}y`, b: " ".repeat(300) })).toMatchObject({ b: "" })
      return performance.now() - began
    })
    expect(Math.min(...took)).toBeLessThan(50)
  })
})

/** The status of Node's answer to a request with this method, if one of its handlers got it. */
const statusOf = async (method: string): Promise<string> => {
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1")
  socket.end(`${method} / HTTP/1.1\r\nHost: h\r\n\r\n`)
  return Buffer.concat(await socket.toArray()).toString("latin1").slice(9, 12)
}

describe("methods", () => {
  const none = ["_special", "__proto__", "*", "PRI", "notFound", "BREW", "AUTH", "SUB", "a-b", "GETT", "GET|PUT", "X"]

  it.each([...METHODS, ...none])("%s is one where it reaches a handler over HTTP, in any case", async (method) => {
    const isOne = await statusOf(method) === "200"
    for (const given of [method, method.toLowerCase()]) {
      expect(ours(() => RequestHead.methodOf(given))).toBe(isOne ? given : undefined)
    }
    expect(isOne).toBe(!none.includes(method) && method !== "CONNECT")
  })

  it.each(["G T", "GET\r\n", "\0", "постъ", "GET/", "é", "a:b", "A".repeat(65), "lınk", "ſearch"])(
    "%j is none",
    (method) => {
      expect(refusal(() => RequestHead.methodOf(method))).toBe("Message method must be an HTTP method")
    }
  )
})

describe("paths", () => {
  it.each([
    ["/a b?c=d e", "/a%20b?c=d%20e"],
    ["/ü€😀", "/%C3%BC%E2%82%AC%F0%9F%98%80"],
    ["/%", "/%"],
    ["/%C3%BC#x", "/%C3%BC#x"],
    ["//a@b\\c{}|^`\"<>", "//a@b\\c{}|^`\"<>"]
  ])("%s is asked for as %s", (given, made) => {
    expect(RequestHead.make(upgrade, "GET", given, null).path).toBe(made)
  })

  it.each(["/\0", "/a\r\nb", "/a\tb", "/\x7f", "/\x80", "/\ud800", "/\udc00a"])("%j is none", (path) => {
    expect(refusal(() => RequestHead.make(upgrade, "GET", path, null))).toBe("Message path has an invalid character")
  })
})
