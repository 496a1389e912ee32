/** A hapi application on a socket: two routes, a parameterised subscription, custom messages and broadcasts, and a page. */
import Hapi from "@hapi/hapi"
import * as Nes from "effect-nes/hapi"
import { addPage } from "./page.js"

export const makeServer = async (port: number): Promise<Hapi.Server> => {
  const server = Hapi.server({ port, host: "localhost" })
  await server.register({
    plugin: Nes.plugin,
    options: {
      onMessage: (socket, message) => ({ socket: socket.id, youSaid: message }),
      heartbeat: { interval: 2_000, timeout: 1_000 }
    }
  })
  server.route([
    { method: "GET", path: "/hello", options: { id: "hello", handler: () => ({ hello: "world" }) } },
    { method: "GET", path: "/item/{id}", handler: (request) => ({ id: request.params.id, status: "new" }) },
    {
      method: "POST",
      path: "/item/{id}",
      handler: async (request) => {
        await server.publish(request.path, request.payload)
        return { id: request.params.id, published: request.payload }
      }
    }
  ])
  server.subscription("/item/{id}")
  addPage(server)
  return server
}
