/** Keeps requests in flight on every connection. */
import { withServer } from "./Server.mjs"

export const measure = (context, scenario, peer) =>
  withServer(context, scenario, peer, async ({ load, server }) => {
    const { connections, inFlight, path, result, total, warmup } = scenario
    await load.call("connect", { count: connections })
    await load.call("request", { inFlight, path, result, total: warmup })
    await server.call("begin")
    const { bytes } = await load.call("request", { inFlight, path, result, total })
    return { cost: await server.call("end") / total, bytes }
  })
