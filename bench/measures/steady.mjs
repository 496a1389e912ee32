/** Requests at a steady rate while a crowd is published to at a steady rate. */
import { durations, whileAsking } from "./Asker.mjs"
import { hear } from "./publish.mjs"
import { quantiles } from "./Quantiles.mjs"
import { withServer } from "./Server.mjs"

export const measure = (context, scenario, peer) =>
  withServer(context, scenario, peer, async ({ load, port, server }) => {
    const { connections, paths, perSecond, publishes, warmup } = scenario
    const message = { seq: 100_000, body: "x".repeat(scenario.body) }
    await load.call("connect", { count: connections, paths })
    await hear({ load, server }, scenario, warmup)
    await load.call("ignore")
    const { asked } = await whileAsking(
      { ...scenario, peer, port },
      () => server.call("publishSteadily", { message, path: paths[0], perSecond, publishes })
    )
    return quantiles("request", durations(asked))
  })
