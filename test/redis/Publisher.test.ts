/** A process that only publishes, with Effect and without: declared histories included, and told what does not get out. */
import type { Server } from "@hapi/hapi"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest"
import { Publisher } from "../../src/index.js"
import { publisher, redis as brokerOn, RedisBroker } from "../../src/redis.js"
import { as, hear, startNode, until } from "./Cluster.js"
import { RedisServer } from "./RedisServer.js"

let redis: RedisServer
beforeAll(async () => {
  redis = await RedisServer.start()
}, 120_000)
afterAll(() => redis.stop())

const subscriptions = {
  "/kept/{id}": { recovery: { size: 3, age: "1 minute" } },
  "/kept/not": {},
  "/plain/{id}": { recovery: false }
} as const

const cast = async () => {
  const node = await startNode(redis, {
    options: { auth: { index: true, route: "named", isSecure: false } },
    declare: (server: Server) => {
      server.subscription("/plain/{id}", { auth: { mode: "optional", index: true } })
      server.subscription("/kept/{id}", { recovery: { size: 3, age: 60_000 } })
    }
  })
  const client = await node.connect(as("ann"))
  return { node, client, kept: await hear(client, "/kept/1"), plain: await hear(client, "/plain/1") }
}

it("publishes, broadcasts, revokes, disconnects and counts", async () => {
  const { client, kept, node, plain } = await cast()
  const worker = await publisher({ url: redis.url }, { subscriptions })
  onTestFinished(worker.close)
  const broadcasts: Array<unknown> = []
  client.onUpdate = (message) => void broadcasts.push(message)
  for (const n of [1, 2, 3, 4]) {
    await worker.publish("/kept/1", n)
  }
  await worker.publish("/plain/1", 1, { user: "ann" })
  await worker.publish("/plain/1", 2, { user: "bob" })
  await worker.broadcast("to all")
  await until(() => kept.length === 4 && plain.length === 1 && broadcasts.length === 1)
  expect([kept, plain, broadcasts]).toEqual([[1, 2, 3, 4], [1], ["to all"]])
  expect(redis.run("llen", "nes:path:{/kept/1}")).toBe("3")
  await worker.publish("/kept/not", 1)
  expect(redis.run("exists", "nes:path:{/kept/not}", "nes:path:{/plain/1}")).toBe("0")
  // It is no node: nobody asks it, nobody waits for it.
  expect(await worker.count()).toEqual({ total: 1, nodes: 1, silent: 0 })
  expect(await node.server.plugins.nes.node.count("/kept/1")).toEqual({ total: 1, nodes: 1, silent: 0 })
  await worker.revoke({ user: "ann" }, "/plain/1")
  expect(await worker.count("/plain/1")).toMatchObject({ total: 0 })
  const gone = new Promise<void>((resolve) => {
    client.onDisconnect = () => resolve()
  })
  await worker.disconnect({ user: "ann" })
  await gone
})

it("as an Effect, on the broker that is provided", async () => {
  const { kept } = await cast()
  const program = Effect.gen(function*() {
    const { count, publish } = yield* Publisher.Publisher
    yield* publish("/kept/1", "by Effect")
    expect(yield* count()).toMatchObject({ total: 1 })
    const error = yield* Effect.flip(publish("no path", 1))
    expect(error).toMatchObject({ _tag: "UserError", message: "Missing or invalid subscription path: no path" })
  })
  await Effect.runPromise(program.pipe(
    Effect.provide(Publisher.layer({ subscriptions }).pipe(Layer.provide(RedisBroker.layer({ url: redis.url }))))
  ))
  await until(() => kept.length === 1)
})

it("what was published before it leaves is out, kept or not", async () => {
  const worker = await Publisher.open(brokerOn({ url: redis.url }), { subscriptions })
  const published = [worker.publish("/kept/last", 1), worker.publish("/plain/last", 1)]
  await worker.close()
  await Promise.all(published)
  expect(redis.run("llen", "nes:path:{/kept/last}")).toBe("1")
})

it("invalid options are told", async () => {
  const options = { subscriptions: { "/kept/{id}": { recovery: { size: 0 } } } }
  const expected = "Subscription recovery requires a positive integer for size, and a positive age: /kept/{id}"
  await expect(publisher({ url: redis.url }, options)).rejects.toThrow(expected)
  const error = await Effect.runPromise(Effect.scoped(Effect.flip(Publisher.make(options))))
  expect(error).toMatchObject({ _tag: "UserError", message: expected })
})

it("what does not get out fails towards whoever published it, kept or not", async () => {
  const own = await RedisServer.start()
  onTestFinished(() => own.stop())
  const worker = await Publisher.open(brokerOn({ url: own.url, timeout: 10_000 }), { subscriptions })
  onTestFinished(worker.close)
  await worker.publish("/plain/1", 1)
  await expect(worker.publish("/plain/1", { itself: 1n })).rejects.toThrow("BigInt")
  await own.kill()
  for (
    const send of [() => worker.publish("/plain/1", 2), () => worker.publish("/kept/1", 2), () => worker.broadcast(2)]
  ) {
    await until(() => send().then(() => false, () => true))
    await expect(send()).rejects.toThrow("Not connected to Redis")
  }
})
