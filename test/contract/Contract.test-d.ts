import { type Effect, Schema, type Stream } from "effect"
import { expectTypeOf, it } from "vitest"
import { Contract, ContractClient, ContractServer, type NesClient } from "../../src/index.js"

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

const compile = (..._programs: ReadonlyArray<unknown>): void => {}

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
  // @ts-expect-error a path begins with a slash
  compile(Contract.subscription("item", { message: Schema.Number }))
  compile(ContractClient.subscribe(Plain))
  compile(ContractClient.subscribe(Item, { id: 1, part: "b" }))
})
