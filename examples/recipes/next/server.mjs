/** Next on a hapi server: pages, routes of hapi, and sockets at /nes, all on one port. */
import Hapi from "@hapi/hapi"
import * as Nes from "effect-nes/hapi"
import next from "next"

const port = Number(process.env.PORT ?? 3000)
const app = next({ dev: process.env.NODE_ENV !== "production", dir: import.meta.dirname, hostname: "localhost", port })
await app.prepare()
const handle = app.getRequestHandler()

const server = Hapi.server({ port, host: "localhost" })
// Next takes the other WebSockets of this port: those of its hot updates.
await server.register({ plugin: Nes.plugin, options: { path: "/nes" } })
server.subscription("/item/{id}")
server.route({ method: "GET", path: "/api/item/{id}", handler: ({ params }) => ({ id: params.id, status: "new" }) })
server.route({
  method: "*",
  path: "/{path*}",
  options: { payload: { parse: false, output: "stream" } },
  handler: async ({ raw }, h) => {
    await handle(raw.req, raw.res)
    return h.abandon
  }
})

// For server components and route handlers, which run in this process.
globalThis.hapi = server
await server.start()
console.log(`listening on ${server.info.uri}`)
