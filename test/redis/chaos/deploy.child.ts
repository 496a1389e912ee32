/** A node that is deployed anew: on a given port, drained when it is told. */
import Hapi from "@hapi/hapi"
import * as Nes from "../../../src/hapi.js"
import { redis } from "../../../src/redis.js"
import { serve } from "../../harness/ChildEndpoint.js"

const [, , url = "", port = "0"] = process.argv
const server = Hapi.server({ host: "127.0.0.1", port: Number(port) })
await server.register({
  plugin: Nes.plugin,
  options: { broker: redis({ url, balance: { patience: 3_000, tolerance: 0.1 } }) }
})
server.route({ method: "GET", path: "/work", handler: () => new Promise((resolve) => setTimeout(resolve, 20, "done")) })
await server.start()

serve({
  connections: () => server.plugins.nes.node.hub.connections.size,
  drain: (within) => server.plugins.nes.node.drain({ within: Number(within) })
}, () => server.stop({ timeout: 2_000 }))
