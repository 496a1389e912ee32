/**
 * The same fan-out by one process, or by several that share the subscribers: one publishes, the others hear it through
 * Redis. Its cost is what the busiest of them spends, for all deliveries: cores that are kept busy by their process alone
 * deliver so much. Each process has a load of its own.
 */
import { start } from "../process/Child.mjs"
import { startRedis } from "../process/Redis.mjs"
import { plan } from "./publish.mjs"

const servers = new URL("../servers/main.mjs", import.meta.url)
const loads = new URL("../load/main.mjs", import.meta.url)

const run = async (scenario, processes, url) => {
  const { connections, name, paths, perTick, server, ticks, ticksPerRound, warmup } = scenario
  const count = connections / processes.length
  const [{ node: publisher }] = processes
  const started = await Promise.all(
    processes.map(({ node }) => node.call("start", { name, options: { ...server, redis: url } }))
  )
  await Promise.all(processes.map(async ({ load }, n) => {
    await load.call("target", { port: started[n].port, control: started[0].control, dialect: "effect-nes" })
    await load.call("connect", { count, paths })
  }))
  const both = async (part, role) => {
    await Promise.all(processes.map(({ load }) => load.call(role, part.load)))
    const arrived = Promise.all(processes.map(({ load }) => load.call("arrived")))
    await Promise.all([publisher.call("publish", { ...part.server, loads: processes.length }), arrived])
  }
  const part = (...args) => plan({ ...scenario, connections: count }, ...args)
  await both(part(1, 1, 1), "listen")
  await both(part(warmup, ticksPerRound, perTick), "drain")
  const measured = part(ticks, ticksPerRound, perTick)
  await Promise.all(processes.map(({ node }) => node.call("begin")))
  const since = performance.now()
  await both(measured, "drain")
  const elapsed = performance.now() - since
  const spent = await Promise.all(processes.map(({ node }) => node.call("end")))
  const deliveries = measured.deliveries * processes.length
  return { cost: Math.max(...spent) / deliveries, rate: 1000 * deliveries / elapsed }
}

export const measure = async (_, scenario, peer) => {
  const count = peer === scenario.subject ? scenario.processes : 1
  const redis = count > 1 ? await startRedis() : undefined
  const processes = []
  try {
    for (let n = 0; n < count; n++) {
      processes.push({ node: await start(servers, [peer]), load: await start(loads) })
    }
    return await run(scenario, processes, redis?.url)
  } finally {
    for (const { load, node } of processes) {
      await load.stop()
      await node.stop()
    }
    await redis?.stop()
  }
}
