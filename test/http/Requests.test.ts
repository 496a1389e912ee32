/** Requests over a socket, through the platform's routers and middleware. */
import { describe, expect, it } from "@effect/vitest"
import * as ByteSize from "effect/ByteSize"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"
import type { RequestOptions } from "../../src/client.js"
import { Refusal, Socket } from "../../src/index.js"
import { address, bare, connect, outcome, serving } from "./Serving.js"

const { empty, raw, stream, text, uint8Array, jsonUnsafe } = HttpServerResponse

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const answers = Layer.mergeAll(
  HttpRouter.add("GET", "/json", jsonUnsafe({ a: ["ü😀", null] })),
  HttpRouter.add("GET", "/json-null", jsonUnsafe(null)),
  HttpRouter.add("GET", "/json-spaced", text("{ \"a\" :\n1 }", { contentType: "application/json; charset=utf-8" })),
  HttpRouter.add("GET", "/json-broken", text("{\"a\":", { contentType: "application/json" })),
  HttpRouter.add("GET", "/json-suffix", text("{\"a\":1}", { contentType: "application/problem+json" })),
  HttpRouter.add("GET", "/jsonish", text("{\"a\":1}", { contentType: "application/jsonlines" })),
  HttpRouter.add("GET", "/text", text("ünï")),
  HttpRouter.add("GET", "/text-empty", text("")),
  HttpRouter.add("GET", "/empty", empty()),
  HttpRouter.add("GET", "/empty-200", empty({ status: 200 })),
  HttpRouter.add("GET", "/bytes", uint8Array(bytes("ünï"))),
  HttpRouter.add("GET", "/raw", raw("as it is")),
  HttpRouter.add("GET", "/raw-bytes", raw(bytes("bytes"))),
  HttpRouter.add("GET", "/raw-nothing", raw(undefined, { status: 200 })),
  HttpRouter.add("GET", "/raw-readable", Effect.sync(() => raw(Readable.from(["a", "b"])))),
  HttpRouter.add("GET", "/raw-web", Effect.sync(() => HttpServerResponse.fromWeb(new Response("web")))),
  HttpRouter.add(
    "GET",
    "/form",
    Effect.sync(() => {
      const data = new FormData()
      data.set("field", "value")
      return HttpServerResponse.formData(data)
    })
  ),
  HttpRouter.add(
    "GET",
    "/stream",
    stream(Stream.make(bytes("one "), new Uint8Array([0xc3]), new Uint8Array([0xbc])), { contentType: "text/plain" })
  ),
  HttpRouter.add(
    "GET",
    "/stream-json",
    stream(Stream.make(bytes("{\"a\""), bytes(":1}")), { contentType: "application/json" })
  ),
  HttpRouter.add("GET", "/redirect", HttpServerResponse.redirect("/elsewhere"))
)

const errors = Layer.mergeAll(
  HttpRouter.add("GET", "/error-empty", empty({ status: 418 })),
  HttpRouter.add("GET", "/error-text", text("no", { status: 403 })),
  HttpRouter.add("GET", "/error-json", jsonUnsafe({ message: "mine", code: 7 }, { status: 409 }))
)

const json = { statusCode: 200, headers: expect.objectContaining({ "content-type": "application/json" }) }

describe("what a route answers", () => {
  it.live("arrives as the hapi door has it", () =>
    Effect.gen(function*() {
      const client = yield* connect()
      const payload = (path: string) =>
        Effect.map(outcome(() => client.request(path)), (answer) => (answer as { readonly payload: unknown }).payload)
      expect(yield* outcome(() => client.request("/json"))).toEqual({ ...json, payload: { a: ["ü😀", null] } })
      expect(yield* payload("/json-null")).toBe(null)
      expect(yield* payload("/json-spaced")).toEqual({ a: 1 })
      expect(yield* payload("/json-broken")).toBe("{\"a\":")
      expect(yield* payload("/json-suffix")).toEqual({ a: 1 })
      expect(yield* payload("/jsonish")).toBe("{\"a\":1}")
      expect(yield* payload("/text")).toBe("ünï")
      expect(yield* payload("/text-empty")).toBe("")
      expect(yield* outcome(() => client.request("/empty"))).toEqual({ payload: null, statusCode: 204, headers: {} })
      expect(yield* outcome(() => client.request("/empty-200"))).toEqual({
        payload: null,
        statusCode: 200,
        headers: {}
      })
      expect(yield* payload("/bytes")).toBe("ünï")
      expect(yield* payload("/raw")).toBe("as it is")
      expect(yield* payload("/raw-bytes")).toBe("bytes")
      expect(yield* payload("/raw-nothing")).toBe(null)
      expect(yield* payload("/raw-readable")).toBe("ab")
      expect(yield* payload("/raw-web")).toBe("web")
      expect(yield* payload("/form")).toMatch(/name="field"\r\n\r\nvalue/)
      expect(yield* payload("/stream")).toBe("one ü")
      expect(yield* payload("/stream-json")).toEqual({ a: 1 })
      expect(yield* outcome(() => client.request({ method: "HEAD", path: "/json" }))).toEqual({
        ...json,
        payload: null
      })
      expect(yield* outcome(() => client.request("/redirect"))).toEqual({
        payload: null,
        statusCode: 302,
        headers: { location: "/elsewhere" }
      })
    }).pipe(Effect.provide(serving(answers, { headers: "*" }))))

  it.live("never lacks a body where it is an error: old clients end their process on one", () =>
    Effect.gen(function*() {
      const { answers, socket } = yield* bare()
      const paths = ["/error-empty", "/error-text", "/error-json", "/missing", "/%zz"]
      yield* Effect.promise(() =>
        new Promise<void>((resolve) => {
          socket.on("message", () => answers.length === paths.length + 1 && resolve())
          paths.forEach((path, index) =>
            socket.send(JSON.stringify({ type: "request", method: "GET", id: index + 2, path }))
          )
        })
      )
      const notFound = { statusCode: 404, payload: { statusCode: 404, error: "Not Found", message: "Not Found" } }
      expect(answers.slice(1)).toEqual([
        {
          type: "request",
          id: 2,
          statusCode: 418,
          payload: { statusCode: 418, error: "I'm a teapot", message: "I'm a teapot" }
        },
        { type: "request", id: 3, statusCode: 403, payload: "no" },
        { type: "request", id: 4, statusCode: 409, payload: { message: "mine", code: 7 } },
        { type: "request", id: 5, ...notFound },
        { type: "request", id: 6, ...notFound }
      ])
    }).pipe(Effect.provide(serving(errors))))

  const cookies = empty().pipe(
    HttpServerResponse.setCookieUnsafe("a", "1"),
    HttpServerResponse.setCookieUnsafe("b", "2")
  )

  it.live("brings the headers that clients may see, cookies too", () =>
    Effect.gen(function*() {
      const client = yield* connect()
      const { headers } = yield* Effect.promise(() => client.request("/"))
      expect(headers).toEqual({ "set-cookie": ["a=1", "b=2"] })
    }).pipe(
      Effect.provide(serving(HttpRouter.add("GET", "/", cookies), { headers: ["Set-Cookie", "x-no"] }))
    ))
})

describe("what a route is asked", () => {
  const router = Layer.mergeAll(
    HttpRouter.add(
      "*",
      "/seen/:id",
      Effect.gen(function*() {
        const request = yield* HttpServerRequest.HttpServerRequest
        const socket = yield* Socket.CurrentSocket
        return jsonUnsafe({
          method: request.method,
          url: request.url,
          original: request.originalUrl,
          params: yield* HttpRouter.params,
          search: yield* HttpServerRequest.ParsedSearchParams,
          headers: { ...request.headers },
          cookies: request.cookies,
          address: Option.getOrNull(request.remoteAddress) !== null,
          socket: Option.isSome(socket)
        })
      })
    ),
    HttpRouter.add(
      "POST",
      "/text",
      Effect.flatMap(HttpServerRequest.HttpServerRequest, (_) => Effect.map(_.text, (_) => text(_)))
    ),
    HttpRouter.add(
      "POST",
      "/json",
      Effect.flatMap(HttpServerRequest.HttpServerRequest, (_) => Effect.map(_.json, (_) => jsonUnsafe({ json: _ })))
    ),
    HttpRouter.add(
      "POST",
      "/params",
      Effect.map(
        HttpServerRequest.schemaBodyUrlParams(Schema.Struct({ a: Schema.NumberFromString })),
        (_) => jsonUnsafe(_)
      )
    ),
    HttpRouter.add(
      "POST",
      "/bytes",
      Effect.gen(function*() {
        const request = yield* HttpServerRequest.HttpServerRequest
        const all = (yield* Stream.runCollect(request.stream)).map((_) => _.byteLength)
        return jsonUnsafe([(yield* request.arrayBuffer).byteLength, ...all])
      })
    ),
    HttpRouter.add(
      "POST",
      "/multipart",
      Effect.gen(function*() {
        const request = yield* HttpServerRequest.HttpServerRequest
        const parts = yield* Stream.runCollect(request.multipartStream)
        return jsonUnsafe(parts.map((_) => _._tag === "Field" ? [_.key, _.value] : _._tag))
      })
    ),
    HttpRouter.add(
      "GET",
      "/upgrade",
      Effect.flatMap(HttpServerRequest.HttpServerRequest, (_) => Effect.as(_.upgrade, empty()))
    ),
    HttpRouter.add(
      "GET",
      "/print",
      Effect.map(HttpServerRequest.HttpServerRequest, (request) => text(String(request)))
    ),
    HttpRouter.addAll([
      HttpRouter.route(
        "GET",
        "/here",
        Effect.map(HttpServerRequest.HttpServerRequest, (_) => text(`${_.url} of ${_.originalUrl}`))
      )
    ], { prefix: "/mounted" })
  )

  it.live("comes as an HTTP request would", () =>
    Effect.gen(function*() {
      const client = yield* connect()
      const ask = (options: string | RequestOptions): Effect.Effect<unknown> =>
        Effect.map(Effect.promise(() => client.request(options)), (_) => _.payload)
      const post = (path: string, payload: unknown, headers?: Record<string, string>) =>
        ask({ method: "POST", path, payload, ...(headers && { headers }) })

      expect(
        yield* ask({
          method: "put",
          path: "/seen/5?a=1&a=2&b=%20",
          headers: { "X-A": "b", Cookie: "c=d; e=f" },
          payload: {}
        })
      ).toEqual({
        method: "PUT",
        url: "/seen/5?a=1&a=2&b=%20",
        original: "/seen/5?a=1&a=2&b=%20",
        params: { id: "5" },
        search: { a: ["1", "2"], b: " " },
        headers: {
          "x-a": "b",
          cookie: "c=d; e=f",
          "content-type": "application/json",
          host: expect.stringMatching(/^127\.0\.0\.1:\d+$/)
        },
        cookies: { c: "d", e: "f" },
        address: true,
        socket: true
      })
      for (const payload of [{ a: [1] }, [1, "ü"], 5, 0, false]) {
        expect(yield* post("/json", payload)).toEqual({ json: payload })
        expect(yield* post("/text", payload)).toBe(JSON.stringify(payload))
      }
      expect(yield* post("/text", null)).toBe("")
      expect(yield* post("/json", "{\"a\":1}")).toEqual({ json: { a: 1 } })
      expect(yield* outcome(() => client.request({ method: "POST", path: "/json", payload: "not json" })))
        .toEqual({ message: "Bad Request", statusCode: 400 })
      expect(yield* post("/text", "as it is")).toBe("as it is")
      expect(yield* post("/params", "a=5")).toEqual({ a: 5 })
      expect(yield* post("/bytes", "ü")).toEqual([2, 2])
      expect(
        yield* post("/multipart", "--x\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\nb\r\n--x--\r\n", {
          "content-type": "multipart/form-data; boundary=x"
        })
      ).toEqual([["a", "b"]])
      expect(yield* ask("/mounted/here?q")).toBe("/here?q of /mounted/here?q")
      expect(yield* outcome(() => client.request("/upgrade"))).toEqual({ message: "Bad Request", statusCode: 400 })
      expect(yield* ask("/print")).toContain("/print")
    }).pipe(Effect.provide(serving(router))))

  it.live("comes by HTTP too, to the same routes, without a socket", () =>
    Effect.gen(function*() {
      const response = yield* Effect.flatMap(address, (_) => Effect.promise(() => fetch(`http:${_}/seen/5`)))
      expect(yield* Effect.promise(() => response.json())).toMatchObject({ method: "GET", socket: false })
    }).pipe(Effect.provide(serving(router))))

  const tagging = HttpMiddleware.make((app) =>
    Effect.gen(function*() {
      const request = yield* HttpServerRequest.HttpServerRequest
      const response = yield* Effect.provideService(
        app,
        HttpServerRequest.HttpServerRequest,
        request.modify({
          headers: Headers.set(request.headers, "x-middleware", "was here"),
          remoteAddress: Option.some("1.2.3.4")
        })
      )
      return response
    })
  )

  it.live("may be no larger than the application has it", () =>
    Effect.gen(function*() {
      const read = <E>(by: (request: HttpServerRequest.HttpServerRequest) => Effect.Effect<unknown, E>) =>
        HttpServerRequest.HttpServerRequest.pipe(
          Effect.flatMap(by),
          Effect.map((_) => jsonUnsafe(_)),
          Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(10))
        )
      const router = Layer.mergeAll(
        HttpRouter.add("POST", "/json", read((_) => _.json)),
        HttpRouter.add("POST", "/text", read((_) => _.text)),
        HttpRouter.add("POST", "/params", read((_) => _.urlParamsBody)),
        HttpRouter.add("POST", "/bytes", read((_) => Effect.map(_.arrayBuffer, ({ byteLength }) => byteLength)))
      )
      yield* Effect.gen(function*() {
        const client = yield* connect()
        const post = (path: string, payload: unknown) =>
          outcome(() => client.request({ method: "POST", path, payload }))
        const refused = { message: "Request Entity Too Large", statusCode: 413 }
        for (const path of ["/json", "/text", "/params", "/bytes"]) {
          expect(yield* post(path, "\"aaaaaaaa\"")).toMatchObject({ statusCode: 200 })
          expect(yield* post(path, "\"aaaaaaaü\"")).toEqual(refused)
        }
        expect(yield* post("/json", [1, 2, 3])).toMatchObject({ payload: [1, 2, 3] })
        expect(yield* post("/json", [1, 2, 3, 4, 5, 6])).toEqual(refused)
      }).pipe(Effect.provide(serving(router)))
    }))

  it.live("goes through the server's middleware", () =>
    Effect.gen(function*() {
      const client = yield* connect()
      const { payload } = yield* Effect.promise(() => client.request("/seen/5"))
      expect(payload).toMatchObject({ headers: { "x-middleware": "was here" }, socket: true })
      expect(yield* outcome(() => client.request("/none"))).toEqual({ message: "Not Found", statusCode: 404 })
    }).pipe(Effect.provide(serving(router, { middleware: tagging }))))
})

describe("a route that", () => {
  const failing = (started: Deferred.Deferred<void>, ended: Deferred.Deferred<void>) => {
    const forever = <A>(effect: Effect.Effect<A>) =>
      Effect.onInterrupt(
        Effect.andThen(Deferred.succeed(started, undefined), effect),
        () => Deferred.succeed(ended, undefined)
      )
    return Layer.mergeAll(
      HttpRouter.add("GET", "/refuses", Refusal.forbidden("not you")),
      HttpRouter.add("GET", "/fails", Effect.fail("secret")),
      HttpRouter.add("GET", "/dies", Effect.die(new TypeError("secret"))),
      HttpRouter.add(
        "GET",
        "/throws",
        Effect.sync(() => {
          throw new TypeError("secret")
        })
      ),
      HttpRouter.add("GET", "/dies-response", Effect.die(text("by a defect", { status: 410 }))),
      HttpRouter.add("GET", "/interrupts", Effect.interrupt),
      HttpRouter.add("GET", "/stream-fails", stream(Stream.concat(Stream.make(bytes("a")), Stream.fail("secret")))),
      HttpRouter.add("GET", "/stream-dies", stream(Stream.die(new Error("secret")))),
      HttpRouter.add("GET", "/stream-long", stream(Stream.forever(Stream.make(new Uint8Array(1000))))),
      HttpRouter.add("GET", "/events", stream(Stream.never, { contentType: "text/event-stream" })),
      HttpRouter.add("GET", "/binary", uint8Array(new Uint8Array([0xff, 65]))),
      HttpRouter.add("GET", "/stream-binary", stream(Stream.make(new Uint8Array([0xff, 65])))),
      HttpRouter.add("GET", "/encoded", uint8Array(bytes("x"), { headers: { "content-encoding": "gzip" } })),
      HttpRouter.add("GET", "/raw-unreadable", raw({ not: "readable" })),
      HttpRouter.add("GET", "/never", forever(Effect.never)),
      HttpRouter.add("GET", "/stream-never", stream(Stream.fromEffect(forever(Effect.never)))),
      HttpRouter.add("GET", "/fine", text("fine"))
    )
  }

  it.live("fails, dies, is interrupted or cannot be read is answered, and the others go on", () =>
    Effect.gen(function*() {
      const started = yield* Deferred.make<void>()
      yield* Effect.gen(function*() {
        const client = yield* connect()
        const internal = { message: "An internal server error occurred", statusCode: 500 }
        const expected = {
          "/refuses": { message: "not you", statusCode: 403 },
          "/fails": internal,
          "/dies": internal,
          "/throws": internal,
          "/dies-response": { message: "Error", statusCode: 410 },
          "/interrupts": { message: "Service Unavailable", statusCode: 503 },
          "/stream-fails": internal,
          "/stream-dies": internal,
          "/stream-long": {
            message: "The response is longer than 10000 bytes and cannot be sent over a socket",
            statusCode: 500
          },
          "/events": {
            message: "The response is a stream of events and cannot be sent over a socket",
            statusCode: 500
          },
          "/raw-unreadable": internal,
          "/binary": { message: "The response is binary and cannot be sent over a socket", statusCode: 500 },
          "/stream-binary": { message: "The response is binary and cannot be sent over a socket", statusCode: 500 },
          "/encoded": { message: "The response is encoded (gzip) and cannot be sent over a socket", statusCode: 500 }
        }
        const all = yield* Effect.all(
          Object.keys(expected).map((path) =>
            Effect.map(outcome(() => client.request(path)), (_) => [path, _] as const)
          ),
          { concurrency: "unbounded" }
        )
        expect(Object.fromEntries(all)).toEqual(expected)
        expect(yield* Effect.promise(() => client.request("/fine"))).toMatchObject({ payload: "fine" })
      }).pipe(Effect.provide(serving(failing(started, started), { maxStreamBytes: 10_000 })))
    }))

  for (const path of ["/never", "/stream-never"]) {
    it.live(`never ends (${path}) is interrupted when its connection closes`, () =>
      Effect.gen(function*() {
        const started = yield* Deferred.make<void>()
        const ended = yield* Deferred.make<void>()
        yield* Effect.gen(function*() {
          const client = yield* connect()
          const call = outcome(() => client.request(path))
          yield* Effect.forkChild(call)
          yield* Deferred.await(started)
          expect(yield* Effect.promise(() => client.request("/fine"))).toMatchObject({ payload: "fine" })
          expect(yield* Deferred.isDone(ended)).toBe(false)
          yield* Effect.promise(() => client.disconnect())
          yield* Deferred.await(ended)
        }).pipe(Effect.provide(serving(failing(started, ended))))
      }))
  }
})
