/**
 * Publishes to a crowd again and again: when half of it and the last have the update, how long a turn of the server's
 * event loop was meanwhile, and how long a request took that was made when the first had it.
 */
import { hear } from "./publish.mjs"
import { quantiles } from "./Quantiles.mjs"
import { withServer } from "./Server.mjs"

export const measure = (context, scenario, peer) =>
  withServer(context, scenario, peer, async ({ load, port, server }) => {
    const { connections, path, paths, publishes, result, warmup } = scenario
    const message = { seq: 100_000, body: "x".repeat(scenario.body) }
    await load.call("connect", { count: connections, paths })
    await hear({ load, server }, scenario, warmup)
    // socket.io has no requests.
    const ask = peer !== "socket.io"
    if (ask) await load.call("asker", { path, port, result })
    const times = { half: [], last: [], loop: [], request: [] }
    for (let i = 0; i < publishes; i++) {
      await load.call("clock", { ask, message, path: paths[0] })
      const { at, loop } = await server.call("publishTimed", { message, path: paths[0] })
      const { first, half, last } = await load.call("arrived")
      times.half.push(half - at)
      times.last.push(last - at)
      times.loop.push(loop)
      times.request.push(first)
    }
    return Object.assign({}, ...Object.entries(times).map(([name, values]) => quantiles(name, values)))
  })
