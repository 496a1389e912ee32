/** One HttpApi over HTTP and over the socket: whatever its Schemas and handlers are, the client sees the same. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Cookies from "effect/http/Cookies"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schema from "effect/Schema"
import { createServer } from "node:http"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { NesClient, NesHttpClient, NesHttpServer } from "../../src/index.js"
import * as fc from "../harness/Property.js"

class Missing extends Schema.TaggedError<Missing>()("Missing", { id: Schema.Number }, {
  httpApiStatus: 404
}) {}
class Odd extends Schema.TaggedError<Odd>()("Odd", { why: Schema.NullOr(Schema.String) }, {
  httpApiStatus: 418
}) {}

const Struct = Schema.Struct({ a: Schema.optional(Schema.String), at: Schema.Date })

/** Each kind of success, and what handlers may answer. */
const successes = {
  text: [HttpApiSchema.asText()(Schema.String), fc.string()],
  csv: [HttpApiSchema.asText({ contentType: "text/csv" })(Schema.String), fc.string()],
  string: [Schema.String, fc.string()],
  nullable: [Schema.NullOr(Schema.String), fc.option(fc.string())],
  nothing: [Schema.Void, fc.constant(undefined)],
  none: [HttpApiSchema.NoContent, fc.constant(undefined)],
  created: [HttpApiSchema.status(201)(Schema.Struct({ id: Schema.Number })), fc.record({ id: fc.integer() })],
  boolean: [Schema.Boolean, fc.boolean()],
  number: [Schema.Finite, fc.double({ noNaN: true, noDefaultInfinity: true })],
  struct: [
    Struct,
    fc.record({ a: fc.string(), at: fc.date({ noInvalidDate: true }) }, { requiredKeys: ["at"] })
  ],
  list: [Schema.Array(Schema.NullOr(Schema.Number)), fc.array(fc.option(fc.integer()))],
  union: [
    Schema.Union([Schema.Struct({ n: Schema.Number }), Schema.Struct({ s: Schema.String }), Schema.Null]),
    fc.oneof(fc.record({ n: fc.integer() }), fc.record({ s: fc.string() }), fc.constant(null))
  ],
  unknown: [Schema.Unknown, fc.jsonValue()]
} as const

type Name = keyof typeof successes
const names = Object.keys(successes) as ReadonlyArray<Name>

const payload = Schema.Union([Schema.Struct({ name: Schema.NullOr(Schema.String) }), Schema.Array(Schema.Number)])

const endpoint = (name: Name) =>
  HttpApiEndpoint.post(name, `/${name}`, {
    payload,
    headers: { "x-in": Schema.String },
    success: successes[name][0],
    error: [Missing, Odd, HttpApiSchema.Empty(409)]
  })

const Api = HttpApi.make("all").add(
  names.reduce(
    (group, name) => group.add(endpoint(name)),
    HttpApiGroup.make("kinds") as unknown as HttpApiGroup.HttpApiGroup<"kinds", ReturnType<typeof endpoint>>
  )
)

/** What the next call is answered with, and what it was asked with. */
let next: Exit.Exit<unknown, unknown>
let asked: unknown

const Kinds = HttpApiBuilder.group(Api, "kinds", (handlers) =>
  names.reduce(
    (handlers, name) =>
      handlers.handle(name, ({ headers, payload }) => {
        asked = [headers["x-in"], payload]
        return next as Exit.Exit<never>
      }) as never,
    handlers
  ) as never)

// What an HttpApi does not make: any status, header and body.
let raw: HttpServerResponse.HttpServerResponse
let seen: unknown
const Raw = HttpRouter.add(
  "*",
  "/raw",
  Effect.gen(function*() {
    const request = yield* HttpServerRequest.HttpServerRequest
    seen = [request.headers["content-type"] ?? null, yield* request.text]
    return raw
  })
)

const server = createServer()
const Live = NesHttpServer.serve(
  Layer.mergeAll(HttpApiBuilder.layer(Api).pipe(Layer.provide(Kinds as never)) as Layer.Layer<never>, Raw),
  { server, heartbeat: false, headers: ["x-out", "set-cookie"] }
).pipe(Layer.provideMerge(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" })))

const runtime = ManagedRuntime.make(Live as Layer.Layer<HttpServer.HttpServer>)
let ask: (over: "http" | "socket", name: Name, payload: unknown) => Promise<unknown>
let send: (over: "http" | "socket", request: HttpClientRequest.HttpClientRequest) => Promise<unknown>
let stop: () => Promise<void>

beforeAll(async () => {
  const url = await runtime.runPromise(HttpServer.addressFormattedWith((address) => Effect.succeed(address)))
  const Socket = Layer.provideMerge(
    NesHttpClient.layer,
    NesClient.layer({ url: url.replace("http", "ws"), connect: "required" })
  )
  const transports = { http: ManagedRuntime.make(FetchHttpClient.layer), socket: ManagedRuntime.make(Socket) }
  stop = async () => {
    await transports.socket.dispose()
    await transports.http.dispose()
  }
  ask = (over, name, payload) =>
    transports[over].runPromise(Effect.gen(function*() {
      const { kinds } = yield* HttpApiClient.make(Api, { baseUrl: url })
      const call = kinds[name] as unknown as (input: unknown) => Effect.Effect<unknown, unknown>
      const exit = yield* Effect.exit(call({ payload, headers: { "x-in": "in" } }))
      return { exit: JSON.stringify(exit), is: Exit.isSuccess(exit) ? exit.value : undefined, asked }
    }) as Effect.Effect<unknown, never, HttpClient.HttpClient>)
  send = (over, request) =>
    transports[over].runPromise(Effect.gen(function*() {
      const response = yield* HttpClient.execute(HttpClientRequest.prependUrl(request, url))
      // What says how a message travels is HTTP's.
      const headers = Object.fromEntries(Object.entries(response.headers).filter(([name]) => !travel.has(name)))
      const cookies = Cookies.toSetCookieHeaders(response.cookies)
      return { status: response.status, headers, cookies, text: yield* response.text, seen }
    }) as Effect.Effect<unknown, never, HttpClient.HttpClient>)
})
afterAll(async () => {
  await stop()
  await runtime.dispose()
})

const travel = new Set(["connection", "content-length", "date", "keep-alive", "transfer-encoding", "vary"])

const bodies = fc.oneof(
  fc.record({ name: fc.option(fc.string()) }),
  fc.array(fc.integer(), { maxLength: 3 })
)

describe("an HttpApi is the same over HTTP and over the socket", () => {
  for (const name of names) {
    it(`a success of kind ${name}`, () =>
      fc.assert(
        fc.asyncProperty(successes[name][1] as fc.Arbitrary<unknown>, bodies, async (value, payload) => {
          next = Exit.succeed(value)
          const http = await ask("http", name, payload)
          expect(await ask("socket", name, payload)).toEqual(http)
          expect(http).toMatchObject({ asked: ["in", payload] })
        }),
        { numRuns: 25 }
      ))
  }

  it("every kind of error", async () => {
    const errors = [new Missing({ id: 5 }), new Odd({ why: null }), new Odd({ why: "so" }), undefined]
    for (const error of errors) {
      for (const name of names) {
        next = Exit.fail(error)
        const http = await ask("http", name, { name: null })
        expect(await ask("socket", name, { name: null })).toEqual(http)
        expect(http).toMatchObject({ exit: expect.stringContaining("Failure") })
      }
    }
    next = Exit.die(new Error("a fault"))
    expect(await ask("socket", "text", [])).toEqual(await ask("http", "text", []))
  })
})

describe("a response is the same over HTTP and over the socket", () => {
  const statuses = [200, 201, 204, 304, 400, 404, 409, 418, 500, 503]
  const texts = ["", "text", "null", "{\"a\":1}", "\"json\"", "[1,null]", "{", "ü€"]
  const types = ["text/plain", "application/json", "application/problem+json", "text/html; charset=utf-8"]

  it("whatever its status, type, headers and body", async () => {
    for (const status of statuses) {
      const responses = [
        HttpServerResponse.empty({ status, headers: { "x-out": "1" } }),
        ...texts.flatMap((text) => types.map((contentType) => HttpServerResponse.text(text, { status, contentType })))
      ]
      for (const response of responses) {
        raw = response
        const request = HttpClientRequest.get("/raw")
        const http = await send("http", request)
        expect([status, response.body, await send("socket", request)]).toEqual([status, response.body, http])
      }
    }
  })

  it("whatever its cookies", async () => {
    const expires = new Date(0)
    for (const given of [["a"], ["a", "b"], ["a", "b", "c"]]) {
      raw = given.reduce(
        (response, name) => HttpServerResponse.setCookieUnsafe(response, name, `${name}, 1`, { expires, path: "/" }),
        HttpServerResponse.text("ok")
      )
      const http = await send("http", HttpClientRequest.get("/raw"))
      expect(http).toMatchObject({ cookies: { length: given.length } })
      expect(await send("socket", HttpClientRequest.get("/raw"))).toEqual(http)
    }
  })

  it("to a request of any method and body", async () => {
    raw = HttpServerResponse.text("ok")
    const requests = [
      HttpClientRequest.head("/raw"),
      HttpClientRequest.delete("/raw"),
      HttpClientRequest.post("/raw"),
      ...texts.map((text) => HttpClientRequest.bodyText(HttpClientRequest.put("/raw"), text)),
      ...[null, "text", 5, true, {}, [null]].map((json) =>
        HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.patch("/raw"), json)
      )
    ]
    for (const request of requests) {
      const http = await send("http", request)
      expect([request.body, await send("socket", request)]).toEqual([request.body, http])
    }
  })

  it("but for a body that is no text, which is refused before it is sent", async () => {
    const request = HttpClientRequest.bodyUint8Array(HttpClientRequest.post("/raw"), new Uint8Array([0xff, 0xfe]))
    seen = "nothing"
    await expect(send("socket", request)).rejects.toThrow("The body is not text")
    expect(seen).toBe("nothing")
  })
})
