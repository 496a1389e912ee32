/** Opens connections, each with one subscription: what that costs in CPU, and what it leaves on the heap. */
import { withServer } from "./Server.mjs"

export const measure = (context, scenario, peer) =>
  withServer(context, scenario, peer, async ({ load, server }) => {
    const { connections, paths, warmup } = scenario
    await load.call("connect", { count: warmup, paths })
    const before = await server.call("heap")
    await server.call("begin")
    await load.call("connect", { count: connections, paths })
    const cpu = await server.call("end")
    const heap = await server.call("heap") - before
    return { cost: cpu / connections, heap: heap / connections }
  })
