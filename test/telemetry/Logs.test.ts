/** What a server without hapi writes into Effect's log. */
import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import * as Queue from "effect/Queue"
import * as References from "effect/References"
import { WebSocket } from "ws"
import { Client } from "../../src/client.js"
import { Authentication, Broker, NesError, NesHttpServer, NesServer, Refusal, TestServer } from "../../src/index.js"
import { Incidents, Log } from "../../src/server/telemetry/Log.js"

type Entry = { readonly level: string; readonly message: unknown } & Readonly<Record<string, unknown>>

/** A server in memory whose log, from `level` up, goes into a queue. */
const logging = (
  options: NesHttpServer.Options = {},
  level: LogLevel.LogLevel = "Debug",
  app: Layer.Layer<never, never, HttpRouter.HttpRouter> = Layer.empty,
  surroundings: Layer.Layer<never> = Layer.empty
) =>
  Effect.gen(function*() {
    const entries = yield* Queue.unbounded<Entry>()
    const logger = Logger.make<unknown, void>(({ fiber, logLevel, message }) => {
      const [text] = Array.isArray(message) ? message as ReadonlyArray<unknown> : [message]
      Queue.offerUnsafe(entries, { ...fiber.getRef(References.CurrentLogAnnotations), level: logLevel, message: text })
    })
    const log = Layer.merge(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, level))
    const context = yield* Layer.build(
      TestServer.layer(app, { heartbeat: false, ...options }).pipe(
        Layer.provide([HttpServer.layerServices, log, surroundings])
      )
    )
    return { entries, context }
  })

/** A server on a port, and what is logged from `Info` up. */
const listening = (routes: Layer.Layer<never, never, HttpRouter.HttpRouter> = Layer.empty) =>
  Effect.gen(function*() {
    const entries: Array<unknown> = []
    const logger = Logger.make<unknown, void>(({ fiber, logLevel, message }) => {
      const [text] = Array.isArray(message) ? message as ReadonlyArray<unknown> : [message]
      entries.push([logLevel, text, fiber.getRef(References.CurrentLogAnnotations)])
    })
    const context = yield* Layer.build(
      Layer.provide(NesHttpServer.layerNode(routes, { port: 0, host: "127.0.0.1" }), Logger.layer([logger]))
    )
    const { address } = yield* Effect.provide(HttpServer.HttpServer, context)
    return { context, entries, url: HttpServer.formatAddress(address) }
  })

/** A bare client in memory; `say` resolves with the next message that comes. */
const bare = (headers: Record<string, string> = {}) =>
  Effect.gen(function*() {
    const { url, ws } = yield* TestServer.TestServer
    const socket = new WebSocket(url, Object.assign({ headers }, ws))
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()))
    yield* Effect.callback<void>((resume) => void socket.once("open", () => resume(Effect.void)))
    const say = (message: object) =>
      Effect.callback<Record<string, unknown>>((resume) => {
        socket.once("message", (data) => resume(Effect.succeed(JSON.parse(String(data)) as Record<string, unknown>)))
        socket.send(JSON.stringify(message))
      })
    return {
      socket,
      closed: Effect.promise(() => closed),
      say,
      hello: (more: object = {}) => say({ type: "hello", id: 1, version: "2", ...more })
    }
  })

describe("a server without hapi", () => {
  it.live("says who has connected, and how and after how long they left", () =>
    Effect.gen(function*() {
      const { context, entries } = yield* logging()
      yield* Effect.gen(function*() {
        const { subscription } = yield* NesServer.NesServer
        yield* subscription("/news/{id}")
        const { hello, say, socket } = yield* bare({ "x-forwarded-for": "192.0.2.7" })
        const before = yield* Clock.currentTimeMillis
        const { socket: id } = yield* hello({ subs: ["/news/1"] })
        const who = { level: "Debug", "nes.socket.id": id, "client.forwarded_for": "192.0.2.7" }
        expect(yield* Queue.take(entries)).toEqual({ ...who, message: "nes connected", "nes.subscriptions": 1 })
        yield* say({ type: "sub", id: 2, path: "/news/2" })
        yield* Effect.sleep(5)
        socket.close(4000, "enough")
        const left = yield* Queue.take(entries)
        expect(left).toMatchObject({
          ...who,
          message: "nes disconnected",
          "nes.close.code": 4000,
          "nes.close.reason": "enough",
          "nes.subscriptions": 2
        })
        expect(left["nes.duration_ms"]).toBeGreaterThanOrEqual(4)
        expect(left["nes.duration_ms"]).toBeLessThanOrEqual((yield* Clock.currentTimeMillis) - before + 1000)
      }).pipe(Effect.provide(context))
    }))

  it.live("says that a connection which never said hello is gone", () =>
    Effect.gen(function*() {
      const { context, entries } = yield* logging()
      const { socket } = yield* Effect.provide(bare(), context)
      socket.terminate()
      expect(yield* Queue.take(entries)).toMatchObject({ message: "nes disconnected", "nes.close.code": 1006 })
    }))

  it.live("says whom authentication refused, why, and whose credentials hold no more", () =>
    Effect.gen(function*() {
      const auth = Authentication.make({
        mode: "optional",
        authenticate: Refusal.unauthorized("Who are you?"),
        minAuthVerifyInterval: 1
      })
      const { context, entries } = yield* logging({ auth }, "Info")
      const { hello } = yield* Effect.provide(bare(), context)
      expect(yield* hello({ auth: { password: "wrong" } })).toMatchObject({ statusCode: 401 })
      expect(yield* Queue.take(entries)).toEqual({
        level: "Info",
        message: "nes authentication failed",
        "nes.socket.id": expect.stringContaining(":1"),
        "nes.error": "Who are you?"
      })

      const expiring = yield* logging({
        auth: Authentication.make({
          authenticate: Effect.succeed({ credentials: { user: "john" } }),
          verify: () => Refusal.forbidden("expired"),
          minAuthVerifyInterval: 1
        })
      }, "Info")
      const john = yield* Effect.provide(bare(), expiring.context)
      yield* john.hello({ auth: {} })
      yield* Effect.sleep(5)
      expect(yield* john.say({ type: "request", id: 2, method: "GET", path: "/" })).toMatchObject({ statusCode: 403 })
      expect(yield* Queue.take(expiring.entries)).toMatchObject({
        message: "nes verification failed",
        "nes.error": "expired"
      })
    }))

  it.live("says once for each connection which limit it crossed, and whom it did not let in", () =>
    Effect.gen(function*() {
      const { context, entries } = yield* logging({
        maxConnections: 1,
        limits: { maxSubscriptions: 1, maxPathLength: 300 }
      }, "Info")
      yield* Effect.gen(function*() {
        const { subscription } = yield* NesServer.NesServer
        yield* subscription("/news/{id}")
        const { hello, say } = yield* bare()
        yield* hello({ subs: ["/news/1"] })
        for (const id of [2, 3]) {
          expect(yield* say({ type: "sub", id, path: `/news/${id}` })).toMatchObject({ statusCode: 403 })
        }
        expect(yield* say({ type: "sub", id: 4, path: `/${"x".repeat(300)}` })).toMatchObject({ statusCode: 414 })
        expect(yield* Queue.take(entries)).toMatchObject({
          level: "Info",
          message: "nes limit exceeded",
          "nes.limit": "maxSubscriptions",
          "nes.path": "/news/2"
        })
        // The second crossing of a limit says nothing new; of a long path the beginning is enough.
        const next = yield* Queue.take(entries)
        expect(next).toMatchObject({ "nes.limit": "maxPathLength" })
        expect(String(next["nes.path"]).length).toBe(256)
        const { closed } = yield* bare()
        yield* closed
        expect(yield* Queue.take(entries)).toMatchObject({
          message: "nes connection refused",
          "nes.error": "maxConnections"
        })
      }).pipe(Effect.provide(context))
    }))

  it.live("names the socket where a hook fails", () =>
    Effect.gen(function*() {
      const { context, entries } = yield* logging({
        onMessage: () => Effect.die(new NesError.UserError({ message: "broken" }))
      }, "Info")
      const { hello, say } = yield* Effect.provide(bare(), context)
      const { socket: id } = yield* hello()
      expect(yield* say({ type: "message", id: 2, message: "a" })).toMatchObject({ statusCode: 500 })
      expect(yield* Queue.take(entries)).toMatchObject({
        level: "Error",
        message: "nes onMessage failed: broken",
        "nes.socket.id": id,
        tags: "nes,onMessage,error"
      })
    }))

  it.live("says in one line which part of the authentication is broken, and why", () =>
    Effect.gen(function*() {
      const broken = Effect.orDie(Effect.tryPromise(() => Promise.reject(new Error("no database"))))
      const refusing = yield* logging({ auth: Authentication.make({ authenticate: broken }) }, "Info")
      const { hello } = yield* Effect.provide(bare(), refusing.context)
      expect(yield* hello({ auth: {} })).toMatchObject({ statusCode: 500 })
      const verified = yield* logging({
        auth: Authentication.make({
          authenticate: Effect.succeed({ credentials: { user: "john" } }),
          verify: () => broken,
          minAuthVerifyInterval: 1
        })
      }, "Info")
      const john = yield* Effect.provide(bare(), verified.context)
      yield* john.hello({ auth: {} })
      yield* Effect.sleep(5)
      expect(yield* john.say({ type: "request", id: 2, method: "GET", path: "/" })).toMatchObject({ statusCode: 403 })
      for (const [{ entries }, hook] of [[refusing, "authenticate"], [verified, "verify"]] as const) {
        expect((yield* Queue.takeAll(entries)).map(({ level, message }) => [level, message])).toEqual([
          ["Error", `nes ${hook} failed: no database`]
        ])
      }
      const { login } = Authentication.make({ type: "token", authenticate: broken })
      const { entries, url } = yield* listening(HttpRouter.add("GET", "/nes/auth", Effect.orDie(login)))
      expect((yield* Effect.promise(() => fetch(`${url}/nes/auth`))).status).toBe(500)
      expect(entries.slice(1)).toEqual([["Error", "nes authenticate failed: no database", {}]])
    }))

  it.live("says at the start that other nodes refuse what this one seals, where there are others and no password", () =>
    Effect.gen(function*() {
      const authenticate = Refusal.unauthorized()
      const password = "a password that is at least 32 long"
      const warnings = (auth: Authentication.Authentication<never>, broker: Layer.Layer<never>) =>
        Effect.gen(function*() {
          const { entries } = yield* logging({ auth, origin: "https://our.example" }, "Info", Layer.empty, broker)
          return (yield* Queue.clear(entries)).map(({ level, message }) => [level, message])
        })
      const warned = [["Warn", "nes password missing"]]
      for (const type of ["cookie", "token"] as const) {
        expect(yield* warnings(Authentication.make({ type, authenticate }), Broker.layerMemory)).toEqual(warned)
        expect(yield* warnings(Authentication.make({ type, authenticate }), Layer.empty)).toEqual([])
        expect(yield* warnings(Authentication.make({ type, authenticate, password }), Broker.layerMemory)).toEqual([])
      }
      expect(yield* warnings(Authentication.make({ authenticate }), Broker.layerMemory)).toEqual([])
    }))

  it.live("says where it listens, when it sends its clients away, and that they have gone", () =>
    Effect.gen(function*() {
      const { entries, url } = yield* Effect.scoped(Effect.gen(function*() {
        const server = yield* listening()
        const { context, url } = server
        const client = new Client(url)
        yield* Effect.addFinalizer(() => Effect.promise(() => client.disconnect()))
        yield* Effect.promise(() => client.connect({ reconnect: false }))
        const { drain } = yield* Effect.provide(NesServer.NesServer, context)
        yield* drain()
        return server
      }))
      expect(entries).toEqual([
        ["Info", "nes listening", { "nes.address": url }],
        ["Info", "nes draining", { "nes.connections": 1 }],
        ["Info", "nes stopped", {}]
      ])
    }))
})

describe("what the application logs", () => {
  it.live("names the socket, in handlers and in hooks", () =>
    Effect.gen(function*() {
      const says = (text: string) => Effect.annotateLogs(Effect.log(text), "more", 1)
      const app = HttpRouter.add("GET", "/", Effect.as(says("handler"), HttpServerResponse.empty()))
      const { context, entries } = yield* logging(
        {
          onConnection: () => says("onConnection"),
          onMessage: () => says("onMessage")
        },
        "Info",
        app
      )
      yield* Effect.provide(NesHttpServer.subscription("/a", { onSubscribe: () => says("onSubscribe") }), context)
      const { hello, say } = yield* Effect.provide(bare(), context)
      const { socket: id } = yield* hello()
      yield* say({ type: "request", id: 2, method: "GET", path: "/" })
      yield* say({ type: "message", id: 3, message: 0 })
      yield* say({ type: "sub", id: 4, path: "/a" })
      for (const message of ["onConnection", "handler", "onMessage", "onSubscribe"]) {
        expect(yield* Queue.take(entries)).toEqual({ level: "Info", message, "nes.socket.id": id, more: 1 })
      }
    }))
})

describe("a log that does not listen", () => {
  it.live("to Debug hears nothing of connections that come and go", () =>
    Effect.gen(function*() {
      const { context, entries } = yield* logging({}, "Info")
      const { closed, hello, socket } = yield* Effect.provide(bare(), context)
      yield* hello()
      socket.close()
      yield* closed
      expect(yield* Queue.size(entries)).toBe(0)
    }))

  it("costs nothing: neither is time read nor anything made", () => {
    const never = (): never => {
      throw new Error("asked")
    }
    const deaf = new Log({}, new Proxy({} as Clock.Clock, { get: never }), new Incidents(never))
    // Whatever it would read of a connection is an error.
    const connection = new Proxy({} as Parameters<Log["exceeded"]>[1], { get: never })
    expect(deaf.lives).toBeUndefined()
    expect(() => {
      deaf.distrusted("authentication", connection, new Error("a"))
      deaf.exceeded("maxDepth", connection)
    }).not.toThrow()
  })
})
