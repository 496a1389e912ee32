/** Feeds updates to clients: `pour` as fast as one client takes them, `drip` one by one to many. */
import { withClient } from "./Client.mjs"

export const measure = (context, scenario, peer) =>
  withClient(context, scenario, peer, async ({ client, control, load }) => {
    const { clients, count, feed, parts, path, warmup } = scenario
    const body = "x".repeat(scenario.body)
    let from = 0
    const receive = async (count) => {
      await client.call("expect", count)
      await load.call(feed, { body, count, from, path })
      await client.call("received")
      from += count
    }
    await client.call("subscribe", { body, path, ...(feed === "drip" && { control }) })
    await receive(warmup)
    await client.call("begin")
    const costs = []
    for (let part = 0, before = 0; part < parts; part++) {
      await receive(count / parts)
      const cpu = await client.call("read")
      costs.push((cpu - before) * parts / (count * clients))
      before = cpu
    }
    await client.call("end")
    return { cost: costs.toSorted((a, b) => a - b)[parts >> 1], costs }
  })
