// A page's program: the Effect client and a contract. What came of it is in the page's title.
import { Contract } from "effect-nes"
import * as ContractClient from "effect-nes/ContractClient"
import * as NesClient from "effect-nes/NesClient"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

const items = Contract.subscription("/item/{id}", { message: Schema.Struct({ id: Schema.Number }) })

const program = Effect.gen(function*() {
  const nes = yield* NesClient.NesClient
  const { payload } = yield* nes.request("/hello")
  const [update] = yield* ContractClient.subscribe(items, { id: 5 }).pipe(Stream.take(1), Stream.runCollect)
  return JSON.stringify({ payload, update })
})

const server = new URL(location.href).searchParams.get("server")

document.title = await Effect.runPromise(
  program.pipe(Effect.provide(NesClient.layer({ url: server })))
).catch(String)
