/**
 * A process publishes through Redis to many paths, to each when the last is out; each has a client on a node: CPU of the
 * publisher, the node and Redis per publish, and publishes a second.
 */
import { withRedis } from "../process/Redis.mjs"

const clients = new URL("../clients/main.mjs", import.meta.url)
const servers = new URL("../servers/main.mjs", import.meta.url)

const run = async ({ client, publisher, node, redis }, scenario) => {
  const { body, each, name, paths, recovery, server, warmup } = scenario
  const options = { name, options: { ...server, redis: redis.url } }
  const { port } = await node.call("start", options)
  await publisher.call("start", { name, options: { ...options.options, recovery } })
  await client.call("connect", { count: paths.length, name, url: `ws://127.0.0.1:${port}` })
  await client.call("subscribe", { body, paths })
  const publish = async (first, each) => {
    await client.call("expect", each)
    await publisher.call("publishAll", { message: body, paths, first, each })
    await client.call("received")
  }
  await publish(0, warmup)
  await Promise.all([publisher.call("begin"), node.call("begin")])
  const before = await redis.cpu()
  const since = performance.now()
  await publish(warmup, each)
  const elapsed = performance.now() - since
  const [publishing, receiving] = await Promise.all([publisher.call("end"), node.call("end")])
  const count = each * paths.length
  return {
    publishing: publishing / count,
    node: receiving / count,
    redis: (await redis.cpu() - before) / count,
    rate: 1000 * count / elapsed
  }
}

export const measure = (_, scenario, peer) =>
  withRedis(async (redis, child) => {
    const [node, publisher] = [await child(servers, [peer]), await child(servers, ["effect-nes-publisher"])]
    const client = await child(clients, ["effect-nes"])
    return await run({ redis, node, publisher, client }, { ...scenario, recovery: peer === scenario.subject })
  })
