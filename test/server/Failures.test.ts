/** What a publish and the like fail with: misuse is a `UserError`, what happens between nodes a `BrokerError`. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as ClusterBroker from "../../src/cluster/ClusterBroker.js"
import {
  Application,
  Broker,
  Contract,
  ContractClient,
  ContractServer,
  NesClient,
  NesHttpServer,
  NesServer,
  Publisher,
  Socket,
  TestServer
} from "../../src/index.js"
import { RedisBroker } from "../../src/redis.js"
import * as MemoryEngine from "../cluster/MemoryEngine.js"

const circular: Record<string, unknown> = {}
circular.self = circular

/** What JSON has no value for. */
const none: ReadonlyArray<unknown> = [1n, { n: 1n }, circular, undefined, () => {}, Symbol("s")]

const Live = Layer.provideMerge(
  Layer.mergeAll(NesHttpServer.layerSubscription("/a"), NesHttpServer.layerSubscription("/kept", { recovery: true })),
  TestServer.layer(Layer.empty)
).pipe(Layer.provide(HttpServer.layerServices))

const connect = Effect.gen(function*() {
  return yield* NesClient.make({ ...(yield* TestServer.TestServer), connect: "required" })
})

describe("a message that is no JSON value", () => {
  it.live("fails a publish, a broadcast, a revocation and what a socket sends, whether anybody listens or not", () =>
    Effect.gen(function*() {
      const nes = yield* NesServer.NesServer
      const listening = yield* connect
      yield* Effect.forkScoped(Stream.runDrain(listening.subscribe("/a")))
      const [socket] = yield* Effect.repeat(Socket.all({ subscription: "/a" }), { until: ({ length }) => length === 1 })
      if (socket === undefined) {
        return yield* Effect.die("nobody")
      }
      for (const message of none) {
        const attempts: ReadonlyArray<Effect.Effect<void, unknown>> = [
          nes.publish("/a", message),
          nes.publish("/kept", message),
          nes.publish("/nobody", message),
          nes.broadcast(message),
          socket.send(message),
          socket.publish("/a", message),
          ...(message === undefined ? [] : [nes.revoke({ socket: socket.id }, "/a", message)])
        ]
        for (const attempt of attempts) {
          expect(yield* Effect.flip(attempt)).toMatchObject({ _tag: "UserError", message: expect.any(String) })
        }
      }
      expect(yield* Effect.flip(socket.revoke("/a", { message: circular }))).toMatchObject({ _tag: "UserError" })
      expect(socket.subscriptions).toEqual(["/a"])
    }).pipe(Effect.provide(Live)))

  it.live("is none for a contract of Void: it arrives", () =>
    Effect.gen(function*() {
      const Tick = Contract.subscription("/tick", { message: Schema.Void })
      yield* ContractServer.subscription(Tick)
      const client = yield* connect
      const heard = yield* Effect.forkChild(
        Stream.runHead(ContractClient.subscribe(Tick)).pipe(
          Effect.provideService(NesClient.NesClient, client)
        )
      )
      yield* Effect.repeat(Socket.all({ subscription: "/tick" }), { until: ({ length }) => length === 1 })
      yield* ContractServer.publish(Tick, {}, undefined)
      expect(yield* Fiber.join(heard)).toMatchObject({ value: { message: undefined, revoked: false } })
    }).pipe(Effect.provide(Live)))
})

describe("a parameter that is empty, or half an emoji", () => {
  const Items = Contract.subscription("/user/{id}/items", { message: Schema.String })

  it("is no path", () => {
    for (const pattern of ["/user/{id}/items", "/f/{name}.{ext}", "/f/{rest*2}"]) {
      expect(() => Contract.fill(pattern, { id: "", name: "", ext: "x", rest: "" })).toThrow("must not be empty")
      expect(() => Contract.fill(pattern, { id: "\ud83d", name: "\ud83d", ext: "x", rest: "\ud83d" }))
        .toThrow("cannot be encoded")
    }
    expect(Contract.fill("/a/{b?}", { b: "" })).toBe("/a")
  })

  it.live("fails the publish and the Stream", () =>
    Effect.gen(function*() {
      const client = yield* connect
      for (const [id, message] of [["", "must not be empty"], ["\ud83d", "cannot be encoded"]] as const) {
        const refused = { _tag: "UserError", message: `Path parameter ${message}: id` }
        expect(yield* Effect.flip(ContractServer.publish(Items, { id }, "x"))).toMatchObject(refused)
        const error = yield* Effect.flip(Stream.runDrain(ContractClient.subscribe(Items, { id }))).pipe(
          Effect.provideService(NesClient.NesClient, client)
        )
        expect(error).toMatchObject(refused)
      }
    }).pipe(Effect.provide(Live)))
})

describe("misuse and infrastructure", () => {
  it.live("are told apart while the engine is away", () =>
    Effect.gen(function*() {
      const engine = yield* MemoryEngine.make
      engine.cut()
      const broker = Layer.effect(
        Broker.Broker,
        ClusterBroker.make(engine, { timeout: 1, maxInFlight: 10 })
      )
      const server = Layer.provideMerge(
        NesHttpServer.layerSubscription("/kept", { recovery: true }),
        TestServer.layer(Layer.empty)
      ).pipe(Layer.provide(HttpServer.layerServices))
      yield* Effect.gen(function*() {
        const nes = yield* NesServer.NesServer
        const away = { _tag: "BrokerError", message: expect.stringContaining("Not connected") }
        expect(yield* Effect.flip(nes.publish("/kept", 1))).toMatchObject(away)
        expect(yield* Effect.flip(nes.count())).toMatchObject(away)
        expect(yield* Effect.flip(nes.disconnect({ socket: "other:1" }))).toMatchObject(away)
        expect(yield* Effect.flip(nes.publish("kept", 1))).toMatchObject({ _tag: "UserError" })
        expect(yield* Effect.flip(nes.broadcast(1, { user: "john" }))).toMatchObject({ _tag: "UserError" })
        const publisher = yield* Publisher.make({ subscriptions: { "/kept": { recovery: true } } })
        expect(yield* Effect.flip(publisher.publish("/kept", 1))).toMatchObject(away)
        expect(yield* Effect.flip(publisher.broadcast(1))).toMatchObject(away)
        for (const path of ["kept", "/kept?a=1"]) {
          expect(yield* Effect.flip(publisher.publish(path, 1))).toMatchObject({ _tag: "UserError" })
        }
        expect(yield* Effect.flip(publisher.broadcast(undefined))).toMatchObject({ _tag: "UserError" })
      }).pipe(Effect.provide(Layer.provideMerge(server, broker)))
    }))

  it.effect("options of Redis that make no sense are misuse", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.scoped(Layer.build(RedisBroker.layer({ url: [] }))))
      expect(error).toMatchObject({ _tag: "UserError", message: "Invalid Redis options: `url` is missing" })
    }))
})

describe("what would reach nobody", () => {
  const undeclared = { _tag: "UserError", message: "No subscription is declared for the path: /new/1" }

  it.live("is misuse of a server, which has not declared it, or has stopped", () =>
    Effect.gen(function*() {
      const nes = yield* Effect.gen(function*() {
        const nes = yield* NesServer.NesServer
        expect(yield* Effect.flip(nes.publish("/new/1", 1))).toMatchObject(undeclared)
        yield* nes.subscription("/new/{id}")
        yield* nes.publish("/new/1", 1)
        const wrong = {
          _tag: "UserError",
          message: "A subscription path has no query: /new/1?a=1"
        }
        expect(yield* Effect.flip(nes.publish("/new/1?a=1", 1))).toMatchObject(wrong)
        expect(yield* Effect.flip(nes.history("/new/1?a=1").read())).toMatchObject(wrong)
        return nes
      }).pipe(Effect.provide(Live))
      for (
        const operation of [
          nes.publish("/new/1", 1),
          nes.broadcast(1),
          nes.revoke({ socket: "a" }, "/a"),
          nes.disconnect({ socket: "a" })
        ]
      ) {
        expect(yield* Effect.flip(operation)).toMatchObject({ _tag: "UserError", message: "The server has stopped" })
      }
    }))

  it.live("is misuse of a publisher that shares a broker with nobody", () =>
    Effect.gen(function*() {
      const message = "A publisher needs a broker, which it shares with servers"
      expect(yield* Effect.flip(Publisher.make())).toMatchObject({ _tag: "UserError", message })
      const own = yield* Broker.Broker
      yield* Effect.promise(() => expect(Publisher.open(own)).rejects.toMatchObject({ message }))
    }))

  it.live("is known to a node that serves; one that only takes part publishes what others declare", () =>
    Effect.gen(function*() {
      const broker = yield* ClusterBroker.make(yield* MemoryEngine.make, { timeout: 1_000, maxInFlight: 10 })
      yield* Effect.gen(function*() {
        const server = yield* NesServer.NesServer
        yield* server.subscription("/new/{id}")
        const client = yield* connect
        const heard = yield* Effect.forkChild(Stream.runHead(client.subscribe("/new/1")))
        yield* Effect.repeat(server.count("/new/1"), { until: ({ total }) => total === 1 })
        yield* Effect.scoped(Effect.gen(function*() {
          const worker = yield* NesServer.make()
          yield* worker.join
          yield* worker.publish("/new/1", "news")
        })).pipe(Effect.provideService(Application.Application, {} as Application.Service))
        expect(yield* Fiber.join(heard)).toMatchObject({ value: { message: "news" } })
        expect(yield* Effect.flip(server.publish("/news", 1))).toMatchObject({ _tag: "UserError" })
      }).pipe(Effect.provide(Live), Effect.provideService(Broker.Broker, broker))
    }))
})
