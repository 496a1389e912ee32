/** Contracts over a real socket, against the plugin on hapi. */
import { describe, expect, it } from "@effect/vitest"
import Hapi from "@hapi/hapi"
import { Context, Effect, Fiber, Layer, Result, Schedule, Schema, Stream } from "effect"
import * as Nes from "../../src/hapi.js"
import { Contract, ContractClient, ContractServer, NesClient, NesServer } from "../../src/index.js"
import { FakeServer, turn } from "../client/FakeServer.js"
import * as FastCheck from "../harness/Property.js"

const Item = Contract.subscription("/item/{id}", {
  message: Schema.Struct({ id: Schema.Number, due: Schema.Date })
})
const News = Contract.broadcast("news", { message: Schema.Struct({ text: Schema.String, at: Schema.Date }) })
const Add = Contract.message("add", {
  request: Schema.TaggedStruct("Add", { numbers: Schema.Array(Schema.NumberFromString) }),
  response: Schema.Struct({ sum: Schema.BigInt })
})
const Echo = Contract.message("echo", {
  request: Schema.TaggedStruct("Echo", { text: Schema.String }),
  response: Schema.String
})

class Suffix extends Context.Service<Suffix, string>()("Suffix") {}

const hook = ContractServer.onMessage(
  ContractServer.handler(Add, ({ numbers }) => Effect.succeed({ sum: BigInt(numbers.reduce((a, b) => a + b, 0)) })),
  ContractServer.handler(Echo, ({ text }) => Effect.map(Suffix, (suffix) => text + suffix))
)

const server = Effect.acquireRelease(
  Effect.promise(async () => {
    const server = Hapi.server({ port: 0 })
    await server.register({
      plugin: Nes.plugin,
      options: { onMessage: (socket, message) => Effect.provideService(hook(socket, message), Suffix, "!") }
    })
    await server.start()
    return server
  }),
  (server) => Effect.promise(() => server.stop())
)

const Live = Layer.unwrap(Effect.map(server, ({ info, plugins }) =>
  Layer.merge(
    Layer.succeed(NesServer.NesServer, plugins.nes),
    NesClient.layer({ url: info.uri.replace("http", "ws") })
  )))

// A Stream does not tell when its subscription began; the server does.
const subscribed = (path: string) =>
  Effect.gen(function*() {
    const { node } = yield* NesServer.NesServer
    const count = Effect.promise(async () => {
      let sockets = 0
      await node.each(() => sockets++, { subscription: path })
      return sockets
    })
    yield* Effect.repeat(count, { until: (sockets) => sockets > 0, schedule: Schedule.spaced("1 millis") })
  })

describe("contracts", () => {
  it.live("a subscription's messages are encoded by the server and decoded by the client", () =>
    Effect.gen(function*() {
      yield* ContractServer.subscription(Item)
      const due = new Date("2026-11-23T00:00:00Z")
      const updates = yield* ContractClient.subscribe(Item, { id: "a/b" }).pipe(
        Stream.take(1),
        Stream.runCollect,
        Effect.forkChild
      )
      yield* subscribed("/item/a%2Fb")
      yield* ContractServer.publish(Item, { id: "a/b" }, { id: 5, due })
      expect(yield* Fiber.join(updates)).toEqual([{ message: { id: 5, due }, revoked: false }])
    }).pipe(Effect.provide(Live)))

  it.live("a message that does not decode names its path and fails its own Stream alone", () =>
    Effect.gen(function*() {
      const nes = yield* NesServer.NesServer
      yield* ContractServer.subscription(Item)
      const broken = yield* ContractClient.subscribe(Item, { id: 1 }).pipe(
        Stream.runDrain,
        Effect.flip,
        Effect.forkChild
      )
      const fine = yield* ContractClient.subscribe(Item, { id: 2 }).pipe(Stream.runHead, Effect.forkChild)
      const both = yield* ContractClient.subscribeResult(Item, { id: 1 }).pipe(
        Stream.take(2),
        Stream.runCollect,
        Effect.forkChild
      )
      yield* Effect.all([subscribed("/item/1"), subscribed("/item/2")])
      yield* nes.publish("/item/1", { id: "five", due: "2026-11-23" })
      yield* ContractServer.publish(Item, { id: 1 }, { id: 1, due: new Date(0) })
      yield* ContractServer.publish(Item, { id: 2 }, { id: 2, due: new Date(0) })

      const error = yield* Fiber.join(broken)
      expect(error).toMatchObject({ _tag: "ContractError", subject: "/item/1" })
      expect(error.message).toMatch(/^\/item\/1: Expected .+\n\s+at \["id"\]/)
      expect((yield* Fiber.join(fine))._tag).toBe("Some")
      expect((yield* Fiber.join(both)).map((update) => Result.isSuccess(update))).toEqual([false, true])
    }).pipe(Effect.provide(Live)))

  it.live("messages go to the handler that recognises them, and others are answered 400", () =>
    Effect.gen(function*() {
      const nes = yield* NesClient.NesClient
      expect(yield* ContractClient.message(Add, { _tag: "Add", numbers: [1, 2, 3] })).toEqual({ sum: 6n })
      expect(yield* ContractClient.message(Echo, { _tag: "Echo", text: "hello" })).toBe("hello!")
      expect(yield* Effect.flip(nes.message({ _tag: "Unheard" }))).toMatchObject({
        _tag: "ServerError",
        statusCode: 400
      })
    }).pipe(Effect.provide(Live)))

  it.live("an answer that is not the contract's is a typed error", () =>
    Effect.gen(function*() {
      const Other = Contract.message("other echo", { request: Echo.request, response: Schema.Number })
      expect(yield* Effect.flip(ContractClient.message(Other, { _tag: "Echo", text: "a" }))).toMatchObject({
        _tag: "ContractError",
        subject: "other echo"
      })
    }).pipe(Effect.provide(Live)))

  it.live("broadcasts", () =>
    Effect.gen(function*() {
      const news = yield* ContractClient.updates(News).pipe(Stream.runHead, Effect.forkChild)
      yield* ContractServer.broadcast(News, { text: "all is well", at: new Date(0) })
      expect(yield* Fiber.join(news)).toMatchObject({ value: { text: "all is well", at: new Date(0) } })
    }).pipe(Effect.provide(Live)))

  it.live("what does not encode is not published", () =>
    Effect.gen(function*() {
      const Short = Contract.subscription("/short", { message: Schema.String.check(Schema.isMaxLength(3)) })
      yield* ContractServer.subscription(Short)
      expect(yield* Effect.flip(ContractServer.publish(Short, undefined, "too long"))).toMatchObject({
        _tag: "ContractError",
        subject: "/short"
      })
    }).pipe(Effect.provide(Live)))
})

it.effect("an update after a gap says so, decoded too", () =>
  Effect.gen(function*() {
    const scripted = new FakeServer()
    scripted.acceptAll()
    const nes = yield* Effect.provide(NesClient.make({ url: "ws://fake" }), scripted.layer)
    const updates = yield* ContractClient.subscribe(Item, { id: 5 }).pipe(
      Stream.take(2),
      Stream.runCollect,
      Effect.provideService(NesClient.NesClient, nes),
      Effect.forkChild
    )
    yield* turn
    const { socket } = scripted
    socket.answer("sub", { path: "/item/5", position: { epoch: "e", offset: 1 } })
    socket.say({ type: "ping", id: 1, gaps: { "/item/5": { epoch: "e", offset: 4 } } })
    for (const offset of [5, 6]) {
      const message = { id: 5, due: new Date(offset) }
      socket.say({ type: "pub", path: "/item/5", message, position: { epoch: "e", offset } })
    }
    expect(yield* Fiber.join(updates)).toEqual([
      { message: { id: 5, due: new Date(5) }, revoked: false, gap: true },
      { message: { id: 5, due: new Date(6) }, revoked: false }
    ])
  }))

describe("paths", () => {
  const path = Contract.fill

  it("fills parameters in as hapi's router takes them apart", () => {
    expect(path("/item/{id}", { id: "ä b/c" })).toBe("/item/%C3%A4%20b%2Fc")
    expect(path("/a/{b?}", {})).toBe("/a")
    expect(path("/a/{b?}", { b: 1 })).toBe("/a/1")
    expect(path("/{rest*}", {})).toBe("/")
    expect(path("/f/{rest*2}", { rest: "x y/z" })).toBe("/f/x%20y/z")
    expect(path("/f/{name}.{ext}", { name: "a", ext: "js" })).toBe("/f/a.js")
  })

  // Any code point; what fast-check has for it takes seconds to make.
  const character = FastCheck.oneof(
    FastCheck.integer({ max: 0x7f, min: 0 }),
    FastCheck.integer({ max: 0x10_ffff, min: 0 })
  )
    .map((code) => String.fromCodePoint(code))

  it("the router gives back what was filled in", () => {
    FastCheck.assert(FastCheck.property(
      FastCheck.string({ minLength: 1, unit: character }).filter((text) =>
        !/\p{Surrogate}/u.test(text) && !/^\.{1,2}$/.test(text)
      ),
      (id) => decodeURIComponent(path("/item/{id}", { id }).slice("/item/".length)) === id
    ))
  })
})
