/**
 * A worker with as many idle connections as the system lets a process have, 50,000 at most: what they leave in memory, what
 * a heartbeat round costs, answers and check included, and the longest turn of the event loop in another.
 */
import { setTimeout } from "node:timers/promises"
import { withServer } from "./Server.mjs"

/** A tenth of the files that may be open is for everything else. */
const most = () => {
  const { hard } = process.report.getReport().userLimits.open_files
  return hard === "unlimited" ? Infinity : Math.floor(0.9 * hard)
}

export const measure = (context, scenario, peer) =>
  withServer(context, scenario, peer, async ({ load, server }) => {
    const { connections, paths, server: { heartbeat: { timeout } } } = scenario
    const count = Math.min(connections, most())
    const before = await server.call("memory")
    await load.call("connect", { answering: true, count, paths }, 120_000)
    const after = await server.call("memory")
    await load.call("answerHeartbeats", { hold: false })
    await load.call("heartbeat")
    await setTimeout(1.5 * timeout)
    await server.call("begin")
    await load.call("heartbeat")
    await setTimeout(1.5 * timeout)
    const cpu = await server.call("end")
    await server.call("watch")
    await load.call("heartbeat")
    await setTimeout(1.5 * timeout)
    const loop = await server.call("longest")
    return {
      count,
      heap: (after.heap - before.heap) / count,
      resident: (after.resident - before.resident) / count,
      round: cpu / 1000,
      loop
    }
  })
