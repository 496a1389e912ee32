/**
 * Publishes to a crowd again and again, first while nobody asks: when half of it and the last have the update. Then while
 * a client asks: the same, how long a turn of the server's event loop was meanwhile, and
 * how long requests took.
 */
import { durations, whileAsking } from "./Asker.mjs"
import { hear } from "./publish.mjs"
import { quantiles } from "./Quantiles.mjs"
import { withServer } from "./Server.mjs"

export const measure = (context, scenario, peer) =>
  withServer(context, scenario, peer, async ({ load, port, server }) => {
    const { connections, paths, publishes, warmup } = scenario
    const message = { seq: 100_000, body: "x".repeat(scenario.body) }
    await load.call("connect", { count: connections, paths })
    await hear({ load, server }, scenario, warmup)
    const run = async () => {
      const times = []
      for (let i = 0; i < publishes; i++) {
        await load.call("clock", { message, path: paths[0] })
        const published = await server.call("publishTimed", { message, path: paths[0] })
        times.push({ ...published, ...await load.call("arrived") })
      }
      return times
    }
    const quiet = await run()
    const { asked, done } = await whileAsking({ ...scenario, every: 1, peer, port }, run)
    const toLast = ({ at, last }) => last - at
    // Where none was under way, the next one.
    const meanwhile = ({ at, last }) => {
      const took = durations(asked, at, last)
      return took.length > 0 ? took : durations(asked, at).slice(0, 1)
    }
    return {
      ...quantiles("half", quiet.map(({ at, half }) => half - at)),
      ...quantiles("last", quiet.map(toLast)),
      ...quantiles("asked", done.map(toLast)),
      ...quantiles("loop", done.map(({ loop }) => loop)),
      ...quantiles("request", done.flatMap(meanwhile))
    }
  })
