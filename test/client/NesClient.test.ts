/** The Effect client against a scripted server, under the test's clock. */
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { expectTypeOf } from "vitest"
import * as Metrics from "../../src/client/Metrics.js"
import * as NesClient from "../../src/client/NesClient.js"
import type { NesError } from "../../src/protocol/NesError.js"
import { FakeServer, turn } from "./FakeServer.js"
import { adjust } from "./Setup.js"

/** A client whose server accepts every connection. */
const connected = (options: Partial<NesClient.Options> = {}) =>
  Effect.gen(function*() {
    const server = new FakeServer()
    server.acceptAll()
    const nes = yield* Effect.provide(NesClient.make({ url: "ws://fake", ...options }), server.layer)
    return { nes, server }
  })

const count = (metric: Metric.Counter<number>) => Effect.map(Metric.value(metric), ({ count }) => count)

/** Consumes a Stream in the background. */
const consume = <A, E>(stream: Stream.Stream<A, E>) =>
  Effect.gen(function*() {
    const seen: Array<A> = []
    const fiber = yield* Effect.forkChild(Stream.runForEach(stream, (value) => Effect.sync(() => seen.push(value))))
    yield* turn
    return { seen, fiber }
  })

describe("requests and messages", () => {
  it.effect("send what the plain client sends, and return what came", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected()
      const one = yield* Effect.forkChild(nes.request("hello"))
      const two = yield* Effect.forkChild(
        nes.request({ path: "/item", method: "POST", headers: { a: "b" }, payload: [1] })
      )
      const three = yield* Effect.forkChild(nes.message({ any: "thing" }))
      yield* turn
      expect(server.socket.sent.slice(1)).toEqual([
        { type: "request", id: 2, method: "GET", path: "hello" },
        { type: "request", id: 3, method: "POST", path: "/item", headers: { a: "b" }, payload: [1] },
        { type: "message", id: 4, message: { any: "thing" } }
      ])
      server.socket.say({ type: "request", id: 2, statusCode: 200, payload: "hi", headers: { x: "y" } })
      server.socket.say({ type: "request", id: 3, statusCode: 201, payload: null })
      server.socket.say({ type: "message", id: 4, message: 0 })
      expect(yield* Fiber.join(one)).toEqual({ payload: "hi", statusCode: 200, headers: { x: "y" } })
      expect(yield* Fiber.join(two)).toEqual({ payload: null, statusCode: 201, headers: undefined })
      expect(yield* Fiber.join(three)).toBe(0)
    }))

  it.effect("a Schema decodes the payload, or tells what is wrong with it", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected()
      const Item = Schema.Struct({ id: Schema.NumberFromString })
      const item = yield* Effect.forkChild(Effect.flatMap(nes.request("/item/5"), NesClient.schemaPayload(Item)))
      yield* turn
      server.socket.answer("request", { statusCode: 200, payload: { id: "5" } })
      expect((yield* Fiber.join(item)).id).toBe(5)
      const wrong = yield* Effect.forkChild(
        Effect.flip(Effect.flatMap(nes.message("?"), NesClient.schemaMessage(Item)))
      )
      yield* turn
      server.socket.answer("message", { message: { id: true } })
      expect((yield* Fiber.join(wrong))._tag).toBe("SchemaError")
    }))

  it.effect("fail with typed errors", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected()
      const refused = yield* nes.request("/no").pipe(
        Effect.catchTag(
          "ServerError",
          ({ data, headers, statusCode }) => Effect.succeed({ data, headers, statusCode })
        ),
        Effect.forkChild
      )
      yield* turn
      server.socket.answer("request", { statusCode: 404, payload: { error: "Not Found" }, headers: { a: "b" } })
      expect(yield* Fiber.join(refused)).toEqual({ statusCode: 404, data: { error: "Not Found" }, headers: { a: "b" } })
      expect((yield* Effect.flip(nes.message(1n)))._tag).toBe("UserError")
      server.socket.end(1006)
      yield* turn
      expect((yield* nes.status)._tag).toBe("Reconnecting")
      const error = yield* Effect.flip(nes.request("/"))
      expect([error._tag, error.message]).toEqual([
        "DisconnectError",
        "Failed to send message - server disconnected"
      ])
    }))

  it.effect("wait for the hello's answer with a failure, as without a connection", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected()
      server.onConnection = (socket) => queueMicrotask(() => socket.open())
      server.socket.end(1006)
      yield* adjust(1000)
      expect(yield* nes.status).toEqual({ _tag: "Connecting", attempt: 1 })
      for (const call of [nes.request("/"), nes.message("x"), nes.reauthenticate("new")]) {
        expect((yield* Effect.flip(call))._tag).toBe("DisconnectError")
      }
      expect(server.socket.sent.map(({ type }) => type)).toEqual(["hello"])
    }))

  it.effect("without end in time: Duration.infinity is no limit", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected({ timeout: Duration.infinity, connectTimeout: Duration.infinity })
      const call = yield* Effect.forkChild(nes.request("/slow", { timeout: Duration.infinity }))
      yield* adjust("365 days")
      server.socket.answer("request", { statusCode: 200, payload: "at last" })
      expect((yield* Fiber.join(call)).payload).toBe("at last")
    }))

  it.effect("interrupting one forgets it, and its late answer is no error", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected()
      const { seen } = yield* consume(nes.events)
      const fiber = yield* Effect.forkChild(nes.request("/slow"))
      yield* turn
      yield* Fiber.interrupt(fiber)
      server.socket.answer("request", { statusCode: 200, payload: "late" })
      yield* turn
      expect(seen).toEqual([])
    }))

  it.effect("have a time limit each, beside the client's own", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected({ timeout: "10 seconds" })
      const { seen } = yield* consume(nes.events)
      const calls = yield* Effect.forEach(
        [nes.request("/", { timeout: "1 second" }), nes.message("x", { timeout: 2000 }), nes.request("/")],
        (call) => Effect.forkChild(Effect.flip(call))
      )
      for (const [index, limit] of [1000, 1000, 8000].entries()) {
        yield* adjust(limit - 1)
        expect(Exit.isExit(calls[index]!.pollUnsafe())).toBe(false)
        yield* adjust(1)
        expect((yield* Fiber.join(calls[index]!)).message).toBe("Request timed out")
      }
      for (const id of [2, 3, 4]) {
        server.socket.say({ type: "request", id, statusCode: 200 })
      }
      yield* turn
      expect(seen).toEqual([])
    }))
})

describe("subscribe", () => {
  it.effect("consumers of a path share one subscription, which ends with the last of them", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected()
      const one = yield* consume(nes.subscribe("/a"))
      const two = yield* consume(nes.subscribeMessages("/a"))
      server.socket.answer("sub")
      server.socket.say({ type: "pub", path: "/a", message: 1 })
      yield* turn
      expect(one.seen).toEqual([{ message: 1, revoked: false }])
      expect(two.seen).toEqual([1])
      yield* Fiber.interrupt(one.fiber)
      expect(server.socket.sent.map(({ type }) => type)).toEqual(["hello", "sub"])
      expect(yield* nes.subscriptions).toEqual(["/a"])
      yield* Fiber.interrupt(two.fiber)
      expect(server.socket.sent.map(({ type }) => type)).toEqual(["hello", "sub", "unsub"])
      expect(yield* nes.subscriptions).toEqual([])
    }))

  it.effect("a consumer that has enough leaves, and the path is unsubscribed", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected()
      const taken = yield* Effect.forkChild(Stream.runCollect(Stream.take(nes.subscribeMessages("/a"), 2)))
      yield* turn
      for (const message of [1, 2, 3]) {
        server.socket.say({ type: "pub", path: "/a", message })
      }
      expect(yield* Fiber.join(taken)).toEqual([1, 2])
      expect(server.socket.sent.at(-1)?.type).toBe("unsub")
    }))

  it.effect("ends when the server revokes it, the last message marked", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected()
      const a = yield* consume(nes.subscribe("/a"))
      server.socket.answer("sub")
      const b = yield* consume(nes.subscribe("/b"))
      server.socket.answer("sub")
      server.socket.say({ type: "pub", path: "/a", message: 1 })
      server.socket.say({ type: "revoke", path: "/a", message: null })
      server.socket.say({ type: "revoke", path: "/b" })
      yield* Fiber.join(a.fiber)
      yield* Fiber.join(b.fiber)
      expect(a.seen).toEqual([{ message: 1, revoked: false }, { message: null, revoked: true }])
      expect(b.seen).toEqual([])
      expect(server.socket.sent.some(({ type }) => type === "unsub")).toBe(false)
    }))

  it.effect("survives reconnects, also one that cuts off the subscription request", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected()
      const all = yield* Effect.forEach(["/a", "/a", "/b"], (path) => consume(nes.subscribeMessages(path)))
      server.socket.say({ type: "sub", path: "/b", id: server.socket.last("sub").id })
      server.socket.end(1006)
      yield* adjust(1000)
      expect(server.sockets).toHaveLength(2)
      expect(new Set(server.socket.last("hello").subs as Array<string>)).toEqual(new Set(["/a", "/b"]))
      for (const path of ["/a", "/b"]) {
        server.socket.say({ type: "pub", path, message: path })
      }
      yield* turn
      expect(all.map(({ seen }) => seen)).toEqual([["/a"], ["/a"], ["/b"]])
    }))

  it.effect("fails when it is refused, now or in a hello, and for a path that is none", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected()
      const refused = yield* Effect.forkChild(Effect.flip(Stream.runDrain(nes.subscribe("/a"))))
      yield* turn
      server.socket.answer("sub", { statusCode: 403, payload: { message: "No" }, path: "/a" })
      expect((yield* Fiber.join(refused)).message).toBe("No")
      expect((yield* Effect.flip(Stream.runDrain(nes.subscribe("a")))).message).toBe("Invalid path")
      yield* nes.disconnect
      const inHello = yield* Effect.forkChild(Effect.flip(Stream.runDrain(nes.subscribe("/b"))))
      yield* turn
      server.onConnection = (socket) =>
        queueMicrotask(() => {
          socket.open()
          socket.answer("hello", { statusCode: 404, path: "/b", payload: { message: "Subscription not found" } })
        })
      const error = yield* Effect.flip(nes.connect())
      expect(error.message).toBe("Subscription not found")
      expect(yield* Fiber.join(inHello)).toBe(error)
    }))

  it.effect("fails alone when a reconnect's hello is refused for its path", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected()
      const prices = yield* consume(nes.subscribeMessages("/prices"))
      server.socket.answer("sub", { path: "/prices" })
      const room = yield* Effect.forkChild(Effect.flip(Stream.runDrain(nes.subscribe("/room/1"))))
      yield* turn
      server.socket.answer("sub", { path: "/room/1" })
      server.socket.end(1006)
      yield* adjust(1000)
      server.socket.open()
      server.socket.answer("hello", { statusCode: 403, path: "/room/1", payload: { message: "Room is closed" } })
      expect((yield* Fiber.join(room)).message).toBe("Room is closed")
      yield* adjust(0)
      server.socket.accept()
      expect(server.socket.last("hello").subs).toEqual(["/prices"])
      server.socket.say({ type: "pub", path: "/prices", message: 1 })
      yield* turn
      expect(prices.seen).toEqual([1])
      expect((yield* nes.status)._tag).toBe("Connected")
    }))

  it.effect("fails when the client is disconnected for good", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected({ reconnect: { retries: 1 } })
      const fiber = yield* Effect.forkChild(Effect.flip(Stream.runDrain(nes.subscribe("/a"))))
      yield* turn
      server.onConnection = (socket) => queueMicrotask(() => socket.fail(new Error("refused")))
      server.socket.end(1006)
      yield* adjust(999)
      expect(Exit.isExit(fiber.pollUnsafe())).toBe(false)
      yield* adjust(1)
      const error = yield* Fiber.join(fiber)
      expect([error._tag, error.message]).toEqual(["DisconnectError", "Subscription ended - client disconnected"])
    }))

  /** Publishes 1 to 6 to a consumer that takes its first update and waits. */
  const flood = (buffer: NesClient.Buffer | undefined) =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected()
      const dropped = yield* count(Metrics.dropped)
      const gate = yield* Latch.make(false)
      const seen: Array<unknown> = []
      const fiber = yield* nes.subscribeMessages("/a", buffer).pipe(
        Stream.runForEach((message) => Effect.andThen(Effect.sync(() => seen.push(message)), gate.await)),
        Effect.exit,
        Effect.forkChild
      )
      yield* turn
      for (const message of [1, 2, 3, 4, 5, 6]) {
        server.socket.say({ type: "pub", path: "/a", message })
        yield* turn
      }
      yield* gate.open
      yield* turn
      const exit = yield* Effect.sync(() => fiber.pollUnsafe())
      return { seen, exit, dropped: (yield* count(Metrics.dropped)) - dropped }
    })

  it.effect("a slow consumer's buffer: unbounded, sliding, dropping or fail, and what was dropped is counted", () =>
    Effect.gen(function*() {
      expect(yield* flood(undefined)).toEqual({ seen: [1, 2, 3, 4, 5, 6], exit: undefined, dropped: 0 })
      expect(yield* flood({ capacity: "unbounded" })).toEqual({ seen: [1, 2, 3, 4, 5, 6], exit: undefined, dropped: 0 })
      expect(yield* flood({ capacity: 2, strategy: "sliding" })).toEqual({
        seen: [1, 5, 6],
        exit: undefined,
        dropped: 3
      })
      expect(yield* flood({ capacity: 2, strategy: "dropping" })).toEqual({
        seen: [1, 2, 3],
        exit: undefined,
        dropped: 3
      })
      const failed = yield* flood({ capacity: 2, strategy: "fail" })
      expect(failed.seen).toEqual([1, 2, 3])
      expect(failed.dropped).toBe(1)
      expect(String(failed.exit)).toContain("OverflowError")
    }))

  it.effect.each([0, -1, 1.5, Number.NaN])(
    "whose capacity is no positive integer ends the Stream: %s",
    (capacity) =>
      Effect.gen(function*() {
        const { nes } = yield* connected()
        const exit = yield* Effect.exit(Stream.runDrain(nes.subscribe("/a", { capacity, strategy: "sliding" })))
        expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).toContain(
          "The capacity of a buffer must be a positive integer"
        )
      })
  )
})

describe("updates, events and status", () => {
  it.effect("updates reach every consumer", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected()
      const one = yield* consume(nes.updates)
      const two = yield* consume(nes.updatesWith({ capacity: 1, strategy: "sliding" }))
      server.socket.say({ type: "update", message: "a" })
      server.socket.say({ type: "update", message: "b" })
      yield* turn
      expect(one.seen).toEqual(["a", "b"])
      expect(two.seen).toEqual(["b"])
    }))

  it.effect("auth may be an Effect's function: Redacted credentials, for each hello, and anew after a 401", () =>
    Effect.gen(function*() {
      const asked: Array<readonly [number, number | undefined]> = []
      const server = new FakeServer()
      const nes = yield* Effect.provide(
        NesClient.make({
          url: "ws://fake",
          connect: false,
          auth: ({ attempt, error }) =>
            Effect.sync(() => {
              asked.push([attempt, error?._tag === "ServerError" ? error.statusCode : undefined])
              return Redacted.make(`token ${asked.length}`)
            })
        }),
        server.layer
      )
      const connecting = yield* Effect.forkChild(nes.connect())
      yield* turn
      server.socket.accept()
      yield* Fiber.join(connecting)
      server.socket.end(1006)
      yield* adjust(1000)
      server.socket.open()
      server.socket.answer("hello", { statusCode: 401 })
      yield* adjust(0)
      server.socket.accept()
      expect(server.sockets.map((socket) => socket.last("hello").auth)).toEqual(["token 1", "token 2", "token 3"])
      expect(asked).toEqual([[0, undefined], [1, undefined], [2, 401]])
    }))

  it.effect("auth may be an Effect: run for each hello with what it requires, and once more after a 401", () =>
    Effect.gen(function*() {
      class Vault extends Context.Service<Vault, { readonly token: Effect.Effect<Redacted.Redacted> }>()("Vault") {}
      const vault = (name: string) => {
        let times = 0
        return { token: Effect.sync(() => Redacted.make(`${name} ${++times}`)) }
      }
      const token = Effect.flatMap(Vault, ({ token }) => token)
      const server = new FakeServer()
      server.acceptAll()
      // What the credentials require, the Layer does.
      const live = NesClient.layer({ url: "ws://fake", auth: token })
      expectTypeOf(live).toEqualTypeOf<Layer.Layer<NesClient.NesClient, NesError, Vault>>()
      const context = yield* Effect.provide(Layer.build(live), [server.layer, Layer.succeed(Vault, vault("own"))])
      const nes = Context.get(context, NesClient.NesClient)
      server.socket.end(1006)
      server.onConnection = (socket) =>
        queueMicrotask(() => {
          socket.open()
          socket.answer("hello", { statusCode: 401 })
          server.acceptAll()
        })
      yield* adjust(5000)
      const hellos = () => server.sockets.map((socket) => socket.last("hello").auth)
      expect(hellos()).toEqual(["own 1", "own 2", "own 3"])

      const other = Layer.succeed(Vault, vault("other"))
      expect(yield* Effect.provide(nes.overrideReconnectionAuth(token), other)).toBe(true)
      server.socket.end(1006)
      yield* adjust(5000)
      const reauthenticating = yield* Effect.forkChild(Effect.provide(nes.reauthenticate(token), other))
      yield* turn
      expect([...hellos().slice(3), server.socket.last("reauth").auth]).toEqual(["other 1", "other 2"])
      server.socket.answer("reauth")
      yield* Fiber.join(reauthenticating)
      server.socket.end(1006)
      yield* adjust(5000)
      yield* nes.disconnect
      yield* Effect.provide(nes.connect({ auth: token }), Layer.succeed(Vault, vault("third")))
      expect(hellos().slice(4)).toEqual(["other 3", "third 1"])
    }))

  it.effect("events and status tell the life of the connection", () =>
    Effect.gen(function*() {
      const before = [yield* count(Metrics.reconnects), yield* count(Metrics.heartbeatsMissed)]
      const { nes, server } = yield* connected()
      const events = yield* consume(nes.events)
      const statuses = yield* consume(nes.statusChanges)
      server.onConnection = (socket) =>
        queueMicrotask(() => socket.accept({ heartbeat: { interval: 300, timeout: 200 }, socket: "second" }))
      server.socket.end(1001, "restart")
      yield* adjust(1000)
      server.onConnection = () => {}
      yield* adjust(1000)
      server.socket.say({ type: "nonsense", id: 99 })
      yield* nes.disconnect
      yield* turn
      expect(events.seen).toEqual([
        {
          _tag: "Disconnected",
          code: 1001,
          explanation: "Going away",
          reason: "restart",
          wasClean: true,
          willReconnect: true,
          wasRequested: false
        },
        { _tag: "Reconnecting", attempt: 1, delay: Duration.seconds(1) },
        { _tag: "Connected", id: "second" },
        { _tag: "Error", error: expect.objectContaining({ message: "Disconnecting due to heartbeat timeout" }) },
        { _tag: "HeartbeatTimeout", willReconnect: true },
        expect.objectContaining({ _tag: "Disconnected", willReconnect: true, code: 1006 }),
        { _tag: "Reconnecting", attempt: 1, delay: Duration.seconds(2) }
      ])
      expect(statuses.seen).toEqual([
        { _tag: "Connected", id: expect.any(String) },
        { _tag: "Reconnecting", attempt: 1, delay: Duration.seconds(1) },
        { _tag: "Connecting", attempt: 1 },
        { _tag: "Connected", id: "second" },
        { _tag: "Reconnecting", attempt: 1, delay: Duration.seconds(2) },
        { _tag: "Disconnected" }
      ])
      expect(yield* nes.status).toEqual({ _tag: "Disconnected" })
      expect([yield* count(Metrics.reconnects), yield* count(Metrics.heartbeatsMissed)]).toEqual(
        before.map((n) => n + 1)
      )
    }))

  it.effect("they end with the client, which closes its socket", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { nes, server } = yield* Scope.provide(connected(), scope)
      const updates = yield* consume(nes.updates)
      const events = yield* consume(nes.events)
      const statuses = yield* consume(nes.statusChanges)
      const subscription = yield* Effect.forkChild(Effect.flip(Stream.runDrain(nes.subscribe("/a"))))
      yield* turn
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(updates.fiber)
      yield* Fiber.join(events.fiber)
      yield* Fiber.join(statuses.fiber)
      expect((yield* Fiber.join(subscription))._tag).toBe("DisconnectError")
      expect(server.socket.closedWith).toBeDefined()
      expect(events.seen).toEqual([expect.objectContaining({ _tag: "Disconnected", wasRequested: true })])
    }))
})

describe("a client whose scope is closed", () => {
  it.effect("waits for nothing, and opens nothing", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { nes, server } = yield* Scope.provide(connected(), scope)
      yield* Scope.close(scope, Exit.void)
      for (const stream of [nes.updates, nes.updatesWith({ capacity: 1, strategy: "sliding" }), nes.events]) {
        yield* Stream.runDrain(stream)
      }
      expect(yield* Stream.runCollect(nes.statusChanges)).toEqual([{ _tag: "Disconnected" }])
      for (const stream of [nes.subscribe("/a"), nes.subscribeMessages("/a")]) {
        expect((yield* Effect.flip(Stream.runDrain(stream)))._tag).toBe("DisconnectError")
      }
      expect((yield* Effect.flip(nes.connect()))._tag).toBe("UserError")
      expect(server.sockets).toHaveLength(1)
    }))
})

describe("connecting", () => {
  const layered = (options: Partial<NesClient.Options>, server: FakeServer) =>
    Layer.build(NesClient.layer({ url: "ws://fake", ...options })).pipe(
      Effect.map((context) => context.mapUnsafe.get(NesClient.NesClient.key) as NesClient.Service),
      Effect.provide(server.layer)
    )

  it.effect("the layer waits for the first attempt; where more follow, it leaves them in the background", () =>
    Effect.gen(function*() {
      const server = new FakeServer()
      server.onConnection = (socket) => queueMicrotask(() => socket.fail(new Error("refused")))
      const nes = yield* layered({}, server)
      expect((yield* nes.status)._tag).toBe("Reconnecting")
      server.acceptAll()
      yield* adjust(1000)
      expect((yield* nes.status)._tag).toBe("Connected")
    }))

  it.effect("where none follow, it fails", () =>
    Effect.gen(function*() {
      const server = new FakeServer()
      server.onConnection = (socket) => queueMicrotask(() => socket.fail(new Error("refused")))
      expect((yield* Effect.flip(layered({ reconnect: false }, server))).message).toBe("Socket error")
      server.onConnection = (socket) =>
        queueMicrotask(() => {
          socket.open()
          socket.answer("hello", { statusCode: 401, payload: { message: "Who?" } })
        })
      expect((yield* Effect.flip(layered({}, server))).message).toBe("Who?")
      server.onConnection = () => {
        throw new SyntaxError("Invalid URL")
      }
      expect((yield* Effect.flip(layered({}, server))).message).toBe("Invalid URL")
    }))

  it.effect("\"required\": any failure of the first attempt is the layer's, and nothing goes on", () =>
    Effect.gen(function*() {
      const server = new FakeServer()
      server.onConnection = (socket) => queueMicrotask(() => socket.fail(new Error("refused")))
      const error = yield* Effect.flip(Effect.scoped(layered({ connect: "required" }, server)))
      expect(error.message).toBe("Connection terminated while waiting to connect")
      yield* adjust("1 day")
      expect(server.sockets).toHaveLength(1)
    }))

  it.effect("connect: false leaves it to the application; its options go before the client's", () =>
    Effect.gen(function*() {
      const server = new FakeServer()
      const nes = yield* layered({ connect: false, auth: "first", reconnect: false }, server)
      expect(server.sockets).toHaveLength(0)
      expect(yield* nes.status).toEqual({ _tag: "Disconnected" })
      server.acceptAll()
      yield* nes.connect({ auth: Redacted.make("second"), reconnect: Schedule.spaced("3 seconds") })
      expect(server.socket.last("hello").auth).toBe("second")
      server.socket.end(1006)
      yield* turn
      expect(yield* nes.status).toEqual({ _tag: "Reconnecting", attempt: 1, delay: Duration.seconds(3) })
    }))

  it.effect("what is Redacted is revealed wherever it is in the credentials", () =>
    Effect.gen(function*() {
      const server = new FakeServer()
      server.acceptAll()
      const secret = Redacted.make("Bearer s3cret")
      class Login extends Data.Class<{ readonly password: Redacted.Redacted }> {}
      const given = {
        headers: { authorization: secret },
        list: [Redacted.make({ deep: secret }), new Login({ password: secret })],
        at: new Date(0)
      }
      const nes = yield* Effect.provide(NesClient.make({ url: "ws://fake", auth: given }), server.layer)
      const sent = {
        headers: { authorization: "Bearer s3cret" },
        list: [{ deep: "Bearer s3cret" }, { password: "Bearer s3cret" }],
        at: "1970-01-01T00:00:00.000Z"
      }
      expect(server.socket.last("hello").auth).toEqual(sent)
      const reauthenticating = yield* Effect.forkChild(nes.reauthenticate(given))
      yield* turn
      expect(server.socket.last("reauth").auth).toEqual(sent)
      server.socket.answer("reauth")
      yield* Fiber.join(reauthenticating)
    }))

  it.effect("credentials that cannot be read are a UserError, given as they are or by an Effect", () =>
    Effect.gen(function*() {
      const { nes } = yield* connected()
      const wiped = Redacted.make("s3cret")
      Redacted.wipeUnsafe(wiped)
      const thrower = {
        get token() {
          throw new Error("No token")
        }
      }
      for (const auth of [{ token: wiped }, thrower, Effect.succeed({ token: wiped }), Effect.succeed(thrower)]) {
        const made = NesClient.make({ url: "ws://fake", auth, reconnect: false })
        const error = yield* Effect.flip(Effect.provide(made, new FakeServer().layer))
        expect(error._tag).toBe("UserError")
        expect(yield* Effect.flip(nes.reauthenticate(auth))).toEqual(error)
      }
    }))

  it.effect("interrupting connect gives the connection up", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected({ connect: false })
      server.onConnection = () => {}
      const fiber = yield* Effect.forkChild(nes.connect())
      yield* turn
      yield* Fiber.interrupt(fiber)
      expect(server.socket.closedWith).toBeDefined()
      expect((yield* nes.status)._tag).toBe("Disconnected")
    }))

  it.effect("interrupting a connect that was refused does not harm the connection there is", () =>
    Effect.gen(function*() {
      const { nes } = yield* connected()
      expect((yield* Effect.flip(nes.connect())).message).toBe("Cannot connect while client attempts to reconnect")
      expect((yield* nes.status)._tag).toBe("Connected")
    }))

  it.effect("layerConfig reads options from Config", () =>
    Effect.gen(function*() {
      const server = new FakeServer()
      server.acceptAll()
      yield* Layer.build(NesClient.layerConfig({
        url: Config.String("URL"),
        auth: Config.Redacted("TOKEN"),
        timeout: Config.Duration("TIMEOUT")
      })).pipe(
        Effect.provide([
          server.layer,
          ConfigProvider.layer(
            ConfigProvider.fromUnknown({ URL: "ws://configured", TOKEN: "secret", TIMEOUT: "5 seconds" })
          )
        ])
      )
      expect(server.socket.url).toBe("ws://configured")
      expect(server.socket.last("hello").auth).toBe("secret")
    }))

  it.effect("reauthenticate also sets the credentials for reconnecting", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected({ auth: "first" })
      const fiber = yield* Effect.forkChild(nes.reauthenticate(Redacted.make("second")))
      yield* turn
      expect(server.socket.last("reauth").auth).toBe("second")
      server.socket.answer("reauth")
      yield* Fiber.join(fiber)
      server.socket.end(1006)
      yield* adjust(1000)
      expect(server.socket.last("hello").auth).toBe("second")
      expect(yield* nes.overrideReconnectionAuth("third")).toBe(true)
    }))

  it.effect("ws options are passed on as they are", () =>
    Effect.gen(function*() {
      const ws = { perMessageDeflate: false }
      const { server } = yield* connected({ ws })
      expect(server.socket.options).toBe(ws)
    }))
})
