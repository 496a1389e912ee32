/** socket.io 4 as one of several nodes, with its Redis adapter. */
import { createClient } from "@redis/client"
import { createAdapter } from "@socket.io/redis-adapter"
import * as SocketIo from "./socket.io.mjs"

export const start = async ({ redis: url, ...options }) => {
  const clients = [createClient({ url }), createClient({ url })]
  await Promise.all(clients.map((client) => client.connect()))
  return SocketIo.start({ ...options, adapter: createAdapter(...clients) })
}
