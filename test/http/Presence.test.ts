/** Who is present, through the Effect doors. */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Contract, ContractClient, NesClient, NesHttpServer, NesServer } from "../../src/index.js"
import { address, serving } from "./Serving.js"

const live = NesHttpServer.layerSubscription("/room/{id}", {
  presence: { grace: "1 second", identify: (_socket, _path, { id }) => `user of ${id}` }
}).pipe(Layer.provideMerge(serving(Layer.empty)))

const client = Layer.unwrap(Effect.map(address, (address) => NesClient.layer({ url: `ws:${address}` })))

const Present = Contract.subscription("/room/{id}/presence", {
  message: Schema.Struct({
    count: Schema.Number,
    users: Schema.optional(Schema.Array(Schema.Struct({ id: Schema.String, value: Schema.Unknown })))
  })
})

it.live("Effect clients are present with a value, the server reads and sets it, and a contract follows", () =>
  Effect.gen(function*() {
    const server = yield* NesServer.NesServer
    const nes = yield* NesClient.NesClient
    const heard: Array<unknown> = []
    yield* ContractClient.subscribe(Present, { id: 1 }).pipe(
      Stream.runForEach(({ message }) => Effect.sync(() => void heard.push(message))),
      Effect.forkScoped
    )
    yield* Effect.promise(() => expect.poll(() => heard).toEqual([{ count: 0, users: [] }]))
    yield* nes.subscribe("/room/1", { presence: "first" }).pipe(Stream.runDrain, Effect.forkScoped)
    yield* Effect.promise(() => expect.poll(() => heard).toHaveLength(2))
    yield* nes.present("/room/1", "second")
    yield* Effect.promise(() => expect.poll(() => heard).toHaveLength(3))
    const presence = server.presence("/room/1")
    expect(yield* presence.read).toEqual({ count: 1, users: [{ id: "user of 1", value: "second" }] })
    yield* presence.set("user of 1", "third")
    yield* presence.set("nobody", "here")
    expect(yield* presence.read).toEqual({ count: 1, users: [{ id: "user of 1", value: "third" }] })
    expect(yield* presence.count).toBe(1)
    expect(yield* Effect.flip(server.presence("/other").read)).toMatchObject({ _tag: "UserError" })
    expect(yield* Effect.flip(nes.present("/other", 1))).toMatchObject({
      _tag: "UserError",
      message: "Not subscribed"
    })
  }).pipe(Effect.provide(Layer.provideMerge(client, live)), Effect.scoped))
