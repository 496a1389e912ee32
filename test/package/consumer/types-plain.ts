// Compiled, not run: the types of the plain client and the hapi door, which do without Effect's.
import { type Server, server as hapi } from "@hapi/hapi"
import * as Plain from "effect-nes/client"
import { Client, type ClientOptions, DisconnectError } from "effect-nes/client"
import * as Nes from "effect-nes/hapi"
import { Client as LibClient } from "effect-nes/lib/client"

// A declaration that a compiler does not find or understand is `any`, and suits everything.
type IsAny<A> = 0 extends 1 & A ? true : false
export const none: [
  IsAny<Client>,
  IsAny<Nes.PluginOptions["onMessage"]>,
  IsAny<Nes.Socket>,
  IsAny<typeof Nes.plugin>,
  IsAny<DisconnectError["type"]>
] = [false, false, false, false, false]

const options: ClientOptions = { timeout: 1000 }

export const call = async (): Promise<unknown> => {
  const client: LibClient = new Client("ws://localhost", options)
  const another: Client = new Plain.default.Client("ws://localhost")
  try {
    await Promise.all([client.connect(), another.connect()])
    const { payload, statusCode } = await client.request("/")
    return { payload, statusCode: statusCode satisfies number }
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
