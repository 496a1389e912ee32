/** Connections counted per user: those of a node that dies, and of one that cannot say goodbye. */
import { afterAll, beforeAll, expect, it } from "vitest"
import { RedisClaims } from "../../src/redis/RedisClaims.js"
import * as RedisConnection from "../../src/redis/RedisConnection.js"
import { until } from "./Cluster.js"
import { RedisServer } from "./RedisServer.js"

let redis: RedisServer
let link: RedisConnection.RedisConnection
beforeAll(async () => {
  redis = await RedisServer.start()
  link = RedisConnection.open({ url: redis.url }, 1_000, { up: () => {}, down: () => {} })
  await until(() => link.isUp)
}, 120_000)
afterAll(async () => {
  await link.close()
  await redis.stop()
})

const node = (lease: number): RedisClaims => new RedisClaims(() => link, (user) => `nes:user:{${user}}`, lease)

it("those of a node that died count no more when their lease is over", async () => {
  const [dead, alive] = [node(200), node(200)]
  expect(await dead.claim("ann", "dead:1", 1)).toBe(true)
  expect(await alive.claim("ann", "alive:1", 1)).toBe(false)
  await until(() => alive.claim("ann", "alive:1", 1))
  expect(await dead.claim("ann", "dead:2", 1)).toBe(false)
})

it("while Redis is away each node counts its own", async () => {
  const [a, b] = [new RedisClaims(() => undefined, String, 200), new RedisClaims(() => undefined, String, 200)]
  expect([await a.claim("cy", "a:1", 1), await a.claim("cy", "a:2", 1), await b.claim("cy", "b:1", 1)])
    .toEqual([true, false, true])
  a.release("cy", "a:1")
  expect(await a.claim("cy", "a:2", 1)).toBe(true)
})

it("those of a node that renews them go on counting, also when Redis has forgotten them", async () => {
  const [a, b] = [node(60_000), node(60_000)]
  expect(await a.claim("bob", "a:1", 1)).toBe(true)
  redis.run("flushall")
  a.renew()
  await until(() => redis.run("zcard", "nes:user:{bob}") === "1")
  expect(await b.claim("bob", "b:1", 1)).toBe(false)
})
