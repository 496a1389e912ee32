/** Lets a client make requests, always the same number in flight. */
import { withClient } from "./Client.mjs"

export const measure = (context, scenario, peer) =>
  withClient(context, scenario, peer, async ({ client }) => {
    const { inFlight, path, result, total, warmup } = scenario
    const cpu = await client.call("request", { inFlight, path, result, total, warmup })
    return { cost: cpu / total }
  })
