/** First messages and last updates through the Effect doors. */
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { Contract, ContractClient, NesClient, NesHttpServer, NesServer, Refusal, TestServer } from "../../src/index.js"
import { address, connect, outcome, serving } from "./Serving.js"

class Database extends Context.Service<Database, Map<string, number>>()("Database") {}

const subscriptions = Layer.mergeAll(
  NesHttpServer.layerSubscription("/view/{id}", {
    snapshot: (_socket, _path, { id = "" }) =>
      Effect.gen(function*() {
        const database = yield* Database
        yield* Effect.yieldNow
        const value = database.get(id)
        return value === undefined
          ? yield* Refusal.notFound("No such view")
          : NesHttpServer.snapshotAt(value, { value })
      })
  }),
  NesHttpServer.layerSubscription("/state/{id}", { state: { age: "1 minute" } }),
  NesHttpServer.layerSubscription("/chat/{id}", { recovery: true })
)

const live = subscriptions.pipe(
  Layer.provide(Layer.succeed(Database, new Map([["1", 3]]))),
  Layer.provideMerge(serving(Layer.empty))
)

const client = Layer.unwrap(Effect.map(address, (address) => NesClient.layer({ url: `ws:${address}` })))

describe("an Effect client", () => {
  it.live("has Streams that begin with a snapshot, a state, or the last updates, marked as what they are", () =>
    Effect.gen(function*() {
      const server = yield* NesServer.NesServer
      const nes = yield* NesClient.NesClient
      for (const n of [1, 2, 3]) {
        yield* server.publish("/state/1", n)
        yield* server.publish("/chat/1", n)
      }
      const first = (path: string, options?: NesClient.SubscribeOptions) =>
        nes.subscribe(path, options).pipe(Stream.take(1), Stream.runCollect)
      expect(yield* first("/view/1")).toEqual([{ message: { value: 3 }, revoked: false, snapshot: true }])
      expect(yield* first("/state/1")).toEqual([{ message: 3, revoked: false, snapshot: true }])
      const Chat = Contract.subscription("/chat/{id}", { message: Schema.Number })
      const last = ContractClient.subscribe(Chat, { id: 1 }, { history: 2, capacity: 16, strategy: "fail" })
      expect(yield* server.history("/state/1").read()).toMatchObject({ state: 3, position: { offset: 3 } })
      yield* server.history("/state/1").clear
      expect(yield* server.history("/state/1").read()).not.toHaveProperty("state")
      expect(yield* Effect.flip(server.history("/view/1").read())).toMatchObject({ _tag: "UserError" })
      expect(yield* last.pipe(Stream.take(2), Stream.runCollect)).toMatchObject([{ message: 2 }, { message: 3 }])
    }).pipe(Effect.provide(Layer.provideMerge(client, live)), Effect.scoped))

  it.live("and the plain client get the refusal of a snapshot as that of the subscription", () =>
    Effect.gen(function*() {
      const plain = yield* connect()
      expect(yield* outcome(() => plain.subscribe("/view/2", () => {}))).toEqual({
        message: "No such view",
        statusCode: 404
      })
      const nes = yield* NesClient.NesClient
      expect(yield* Effect.flip(Stream.runDrain(nes.subscribe("/view/2")))).toMatchObject({ statusCode: 404 })
    }).pipe(Effect.provide(Layer.provideMerge(client, live)), Effect.scoped))
})

it.effect("an update that a snapshot tells of passes its subscriber by, for ten seconds; others hear it", () =>
  Effect.gen(function*() {
    yield* NesHttpServer.subscription("/item/{id}", {
      snapshot: () => Effect.succeed(NesHttpServer.snapshotAt(7, "seven"))
    })
    const server = yield* NesServer.NesServer
    const hear = Effect.gen(function*() {
      const nes = yield* TestServer.connect()
      const updates = yield* nes.subscribed("/item/5")
      const heard: Array<unknown> = []
      yield* Effect.forkScoped(Stream.runForEach(updates, ({ message }) => Effect.sync(() => heard.push(message))))
      return { nes, heard }
    })
    const publish = (version: number | undefined, message: unknown) => server.publish("/item/5", message, { version })
    const early = yield* hear
    yield* publish(8, 8)
    const late = yield* hear
    yield* publish(7, "7")
    yield* publish(undefined, "of no version")
    yield* TestClock.adjust("9 seconds")
    yield* publish(6, "6")
    yield* TestClock.adjust("1 second")
    yield* publish(1, "made anew")
    for (const { nes } of [early, late]) {
      yield* Effect.flip(nes.request("/"))
    }
    expect(early.heard).toEqual(["seven", 8, "7", "of no version", "6", "made anew"])
    expect(late.heard).toEqual(["seven", "of no version", "made anew"])
  }).pipe(
    Effect.scoped,
    Effect.provide(TestServer.layer(Layer.empty).pipe(Layer.provideMerge(HttpServer.layerServices)))
  ))

it.effect("what is kept ages by the test's clock", () =>
  Effect.gen(function*() {
    yield* NesHttpServer.subscription("/chat/{id}", { recovery: { age: "1 minute" } })
    yield* NesHttpServer.subscription("/price/{id}", { state: { age: "1 minute" } })
    const server = yield* NesServer.NesServer
    yield* server.publish("/chat/1", "hello")
    yield* server.publish("/price/1", 12)
    const kept = Effect.all([server.history("/chat/1").read(), server.history("/price/1").read()])
    yield* TestClock.adjust("1 minute")
    expect(yield* kept).toMatchObject([{ updates: [{ message: "hello" }] }, { state: 12 }])
    yield* TestClock.adjust("1 millis")
    const [chat, price] = yield* kept
    expect(chat.updates).toEqual([])
    expect(price).not.toHaveProperty("state")
  }).pipe(
    Effect.scoped,
    Effect.provide(TestServer.layer(Layer.empty).pipe(Layer.provideMerge(HttpServer.layerServices)))
  ))

it.live("a snapshot of a client that has left is interrupted", () =>
  Effect.gen(function*() {
    const began = yield* Deferred.make<void>()
    const ended = yield* Deferred.make<void>()
    yield* NesHttpServer.subscription("/slow/{id}", {
      snapshot: () =>
        Deferred.succeed(began, undefined).pipe(
          Effect.andThen(Effect.never),
          Effect.onInterrupt(() => Deferred.succeed(ended, undefined))
        )
    })
    const plain = yield* connect()
    const subscribed = outcome(() => plain.subscribe("/slow/1", () => {}))
    const waiting = yield* Effect.forkScoped(subscribed)
    yield* Deferred.await(began)
    yield* Effect.promise(() => plain.disconnect())
    yield* Deferred.await(ended)
    yield* Fiber.join(waiting)
    expect((yield* NesServer.NesServer).node.hub.listens("/slow/1")).toBe(false)
  }).pipe(Effect.provide(live), Effect.scoped))
