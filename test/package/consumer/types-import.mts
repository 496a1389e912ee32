// Compiled, not run: the types that `import` finds.
import { type Server, server as hapi } from "@hapi/hapi"
import { NesClient, NesServer } from "effect-nes"
import { Client, type ClientOptions, DisconnectError } from "effect-nes/client"
import * as Nes from "effect-nes/hapi"
import * as Effect from "effect/Effect"

const options: ClientOptions = { timeout: 1000 }

export const call = async (): Promise<unknown> => {
  const client = new Client("ws://localhost", options)
  try {
    await client.connect()
    return (await client.request("/")).payload
  } catch (error) {
    return error instanceof DisconnectError ? error.type satisfies "disconnect" : undefined
  }
}

export const serve = async (): Promise<Server> => {
  const server = hapi()
  await server.register(Nes)
  await server.register({ plugin: Nes.plugin, options: { heartbeat: false } })
  server.subscription("/item/{id}")
  await server.publish("/item/5", {})
  return server
}

export const program = Effect.flatMap(NesClient.NesClient, (client) => client.request("/"))
export const service: typeof NesServer.NesServer = NesServer.NesServer
