/** Feeds updates to clients: `pour` as fast as one client takes them, `drip` one by one to many. */
import { withClient } from "./Client.mjs"

export const measure = (context, scenario, peer) =>
  withClient(context, scenario, peer, async ({ client, load }) => {
    const { clients, count, every, feed, path, warmup } = scenario
    const body = "x".repeat(scenario.body)
    await client.call("subscribe", { body, count, path, warmup })
    await load.call(feed, { body, count: warmup, every, from: 0, path })
    await client.call("warm")
    const [cpu] = await Promise.all([
      client.call("received"),
      load.call(feed, { body, count, every, from: warmup, path })
    ])
    return { cost: cpu / (count * clients) }
  })
