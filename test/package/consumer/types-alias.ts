// Compiled, not run: the types of this package installed under the name of `@hapi/nes`.
import { server as hapi } from "@hapi/hapi"
import { Client, Nes, plugin } from "@hapi/nes"
import * as All from "@hapi/nes"
import Default from "@hapi/nes"
import { Client as LibClient } from "@hapi/nes/lib/client"
import { Client as FileClient } from "@hapi/nes/lib/client.js"

type IsAny<A> = 0 extends 1 & A ? true : false
export const none: [
  IsAny<Client>,
  IsAny<Nes.Socket>,
  IsAny<Nes.PluginOptions["onMessage"]>,
  IsAny<Nes.NesLog>
] = [false, false, false, false]

export const name = (socket: Nes.Socket, error: Nes.NesError, log: Nes.NesLog): string =>
  `${socket.id} ${error.type} ${log.explanation}`

export const serve = async (): Promise<void> => {
  const server = hapi()
  await server.register({ plugin, options: { heartbeat: false } satisfies Nes.PluginOptions })
  await server.register(Default)
  await server.register(All)
}

export const clients: ReadonlyArray<Client> = [
  new Nes.Client("ws://localhost"),
  new Default.Client("ws://localhost"),
  new All.Client("ws://localhost"),
  new LibClient("ws://localhost"),
  new FileClient("ws://localhost")
]
