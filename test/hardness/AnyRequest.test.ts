/**
 * Any JSON whatever for a request's method, path, headers and payload, and for the `auth` of a hello or reauth, is
 * answered: by applications with CORS, files, compression, cookies, validation and every type of payload, in processes of
 * their own.
 */
import { once } from "node:events"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { WebSocket } from "ws"
import { ChildExited, ChildProcess } from "../harness/ChildProcess.js"
import * as fc from "../harness/Property.js"
import { json, text } from "../protocol/Arbitrary.js"
import { complaint } from "./Answer.js"
import { artifacts, bearer, headerNames, headerValues, methods, oddMethods, payloads, places } from "./Vocabulary.js"

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

const names = fc.constantFrom(...headerNames)
const cased = fc.oneof(names, names.map((name) => name.toUpperCase()))
const telling = fc.constantFrom(...headerValues)
const headers = fc.oneof(
  { weight: 8, arbitrary: fc.dictionary(cased, telling, { maxKeys: 6 }) },
  { weight: 2, arbitrary: fc.dictionary(fc.oneof(cased, text), fc.oneof(telling, json), { maxKeys: 4 }) },
  { weight: 1, arbitrary: json },
  { weight: 1, arbitrary: fc.constant(Object.fromEntries(Array.from({ length: 2500 }, (_, n) => [`x${n}`, "1"]))) }
)

const path = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...places) },
  { weight: 2, arbitrary: text.map((rest) => `/any/${rest}`) },
  text.map((rest) => `/${rest}`),
  json
)
const method = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...methods) },
  fc.constantFrom(...oddMethods),
  text,
  json
)
const payload = fc.oneof(json, text, fc.constantFrom(...payloads))

const request = fc.record({ type: fc.constant("request"), method, path, headers, payload }, {
  requiredKeys: ["type", "method", "path"]
})

const claims = fc.oneof(
  fc.record({
    user: fc.oneof(fc.constantFrom("a", "nobody", "dies", "revoked", "__proto__", ""), json),
    scope: json,
    artifacts: fc.constantFrom(...artifacts)
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
    expect(child.alive ? await child.call("passed") : "dead").toEqual([])
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
      { numRuns: fc.runs(150, 2000), endOnFailure: true }
    )
    expect(child.alive).toBe(true)
    expect([200, 400, 404].filter((status) => (statuses.get(status) ?? 0) < 10)).toEqual([])
    expect(await asker.ask({ type: "request", method: "GET", path: "/" })).toContain(`"world"`)
  })

  it("for a payload that claims to be of a type and an encoding is answered", { timeout: 120_000 }, async () => {
    // With one seed, who has to authenticate and how says nothing more about payloads: one setup of each door has them all.
    const all = places.filter((place) => /^\/(payload|any\/x$)/.test(place))
    for (const path of setup.wide === "required" ? all : all.slice(0, fc.runs(1, all.length))) {
      for (const type of ["application/json", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"]) {
        for (const encoding of ["gzip", "deflate", "br", "identity"]) {
          const headers = { "content-type": type, "content-encoding": encoding }
          await Promise.all(
            payloads.map((payload) => asked(child, asker, { type: "request", method: "POST", path, headers, payload }))
          )
        }
      }
    }
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
      { numRuns: fc.runs(100, 500), endOnFailure: true }
    )
    expect(child.alive).toBe(true)
    expect(kinds.size).toBe(2)
  })
})
