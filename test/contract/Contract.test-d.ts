import { type HttpApi, HttpRouter, type HttpServer } from "@effect/platform"
import { Context, Effect, type Layer, Schema, type Stream } from "effect"
import { expectTypeOf, it } from "vitest"
import type { Socket as HapiSocket } from "../../src/hapi.js"
import {
  Contract,
  ContractClient,
  ContractServer,
  type NesClient,
  type NesError,
  NesHttpServer,
  type NesServer,
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
  type Element = Stream.Stream.Success<ReturnType<typeof ContractClient.subscribe<"/x", { due: Date }, unknown, never>>>
  expectTypeOf<Element["message"]>().toEqualTypeOf<{ due: Date }>()
  expectTypeOf(ContractClient.message(Ask, 5)).toExtend<Effect.Effect<Date, unknown, NesClient.NesClient>>()
})

class Rates extends Context.Tag("Rates")<Rates, number>() {}

it("the onMessage hook requires what its handlers do, and takes the socket that all of them can", () => {
  const hook = ContractServer.onMessage(
    ContractServer.handler(Ask, (n, socket: Socket.Socket) => Effect.succeed(new Date(n + socket.id.length))),
    ContractServer.handler(Ask, (n) => Effect.map(Rates, (rate) => new Date(n * rate)))
  )
  expectTypeOf(hook).parameter(0).toEqualTypeOf<Socket.Socket>()
  expectTypeOf<Effect.Effect.Context<ReturnType<typeof hook>>>().toEqualTypeOf<Rates>()
  const serving = NesHttpServer.serve(HttpRouter.empty, { onMessage: hook })
  expectTypeOf<Layer.Layer.Context<typeof serving>>().toEqualTypeOf<Rates | HttpServer.HttpServer>()
})

it("an HttpApi's handlers have the server that is being made, and nothing else", () => {
  const api = {} as Layer.Layer<HttpApi.Api, "cause", NesServer.NesServer | Rates>
  const serving = NesHttpServer.serveApi(api)
  expectTypeOf<Layer.Layer.Success<typeof serving>>().toEqualTypeOf<NesServer.NesServer>()
  expectTypeOf<Layer.Layer.Error<typeof serving>>().toEqualTypeOf<"cause" | NesError.UserError>()
  expectTypeOf<Layer.Layer.Context<typeof serving>>()
    .toEqualTypeOf<Rates | HttpServer.HttpServer | HttpRouter.HttpRouter.DefaultServices>()
})

const compile = (..._programs: ReadonlyArray<unknown>): void => {}

const ofHapi = ContractServer.handler(Ask, (_, socket: HapiSocket) => Effect.succeed(new Date(socket.id)))

it("wrong programs are refused", () => {
  // @ts-expect-error a parameter is missing
  compile(ContractClient.subscribe(Item, {}))
  // @ts-expect-error a parameter that the path does not have
  compile(ContractClient.subscribe(Item, { id: 1, other: 2 }))
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
  compile(NesHttpServer.serve(HttpRouter.empty, { onMessage: ContractServer.onMessage(ofHapi) }))
  // @ts-expect-error what can come from Config comes as a Config
  compile(NesHttpServer.serveConfig(HttpRouter.empty, {}, { maxConnections: 5 }))
  // @ts-expect-error a path begins with a slash
  compile(Contract.subscription("item", { message: Schema.Number }))
  compile(ContractClient.subscribe(Plain))
  compile(ContractClient.subscribe(Item, { id: 1, part: "b" }))
})
