/** Opens connections, each with one subscription: what that costs in CPU, cold and warm, and what it leaves on the heap. */
import { withServer } from "./Server.mjs"

export const measure = (context, scenario, peer) =>
  withServer(context, scenario, peer, async ({ load, server }) => {
    const { connections, first, kept, paths, warmup } = scenario
    const open = async (count) => {
      await server.call("begin")
      await load.call("connect", { count, paths })
      return await server.call("end") / count
    }
    const cold = await open(first)
    await load.call("connect", { count: warmup, paths })
    await load.call("drop")
    await load.call("connect", { count: kept, paths })
    const before = await server.call("heap")
    const cost = await open(connections)
    const heap = await server.call("heap") - before
    return { cold, cost, heap: heap / connections }
  })
