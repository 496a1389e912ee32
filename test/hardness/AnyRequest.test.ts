/**
 * Any JSON whatever for a request's method, path, headers and payload, and for the `auth` of a hello or reauth, is
 * answered: by applications with CORS, files, compression, cookies, validation and every type of payload, in processes of
 * their own.
 */
import * as fc from "fast-check"
import { once } from "node:events"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { WebSocket } from "ws"
import { ChildExited, ChildProcess } from "../interop/peers/ChildProcess.js"
import { json, text } from "../protocol/Arbitrary.js"
import { complaint } from "./Answer.js"

type Json = Readonly<Record<string, unknown>>

/** One who asks, and comes back when the server closes: too many errors are not forgiven. */
class Asker {
  #socket: WebSocket | undefined
  #id = 0
  readonly #waiting = new Map<unknown, (answer: string | undefined) => void>()

  constructor(private readonly url: string, private readonly hello: Json) {}

  /** The text that answers a message, however often the connection is closed before; the answer to its hello, if it is one. */
  async ask(message: Json): Promise<string> {
    for (let attempt = 0; attempt < 3; attempt++) {
      const socket = this.#socket ?? await this.#open(message.type === "hello" ? undefined : this.hello)
      const answer = await this.#answer(socket, message)
      if (answer !== undefined) {
        return answer
      }
    }
    return "closed"
  }

  end(): void {
    this.#socket?.terminate()
    this.#socket = undefined
  }

  async #open(hello: Json | undefined): Promise<WebSocket> {
    const socket = new WebSocket(this.url)
    socket.on("error", () => {})
    socket.on("message", (data) => {
      const { id } = JSON.parse(String(data)) as { readonly id?: unknown }
      this.#waiting.get(id)?.(String(data))
    })
    socket.once("close", () => {
      if (this.#socket === socket) {
        this.#socket = undefined
      }
      for (const closed of this.#waiting.values()) {
        closed(undefined)
      }
    })
    await once(socket, "open")
    this.#socket = socket
    if (hello) {
      await this.#answer(socket, hello)
    }
    return socket
  }

  #answer(socket: WebSocket, message: Json): Promise<string | undefined> {
    const id = ++this.#id
    return new Promise((resolve) => {
      const timer = setTimeout(() => done("never"), 10_000)
      const done = (answer: string | undefined): void => {
        clearTimeout(timer)
        this.#waiting.delete(id)
        resolve(answer)
      }
      this.#waiting.set(id, done)
      socket.send(JSON.stringify({ ...message, id }))
    })
  }
}

const names = fc.constantFrom(
  ..."accept accept-encoding accept-language access-control-request-headers access-control-request-method authority"
    .split(" "),
  ..."connection content-disposition content-encoding content-length content-type cookie expect forwarded host".split(
    " "
  ),
  ..."if-match if-modified-since if-none-match if-range origin range referer transfer-encoding upgrade".split(" "),
  ..."user-agent x-a x-forwarded-for x-http-method-override __proto__ constructor :authority traceparent b3".split(" ")
)
const cased = fc.oneof(names, names.map((name) => name.toUpperCase()))
const telling = fc.constantFrom<unknown>(
  "gzip",
  "*",
  "gzip;q=x",
  "br",
  "http://a.b",
  "http://x.example",
  "null",
  "bytes=0-1",
  "bytes=-1",
  "bytes=9-",
  "bytes=0-0,2-3",
  "application/json",
  "multipart/form-data",
  "multipart/form-data; boundary=x",
  "application/x-www-form-urlencoded",
  "text/plain; charset=x",
  "\"abc\"",
  "W/\"abc\", *",
  "Wed, 01 Jan 2020 00:00:00 GMT",
  "GET",
  "x-a",
  "@",
  "[::1",
  "a:b:c",
  "json=e30=; iron=Fe26.2**x; form=a=1&b; signed=x.y; __proto__=1; a=1",
  "a=\"x",
  "nes=Fe26.2**a*b",
  "x".repeat(9000),
  "",
  " ",
  ",,,",
  ";;;",
  "a\r\nb: c",
  "\u0000",
  "\u0001",
  "ü",
  "€",
  5,
  0,
  true,
  null,
  ["a"],
  {},
  1e300,
  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
)
const headers = fc.oneof(
  { weight: 8, arbitrary: fc.dictionary(cased, telling, { maxKeys: 6 }) },
  { weight: 2, arbitrary: fc.dictionary(fc.oneof(cased, text), fc.oneof(telling, json), { maxKeys: 4 }) },
  { weight: 1, arbitrary: json },
  { weight: 1, arbitrary: fc.constant(Object.fromEntries(Array.from({ length: 2500 }, (_, n) => [`x${n}`, "1"]))) }
)

const places = [
  "/",
  "/echo",
  "/item/1",
  "/any/x",
  "/any/ü",
  "/any/%00",
  "/any/\u0000",
  "/any/\ud800",
  "/any/{x}",
  "/any?a[__proto__]=1&__proto__=2",
  "/validated",
  "/validated/1?a=1",
  "/validated/headers",
  "/validated/cookies",
  "/validated/query?a=1&a=2",
  "/validated/params/x",
  "/validated/json",
  "/validated/any",
  "/validated/form",
  "/files/",
  "/files/text.txt",
  "/files/../../etc/passwd",
  "/files/%2e%2e/x",
  "/files/%00",
  "/files/binary.png",
  "/text",
  "/binary",
  "/encoded",
  "/cached",
  "/closed",
  "/moved",
  "/nothing",
  "/reflect",
  "//a@b",
  "//a@[::/x",
  "/\\a@b/x",
  "//",
  "/#",
  "/?",
  "/%",
  "/nes/auth",
  "nes.auth",
  "hello",
  "/any/x\r\ny: z",
  ...["data", "stream", "file"].flatMap((output) =>
    ["true", "false", "gunzip"].map((parse) => `/payload/${output}/${parse}`)
  ),
  ...["json", "text", "params", "bytes", "stream", "multipart"].map((kind) => `/payload/${kind}`)
]
const path = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...places) },
  { weight: 2, arbitrary: text.map((rest) => `/any/${rest}`) },
  text.map((rest) => `/${rest}`),
  json
)
const method = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom("GET", "POST", "POST", "HEAD", "OPTIONS", "PUT") },
  {
    weight: 1,
    arbitrary: fc.constantFrom("CONNECT", "auth", "_special", "*", "get", "PROPFIND", "TRACE", "G T", "GET\r\n")
  },
  text,
  json
)
const part = "--x\r\ncontent-disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\nc\r\n--x--\r\n"
const payload = fc.oneof(
  json,
  text,
  fc.constantFrom<unknown>(
    undefined,
    part,
    "--x\r\n",
    "{",
    "{\"__proto__\":1}",
    "{\"a\":1}",
    "a=1&a=2&__proto__=3",
    "x".repeat(6000),
    0,
    false,
    ""
  )
)

const request = fc.record({ type: fc.constant("request"), method, path, headers, payload }, {
  requiredKeys: ["type", "method", "path"]
})

const bearer = (claims: unknown): string => `Bearer ${Buffer.from(JSON.stringify(claims)).toString("base64url")}`

const claims = fc.oneof(
  fc.record({
    user: fc.oneof(fc.constantFrom("a", "nobody", "dies", "revoked", "__proto__", ""), json),
    scope: json,
    artifacts: fc.constantFrom("none", "null", "cycle", "function", "bigint", "map", "headers")
  }, { requiredKeys: [] }),
  json
)
const authorization = fc.oneof(claims.map(bearer), claims.map(bearer), text, json)
const auth = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      headers: fc.tuple(headers, authorization).map(([headers, authorization]) =>
        typeof headers === "object" && headers !== null ? { ...headers, authorization } : headers
      )
    })
  },
  fc.record({ headers }),
  json,
  fc.constantFrom("Fe26.2**a*b*c*d*e*f*g", "Fe26.2", "x".repeat(5000))
)

const user = { type: "hello", version: "2", auth: { headers: { authorization: bearer({ user: "a", scope: ["a"] }) } } }

const asked = async (child: ChildProcess, asker: Asker, message: Json): Promise<string> => {
  const answer = await asker.ask(message).catch(async (error: unknown) => {
    throw child.alive ? error : new ChildExited(await child.exited)
  })
  expect(complaint(answer), answer.slice(0, 300)).toBeUndefined()
  return answer
}

/** Header values that are no text, of those that a route has seen. */
const foreign = (payload: unknown): ReadonlyArray<unknown> => {
  const { headers = {} } = payload as { readonly headers?: object } | null ?? {}
  return Object.values(headers).filter((value) => typeof value !== "string")
}

const setups = [
  ["effect-nes", { wide: "required", nes: { headers: "*" } }],
  ["effect-nes", {
    wide: "try",
    nes: { headers: "*", auth: { type: "token", password: "p".repeat(40), index: true } }
  }],
  ["NesHttpServer", { wide: "required", auth: "direct", nes: { headers: "*" } }],
  ["NesHttpServer", { wide: "try", auth: "token", nes: { headers: "*" } }]
] as const

describe.each(setups)("any JSON at %s, %j", (door, setup) => {
  let child: ChildProcess
  let asker: Asker

  beforeAll(async () => {
    const module = door === "effect-nes" ? "./server.child.ts" : "./http.child.ts"
    child = await ChildProcess.start(new URL(module, import.meta.url), [door])
    asker = new Asker(
      String(await child.call("start", setup)),
      setup.wide === "required" ? user : { type: "hello", version: "2" }
    )
  })

  afterAll(async () => {
    asker.end()
    await child.stop()
  })

  it("for a request's method, path, headers and payload is answered", { timeout: 120_000 }, async () => {
    const statuses = new Map<unknown, number>()
    await fc.assert(
      fc.asyncProperty(request, async (message) => {
        const answer = await asked(child, asker, message)
        const { payload, statusCode } = JSON.parse(answer) as Json
        expect(typeof payload === "object" ? foreign(payload) : []).toEqual([])
        statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1)
      }),
      { numRuns: 2000 }
    )
    expect(child.alive).toBe(true)
    expect([200, 400, 404].filter((status) => (statuses.get(status) ?? 0) < 50)).toEqual([])
    expect(await asker.ask({ type: "request", method: "GET", path: "/" })).toContain(`"world"`)
  })

  it("for the auth of a hello and of a reauth is answered", { timeout: 120_000 }, async () => {
    const kinds = new Set<boolean>()
    await fc.assert(
      fc.asyncProperty(auth, auth, async (first, second) => {
        asker.end()
        const answer = await asked(child, asker, { type: "hello", version: "2", auth: first })
        const welcome = !("statusCode" in (JSON.parse(answer) as Json))
        kinds.add(welcome)
        if (welcome) {
          await asked(child, asker, { type: "reauth", auth: second })
          await asker.ask({ type: "request", method: "GET", path: "/any/x" })
        }
      }),
      { numRuns: 500 }
    )
    expect(child.alive).toBe(true)
    expect(kinds.size).toBe(2)
  })
})
