/**
 * One client of a node is subscribed to many paths, and nothing happens: memory and CPU of the node, what is written to
 * Redis. Then the node's connections to Redis are killed, and another node publishes: how long until all of it is there.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { withRedis } from "../process/Redis.mjs"

const clients = new URL("../clients/main.mjs", import.meta.url)
const servers = new URL("../servers/main.mjs", import.meta.url)

const prefix = "/item/"

// Beside a sign of life, which is an HSET and a PEXPIRE.
const writes = /cmdstat_(?:rpush|lpop|ltrim|del|hdel|sadd|srem|set):calls=(\d+)/g

const run = async ({ client, node, other, redis }, scenario) => {
  const { count, name, probes, rest, server } = scenario
  const options = { name, options: { ...server, redis: redis.url } }
  const { port } = await node.call("start", options)
  await other.call("start", options)
  await client.call("connect", { count: 1, name, url: `ws://127.0.0.1:${port}` })
  const before = await node.call("heap")
  await client.call("follow", { count, prefix }, 300_000)
  await sleep(rest / 10)
  const memory = (await node.call("heap") - before) / count

  await redis.run("config", "resetstat")
  await node.call("begin")
  await sleep(rest)
  const cpu = await node.call("end")
  const written = [...(await redis.run("info", "commandstats")).matchAll(writes)]
  const atRest = {
    memory,
    cpu: cpu / (10 * rest),
    writes: written.reduce((sum, [, calls]) => sum + Number(calls), 0) / (rest / 1000)
  }

  const paths = Array.from({ length: probes }, (_, n) => `${prefix}${Math.floor(n * count / probes)}`)
  await redis.run("client", "kill", "type", "pubsub")
  await redis.run("client", "kill", "type", "normal")
  const since = performance.now()
  await other.call("publishOnce", { message: "missed", paths })
  // Without recovery, what was published before the node heard of it again is gone.
  if (!scenario.keeps) return atRest
  while (await client.call("heard") < probes) await sleep(20)
  return { ...atRest, caughtUp: (performance.now() - since) / 1000 }
}

export const measure = (_, scenario, peer) =>
  withRedis(async (redis, child) => {
    const [node, other] = [await child(servers, [peer]), await child(servers, [peer])]
    const client = await child(clients, ["effect-nes"])
    return await run({ redis, node, other, client }, { ...scenario, keeps: peer === scenario.subject })
  })
