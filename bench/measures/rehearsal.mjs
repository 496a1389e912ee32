/**
 * More idle connections than a process may open files, on sockets in the memory of the server's process: what they leave
 * on the heap, what the pings of a heartbeat round and their answers cost, and the longest turn of the event loop
 * meanwhile. What the kernel does for real sockets is in none of these; what the sockets and clients do is in all.
 */
import { withServer } from "./Server.mjs"

export const measure = (context, scenario, peer) =>
  withServer(context, scenario, peer, async ({ server }) => {
    const { connections: count, paths: [path], server: { heartbeat: { timeout } } } = scenario
    const before = await server.call("memory")
    await server.call("rehearse", { count, path })
    // Nothing where the machine was too slow for the server to let everybody stay.
    const round = await server.call("rehearseHeartbeat", { silence: timeout / 2 })
    const after = await server.call("memory")
    return round ? { heap: (after.heap - before.heap) / count, ...round } : {}
  })
