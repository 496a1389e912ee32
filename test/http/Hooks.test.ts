/** Hooks, filters and the Socket as Effects, with requirements from the Layer. */
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { NesHttpServer, NesServer, Refusal, Socket, TestServer } from "../../src/index.js"
import { bare, connect, outcome, serving } from "./Serving.js"

/** What the hooks tell; each of them requires it. */
class Diary extends Context.Service<Diary, Queue.Queue<ReadonlyArray<unknown>>>()("Diary") {}

const write = (...entry: ReadonlyArray<unknown>) => Effect.flatMap(Diary, (diary) => Queue.offer(diary, entry))
const read = Effect.flatMap(Diary, Queue.take)
const withDiary = Layer.effect(Diary, Queue.unbounded<ReadonlyArray<unknown>>())

const bad = { message: "bad", statusCode: 400 }
const internal = { message: "An internal server error occurred", statusCode: 500 }

const router = Layer.mergeAll(
  HttpRouter.add(
    "POST",
    "/publish",
    Effect.gen(function*() {
      const nes = yield* NesServer.NesServer
      yield* nes.publish("/news", "from a handler")
      return HttpServerResponse.empty()
    })
  )
)

const server = serving(router, {
  onConnection: (socket) =>
    Effect.gen(function*() {
      yield* write("connected", socket.auth.isAuthenticated)
      yield* Effect.yieldNow
      socket.app.greeted = true
    }),
  onDisconnection: (socket) => write("disconnected", socket.app.greeted, socket.isOpen),
  onMessage: (socket, message) => {
    switch (message) {
      case "refuse":
        return Refusal.badRequest("bad")
      case "forbid":
        return Refusal.forbidden()
      case "die":
        return Effect.die(new TypeError("secret"))
      case "throw":
        throw new TypeError("secret")
      default:
        return Effect.as(write("message", message), { from: socket.id === "" ? "nobody" : "somebody", message })
    }
  }
})

describe("hooks", () => {
  it.live("of the server run with what the Layer has", () =>
    Effect.gen(function*() {
      const client = yield* connect()
      expect(yield* read).toEqual(["connected", false])
      expect(yield* outcome(() => client.message("hi"))).toEqual({ payload: { from: "somebody", message: "hi" } })
      expect(yield* read).toEqual(["message", "hi"])
      expect(yield* outcome(() => client.message("refuse"))).toEqual(bad)
      expect(yield* outcome(() => client.message("forbid"))).toEqual({ message: "Forbidden", statusCode: 403 })
      for (const message of ["die", "throw"]) {
        expect(yield* outcome(() => client.message(message))).toEqual(internal)
      }
      yield* Effect.promise(() => client.disconnect())
      expect(yield* read).toEqual(["disconnected", true, false])
    }).pipe(Effect.provide(Layer.provideMerge(server, withDiary))))

  it.live("of a connection refuse it by failing", () =>
    Effect.gen(function*() {
      const { answers, closed } = yield* bare()
      expect(answers[0]).toEqual({
        type: "hello",
        id: 1,
        statusCode: 400,
        payload: { error: "Bad Request", message: "bad" }
      })
      yield* Effect.promise(() => closed)
    }).pipe(Effect.provide(serving(router, { onConnection: () => Refusal.badRequest("bad") }))))

  it.live("of a subscription run in their turn, and a filter may wait", () =>
    Effect.gen(function*() {
      yield* NesHttpServer.subscription("/item/{id}", {
        onSubscribe: (_socket, path, params) =>
          params.id === "0" ? Refusal.badRequest("bad") : write("subscribe", path, params),
        onUnsubscribe: (_socket, path, params) => write("unsubscribe", path, params),
        filter: (_path, message, { credentials, internal, params, socket }) => {
          switch (message) {
            case "hidden":
              return false
            case "plain":
              return true
            case "fails":
              return Refusal.forbidden("no")
            case "waits":
              return Effect.as(Effect.sleep(1), true)
            default:
              return Effect.as(write("filter"), { override: [message, credentials, internal, params, socket.isOpen] })
          }
        }
      })
      const nes = yield* NesServer.NesServer
      const client = yield* connect()
      yield* read
      expect(yield* outcome(() => client.subscribe("/item/0", () => {}))).toEqual(bad)
      const updates = yield* Queue.unbounded<unknown>()
      yield* Effect.promise(() => client.subscribe("/item/5", (update) => Queue.offerUnsafe(updates, update)))
      expect(yield* read).toEqual(["subscribe", "/item/5", { id: "5" }])
      for (const message of ["hidden", "fails", "plain", "waits", "other"]) {
        yield* nes.publish("/item/5", message, { internal: 1 })
      }
      expect(Array.from(yield* Queue.takeN(updates, 3))).toEqual([
        "plain",
        "waits",
        ["other", null, 1, { id: "5" }, true]
      ])
      expect(yield* read).toEqual(["filter"])
      yield* Effect.promise(() => client.unsubscribe("/item/5"))
      expect(yield* read).toEqual(["unsubscribe", "/item/5", { id: "5" }])
    }).pipe(Effect.provide(Layer.provideMerge(server, withDiary))))

  it.live("of a Layer: two that conflict fail, with one error", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Layer.build(NesHttpServer.layerSubscription("/item/{other}")))
      expect(error).toMatchObject({ _tag: "UserError", message: expect.stringContaining("/item/{other}") })
    }).pipe(Effect.provide(Layer.provideMerge(NesHttpServer.layerSubscription("/item/{id}"), serving(router)))))
})

describe("a handler", () => {
  it.live("may publish on the server that serves it", () =>
    Effect.gen(function*() {
      const client = yield* connect()
      const updates = yield* Queue.unbounded<unknown>()
      yield* Effect.promise(() => client.subscribe("/news", (update) => Queue.offerUnsafe(updates, update)))
      yield* Effect.promise(() => client.request({ method: "POST", path: "/publish" }))
      expect(yield* Queue.take(updates)).toBe("from a handler")
    }).pipe(Effect.provide(Layer.provideMerge(NesHttpServer.layerSubscription("/news"), serving(router)))))
})

describe("a socket", () => {
  it.live("sends, publishes, revokes and disconnects", () =>
    Effect.gen(function*() {
      const client = yield* connect()
      const seen = yield* Queue.unbounded<ReadonlyArray<unknown>>()
      client.onUpdate = (message) => void Queue.offerUnsafe(seen, ["update", message])
      client.onDisconnect = (_will, log) => void Queue.offerUnsafe(seen, ["disconnect", log.code, log.reason])
      for (const path of ["/a", "/b"]) {
        yield* Effect.promise(() =>
          client.subscribe(path, (message, flags) =>
            void Queue.offerUnsafe(seen, [path, message, flags.revoked === true]))
        )
      }
      const [socket] = yield* Socket.all()
      if (!socket) {
        return yield* Effect.die("no socket")
      }
      expect(socket.id).toBe(client.id)
      expect(socket.info.remoteAddress).toBe("127.0.0.1")
      expect(socket.subscriptions).toEqual(["/a", "/b"])
      yield* socket.send({ a: 1 })
      expect(yield* Queue.take(seen)).toEqual(["update", { a: 1 }])
      yield* socket.publish("/a", 0)
      expect(yield* Queue.take(seen)).toEqual(["/a", 0, false])
      yield* socket.revoke("/a", { message: null })
      expect(yield* Queue.take(seen)).toEqual(["/a", null, true])
      yield* socket.revoke("/b")
      expect(socket.subscriptions).toEqual([])
      const circular: Record<string, unknown> = {}
      circular.self = circular
      expect(yield* Effect.flip(socket.send(circular))).toMatchObject({ _tag: "UserError" })
      expect(yield* Effect.flip(socket.disconnect(5))).toMatchObject({ _tag: "UserError" })
      yield* socket.disconnect(4000, "enough")
      expect(yield* Queue.take(seen)).toEqual(["disconnect", 4000, "enough"])
      expect(socket.isOpen).toBe(false)
      expect(yield* Effect.flip(socket.send("late"))).toMatchObject({
        _tag: "DisconnectError",
        message: "Socket not open"
      })
      yield* socket.disconnect()
    }).pipe(
      Effect.provide(
        Layer.provideMerge(
          Layer.merge(NesHttpServer.layerSubscription("/a"), NesHttpServer.layerSubscription("/b")),
          serving(router)
        )
      )
    ))
})

/** An error that throws as it is read, as what a Proxy stands for may. */
class Unreadable extends Error {
  override get message(): string {
    throw new Error("as it is read")
  }
}

let isRefused = true

const die = () => Effect.die(new Unreadable())

const unreadable = Layer.mergeAll(
  NesHttpServer.layerSubscription("/onSubscribe", { onSubscribe: die }),
  NesHttpServer.layerSubscription("/filter", { filter: die })
).pipe(
  Layer.provideMerge(TestServer.layer(Layer.empty, {
    verifyUpgrade: () => Effect.suspend(() => isRefused ? die() : Effect.succeed(true)),
    onDisconnection: die
  })),
  Layer.provide(HttpServer.layerServices)
)

it.live("what hooks throw may throw as it is read: it is a fault like any other", () =>
  Effect.gen(function*() {
    const node = yield* NesServer.NesServer
    const heard: Array<unknown> = []
    const refused = yield* Effect.flip(TestServer.connect({ reconnect: false }))
    expect(refused).toMatchObject({ _tag: "WsError", statusCode: 500 })
    isRefused = false
    for (const count of [1, 2]) {
      yield* Effect.scoped(Effect.gen(function*() {
        const nes = yield* TestServer.connect({ reconnect: false })
        expect(yield* Effect.flip(nes.subscribed("/onSubscribe"))).toMatchObject({ statusCode: 500 })
        const updates = yield* nes.subscribed("/filter")
        yield* Effect.forkScoped(Stream.runForEach(updates, ({ message }) => Effect.sync(() => heard.push(message))))
        yield* node.publish("/filter", count)
      }))
    }
    expect(heard).toEqual([])
  }).pipe(Effect.provide(unreadable)))
