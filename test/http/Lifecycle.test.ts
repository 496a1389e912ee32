/** How a server starts, shares its port, and ends. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { describe, expect, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiError from "effect/http-api/HttpApiError"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { connect as connectTcp } from "node:net"
import { WebSocket } from "ws"
import { Client } from "../../src/client.js"
import { Authentication, NesClient, NesHttpServer, NesServer, Socket, TestServer } from "../../src/index.js"
import { address, bare, connect, outcome, serving } from "./Serving.js"

const router = HttpRouter.add("GET", "/", HttpServerResponse.text("here"))

/** Builds a Layer in a scope of its own, which the test closes. */
const start = <A, E>(layer: Layer.Layer<A, E>) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(layer, scope)
    return { context, stop: Scope.close(scope, Exit.void) }
  })

describe("starting", () => {
  it.live("on a port that is taken fails with one clear error", () =>
    Effect.gen(function*() {
      const taken = yield* Effect.acquireRelease(
        Effect.callback<ReturnType<typeof createServer>>((resume) => {
          const server = createServer()
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
      )
      const { port } = taken.address() as AddressInfo
      const server = createServer()
      const error = yield* Effect.flip(Layer.build(
        NesHttpServer.serve(router, { server }).pipe(
          Layer.provide(NodeHttpServer.layer(() => server, { port, host: "127.0.0.1" }))
        )
      ))
      expect(error).toMatchObject({ _tag: "ServeError", cause: { code: "EADDRINUSE", port } })
    }))

  it.effect("with invalid options fails with one that says which", () =>
    Effect.gen(function*() {
      const complaint = (options: NesHttpServer.Options) =>
        Effect.scoped(Effect.flip(NesHttpServer.make(Effect.succeed(HttpServerResponse.empty()), options)))
      const authenticate = Effect.succeed({ credentials: {} })
      const made = "auth: expected what Authentication.make returns, or false"
      const unmade = "auth.authenticate: expected an Effect"
      const modes = "auth.mode: expected \"required\" or \"optional\" or \"try\""
      const expected: ReadonlyArray<readonly [NesHttpServer.Options, string]> = [
        [{ heartbeat: { interval: 5, timeout: 5 } }, "heartbeat.timeout: must be less than heartbeat.interval"],
        [{ heartbeat: { interval: 0, timeout: 5 } }, "heartbeat.interval: expected a positive duration"],
        [{ maxConnections: 0.5 }, "maxConnections: expected false or a positive integer"],
        [{ maxChunkChars: -1 }, "maxChunkChars: expected false or a positive integer"],
        ...["nes", "/nes?a=1", "/nes#a", "/näs", "/my nes", "/a/../nes"].map((path) =>
          [{ path }, "path: expected a path that begins with /, as in a URL: encoded, and without a query"] as const
        ),
        ...([
          [{ heartbeet: false }, "heartbeet: is unexpected"],
          [{ onMessage: "x" }, "onMessage: expected a function"],
          [{ auth: true }, made],
          [{ auth: {} }, unmade],
          [{ auth: { type: "token", password: "x".repeat(32) } }, unmade],
          [{ auth: { ...Authentication.make({ authenticate }), mode: "requird" } }, modes],
          [{ auth: Authentication.make({ authenticate, mode: "requird" as "required" }) }, modes],
          [{ auth: Authentication.make({ authenticate, tipe: "token" } as never) }, "auth.tipe: is unexpected"],
          [{ auth: Authentication.make({ authenticate, verify: true as never }) }, "auth.verify: expected a function"]
        ] as unknown as ReadonlyArray<readonly [NesHttpServer.Options, string]>)
      ]
      for (const [options, message] of expected) {
        expect(yield* complaint(options)).toMatchObject({
          _tag: "UserError",
          message: expect.stringMatching(new RegExp(`^Invalid nes configuration: ${message}(?:, known are .+)?$`))
        })
      }
    }))

  it.live("with options from Config", () =>
    Effect.gen(function*() {
      const server = createServer()
      const platform = NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" })
      const Live = NesHttpServer.serveConfig(router, { server }, {
        path: Config.String("PATH"),
        maxConnections: Config.Int("MAX"),
        heartbeat: Config.all({ interval: Config.Duration("INTERVAL"), timeout: Config.Duration("TIMEOUT") })
      }).pipe(Layer.provideMerge(platform))
      const given = (...entries: ReadonlyArray<readonly [string, string]>) =>
        ConfigProvider.layer(ConfigProvider.fromEnv({ env: Object.fromEntries(entries) }))
      const error = yield* Effect.flip(Layer.build(Layer.provide(Live, given())))
      expect(error).toMatchObject({ _tag: "ConfigError" })
      yield* Effect.gen(function*() {
        const { answers } = yield* bare("/nes?x")
        expect(answers[0]).toMatchObject({ type: "hello", heartbeat: { interval: 2000, timeout: 1000 } })
        // One more than MAX is closed before it has said anything.
        const refused = yield* Effect.flip(connect({}, "/nes"))
        expect(refused).toMatchObject({ message: expect.any(String) })
      }).pipe(
        Effect.provide(
          Layer.provide(
            NesHttpServer.layerConfig(router, { server }, {
              path: Config.String("PATH"),
              maxConnections: Config.Int("MAX"),
              heartbeat: Config.all({ interval: Config.Duration("INTERVAL"), timeout: Config.Duration("TIMEOUT") })
            }).pipe(Layer.provideMerge(platform)),
            given(["PATH", "/nes"], ["MAX", "1"], ["INTERVAL", "2 seconds"], ["TIMEOUT", "1 second"])
          )
        )
      )
    }))
})

describe("one port", () => {
  const upgrading = Layer.mergeAll(
    router,
    HttpRouter.add(
      "*",
      "/other",
      Effect.gen(function*() {
        const socket = yield* Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => request.upgrade)
        const { write } = yield* socket.writer
        const { pull } = yield* socket.reader
        return yield* Effect.forever(Effect.flatMap(pull, ([data]) => write(`echo ${String(data)}`)))
      }).pipe(Effect.orDie)
    )
  )

  it.live("has HTTP, our sockets, and those of the application's own routes", () =>
    Effect.gen(function*() {
      const where = yield* address
      const http = yield* Effect.promise(() => fetch(`http:${where}/`))
      expect(yield* Effect.promise(() => http.text())).toBe("here")
      const client = yield* connect({}, "/nes")
      expect(yield* outcome(() => client.request("/"))).toMatchObject({ payload: "here" })
      const echoed = yield* Effect.promise(() =>
        new Promise<string>((resolve, reject) => {
          const socket = new WebSocket(`ws:${where}/other`)
          let answer = ""
          socket.once("error", reject)
          socket.once("open", () => socket.send("hi"))
          socket.once("message", (data) => {
            answer = String(data)
            socket.close()
          })
          socket.once("close", () => resolve(answer))
        })
      )
      expect(echoed).toBe("echo hi")
    }).pipe(Effect.provide(serving(upgrading, { path: "/nes" }))))

  const raw = (head: string) =>
    Effect.flatMap(address, (where) =>
      Effect.promise(() =>
        new Promise<string>((resolve) => {
          const [, port] = where.slice(2).split(":")
          let received = ""
          const socket = connectTcp(Number(port), "127.0.0.1", () => socket.write(head))
          socket.setEncoding("utf8").on("data", (text: string) => (received += text))
          socket.once("close", () => resolve(received))
        })
      ))

  it.live("refuses upgrades that are nobody's", () =>
    Effect.gen(function*() {
      const answer = yield* raw("GET /none HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
      expect(answer).toMatch(/^HTTP\/1\.1 404 /)
    }).pipe(Effect.provide(Layer.suspend(() => {
      const server = createServer()
      return NesHttpServer.layer(router, { server, path: "/nes" }).pipe(
        Layer.provideMerge(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" }))
      )
    }))))

  it.live("refuses upgrades from other origins, and those that are none", () =>
    Effect.gen(function*() {
      const upgrade = (method: string, headers: string) =>
        raw(
          `${method} / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
            `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${headers}\r\n`
        )
      const version = "Sec-WebSocket-Version: 13\r\n"
      expect(yield* upgrade("GET", `${version}Origin: https://evil.example\r\n`)).toMatch(/^HTTP\/1\.1 401 /)
      expect(yield* upgrade("GET", version)).toMatch(/^HTTP\/1\.1 401 /)
      expect(yield* upgrade("POST", `${version}Origin: https://our.example\r\n`)).toMatch(/^HTTP\/1\.1 405 /)
      expect(yield* upgrade("GET", "Origin: https://our.example\r\n")).toMatch(/^HTTP\/1\.1 400 /)
      const client = yield* connect({}, "", { origin: "https://our.example" })
      expect(yield* outcome(() => client.request("/"))).toMatchObject({ payload: "here" })
    }).pipe(Effect.provide(serving(router, { origin: ["https://our.example"] }))))

  it.live("can be served by a route, which detaches the socket", () =>
    Effect.gen(function*() {
      const where = yield* address
      const client = yield* connect({}, "/nes")
      expect(yield* outcome(() => client.request("/"))).toMatchObject({ payload: "here" })
      expect(yield* outcome(() => client.request("/nes"))).toMatchObject({ statusCode: 426 })
      const plain = yield* Effect.promise(() => fetch(`http:${where}/nes`))
      expect(plain.status).toBe(426)
      const second = yield* connect({}, "/nes")
      yield* Effect.promise(() => second.disconnect())
      expect((yield* Socket.all()).map(({ id }) => id)).toEqual([client.id])
      expect(yield* Effect.flip(connect())).toMatchObject({ type: "ws" })
    }).pipe(Effect.provide(Layer.suspend(() =>
      NesHttpServer.serve(Layer.mergeAll(router, HttpRouter.add("GET", "/nes", NesHttpServer.upgrade))).pipe(
        Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))
      )
    ))))

  it.live("has two servers, each at a path of its own", () =>
    Effect.suspend(() => {
      const server = createServer()
      const named = (name: string) => HttpRouter.add("GET", "/", HttpServerResponse.text(name))
      const Live = Layer.mergeAll(
        NesHttpServer.serve(named("one"), { server, path: "/one" }),
        NesHttpServer.layer(named("two"), { server, path: "/two" })
      ).pipe(
        Layer.provideMerge(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" }))
      )
      return Effect.gen(function*() {
        for (const name of ["one", "two"]) {
          const client = yield* connect({}, `/${name}`)
          expect(yield* outcome(() => client.request("/"))).toMatchObject({ payload: name })
        }
        const where = yield* address
        expect(yield* Effect.promise(() => fetch(`http:${where}/`).then((response) => response.text()))).toBe("one")
      }).pipe(Effect.provide(Live))
    }))

  it.live("gives the HTTP server back as it was", () =>
    Effect.gen(function*() {
      const server = createServer()
      const own = Object.hasOwn(server, "emit")
      yield* Effect.scoped(Layer.build(
        NesHttpServer.serve(router, { server }).pipe(
          Layer.provide(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" }))
        )
      ))
      expect([own, Object.hasOwn(server, "emit")]).toEqual([false, false])
      expect(server.eventNames().filter((name) => name === "upgrade")).toEqual([])
      expect(server.listening).toBe(false)
    }))
})

describe("stopping", () => {
  const waiting = (started: Deferred.Deferred<void>, go: Deferred.Deferred<void>) =>
    HttpRouter.add(
      "GET",
      "/wait",
      Deferred.succeed(started, undefined).pipe(
        Effect.andThen(Deferred.await(go)),
        Effect.as(HttpServerResponse.text("finished"))
      )
    )

  it.live("lets what is running finish, accepts no more, and closes with 1001", () =>
    Effect.scoped(Effect.gen(function*() {
      const started = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const left: Array<string> = []
      const { context, stop } = yield* start(
        serving(waiting(started, go), {
          onDisconnection: () => Effect.delay(Effect.sync(() => left.push("hook")), 5)
        })
      )
      const [idle, busy] = yield* Effect.all([bare(), bare()]).pipe(Effect.provide(context))
      busy.socket.send(JSON.stringify({ type: "request", id: 2, method: "GET", path: "/wait" }))
      yield* Deferred.await(started)
      const stopping = yield* Effect.forkChild(stop)
      expect(yield* Effect.promise(() => idle.closed)).toBe(1001)
      const refused = yield* Effect.flip(Effect.provide(connect(), context))
      expect(refused).toMatchObject({ isNes: true })
      expect(stopping.pollUnsafe()).toBe(undefined)
      yield* Deferred.succeed(go, undefined)
      expect(yield* Effect.promise(() => busy.closed)).toBe(1001)
      expect(busy.answers.at(-1)).toMatchObject({ id: 2, payload: "finished" })
      yield* Fiber.join(stopping)
      expect(left).toEqual(["hook", "hook"])
    })))

  it.live("does the same when the program is interrupted", () =>
    Effect.scoped(Effect.gen(function*() {
      const ready = yield* Deferred.make<Context.Context<HttpServer.HttpServer>>()
      const main = yield* Effect.forkChild(Layer.launch(Layer.tap(
        serving(router, { heartbeat: { interval: "1 minute", timeout: "30 seconds" } }),
        (context) => Deferred.succeed(ready, context)
      )))
      const { closed } = yield* Effect.provide(bare(), yield* Deferred.await(ready))
      yield* Fiber.interrupt(main)
      expect(yield* Effect.promise(() => closed)).toBe(1001)
    })))

  it.live("waits no longer than it is told, and interrupts what is left", () =>
    Effect.scoped(Effect.gen(function*() {
      const started = yield* Deferred.make<void>()
      const interrupted = yield* Deferred.make<void>()
      const forever = HttpRouter.add(
        "GET",
        "/",
        HttpServerResponse.stream(
          Stream.fromEffect(
            Effect.onInterrupt(
              Effect.andThen(Deferred.succeed(started, undefined), Effect.never),
              () => Deferred.succeed(interrupted, undefined)
            )
          )
        )
      )
      const { context, stop } = yield* start(
        serving(forever, { gracePeriod: "30 millis", onMessage: () => Effect.never })
      )
      const { closed, socket } = yield* Effect.provide(bare(), context)
      socket.send(JSON.stringify({ type: "message", id: 2, message: "never answered" }))
      socket.send(JSON.stringify({ type: "request", id: 3, method: "GET", path: "/" }))
      yield* Deferred.await(started)
      yield* stop
      yield* Deferred.await(interrupted)
      expect(yield* Effect.promise(() => closed)).toBe(1001)
    })))
})

describe("an HttpApi", () => {
  const Api = HttpApi.make("api").add(
    HttpApiGroup.make("items")
      .add(
        HttpApiEndpoint.post("create", "/item/:id", {
          params: { id: Schema.FiniteFromString },
          payload: Schema.Struct({ name: Schema.String }),
          success: Schema.Struct({ id: Schema.Number, at: Schema.Date, overSocket: Schema.Boolean }),
          error: HttpApiError.Forbidden
        })
      )
  )

  const items = HttpApiBuilder.group(
    Api,
    "items",
    (handlers) =>
      handlers.handle("create", ({ params, payload }) =>
        Effect.gen(function*() {
          if (payload.name === "forbidden") {
            return yield* new HttpApiError.Forbidden()
          }
          const overSocket = Option.isSome(yield* Socket.CurrentSocket)
          return { id: params.id, at: new Date(0), overSocket }
        }))
  )

  const Live = serving(HttpApiBuilder.layer(Api).pipe(Layer.provide(items))).pipe(
    Layer.provide(HttpServer.layerServices)
  )

  it.live("is served with its Schemas", () =>
    Effect.gen(function*() {
      const client = yield* connect()
      const create = (path: string, payload: unknown) =>
        outcome(() => client.request({ method: "POST", path, payload }))
      expect(yield* create("/item/5", { name: "a" })).toMatchObject({
        statusCode: 200,
        payload: { id: 5, at: "1970-01-01T00:00:00.000Z", overSocket: true }
      })
      expect(yield* create("/item/x", { name: "a" })).toMatchObject({ statusCode: 400 })
      expect(yield* create("/item/5", { name: 1 })).toMatchObject({ statusCode: 400, message: "Bad Request" })
      expect(yield* create("/item/5", { name: "forbidden" })).toMatchObject({ statusCode: 403 })
    }).pipe(Effect.provide(Live)))
})

describe("a tracer", () => {
  it.live("sees a request as part of its caller's trace; without one there are no spans", () =>
    Effect.gen(function*() {
      const spans: Array<Tracer.Span> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = Tracer.nativeTracer.span(options)
          spans.push(span)
          return span
        }
      })
      const traced = HttpRouter.add(
        "GET",
        "/item/:id",
        Effect.map(Effect.option(Effect.currentSpan), (span) => HttpServerResponse.jsonUnsafe(Option.isSome(span)))
      )
      const ask = Effect.flatMap(connect(), (client) =>
        outcome(() =>
          client.request({
            path: "/item/5",
            headers: { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" }
          })
        ))
      expect(yield* Effect.provide(ask, serving(traced))).toMatchObject({ payload: false })
      expect(yield* Effect.provide(ask, Layer.provide(serving(traced), Layer.succeed(Tracer.Tracer, tracer))))
        .toMatchObject({
          payload: true
        })
      const [span] = spans.filter(({ name }) => name === "GET")
      expect(span).toMatchObject({ traceId: "0af7651916cd43dd8448eb211c80319c", kind: "server" })
      const socket = spans.find(({ name }) => name === "nes.request GET")
      expect(span && Option.getOrNull(span.parent)).toMatchObject({ spanId: socket?.spanId })
      expect(socket && Option.getOrNull(socket.parent)).toMatchObject({ spanId: "b7ad6b7169203331" })
      expect(span?.attributes.get("http.route")).toBe("/item/:id")
    }))
})

describe("in memory", () => {
  const Live = Layer.provideMerge(NesHttpServer.layerSubscription("/news"), TestServer.layer(router)).pipe(
    Layer.provide(HttpServer.layerServices)
  )

  it.live("a server needs no port, for either client", () =>
    Effect.gen(function*() {
      const server = yield* TestServer.TestServer
      const nes = yield* NesServer.NesServer
      const client = yield* NesClient.make({ ...server, connect: "required" })
      expect(yield* client.request("/")).toMatchObject({ payload: "here" })
      const update = yield* Effect.forkChild(Stream.runHead(client.subscribe("/news")))
      yield* Effect.repeat(Socket.all({ subscription: "/news" }), {
        until: (sockets) => sockets.length === 1,
        schedule: Schedule.spaced(1)
      })
      yield* nes.publish("/news", "good")
      expect(Option.getOrNull(yield* Fiber.join(update))).toMatchObject({ message: "good" })
      const plain = new Client(server.url, { ws: server.ws })
      yield* Effect.promise(() => plain.connect())
      expect((yield* Effect.promise(() => plain.request("/"))).payload).toBe("here")
      expect((yield* Socket.all()).length).toBe(2)
      yield* Effect.promise(() => plain.disconnect())
    }).pipe(Effect.provide(Live)))

  it.live("ends as a network would: who vanishes is gone, and who comes too late is refused", () =>
    Effect.gen(function*() {
      const { context, stop } = yield* start(TestServer.layer(router).pipe(Layer.provide(HttpServer.layerServices)))
      const { server, totals } = yield* Effect.all({
        server: TestServer.TestServer,
        totals: Effect.map(NesServer.NesServer, (nes) => nes.totals)
      }).pipe(Effect.provide(context))
      const socket = new WebSocket(server.url, server.ws)
      yield* Effect.promise(() => new Promise((resolve) => socket.once("open", resolve)))
      expect((yield* totals).connections).toBe(1)
      socket.terminate()
      yield* Effect.repeat(totals, {
        until: ({ connections }) => connections === 0,
        schedule: Schedule.spaced("1 millis")
      })
      yield* stop
      const late = yield* Effect.flip(NesClient.make({ ...server, connect: "required" }))
      expect(late).toMatchObject({ _tag: "WsError" })
    }))

  it.live("several servers live in one program", () =>
    Effect.gen(function*() {
      const ask = Effect.gen(function*() {
        const client = yield* NesClient.make({ ...(yield* TestServer.TestServer), connect: "required" })
        return (yield* client.request("/")).payload
      })
      const named = (name: string) =>
        TestServer.layer(HttpRouter.add("GET", "/", HttpServerResponse.text(name))).pipe(
          Layer.provide(HttpServer.layerServices)
        )
      expect(
        yield* Effect.all([Effect.provide(ask, named("one")), Effect.provide(ask, named("two"))], { concurrency: 2 })
      ).toEqual(["one", "two"])
    }))
})
