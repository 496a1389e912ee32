/** After a deploy the connections even out by themselves, and no request is lost by it. */
import { expect, it, onTestFinished } from "vitest"
import { Client } from "../../src/client.js"
import { Balancer } from "./chaos/Balancer.js"
import { startNode, until } from "./Cluster.js"
import { RedisServer } from "./RedisServer.js"

it("a node that holds far more than its share sends some away, until the others have theirs", async () => {
  const redis = await RedisServer.start()
  onTestFinished(() => redis.stop())
  const start = () =>
    startNode(redis, {
      broker: { balance: { patience: 500, tolerance: 0.2 } },
      declare: (server) => server.route({ method: "GET", path: "/who", handler: () => server.info.port })
    })
  const nodes = [await start()]
  const balancer = await Balancer.start(() => nodes.map(({ server }) => Number(server.info.port)))
  onTestFinished(() => balancer.stop())
  const failures: Array<string> = []
  const state = { asking: true }
  const clients = await Promise.all(Array.from({ length: 60 }, async () => {
    const client = new Client(balancer.url)
    onTestFinished(() => client.disconnect())
    client.onError = null
    await client.connect({ delay: 20 })
    return client
  }))
  const loops = clients.map(async (client) => {
    while (state.asking) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      if (client.id !== null) {
        await client.request("/who").catch(({ message }: Error) => void failures.push(message))
      }
    }
  })
  const spread = () => nodes.map(({ server }) => server.plugins.nes.node.hub.connections.size)
  expect(spread()).toEqual([60])
  nodes.push(await start(), await start())
  // A fifth more than its share of 20, and a few that do not matter. Some come back to where they were, by turn.
  await until(() => Math.max(...spread()) < 29 && spread().reduce((sum, count) => sum + count) === 60)
  state.asking = false
  await Promise.all(loops)
  expect(failures).toEqual([])
})
