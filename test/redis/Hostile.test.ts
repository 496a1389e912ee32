/** What others write into the same Redis, and hooks that throw: nothing a node goes down by, or goes deaf. */
import type { Server } from "@hapi/hapi"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, expect, it } from "vitest"
import * as RedisBroker from "../../src/redis/RedisBroker.js"
import type { Command } from "../../src/server/Command.js"
import { hear, startNode, until } from "./Cluster.js"
import { RedisServer } from "./RedisServer.js"

let redis: RedisServer
beforeAll(async () => {
  redis = await RedisServer.start()
}, 120_000)
afterAll(() => redis.stop())

const declare = (server: Server): void => {
  server.subscription("/plain/{id}")
  server.subscription("/kept/{id}", { recovery: true })
}

it("what no node says is logged, and the node goes on listening", async () => {
  // Telling is done by a command that holds up this process, too: that is no outage.
  const broker = { timeout: 10_000 }
  const [a, b] = [await startNode(redis, { broker, declare }), await startNode(redis, { broker, declare })]
  const bob = await b.connect()
  const [plain, kept] = [await hear(bob, "/plain/1"), await hear(bob, "/kept/1")]
  const id = bob.id?.split(":")[0] ?? ""
  const logged: Array<unknown> = []
  b.server.events.on("log", (_event, tags) => tags.broker && tags.error && logged.push(tags))
  await a.server.publish("/kept/1", 1)
  await until(() => kept.length === 1)
  const epoch = redis.run("hget", "nes:state:{/kept/1}", "epoch")
  const said = [
    "",
    "no JSON",
    "{}",
    "null\n",
    "{\"from\":\"x\",\"type\":\"of a later version\"}\n",
    "{\"from\":\"x\",\"type\":\"publish\",\"path\":5}\n1",
    "{\"from\":\"x\",\"type\":\"revoke\",\"target\":5}\n1",
    "{\"from\":\"x\",\"type\":\"broadcast\"}\n{",
    `${epoch}:none:1\n{"from":"x","type":"publish","path":"/kept/1"}\n1`
  ]
  for (const channel of ["nes:all:{all}", `nes:node:{${id}}`, "nes:path:{/plain/1}", "nes:path:{/kept/1}"]) {
    for (const payload of said) {
      expect(redis.run("publish", channel, payload)).not.toBe("0")
    }
  }
  await a.server.publish("/plain/1", "heard")
  await a.server.publish("/kept/1", 2)
  await until(() => plain.length === 1 && kept.length === 2)
  expect([plain, kept]).toEqual([["heard"], [1, 2]])
  expect(logged.length).toBe(4 * said.length)
  expect(await a.server.plugins.nes.node.count()).toEqual({ total: 1, nodes: 2, silent: 0 })
})

it("a history that cannot be read is tried again ever more rarely, and holds up no other path", async () => {
  const a = await startNode(redis, { declare })
  const ann = await a.connect()
  const failures: Array<number> = []
  a.server.events.on("log", (_event, tags) => tags.recovery && failures.push(performance.now()))
  redis.run("set", "nes:state:{/kept/bad}", "no hash")
  const [bad, good] = [await hear(ann, "/kept/bad"), await hear(ann, "/kept/good")]
  await expect(a.server.publish("/kept/bad", 1)).rejects.toThrow("WRONGTYPE")
  await a.server.publish("/kept/good", 1)
  await until(() => good.length === 1)
  await until(() => failures.length === 4)
  expect(Math.round((failures[3] ?? 0) - (failures[0] ?? 0))).toBeGreaterThan(1_500)
  const told = new Promise((resolve) => {
    ann.onGap = resolve
  })
  redis.run("del", "nes:state:{/kept/bad}")
  expect(await told).toBe("/kept/bad")
  await a.server.publish("/kept/bad", 2)
  await until(() => bad.length === 1)
  expect(bad).toEqual([2])
})

it("an `onEvent` that throws is logged", async () => {
  const logged: Array<unknown> = []
  const failure = new Error("thrown by onEvent")
  const sent = Effect.gen(function*() {
    const broker = yield* RedisBroker.make({
      url: redis.url,
      onEvent: () => {
        throw failure
      }
    })
    const { send } = yield* broker.join({
      id: "node",
      deliver: () => Promise.resolve(),
      listens: () => false,
      count: () => 0,
      serves: true,
      connections: () => 0,
      shed: () => Promise.resolve(),
      recovers: () => false,
      reached: () => undefined,
      refresh: () => undefined,
      log: (tags, data) => void logged.push([tags, data])
    })
    const broadcast: Command = { type: "broadcast", message: 1, user: undefined }
    yield* Effect.promise(() => send(broadcast))
  })
  // The node has not been opened, so the broadcast reaches nobody, which is an event.
  await Effect.runPromise(Effect.scoped(sent))
  await until(() => logged.length === 1)
  expect(logged).toEqual([[["nes", "onEvent", "error"], failure]])
})

it("a path that nobody publishes to leaves nothing in Redis, one that has been published to keeps its place", async () => {
  const a = await startNode(redis, { declare })
  const ann = await a.connect()
  const before = redis.run("dbsize")
  await hear(ann, "/kept/asked")
  await hear(ann, "/kept/told")
  expect(redis.run("dbsize")).toBe(before)
  await a.server.publish("/kept/told", 1)
  const life = (path: string): number => Number(redis.run("pttl", `nes:state:{${path}}`))
  expect(life("/kept/asked")).toBe(-2)
  expect(life("/kept/told")).toBeGreaterThan(24 * 3_600_000)
})
