/** A node as it is deployed: settings from the environment, probes, metrics, and a stop that loses nothing. */
import Hapi from "@hapi/hapi"
import * as Nes from "effect-nes/hapi"
import { redis } from "effect-nes/redis"
import { runPromise } from "effect/Effect"
import { format } from "effect/observability/PrometheusMetrics"

const seconds = (name, usual) => Number(process.env[name] ?? usual) * 1000

const server = Hapi.server({ port: process.env.PORT ?? 8000, host: process.env.HOST ?? "0.0.0.0" })
// What an operator should know. Tag `nes`: what is to be mended, such as Redis that is away, or a hook that fails.
// Tag `effect-nes`: who was refused and why, limits that were crossed, the beginning and the end of a drain.
server.events.on(
  { name: "log", filter: ["nes", "effect-nes"] },
  ({ data, error, tags }) => console.error(tags.join(" "), error ?? data)
)
await server.register({
  plugin: Nes.plugin,
  options: {
    auth: false,
    maxConnections: 50_000,
    broker: redis({ url: process.env.REDIS_URL, balance: true })
  }
})
const { node } = server.plugins.nes

server.subscription("/item/{id}", { recovery: true })
server.route([
  // Alive: the process answers. Ready: a load balancer may send clients.
  { method: "GET", path: "/live", handler: (_request, h) => h.response().code(204) },
  { method: "GET", path: "/ready", handler: (_request, h) => h.response().code(node.ready ? 204 : 503) },
  {
    method: "GET",
    path: "/metrics",
    handler: async (_request, h) => h.response(await runPromise(format())).type("text/plain")
  },
  {
    method: "POST",
    path: "/item/{id}",
    handler: ({ path, payload }) => server.publish(path, payload).then(() => ({ published: true }))
  }
])
await server.start()
console.log(`listens at ${server.info.uri}`)

process.once("SIGTERM", async () => {
  // Clients are sent to the other nodes over this time; then what is still being answered is waited for.
  await node.drain({ within: seconds("DRAIN_SECONDS", 20) })
  await server.stop({ timeout: seconds("STOP_SECONDS", 5) })
  process.exit(0)
})
