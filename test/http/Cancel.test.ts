/** A call that its client takes back: our client tells our server, which ends what it does for it. */
import { describe, expect, it } from "@effect/vitest"
import Hapi from "@hapi/hapi"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import type { AddressInfo } from "node:net"
import { WebSocket, WebSocketServer } from "ws"
import * as Nes from "../../src/hapi.js"
import { NesClient, NesServer, TestServer } from "../../src/index.js"
import { bare, serving } from "./Serving.js"

/** Something that begins, never ends by itself, and tells that it was interrupted. */
const hanging = Effect.gen(function*() {
  const begun = yield* Deferred.make<void>()
  const ended = yield* Deferred.make<string>()
  const effect = Deferred.succeed(begun, undefined).pipe(
    Effect.andThen(Effect.never),
    Effect.onInterrupt(() => Deferred.succeed(ended, "interrupted"))
  )
  return { begun: Deferred.await(begun), ended: Deferred.await(ended), effect }
})

type Call = (client: NesClient.Service) => Effect.Effect<unknown, unknown>
const calls: ReadonlyArray<readonly [name: string, call: Call]> = [
  ["a request", (client) => client.request("/hang")],
  ["a message", (client) => client.message("hang")]
]

const server = (effect: Effect.Effect<never>) =>
  TestServer.layer(
    Layer.merge(HttpRouter.add("GET", "/hang", effect), HttpRouter.add("GET", "/", HttpServerResponse.text("here"))),
    { onMessage: () => effect, limits: { maxErrors: 1, maxInFlight: 1 } }
  ).pipe(Layer.provide(HttpServer.layerServices))

describe("with our client and our server", () => {
  for (const [name, call] of calls) {
    it.live(`${name} that is interrupted ends at the server, as no error, and makes room for others`, () =>
      Effect.gen(function*() {
        const { begun, effect, ended } = yield* hanging
        yield* Effect.gen(function*() {
          const client = yield* TestServer.connect()
          const fiber = yield* Effect.forkChild(call(client))
          yield* begun
          yield* Fiber.interrupt(fiber)
          expect(yield* ended).toBe("interrupted")
          for (let n = 0; n < 3; n++) {
            expect((yield* client.request("/")).payload).toBe("here")
          }
          expect((yield* Effect.flatMap(NesServer.NesServer, (nes) => nes.totals)).sentError).toBe(0)
        }).pipe(Effect.provide(server(effect)))
      }))

    it.effect(`${name} whose time is over ends at the server`, () =>
      Effect.gen(function*() {
        const { begun, effect, ended } = yield* hanging
        yield* Effect.gen(function*() {
          const client = yield* TestServer.connect({ timeout: 20 })
          const calling = yield* Effect.forkChild(Effect.flip(call(client)))
          yield* begun
          yield* TestClock.adjust(20)
          expect(yield* Fiber.join(calling)).toMatchObject({ _tag: "TimeoutError" })
          expect(yield* ended).toBe("interrupted")
        }).pipe(Effect.provide(server(effect)))
      }))
  }
})

it.live("what is taken back does not wait for what waits for it", () =>
  Effect.gen(function*() {
    const { begun, effect, ended } = yield* hanging
    const Live = TestServer.layer(Layer.empty, {
      onMessage: (_, message) => String(message).startsWith("x") ? effect : Effect.succeed("answered"),
      limits: { maxInFlightBytes: 1_500 }
    }).pipe(Layer.provide(HttpServer.layerServices))
    yield* Effect.gen(function*() {
      const client = yield* TestServer.connect()
      const first = yield* Effect.forkChild(client.message("x".repeat(1_000)))
      yield* begun
      const second = yield* Effect.forkChild(client.message("y".repeat(1_000)), { startImmediately: true })
      yield* Fiber.interrupt(first)
      expect(yield* ended).toBe("interrupted")
      expect(yield* Fiber.join(second)).toBe("answered")
    }).pipe(Effect.provide(Live))
  }))

describe("on hapi", () => {
  it.live("a request is aborted, and an Effect hook interrupted", () =>
    Effect.gen(function*() {
      const { begun, effect, ended } = yield* hanging
      const asked = yield* Deferred.make<void>()
      const aborted = yield* Deferred.make<string>()
      const hapi = Hapi.server({ host: "127.0.0.1", port: 0 })
      yield* Effect.promise(() => hapi.register({ plugin: Nes.plugin, options: { onMessage: () => effect } }))
      hapi.route({
        method: "GET",
        path: "/hang",
        handler: (request) => {
          request.events.once("disconnect", () => void Effect.runFork(Deferred.succeed(aborted, "aborted")))
          Effect.runFork(Deferred.succeed(asked, undefined))
          return new Promise<string>(() => {})
        }
      })
      yield* Effect.acquireRelease(Effect.promise(() => hapi.start()), () => Effect.promise(() => hapi.stop()))
      const client = yield* NesClient.make({ url: `ws://127.0.0.1:${hapi.info.port}`, connect: "required" })
      const message = yield* Effect.forkChild(client.message("hang"))
      yield* begun
      yield* Fiber.interrupt(message)
      expect(yield* ended).toBe("interrupted")
      const request = yield* Effect.forkChild(client.request("/hang"))
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(request)
      expect(yield* Deferred.await(aborted)).toBe("aborted")
    }))

  it.live("a request that is taken back as soon as it is made is over before hapi has begun", () =>
    Effect.gen(function*() {
      let handled = 0
      const hapi = Hapi.server({ host: "127.0.0.1", port: 0 })
      yield* Effect.promise(() => hapi.register({ plugin: Nes.plugin }))
      hapi.route([
        { method: "GET", path: "/", handler: () => "here" },
        {
          method: "GET",
          path: "/hang",
          handler: () => {
            handled++
            return new Promise<string>(() => {})
          }
        }
      ])
      yield* Effect.acquireRelease(Effect.promise(() => hapi.start()), () => Effect.promise(() => hapi.stop()))
      const client = yield* NesClient.make({ url: `ws://127.0.0.1:${hapi.info.port}`, connect: "required" })
      const request = yield* Effect.forkChild(client.request("/hang"), { startImmediately: true })
      yield* Fiber.interrupt(request)
      expect((yield* client.request("/")).payload).toBe("here")
      expect(handled).toBe(0)
      const [connection] = yield* hapi.plugins.nes.connections
      expect(connection?.processing).toBe(0)
    }))
})

describe("with others", () => {
  it.live("the server has no such message, and offers nothing", () =>
    Effect.gen(function*() {
      const { answers, socket } = yield* bare()
      expect(answers[0]).not.toHaveProperty("extensions")
      for (const type of ["cancel", "ack", "rpc"]) {
        const answer = new Promise((resolve) => socket.once("message", (data) => resolve(JSON.parse(String(data)))))
        socket.send(JSON.stringify({ type, id: 5, tag: "x" }))
        expect(yield* Effect.promise(() => answer)).toMatchObject({
          type,
          id: 5,
          statusCode: 400,
          payload: { message: "Unknown message type" }
        })
      }
    }).pipe(Effect.provide(serving(Layer.empty))))

  it.live("of what a client knows the server says what it knows, and refuses what is no list of texts", () =>
    Effect.gen(function*() {
      const say = (extensions: unknown) =>
        Effect.gen(function*() {
          const address = yield* HttpServer.addressFormattedWith((address) => Effect.succeed(address))
          return yield* Effect.callback<unknown>((resume) => {
            const socket = new WebSocket(address.replace("http", "ws"))
            socket.once("open", () => socket.send(JSON.stringify({ type: "hello", id: 1, version: "2", extensions })))
            socket.once("message", (data) => {
              resume(Effect.succeed(JSON.parse(String(data))))
              socket.terminate()
            })
          })
        })
      expect(yield* say(["rpc", "unheard", "cancel"])).toMatchObject({ extensions: ["cancel", "rpc"] })
      for (const none of [["unheard"], [], null, undefined]) {
        expect(yield* say(none)).not.toHaveProperty("extensions")
      }
      for (const wrong of ["rpc", [1], { rpc: true }, 5]) {
        expect(yield* say(wrong)).toMatchObject({
          statusCode: 400,
          payload: { message: "Message extensions must be an array of strings" }
        })
      }
    }).pipe(Effect.provide(serving(Layer.empty))))

  it.live("the client says nothing of it to a server that does not offer it", () =>
    Effect.gen(function*() {
      const heard: Array<{ readonly type: string }> = []
      const old = yield* Effect.acquireRelease(
        Effect.callback<WebSocketServer>((resume) => {
          const server = new WebSocketServer({ port: 0, host: "127.0.0.1" })
          server.once("listening", () => resume(Effect.succeed(server)))
          server.on("connection", (socket) =>
            socket.on("message", (data: Buffer) => {
              const message = JSON.parse(data.toString()) as { readonly type: string; readonly id: number }
              heard.push(message)
              if (message.type === "hello") {
                socket.send(JSON.stringify({ type: "hello", id: message.id, heartbeat: false, socket: "s" }))
              } else if (message.type === "message") {
                socket.send(JSON.stringify({ type: "message", id: message.id, message: "answered" }))
              }
            }))
        }),
        (server) => Effect.sync(() => server.close())
      )
      const { port } = old.address() as AddressInfo
      const client = yield* NesClient.make({ url: `ws://127.0.0.1:${port}`, connect: "required" })
      const fiber = yield* Effect.forkChild(client.request({ path: "/", http: true }))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      expect(yield* client.message("x")).toBe("answered")
      expect(heard.map(({ type }) => type)).toEqual(["hello", "request", "message"])
      expect(heard[1]).not.toHaveProperty("http")
    }))
})
