/** One node of a cluster: `REDIS_URL=redis://localhost:6379 PORT=8001 node --import tsx examples/node.ts`. */
import Hapi from "@hapi/hapi"
import * as Nes from "effect-nes/hapi"
import { redis } from "effect-nes/redis"

const port = Number(process.env.PORT ?? 8001)
const server = Hapi.server({ port, host: "localhost" })
await server.register({
  plugin: Nes.plugin,
  options: {
    broker: redis({
      url: process.env.REDIS_URL ?? "redis://localhost:6379",
      onEvent: (event) => console.log(`node ${server.info.port}        Redis: ${event._tag}`)
    })
  }
})
server.subscription("/item/{id}", { recovery: true })
server.route({
  method: "POST",
  path: "/item/{id}",
  handler: async (request) => {
    await server.publish(request.path, request.payload)
    const { total } = await server.plugins.nes.node.count(request.path)
    return { publishedBy: server.info.port, subscribers: total }
  }
})
await server.start()
console.log(`node ${server.info.port}        listens`)

process.once("SIGINT", () => void server.stop().then(() => process.exit(0)))
process.once("SIGTERM", () => void server.stop().then(() => process.exit(0)))
