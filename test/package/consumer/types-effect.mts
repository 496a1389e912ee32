// Compiled, not run: the types of the Effect doors, by subpath and from the root.
import * as Root from "effect-nes"
import * as Contract from "effect-nes/Contract"
import * as NesClient from "effect-nes/NesClient"
import * as NesServer from "effect-nes/NesServer"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export const client: typeof NesClient.NesClient = Root.NesClient.NesClient
export const service: typeof Root.NesServer.NesServer = NesServer.NesServer
export const program = Effect.flatMap(NesClient.NesClient, (client) => client.request("/"))
export const items = Contract.subscription("/item/{id}", { message: Schema.Struct({ id: Schema.Number }) })
