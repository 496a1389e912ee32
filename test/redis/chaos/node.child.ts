/** A node of the cluster under test: a hapi server on a port of its own, killed without warning. */
import Hapi from "@hapi/hapi"
import * as Nes from "../../../src/hapi.js"
import { redis } from "../../../src/redis.js"
import { serve } from "../../interop/peers/ChildEndpoint.js"

const [, , url = "", durable] = process.argv
const server = Hapi.server({ host: "127.0.0.1", port: 0 })
await server.register({
  plugin: Nes.plugin,
  options: {
    heartbeat: { interval: 1_000, timeout: 500 },
    broker: redis({ url, durable: durable === "durable", timeout: 500 })
  }
})
server.subscription("/kept/{id}", { recovery: { size: 5_000, age: 600_000 } })
server.subscription("/short/{id}", { recovery: { size: 3, age: 600_000 } })
await server.start()

serve({
  port: () => server.info.port,
  publish: (path, message) => server.publish(String(path), message)
}, () => server.stop({ timeout: 100 }))
