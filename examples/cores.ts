/**
 * A process for each core, all behind one port: `REDIS_URL=redis://localhost:6379 node --import tsx examples/cores.ts`.
 * What one of them publishes reaches the clients of all.
 */
import Hapi from "@hapi/hapi"
import * as Nes from "effect-nes/hapi"
import { redis } from "effect-nes/redis"
import cluster from "node:cluster"
import { availableParallelism } from "node:os"

const serve = async (): Promise<void> => {
  const server = Hapi.server({ port: Number(process.env.PORT ?? 8000), host: "localhost" })
  await server.register({
    plugin: Nes.plugin,
    options: { broker: redis({ url: process.env.REDIS_URL ?? "redis://localhost:6379", balance: true }) }
  })
  server.subscription("/item/{id}", { recovery: true })
  server.route({
    method: "POST",
    path: "/item/{id}",
    handler: async (request) => {
      await server.publish(request.path, request.payload)
      const { nodes, total } = await server.plugins.nes.node.count(request.path)
      return { subscribers: total, processes: nodes }
    }
  })
  await server.start()
  console.log(`process ${process.pid} serves at ${server.info.uri}`)
  // Ctrl-C reaches every process of a terminal: it is the first one that says when the others stop.
  process.on("SIGINT", () => {})
  process.once("SIGTERM", async () => {
    await server.plugins.nes.node.drain({ within: 1_000 })
    await server.stop({ timeout: 5_000 })
    process.exit(0)
  })
}

const watch = (): void => {
  const count = Number(process.env.PROCESSES ?? availableParallelism())
  const workers = () => Object.values(cluster.workers ?? {})
  let stopping = false
  const end = (): void => {
    if (stopping && workers().length === 0) {
      process.exit(0)
    }
  }
  const stop = (): void => {
    stopping = true
    workers().forEach((worker) => worker?.process.kill("SIGTERM"))
    end()
  }
  for (let n = 0; n < count; n++) {
    cluster.fork()
  }
  cluster.on("exit", () => {
    // One that dies is replaced; its clients have come back to the others by then, with what they missed.
    setTimeout(() => stopping || cluster.fork(), 1_000)
    end()
  })
  process.on("SIGINT", stop)
  process.on("SIGTERM", stop)
}

if (cluster.isPrimary) {
  watch()
} else {
  await serve()
}
