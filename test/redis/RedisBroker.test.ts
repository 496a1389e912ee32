/** A cluster on a real Redis, on a real Redis Cluster, and on Valkey as either where that is on the machine. */
import type { Server } from "@hapi/hapi"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { suite } from "../cluster/Suite.js"
import { hear, startNode, until } from "./Cluster.js"
import { programs, RedisServer } from "./RedisServer.js"

const servers = programs().flatMap((program) => [{ program, cluster: false }, { program, cluster: true }])

describe.each(servers)("on $program, cluster: $cluster", ({ cluster, program }) => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await RedisServer.start({ cluster, program })
  }, 120_000)
  afterAll(() => redis.stop())

  suite(`redis-${cluster}`, (options) => startNode(redis, { ...options, broker: { cluster, timeout: 10_000 } }))

  it("a node hears only the paths that someone there listens to", async () => {
    const declare = (server: Server): void => server.subscription("/item/{id}")
    const bob = await (await startNode(redis, { declare, broker: { cluster } })).connect()
    const channels = (): ReadonlyArray<string> =>
      redis.run("pubsub", cluster ? "shardchannels" : "channels", "nes:path:{/*").split("\n").filter(Boolean)
    await until(() => channels().length === 0)
    await hear(bob, "/item/11")
    expect(channels()).toEqual(["nes:path:{/item/11}"])
    await bob.unsubscribe("/item/11", null)
    await until(() => channels().length === 0)
    await hear(bob, "/item/12")
    await bob.disconnect()
    await until(() => channels().length === 0)
  })
})

it("a Redis Cluster of three servers: every path is published, kept and given up on the server that has it", async () => {
  const servers = await RedisServer.startCluster(3)
  onTestFinished(() => Promise.all(servers.map((server) => server.stop())).then(() => {}))
  const [first] = servers
  if (!first) {
    throw new Error("No server")
  }
  const declare = (server: Server): void => {
    server.subscription("/plain/{id}")
    server.subscription("/kept/{id}", { recovery: true })
  }
  const [a, b] = [
    await startNode(first, { declare, broker: { cluster: true } }),
    await startNode(first, { declare, broker: { cluster: true } })
  ]
  const bob = await b.connect()
  const paths = Array.from({ length: 12 }, (_, n) => [`/plain/${n}`, `/kept/${n}`]).flat()
  const heard = await Promise.all(paths.map((path) => hear(bob, path)))
  await Promise.all(paths.map((path) => a.server.publish(path, path)))
  await until(() => heard.every(({ length }) => length === 1))
  expect(heard).toEqual(paths.map((path) => [path]))
  // Sharded: each server has the channels and the histories of its own slots.
  const channels = (): ReadonlyArray<number> =>
    servers.map((server) => server.run("pubsub", "shardchannels", "nes:path:{/*").split("\n").filter(Boolean).length)
  const kept = servers.map((server) => Number(server.run("dbsize")))
  expect(channels().reduce((sum, count) => sum + count)).toBe(paths.length)
  expect(Math.min(...channels(), ...kept)).toBeGreaterThan(0)
  await bob.disconnect()
  await until(() => channels().every((count) => count === 0))
})
