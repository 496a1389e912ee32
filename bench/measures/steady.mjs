/** Requests at a steady rate while a crowd is published to at a steady rate. */
import { hear } from "./publish.mjs"
import { quantiles } from "./Quantiles.mjs"
import { withServer } from "./Server.mjs"

export const measure = (context, scenario, peer) =>
  withServer(context, scenario, peer, async ({ load, port, server }) => {
    const { connections, every, path, paths, perSecond, publishes, result, warmup } = scenario
    const message = { seq: 100_000, body: "x".repeat(scenario.body) }
    await load.call("connect", { count: connections, paths })
    await hear({ load, server }, scenario, warmup)
    await load.call("asker", { path, port, result })
    await load.call("ignore")
    const asking = load.call("askEvery", { every, within: 30_000 })
    await server.call("publishSteadily", { message, path: paths[0], perSecond, publishes })
    await load.call("endAsking")
    return quantiles("request", await asking)
  })
