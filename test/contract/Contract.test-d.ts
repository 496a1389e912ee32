import { Context, Effect, Layer, Schema, type Scope, type Stream } from "effect"
import type * as FileSystem from "effect/FileSystem"
import { type Etag, type HttpPlatform, HttpRouter, type HttpServer, HttpServerResponse } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import type * as Path from "effect/Path"
import { expectTypeOf, it } from "vitest"
import type { Socket as HapiSocket } from "../../src/hapi.js"
import {
  type Broker,
  Contract,
  ContractClient,
  ContractServer,
  type NesClient,
  type NesError,
  NesHttpServer,
  NesServer,
  type Publisher,
  Refusal,
  type Socket
} from "../../src/index.js"

const Item = Contract.subscription("/item/{id}/{part?}", { message: Schema.Struct({ due: Schema.Date }) })
const Plain = Contract.subscription("/plain", { message: Schema.Number })
const Ask = Contract.message("ask", { request: Schema.Number, response: Schema.Date })

it("path parameters are inferred from the path", () => {
  expectTypeOf<Contract.Params<"/item/{id}">>().toEqualTypeOf<{ readonly id: string | number }>()
  expectTypeOf<Contract.Params<"/a/{b?}/{c*}">>().toEqualTypeOf<
    { readonly b?: string | number; readonly c?: string | number }
  >()
  expectTypeOf<Contract.Params<"/f/{name}.{ext}/{rest*2}">>().toEqualTypeOf<
    { readonly name: string | number; readonly ext: string | number; readonly rest: string | number }
  >()
})

it("a Stream yields what the Schema decodes to", () => {
  const updates = ContractClient.subscribe(Item, { id: 1 })
  expectTypeOf<Stream.Success<typeof updates>["message"]>().toEqualTypeOf<{ readonly due: Date }>()
  expectTypeOf(ContractClient.message(Ask, 5)).toExtend<Effect.Effect<Date, unknown, NesClient.NesClient>>()
})

class Rates extends Context.Service<Rates, number>()("Rates") {}
class Stock extends Context.Service<Stock, number>()("Stock") {}

it("a path without parameters has none, and one that is known at run time only may have any", () => {
  expectTypeOf<Contract.Params<"/a">>().toEqualTypeOf<Readonly<Record<string, never>>>()
  expectTypeOf<Contract.Params<`/${string}`>>().toEqualTypeOf<Readonly<Record<string, string | number>>>()
  expectTypeOf<Contract.PathParams<"/a/{b}/{c?}">>().toEqualTypeOf<{ readonly b: string; readonly c?: string }>()
})

it("hooks have the path's parameters and the decoded message, and their requirements are collected", () => {
  const declared = ContractServer.layerSubscription(Item, {
    filter: (_path, message, { params, socket }) => {
      expectTypeOf(message).toEqualTypeOf<{ readonly due: Date }>()
      expectTypeOf(params).toEqualTypeOf<{ readonly id: string; readonly part?: string }>()
      expectTypeOf(socket).toEqualTypeOf<Socket.Socket>()
      return Effect.as(Rates, { override: { due: new Date() } })
    },
    onSubscribe: (_socket, _path, params) => {
      expectTypeOf(params).toEqualTypeOf<{ readonly id: string; readonly part?: string }>()
      return Stock
    },
    snapshot: () => Effect.succeed(ContractServer.snapshotAt(5, { due: new Date() })),
    recovery: { size: 5, age: "1 minute" }
  })
  expectTypeOf<Layer.Services<typeof declared>>().toEqualTypeOf<NesServer.NesServer | Rates | Stock>()
  expectTypeOf<Layer.Error<typeof declared>>().toEqualTypeOf<NesError.UserError>()
  const history = ContractServer.history(Item, { id: 1 })
  expectTypeOf<Effect.Success<typeof history>["updates"][number]["message"]>().toEqualTypeOf<{ readonly due: Date }>()
})

it("the acknowledged form has the refusal for an error, and a client that is bound requires none", () => {
  const subscribed = ContractClient.subscribed(Item, { id: 1 })
  expectTypeOf<Effect.Error<typeof subscribed>>().toEqualTypeOf<NesError.NesError>()
  expectTypeOf<Effect.Services<typeof subscribed>>().toEqualTypeOf<NesClient.NesClient | Scope.Scope>()
  const bound = (nes: NesClient.Service) => ContractClient.make(nes)
  type Bound = ReturnType<typeof bound>
  const program = (client: Bound) => client.message(Ask, 5)
  expectTypeOf<Effect.Services<ReturnType<typeof program>>>().toEqualTypeOf<never>()
  const worker = (publisher: Publisher.Service) => ContractServer.make(publisher).publish(Plain, {}, 5)
  expectTypeOf<ReturnType<typeof worker>>().toEqualTypeOf<
    Effect.Effect<void, Contract.ContractError | NesError.UserError | Broker.BrokerError>
  >()
})

class Gone extends Schema.TaggedError<Gone>()("Gone", {}) {}
const Take = Contract.message("take", { request: Schema.Number, error: Gone })

it("a message's errors are typed on both sides: what is not the contract's is left to the hook", () => {
  const taken = ContractClient.message(Take, 5)
  expectTypeOf<Effect.Success<typeof taken>>().toEqualTypeOf<void>()
  expectTypeOf<Effect.Error<typeof taken>>().toEqualTypeOf<Gone | NesError.NesError | Contract.ContractError>()
  const hook = ContractServer.onMessage(
    ContractServer.handler(Take, (n) =>
      Effect.gen(function*() {
        if (n > (yield* Rates)) {
          return yield* n > 4 ? new Gone() : Refusal.forbidden()
        }
      }))
  )
  expectTypeOf<Effect.Error<ReturnType<typeof hook>>>().toEqualTypeOf<Refusal.Refusal>()
  expectTypeOf<Effect.Services<ReturnType<typeof hook>>>().toEqualTypeOf<Rates>()
  const failing = ContractServer.handler(Take, () => Effect.fail("no" as const))
  expectTypeOf<ContractServer.ErrorOf<[typeof failing]>>().toEqualTypeOf<"no">()
})

it("the onMessage hook requires what its handlers do, and takes the socket that all of them can", () => {
  const hook = ContractServer.onMessage(
    ContractServer.handler(Ask, (n, socket: Socket.Socket) => Effect.succeed(new Date(n + socket.id.length))),
    ContractServer.handler(Ask, (n) => Effect.map(Rates, (rate) => new Date(n * rate)))
  )
  expectTypeOf(hook).parameter(0).toEqualTypeOf<Socket.Socket>()
  expectTypeOf<Effect.Services<ReturnType<typeof hook>>>().toEqualTypeOf<Rates>()
  const serving = NesHttpServer.serve(Layer.empty, { onMessage: hook })
  expectTypeOf<Layer.Services<typeof serving>>().toEqualTypeOf<Rates | HttpServer.HttpServer>()
})

it("an HttpApi's handlers have the server that is being made, and nothing else", () => {
  const Api = HttpApi.make("api").add(HttpApiGroup.make("items").add(HttpApiEndpoint.get("get", "/")))
  const handlers = HttpApiBuilder.group(Api, "items", (handlers) =>
    Effect.gen(function*() {
      yield* Effect.when(Effect.fail("cause" as const), Effect.succeed(true))
      yield* NesServer.NesServer
      return handlers.handle("get", () => Effect.asVoid(Rates))
    }))
  const serving = NesHttpServer.serve(HttpApiBuilder.layer(Api).pipe(Layer.provide(handlers)))
  expectTypeOf<Layer.Success<typeof serving>>().toEqualTypeOf<NesServer.NesServer>()
  expectTypeOf<Layer.Error<typeof serving>>().toEqualTypeOf<"cause" | NesError.UserError>()
  expectTypeOf<Layer.Services<typeof serving>>().toEqualTypeOf<
    | Rates
    | HttpServer.HttpServer
    | Etag.Generator
    | FileSystem.FileSystem
    | HttpPlatform.HttpPlatform
    | Path.Path
  >()
})

it("routes have the server that is being made, and what their requests bring", () => {
  const routes = HttpRouter.add(
    "GET",
    "/",
    Effect.gen(function*() {
      yield* NesServer.NesServer
      yield* HttpRouter.params
      return HttpServerResponse.jsonUnsafe(yield* Rates)
    })
  )
  const serving = NesHttpServer.serve(routes)
  expectTypeOf<Layer.Services<typeof serving>>().toEqualTypeOf<Rates | HttpServer.HttpServer>()
})

const compile = (..._programs: ReadonlyArray<unknown>): void => {}

const ofHapi = ContractServer.handler(Ask, (_, socket: HapiSocket) => Effect.succeed(new Date(socket.id)))

it("wrong programs are refused", () => {
  // @ts-expect-error a parameter is missing
  compile(ContractClient.subscribe(Item, {}))
  // @ts-expect-error a parameter that the path does not have
  compile(ContractClient.subscribe(Item, { id: 1, other: 2 }))
  // @ts-expect-error options in the place of parameters
  compile(ContractClient.subscribe(Plain, { capacity: 1, strategy: "sliding" }))
  // @ts-expect-error a parameter that the path does not have, in a hook
  compile(ContractServer.subscription(Item, { onSubscribe: (_socket, _path, { other }) => Effect.succeed(other) }))
  // @ts-expect-error a snapshot that is not the contract's
  compile(ContractServer.subscription(Item, { snapshot: () => Effect.succeed({ due: "now" }) }))
  // @ts-expect-error what is sent instead is not the contract's
  compile(ContractServer.subscription(Item, { filter: () => ({ override: { due: "now" } }) }))
  // @ts-expect-error a value that may not be left out
  compile(ContractClient.message(Ask))
  // @ts-expect-error nor published
  compile(ContractServer.publish(Plain, {}))
  // @ts-expect-error parameters are required
  compile(ContractClient.subscribe(Item))
  // @ts-expect-error the message is not the contract's
  compile(ContractServer.publish(Item, { id: 1 }, { due: "tomorrow" }))
  // @ts-expect-error the request is not the contract's
  compile(ContractClient.message(Ask, "five"))
  // @ts-expect-error the answer is not the contract's
  compile(ContractServer.handler(Ask, () => Effect.succeed("tomorrow")))
  // @ts-expect-error what is broadcast is not the contract's
  compile(ContractServer.broadcast(Contract.broadcast("b", { message: Schema.Number }), "five"))
  // @ts-expect-error a socket that the door does not have
  compile(NesHttpServer.serve(Layer.empty, { onMessage: ContractServer.onMessage(ofHapi) }))
  // @ts-expect-error what can come from Config comes as a Config
  compile(NesHttpServer.serveConfig(Layer.empty, {}, { maxConnections: 5 }))
  // @ts-expect-error a path begins with a slash
  compile(Contract.subscription("item", { message: Schema.Number }))
  compile(
    ContractClient.subscribe(Plain),
    ContractClient.subscribe(Plain, undefined),
    ContractClient.subscribe(Plain, {})
  )
  compile(ContractClient.message(Contract.message("ping", { request: Schema.Void })))
  compile(ContractServer.broadcast(Contract.broadcast("stop", { message: Schema.Void })))
  compile(ContractClient.subscribe(Item, { id: 1, part: "b" }))
})
