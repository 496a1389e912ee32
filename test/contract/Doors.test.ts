/** All of contracts over real sockets, on both doors. */
import { describe, expect, it } from "@effect/vitest"
import Hapi from "@hapi/hapi"
import { Context, Effect, Fiber, Layer, Schema, SchemaGetter, type Scope, Stream } from "effect"
import { Client } from "../../src/client.js"
import * as Nes from "../../src/hapi.js"
import { Contract, ContractClient, ContractServer, NesClient, NesServer, Refusal } from "../../src/index.js"
import { address, serving } from "../http/Serving.js"

/** What the hooks require. */
class Shop extends Context.Service<Shop, ReadonlyMap<string, Date>>()("Shop") {}

class Missing extends Schema.TaggedError<Missing>()("Missing", { since: Schema.Date }, { httpApiStatus: 404 }) {
  override readonly message = "It is gone"
}
class Busy extends Schema.TaggedError<Busy>()("Busy", { left: Schema.BigInt }) {}

let decoded = 0
const Counted = Schema.Number.pipe(Schema.decodeTo(Schema.Number, {
  decode: SchemaGetter.transform((n) => {
    decoded++
    return n
  }),
  encode: SchemaGetter.transform((n) => n)
}))

const Item = Contract.subscription("/item/{id}/{part?}", {
  message: Schema.Struct({ n: Counted, due: Schema.Date })
})
const Log = Contract.subscription("/log/{path*}", { message: Schema.BigInt })
const Find = Contract.message("find", {
  request: Schema.TaggedStruct("Find", { id: Schema.String }),
  response: Schema.Date,
  error: Schema.Union([Missing, Busy])
})
const Ping = Contract.message("ping", { request: Schema.Void })
const News = Contract.broadcast("news", { message: Schema.TaggedStruct("News", { at: Schema.Date }) })
const Alert = Contract.broadcast("alert", {
  message: Schema.Union([
    Schema.TaggedStruct("Raised", { level: Schema.Number }),
    Schema.TaggedStruct("Cleared", {})
  ])
})
const Stop = Contract.broadcast("stop", { message: Schema.Void })

const onMessage = ContractServer.onMessage(
  ContractServer.handler(Find, ({ id }) =>
    Effect.gen(function*() {
      const due = (yield* Shop).get(id)
      return due ??
        (yield* id === "busy" ? new Busy({ left: 5n }) : id === "secret" ? Refusal.forbidden() : new Missing({
          since: new Date(1)
        }))
    })),
  ContractServer.handler(Ping, () => Effect.void)
)

const shop = new Map([["5", new Date(5)], ["6", new Date(6)]])

const Subscriptions = Layer.mergeAll(
  ContractServer.layerSubscription(Item, {
    recovery: true,
    onSubscribe: (_socket, _path, { id }) =>
      Effect.gen(function*() {
        if (!(yield* Shop).has(id)) {
          return yield* Refusal.notFound(`There is no item ${id}`)
        }
      }),
    snapshot: (_socket, _path, { id, part }) =>
      Effect.map(Shop, (shop) => {
        const due = shop.get(id)
        return due && part === undefined ? ContractServer.snapshotAt(7, { n: 0, due }) : undefined
      }),
    filter: (_path, { due, n }, { params: { id, part } }) => {
      if (part === "late") {
        return Effect.map(Shop, (shop) => due > (shop.get(id) ?? due) && { override: { n: -n, due: new Date(0) } })
      }
      return n > 1 && (part === undefined || { override: { n: 100, due } })
    }
  }),
  ContractServer.layerSubscription(Log, {
    filter: (_path, line, { params: { path } }) => line > BigInt((path ?? "").length)
  })
)

const onHttp = Layer.unwrap(Effect.sync(() => {
  const server = serving(Layer.empty, { onMessage })
  return Layer.provideMerge(Layer.unwrap(Effect.map(address, (address) => urlIs(`ws:${address}`))), server)
}))

class Url extends Context.Service<Url, string>()("Url") {}
const urlIs = (url: string) => Layer.succeed(Url, url)

const onHapi = Layer.unwrap(Effect.gen(function*() {
  const context = yield* Effect.context<Shop>()
  const { info, plugins } = yield* Effect.acquireRelease(
    Effect.promise(async () => {
      const server = Hapi.server({ port: 0 })
      await server.register({
        plugin: Nes.plugin,
        options: { onMessage: (socket, message) => Effect.provide(onMessage(socket, message), context) }
      })
      await server.start()
      return server
    }),
    (server) => Effect.promise(() => server.stop())
  )
  return Layer.merge(Layer.succeed(NesServer.NesServer, plugins.nes), urlIs(info.uri.replace("http", "ws")))
}))

const connect: Effect.Effect<NesClient.Service, never, Url | Scope.Scope> = Effect.flatMap(
  Url,
  (url) => Effect.orDie(NesClient.make({ url }))
)

const messages = (
  updates: Stream.Stream<NesClient.Update<{ readonly n: number; readonly due: Date }>, unknown>,
  count: number
) =>
  Effect.map(
    Stream.runCollect(Stream.take(updates, count)),
    (updates) => updates.map(({ message: { due, n }, ...flags }) => [n, due.getTime(), ...Object.keys(flags).slice(1)])
  )

describe.each([["an Effect server", onHttp], ["hapi", onHapi]] as const)("%s", (_name, server) => {
  const live = Layer.provide(Layer.provideMerge(Subscriptions, server), Layer.succeed(Shop, shop))

  it.live("hooks have the path's parameters and decoded messages, and what they answer is encoded", () =>
    Effect.gen(function*() {
      const nes = ContractClient.make(yield* connect)
      const refused = yield* Effect.flip(nes.subscribed(Item, { id: 7 }))
      expect(refused).toMatchObject({ _tag: "ServerError", statusCode: 404, message: "There is no item 7" })

      const whole = yield* nes.subscribed(Item, { id: 5 })
      const part = yield* nes.subscribed(Item, { id: 5, part: "early" })
      const late = yield* nes.subscribed(Item, { id: 5, part: "late" })
      for (const [n, due, version] of [[1, 1, 7], [2, 2, 8], [3, 3, 8], [4, 9, 9]] as const) {
        for (const params of [{ id: 5 }, { id: 5, part: "early" }, { id: 5, part: "late" }]) {
          yield* ContractServer.publish(Item, params, { n, due: new Date(due) }, { version })
        }
      }
      expect(yield* messages(whole, 4)).toEqual([[0, 5, "snapshot"], [2, 2], [3, 3], [4, 9]])
      expect(yield* messages(part, 3)).toEqual([[100, 2], [100, 3], [100, 9]])
      expect(yield* messages(late, 1)).toEqual([[-4, 0]])
    }).pipe(Effect.provide(live), Effect.scoped))

  it.live("a filter's message is decoded once for all subscribers, and what does not decode is for none", () =>
    Effect.gen(function*() {
      const { publish } = yield* NesServer.NesServer
      const all = yield* Effect.forEach(
        [1, 2, 3],
        () => Effect.flatMap(connect, (nes) => ContractClient.make(nes).subscribed(Item, { id: 5, part: "early" }))
      )
      decoded = 0
      yield* publish("/item/5/early", { n: "two", due: "yesterday" })
      yield* ContractServer.publish(Item, { id: 5, part: "early" }, { n: 2, due: new Date(2) })
      yield* ContractServer.publish(Item, { id: 5, part: "early" }, { n: 1, due: new Date(2) })
      expect(decoded).toBe(2)
      for (const updates of all) {
        expect(yield* messages(updates, 1)).toEqual([[100, 2]])
      }
    }).pipe(Effect.provide(live), Effect.scoped))

  it.live("a parameter that may be left out is absent, and one of several segments is one text", () =>
    Effect.gen(function*() {
      const nes = ContractClient.make(yield* connect)
      const root = yield* nes.subscribed(Log)
      const below = yield* nes.subscribed(Log, { path: "a/b" })
      for (const params of [undefined, { path: "a/b" }]) {
        yield* ContractServer.publish(Log, params, 1n)
        yield* ContractServer.publish(Log, params, 4n)
      }
      expect(yield* Stream.runHead(root)).toMatchObject({ value: { message: 1n } })
      expect(yield* Stream.runHead(below)).toMatchObject({ value: { message: 4n } })
    }).pipe(Effect.provide(live), Effect.scoped))

  it.live("history is decoded, and a revocation's last message encoded", () =>
    Effect.gen(function*() {
      const client = yield* connect
      const updates = yield* ContractClient.make(client).subscribed(Item, { id: 6 })
      yield* ContractServer.publish(Item, { id: 6 }, { n: 2, due: new Date(2) })
      yield* ContractServer.publish(Item, { id: 6 }, { n: 3, due: new Date(3) })
      const { updates: past } = yield* ContractServer.history(Item, { id: 6 }, { limit: 1 })
      expect(past).toMatchObject([{ message: { n: 3, due: new Date(3) }, position: { offset: 2 } }])
      expect(yield* Effect.flip(ContractServer.history(Log, {}))).toMatchObject({ _tag: "UserError" })
      const status = yield* client.status
      const socket = status._tag === "Connected" ? status.id : ""
      yield* ContractServer.revoke(Item, { id: 6 }, { socket }, { n: 9, due: new Date(9) })
      expect(yield* messages(updates, 4)).toEqual([[0, 6, "snapshot"], [2, 2], [3, 3], [9, 9]])
      expect(yield* client.subscriptions).toEqual([])
    }).pipe(Effect.provide(live), Effect.scoped))

  it.live("a message fails with the contract's errors, with a Refusal, and old clients get status and text", () =>
    Effect.gen(function*() {
      const nes = ContractClient.make(yield* connect)
      const find = (id: string) => Effect.flip(nes.message(Find, { _tag: "Find", id }))
      expect(yield* nes.message(Find, { _tag: "Find", id: "5" })).toEqual(new Date(5))
      expect(yield* find("none")).toEqual(new Missing({ since: new Date(1) }))
      expect(yield* find("busy")).toEqual(new Busy({ left: 5n }))
      expect(yield* find("secret")).toMatchObject({ _tag: "ServerError", statusCode: 403 })
      const Other = Contract.message("other", { request: Find.request, error: Schema.TaggedStruct("Other", {}) })
      expect(yield* Effect.flip(nes.message(Other, { _tag: "Find", id: "busy" }))).toMatchObject({
        _tag: "ServerError",
        statusCode: 400,
        data: { failure: { _tag: "Busy", left: "5" } }
      })
      const plain = new Client(yield* Url)
      yield* Effect.promise(() => plain.connect())
      const error = yield* Effect.flip(Effect.tryPromise(() => plain.message({ _tag: "Find", id: "none" })))
      expect(error.cause).toMatchObject({ message: "It is gone", statusCode: 404 })
      yield* Effect.promise(() => plain.disconnect())
    }).pipe(Effect.provide(live), Effect.scoped))

  it.live("broadcasts of several contracts each reach their own, and Void travels as null", () =>
    Effect.gen(function*() {
      const client = yield* connect
      const nes = ContractClient.make(client)
      expect(yield* nes.message(Ping)).toBeUndefined()
      expect(yield* client.message(null)).toBeNull()
      const heard = yield* Effect.forkChild(Effect.all([
        Stream.runCollect(Stream.take(nes.updates(News), 2)),
        Stream.runCollect(Stream.take(nes.updates(Alert), 2)),
        Effect.flip(Stream.runDrain(nes.updates(Stop))),
        Stream.runCollect(Stream.take(client.updates, 5))
      ], { concurrency: "unbounded" }))
      yield* client.message(null)
      yield* ContractServer.broadcast(Stop)
      yield* ContractServer.broadcast(News, { _tag: "News", at: new Date(1) })
      yield* ContractServer.broadcast(Alert, { _tag: "Raised", level: 3 })
      yield* ContractServer.broadcast(News, { _tag: "News", at: new Date(2) })
      yield* ContractServer.broadcast(Alert, { _tag: "Cleared" })
      const [news, alerts, untagged, all] = yield* Fiber.join(heard)
      expect(news.map(({ at }) => at.getTime())).toEqual([1, 2])
      expect(alerts).toEqual([{ _tag: "Raised", level: 3 }, { _tag: "Cleared" }])
      expect(untagged).toMatchObject({ _tag: "ContractError", subject: "stop" })
      expect(all[0]).toBeNull()

      const wrong = yield* Effect.forkChild(Effect.flip(Stream.runDrain(nes.updates(News))))
      yield* client.message(null)
      const { broadcast } = yield* NesServer.NesServer
      for (const message of ["text", null, 5, { _tag: "Other" }, { _tag: "News", at: "never" }]) {
        yield* broadcast(message)
      }
      expect(yield* Fiber.join(wrong)).toMatchObject({ _tag: "ContractError", subject: "news" })
    }).pipe(Effect.provide(live), Effect.scoped))
})

it.live("clients of two servers beside each other, each bound to its own", () =>
  Effect.gen(function*() {
    const built = yield* Effect.forEach([1, 2], () => Layer.build(Layer.fresh(onHttp)))
    const [one, two] = yield* Effect.forEach(built, (context, index) =>
      Effect.gen(function*() {
        yield* ContractServer.subscription(Log)
        const nes = ContractClient.make(yield* connect)
        const updates = yield* nes.subscribed(Log)
        const server = ContractServer.make(yield* NesServer.NesServer)
        return { nes, updates, publish: server.publish(Log, {}, BigInt(index)) }
      }).pipe(Effect.provide(context)))
    yield* Effect.all([two?.publish ?? Effect.void, one?.publish ?? Effect.void])
    expect(yield* Stream.runHead(one?.updates ?? Stream.empty)).toMatchObject({ value: { message: 0n } })
    expect(yield* Stream.runHead(two?.updates ?? Stream.empty)).toMatchObject({ value: { message: 1n } })
    expect(yield* one?.nes.message(Find, { _tag: "Find", id: "6" }) ?? Effect.void).toEqual(new Date(6))
  }).pipe(Effect.provide(Layer.succeed(Shop, shop)), Effect.scoped))
