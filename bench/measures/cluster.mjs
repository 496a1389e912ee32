/**
 * Publishes on one node to subscribers on another, through Redis: CPU of the receiving node per delivery, and the time
 * from a publish to the last of its deliveries. `local` is the same fan-out without a broker: the node hears
 * over a bare connection what to publish.
 */
import { start } from "../process/Child.mjs"
import { startRedis } from "../process/Redis.mjs"
import { plan } from "./publish.mjs"

const main = new URL("../servers/main.mjs", import.meta.url)

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]

const both = async ({ load, publisher }, part, role) => {
  await load.call(role, part.load)
  const [durations, checked] = await Promise.all([publisher.call("timePublish", part.server), load.call("arrived")])
  return { durations, ...checked }
}

const run = async ({ load, publisher, receiver }, scenario, dialect) => {
  const { connections, paths, perTick, ticks, ticksPerRound, warmup } = scenario
  const options = { name: scenario.name, options: { ...scenario.server, redis: scenario.redis } }
  const { feed, port } = await receiver.call("start", options)
  const { control } = await publisher.call("start", { ...options, options: { ...options.options, feed } })
  const processes = { load, publisher }
  await load.call("target", { port, control, dialect })
  await load.call("connect", { count: connections, paths })
  await both(processes, plan(scenario, 1, 1, 1), "listen")
  await both(processes, plan(scenario, warmup, ticksPerRound, perTick), "drain")
  const measured = plan(scenario, ticks, ticksPerRound, perTick)
  await receiver.call("begin")
  const { bytes, durations } = await both(processes, measured, "drain")
  const cpu = await receiver.call("end")
  const sorted = durations.toSorted((a, b) => a - b)
  return { cost: cpu / measured.deliveries, bytes, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) }
}

export const measure = async ({ load }, scenario, peer) => {
  const redis = peer === "local" ? undefined : await startRedis()
  const nodes = []
  try {
    const receiver = await start(main, [peer])
    nodes.push(receiver)
    const publisher = await start(main, [peer])
    nodes.push(publisher)
    const dialect = peer.startsWith("socket.io") ? "socket.io" : peer
    return await run({ load, publisher, receiver }, { ...scenario, redis: redis?.url }, dialect)
  } finally {
    await load.call("close").catch(() => undefined)
    for (const node of nodes) await node.stop()
    await redis?.stop()
  }
}
