/** An application of contracts alone: an `HttpApi`, and what it says over the socket beside. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { expect, it } from "@effect/vitest"
import { Config, ConfigProvider, Context, Effect, Fiber, Layer, Option, Queue, Schedule, Schema, Stream } from "effect"
import { HttpMiddleware, HttpServer } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiClient, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { createServer } from "node:http"
import {
  Contract,
  ContractClient,
  ContractServer,
  NesClient,
  NesHttpClient,
  NesHttpServer,
  NesServer,
  Refusal,
  Socket,
  TestServer
} from "../../src/index.js"
import { address, connect, outcome } from "./Serving.js"

// What both sides share.
class Missing extends Schema.TaggedError<Missing>()("Missing", { id: Schema.Number }, { httpApiStatus: 404 }) {}

const Item = Schema.Struct({ id: Schema.Number, due: Schema.Date })
const Api = HttpApi.make("api").add(
  HttpApiGroup.make("items")
    .add(
      HttpApiEndpoint.get("get", "/items/:id", {
        params: { id: Schema.FiniteFromString },
        success: Item,
        error: Missing
      })
    )
    .add(
      HttpApiEndpoint.put("put", "/items/:id", {
        params: { id: Schema.FiniteFromString },
        payload: Item,
        success: Schema.Struct({ overSocket: Schema.Boolean })
      })
    )
)
const ItemUpdates = Contract.subscription("/items/{id}", { message: Item })
const Add = Contract.message("add", {
  request: Schema.TaggedStruct("Add", { numbers: Schema.Array(Schema.Number) }),
  response: Schema.Struct({ sum: Schema.NumberFromString, from: Schema.String })
})
const Doubt = Contract.message("doubt", { request: Schema.TaggedStruct("Doubt", {}), response: Schema.Void })

// The server.
class Tax extends Context.Service<Tax, number>()("Tax") {}

const items = HttpApiBuilder.group(Api, "items", (handlers) =>
  handlers
    .handle("get", ({ params: { id } }) =>
      id === 404 ? Effect.fail(new Missing({ id })) : Effect.succeed({ id, due: new Date(0) }))
    .handle("put", ({ payload }) =>
      Effect.gen(function*() {
        yield* ContractServer.publish(ItemUpdates, { id: payload.id }, payload).pipe(Effect.orDie)
        return { overSocket: Option.isSome(yield* Socket.CurrentSocket) }
      })))

const onMessage = ContractServer.onMessage(
  ContractServer.handler(
    Add,
    ({ numbers }, socket: Socket.Socket) =>
      Effect.map(Tax, (tax) => ({ sum: numbers.reduce((a, b) => a + b, tax), from: socket.id }))
  ),
  ContractServer.handler(Doubt, () => Refusal.forbidden("No doubts"))
)

/** The handlers publish, for which they need the server; and the tax comes from outside. */
const ApiLive = HttpApiBuilder.layer(Api).pipe(Layer.provide(items))
const Taxed = Layer.succeed(Tax, 100)
const Updates = Layer.effectDiscard(ContractServer.subscription(ItemUpdates))

// The client.
const conversation = Effect.gen(function*() {
  const { items } = yield* HttpApiClient.make(Api, { baseUrl: "http://any.host" })
  expect(yield* items.get({ params: { id: 5 } })).toEqual({ id: 5, due: new Date(0) })
  expect(yield* Effect.flip(items.get({ params: { id: 404 } }))).toEqual(new Missing({ id: 404 }))

  const updates = yield* Queue.unbounded<unknown>()
  yield* Effect.forkScoped(
    Stream.runForEach(ContractClient.subscribe(ItemUpdates, { id: 5 }), (update) => Queue.offer(updates, update))
  )
  // A Stream does not tell when its subscription began; the server does.
  yield* Effect.repeat(Socket.all({ subscription: "/items/5" }), {
    until: (sockets) => sockets.length === 1,
    schedule: Schedule.spaced("1 millis")
  })
  const due = new Date("2026-11-23T00:00:00Z")
  expect(yield* items.put({ params: { id: 5 }, payload: { id: 5, due } })).toEqual({ overSocket: true })
  expect(yield* Queue.take(updates)).toEqual({ message: { id: 5, due }, revoked: false })

  const [socket] = yield* Socket.all()
  expect(yield* ContractClient.message(Add, { _tag: "Add", numbers: [1, 2] })).toEqual({ sum: 103, from: socket?.id })
  expect(yield* Effect.flip(ContractClient.message(Doubt, { _tag: "Doubt" }))).toMatchObject({
    statusCode: 403,
    message: "No doubts"
  })
})

const clientOf = (options: NesClient.Options) => Layer.provideMerge(NesHttpClient.layer, NesClient.layer(options))

it.live("is served in memory, with contracts of its own for the socket", () =>
  Effect.gen(function*() {
    const server = yield* TestServer.TestServer
    yield* Effect.provide(conversation, clientOf({ ...server, connect: "required" }))
  }).pipe(Effect.provide(
    Layer.provideMerge(Updates, TestServer.layer(ApiLive, { onMessage })).pipe(
      Layer.provide([HttpServer.layerServices, Taxed])
    )
  )))

it.live("is served over HTTP and sockets on one port, with options from Config", () =>
  Effect.suspend(() => {
    const server = createServer()
    const Live = Layer.provideMerge(
      Updates,
      NesHttpServer.serveConfig(ApiLive, { server, onMessage, middleware: HttpMiddleware.cors() }, {
        path: Config.String("NES_PATH")
      })
    ).pipe(
      Layer.provide(Taxed),
      Layer.provideMerge(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" })),
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ NES_PATH: "/nes" })))
    )
    return Effect.gen(function*() {
      const where = yield* address
      const overHttp = yield* Effect.promise(() => fetch(`http:${where}/items/5`, { headers: { origin: "http://a" } }))
      expect(overHttp.headers.get("access-control-allow-origin")).toBe("*")
      expect(yield* Effect.promise(() => overHttp.json())).toEqual({ id: 5, due: "1970-01-01T00:00:00.000Z" })
      yield* Effect.provide(conversation, clientOf({ url: `ws:${where}/nes`, connect: "required" }))
      const plain = yield* connect({}, "/nes")
      expect(yield* outcome(() => plain.request("/items/x"))).toMatchObject({ statusCode: 400 })
      expect(yield* outcome(() => plain.message({ _tag: "Unheard" }))).toMatchObject({ statusCode: 400 })
    }).pipe(Effect.provide(Live))
  }))

it.live("several are served in one program, each with handlers that know their own server", () =>
  Effect.gen(function*() {
    const heard = yield* Queue.unbounded<string>()
    const one = (name: string) => {
      // A Layer of its own for each: Layers that are the same are built once.
      const handlers = HttpApiBuilder.group(Api, "items", (handlers) =>
        handlers
          .handle("get", ({ params: { id } }) => Effect.fail(new Missing({ id })))
          .handle("put", ({ payload }) =>
            Effect.as(Effect.orDie(ContractServer.publish(ItemUpdates, { id: 1 }, payload)), { overSocket: true })))
      return Effect.gen(function*() {
        const server = yield* TestServer.TestServer
        const client = yield* NesClient.make({ ...server, connect: "required" })
        const update = yield* Effect.forkChild(Stream.runHead(client.subscribe("/items/1")))
        yield* Effect.repeat(Socket.all({ subscription: "/items/1" }), {
          until: (sockets) => sockets.length === 1,
          schedule: Schedule.spaced("1 millis")
        })
        yield* client.request({ method: "PUT", path: "/items/1", payload: { id: 1, due: new Date(0) } })
        yield* Fiber.join(update)
        yield* Queue.offer(heard, name)
      }).pipe(
        Effect.scoped,
        Effect.provide(
          Layer.provideMerge(Updates, TestServer.layer(HttpApiBuilder.layer(Api).pipe(Layer.provide(handlers)))).pipe(
            Layer.provide(HttpServer.layerServices)
          )
        )
      )
    }
    yield* Effect.all([one("one"), one("two")], { concurrency: 2 })
    expect(Array.from(yield* Queue.takeAll(heard)).toSorted()).toEqual(["one", "two"])
  }))

it.live("handlers may take the server apart and use it while they are made, and so may what they leave running", () =>
  Effect.gen(function*() {
    const handlers = HttpApiBuilder.group(Api, "items", (handlers) =>
      Effect.gen(function*() {
        const { broadcast, connections, publish, subscription, totals } = yield* NesServer.NesServer
        yield* Effect.orDie(broadcast("nobody can hear it"))
        yield* Effect.orDie(subscription("/tick"))
        yield* Effect.forkDetach(Effect.repeat(publish("/tick", 1), Schedule.spaced("5 millis")))
        return handlers
          .handle("get", () =>
            Effect.map(Effect.all([connections, totals]), ([{ length }, { connectionsTotal }]) => ({
              id: length + connectionsTotal,
              due: new Date(0)
            })))
          .handle("put", () => Effect.succeed({ overSocket: true }))
      }))
    const context = yield* Layer.build(
      TestServer.layer(HttpApiBuilder.layer(Api).pipe(Layer.provide(handlers))).pipe(
        Layer.provide(HttpServer.layerServices)
      )
    )
    const client = yield* Effect.provide(TestServer.connect(), context)
    expect((yield* client.request("/items/1")).payload).toMatchObject({ id: 2 })
    expect(yield* Stream.runHead(client.subscribeMessages("/tick"))).toEqual(Option.some(1))
  }))
