/** What is done for a client ends with it, and knows whom it is done for. */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as TestClock from "effect/testing/TestClock"
import { connect as connectTcp } from "node:net"
import { WebSocket } from "ws"
import { Authentication, NesHttpServer, NesServer, type Refusal, Socket, TestServer } from "../../src/index.js"
import { address, bare, connect, outcome, serving } from "./Serving.js"

const auth = Authentication.make({ authenticate: Effect.succeed({ credentials: { user: "john" } }) })

/** A socket that says these messages as soon as it is open. */
const saying = (...messages: ReadonlyArray<object>) =>
  Effect.flatMap(address, (where) =>
    Effect.acquireRelease(
      Effect.callback<WebSocket>((resume) => {
        const socket = new WebSocket(`ws:${where}`)
        socket.once("open", () => {
          for (const message of messages) {
            socket.send(JSON.stringify(message))
          }
          resume(Effect.succeed(socket))
        })
      }),
      (socket) => Effect.sync(() => socket.terminate())
    ))

const hello = { type: "hello", id: 1, version: "2", auth: {} }

describe("of a client that has left", () => {
  const work = ["onMessage", "onConnection", "onSubscribe", "filter", "authenticate", "verify", "route"] as const

  for (const which of work) {
    it.live(`${which} is interrupted`, () =>
      Effect.gen(function*() {
        const begun = yield* Deferred.make<void>()
        const ended = yield* Deferred.make<string>()
        const hang = (name: typeof which): Effect.Effect<void> =>
          name === which
            ? Deferred.succeed(begun, undefined).pipe(
              Effect.andThen(Effect.never),
              Effect.onInterrupt(() => Deferred.succeed(ended, "interrupted"))
            )
            : Effect.void
        const Live = Layer.provideMerge(
          NesHttpServer.layerSubscription("/s", {
            onSubscribe: () => hang("onSubscribe"),
            filter: () => Effect.as(hang("filter"), true)
          }),
          serving(HttpRouter.add("GET", "/", Effect.as(hang("route"), HttpServerResponse.empty())), {
            onConnection: () => hang("onConnection"),
            onMessage: () => hang("onMessage"),
            auth: Authentication.make({
              minAuthVerifyInterval: 1,
              authenticate: Effect.as(hang("authenticate"), { credentials: { user: "john" } }),
              verify: () => hang("verify")
            })
          })
        )
        const nes = yield* Effect.gen(function*() {
          const nes = yield* NesServer.NesServer
          const socket = yield* saying(hello, { type: "sub", id: 2, path: "/s" })
          yield* Effect.sleep(5)
          for (const message of [{ type: "message", id: 3 }, { type: "request", id: 4, method: "GET", path: "/" }]) {
            socket.send(JSON.stringify(message))
          }
          if (which === "filter") {
            yield* Effect.repeat(Socket.all({ subscription: "/s" }), { until: (sockets) => sockets.length === 1 })
            yield* Effect.forkChild(nes.publish("/s", 1))
          }
          // On a busy machine all of it may have come in one millisecond, in which no verification is due.
          const again = Effect.sync(() => socket.send(JSON.stringify({ type: "ping", id: 5 })))
          yield* Effect.raceFirst(Deferred.await(begun), Effect.forever(Effect.delay(again, 5)))
          socket.terminate()
          expect(yield* Deferred.await(ended)).toBe("interrupted")
          return nes
        }).pipe(Effect.scoped, Effect.provide(Live))
        expect((yield* nes.totals).authenticationsFailed).toBe(0)
      }))
  }

  it.live("verifyUpgrade is interrupted", () =>
    Effect.gen(function*() {
      const begun = yield* Deferred.make<void>()
      const ended = yield* Deferred.make<string>()
      const verifyUpgrade = () =>
        Deferred.succeed(begun, undefined).pipe(
          Effect.andThen(Effect.never),
          Effect.onInterrupt(() => Deferred.succeed(ended, "interrupted"))
        )
      yield* Effect.gen(function*() {
        const [, port] = (yield* address).slice(2).split(":")
        const socket = connectTcp(Number(port), "127.0.0.1")
        socket.write(
          "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        yield* Deferred.await(begun)
        socket.destroy()
        expect(yield* Deferred.await(ended)).toBe("interrupted")
      }).pipe(Effect.provide(serving(Layer.empty, { verifyUpgrade })))
    }))

  it.live("nothing of that is logged as a failure, and the last hooks run to their end", () =>
    Effect.gen(function*() {
      const events = yield* Queue.unbounded<string>()
      const tell = (event: string) => Effect.delay(Queue.offer(events, event), 5)
      const Live = Layer.provideMerge(
        NesHttpServer.layerSubscription("/s", { onUnsubscribe: () => tell("unsubscribed") }),
        serving(Layer.empty, { onMessage: () => Effect.never, onDisconnection: () => tell("disconnected") })
      )
      yield* Effect.gen(function*() {
        const client = yield* connect()
        yield* Effect.promise(() => client.subscribe("/s", () => {}))
        const asked = yield* Effect.forkChild(outcome(() => client.message("never answered")))
        yield* Effect.promise(() => client.disconnect())
        expect(yield* Queue.takeN(events, 2)).toEqual(["unsubscribed", "disconnected"])
        expect(asked.pollUnsafe()).toBeDefined()
      }).pipe(Effect.provide(Live))
    }))
})

describe("at its time-out", () => {
  it.effect("an authentication is interrupted", () =>
    Effect.gen(function*() {
      const begun = yield* Deferred.make<void>()
      const ended = yield* Deferred.make<string>()
      const slow = Authentication.make({
        authenticate: Deferred.succeed(begun, undefined).pipe(
          Effect.andThen(Effect.never),
          Effect.onInterrupt(() => Deferred.succeed(ended, "interrupted"))
        )
      })
      yield* Effect.gen(function*() {
        yield* saying(hello)
        yield* Deferred.await(begun)
        yield* TestClock.adjust("2 seconds")
        expect(yield* Deferred.await(ended)).toBe("interrupted")
      }).pipe(
        Effect.scoped,
        Effect.provide(serving(Layer.empty, { auth: slow, limits: { authTimeout: "1 second" }, gracePeriod: 0 }))
      )
    }))
})

describe("the socket and its credentials", () => {
  const whoami = Effect.gen(function*() {
    const { user } = yield* Socket.credentials
    return { user, open: (yield* Socket.current).isOpen }
  })

  it.live("are the same in a route, a hook and a filter", () =>
    Effect.gen(function*() {
      const client = yield* connect({ auth: {} })
      const nes = yield* NesServer.NesServer
      const john = { user: "john", open: true }
      expect(yield* outcome(() => client.request("/me"))).toMatchObject({ payload: john })
      expect(yield* outcome(() => client.message("me"))).toEqual({ payload: john })
      const updates = yield* Queue.unbounded<unknown>()
      yield* Effect.promise(() => client.subscribe("/me", (update) => Queue.offerUnsafe(updates, update)))
      expect(yield* Queue.take(updates)).toEqual(["onSubscribe", john])
      yield* nes.publish("/me", null)
      expect(yield* Queue.take(updates)).toEqual(["filter", john])
    }).pipe(
      Effect.provide(Layer.provideMerge(
        NesHttpServer.layerSubscription("/me", {
          onSubscribe: (socket, path) =>
            Effect.flatMap(whoami, (me) => Effect.orDie(socket.publish(path, ["onSubscribe", me]))),
          filter: () => Effect.map(whoami, (me) => ({ override: ["filter", me] }))
        }),
        serving(
          HttpRouter.add("GET", "/me", Effect.map(whoami, (me) => HttpServerResponse.jsonUnsafe(me))),
          { auth, onMessage: () => whoami }
        )
      ))
    ))

  it.live("are those of the connection in a verification, and none before an authentication has ended", () =>
    Effect.gen(function*() {
      const seen: Array<unknown> = []
      const look = (who: string): Effect.Effect<void, Refusal.Refusal> =>
        Effect.gen(function*() {
          const { id } = yield* Socket.current
          seen.push([who, id !== "", Option.getOrNull(yield* Socket.CurrentCredentials)])
        })
      const Live = serving(Layer.empty, {
        onMessage: () => Effect.succeed("answered"),
        auth: Authentication.make({
          minAuthVerifyInterval: 1,
          authenticate: Effect.as(look("authenticate"), { credentials: { user: "john" } }),
          verify: () => look("verify")
        })
      })
      yield* Effect.gen(function*() {
        const client = yield* connect({ auth: {} })
        yield* Effect.sleep(5)
        expect(yield* outcome(() => client.message("me"))).toEqual({ payload: "answered" })
        expect(seen).toEqual([["authenticate", true, null], ["verify", true, { user: "john" }]])
      }).pipe(Effect.provide(Live))
    }))
})

describe("a connection's Scope", () => {
  it.live("holds what its hooks acquire until it has ended, after the last of them", () =>
    Effect.gen(function*() {
      const events = yield* Queue.unbounded<string>()
      const acquire = (what: string) =>
        Effect.acquireRelease(Queue.offer(events, `acquired ${what}`), () => Queue.offer(events, `released ${what}`))
      const Live = Layer.provideMerge(
        NesHttpServer.layerSubscription("/s", { onSubscribe: () => acquire("onSubscribe") }),
        serving(Layer.empty, {
          onConnection: () => acquire("onConnection"),
          onMessage: () => acquire("onMessage"),
          onDisconnection: () => Effect.delay(Queue.offer(events, "disconnected"), 5)
        })
      )
      yield* Effect.gen(function*() {
        const client = yield* connect()
        const other = yield* bare()
        expect(yield* Queue.takeN(events, 2)).toEqual(["acquired onConnection", "acquired onConnection"])
        yield* Effect.promise(() => client.message("x"))
        yield* Effect.promise(() => client.subscribe("/s", () => {}))
        yield* Effect.promise(() => client.disconnect())
        expect(yield* Queue.takeN(events, 6)).toEqual([
          "acquired onMessage",
          "acquired onSubscribe",
          "disconnected",
          "released onSubscribe",
          "released onMessage",
          "released onConnection"
        ])
        expect(other.socket.readyState).toBe(WebSocket.OPEN)
        expect(yield* Queue.size(events)).toBe(0)
      }).pipe(Effect.provide(Live))
      expect(yield* Queue.takeN(events, 2)).toEqual(["disconnected", "released onConnection"])
    }))

  it.live("that cannot be closed is logged, and nothing else comes of it", () =>
    Effect.gen(function*() {
      const logged = yield* Queue.unbounded<string>()
      const logger = Logger.make<unknown, void>(({ message }) => void Queue.offerUnsafe(logged, String(message)))
      const Live = TestServer.layer(Layer.empty, {
        onConnection: () => Effect.acquireRelease(Effect.void, () => Effect.die(new Error("stuck")))
      }).pipe(Layer.provide([HttpServer.layerServices, Logger.layer([logger])]))
      yield* Effect.gen(function*() {
        yield* Effect.scoped(TestServer.connect())
        expect(yield* Queue.take(logged)).toContain("stuck")
      }).pipe(Effect.provide(Live))
    }))

  it.live("of a filter closes when it has answered", () =>
    Effect.gen(function*() {
      const events: Array<string> = []
      const record = (event: string) => Effect.sync(() => void events.push(event))
      const Live = Layer.provideMerge(
        NesHttpServer.layerSubscription("/s", {
          filter: () => Effect.as(Effect.acquireRelease(record("acquired"), () => record("released")), true)
        }),
        serving(Layer.empty)
      )
      yield* Effect.gen(function*() {
        const client = yield* connect()
        const nes = yield* NesServer.NesServer
        yield* Effect.promise(() => client.subscribe("/s", () => {}))
        yield* nes.publish("/s", 1)
        expect(events).toEqual(["acquired", "released"])
      }).pipe(Effect.provide(Live))
    }))
})
