/** Redis away, frozen, restarted with and without its data: what goes on, what is said, and what is made up for. */
import type { Server } from "@hapi/hapi"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { once } from "node:events"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises"
import { expect, it, onTestFinished } from "vitest"
import * as Metrics from "../../src/cluster/Metrics.js"
import * as RedisConnection from "../../src/redis/RedisConnection.js"
import { hear, startNode, until } from "./Cluster.js"
import type { RedisOptions } from "./RedisServer.js"
import { RedisServer } from "./RedisServer.js"

const declare = (server: Server): void => {
  server.subscription("/plain/{id}")
  server.subscription("/kept/{id}", { recovery: true })
}

const cast = async (options: RedisOptions = {}, timeout = 10_000) => {
  const redis = await RedisServer.start(options)
  onTestFinished(() => redis.stop())
  const broker = { cluster: options.cluster, durable: options.durable, timeout }
  const [a, b] = [await startNode(redis, { declare, broker }), await startNode(redis, { declare, broker })]
  const names = (node: typeof a): ReadonlyArray<string> => node.events.map(({ _tag }) => _tag)
  return { redis, a, b, ann: await a.connect(), bob: await b.connect(), names }
}

/** What waits for an answer of Redis, and how it fails. */
const unanswered = async ({ server }: Awaited<ReturnType<typeof startNode>>) => {
  const { node } = server.plugins.nes
  const asked = await Promise.allSettled([
    server.publish("/kept/1", 0),
    server.history("/kept/1").read(),
    node.count(),
    node.revoke({ socket: "other:1" }, "/plain/1")
  ])
  return asked.map((outcome) => outcome.status === "rejected" && String(outcome.reason))
}

const all = Array.from({ length: 4 }, () => "BrokerError: Redis went away before it answered")

const connected = (): number => Effect.runSync(Metric.value(Metrics.connected)).value

it.each([{ cluster: false }, { cluster: true }])(
  "local delivery goes on while Redis is away; it is logged, counted and told once; afterwards all is as before: $cluster",
  async ({ cluster }) => {
    const { a, ann, b, bob, names, redis } = await cast({ cluster })
    const logged: Array<unknown> = []
    a.server.events.on(
      "log",
      ({ data, error }, tags) => tags.broker && logged.push([Object.keys(tags).at(-1), String(error ?? data)])
    )
    const [near, far] = [await hear(ann, "/plain/1"), await hear(bob, "/plain/1")]
    redis.freeze()
    const lost = unanswered(a)
    await redis.kill()
    expect(await lost).toEqual(all)
    await until(() => names(a).includes("Down"))
    expect(connected()).toBe(0)
    await a.server.publish("/plain/1", 1)
    await until(() => near.length === 1)
    // The revocation, and the publish.
    expect(names(a)).toEqual(["Up", "Down", "Unshared", "Unshared"])
    // Subscribing does not wait for Redis.
    const later = await hear(ann, "/plain/2")

    await redis.start()
    await until(() => [a, b].every((node) => names(node).at(-1) === "Up"))
    expect(connected()).toBe(1)
    expect(logged).toEqual([
      ["error", expect.stringMatching(/Redis is away \(.+\): clients stay connected, what needs other nodes fails$/)],
      ["up", expect.stringMatching(/^Redis is back after \d+ ms$/)]
    ])
    await a.server.publish("/plain/1", 2)
    await b.server.publish("/plain/2", 3)
    await until(() => far.length === 1 && later.length === 1)
    expect([near, far, later]).toEqual([[1, 2], [2], [3]])
  }
)

it("a frozen Redis counts as away after its timeout, and holds up nobody", async () => {
  const { a, ann, names, redis } = await cast({}, 2_500)
  const near = await hear(ann, "/plain/1")
  redis.freeze()
  onTestFinished(() => redis.thaw())
  await a.server.publish("/plain/1", 1)
  await until(() => near.length === 1)
  expect(await unanswered(a)).toEqual(all)
  await until(() => names(a).includes("Down"))
  await expect(a.server.publish("/kept/1", 2)).rejects.toThrow(/^Not connected to Redis: \w/)
  await expect(a.server.plugins.nes.node.count()).rejects.toThrow("Not connected to Redis")
  redis.thaw()
  await until(() => names(a).at(-1) === "Up")
  await a.server.publish("/kept/1", 3)
})

it("a node that stops meanwhile does not wait for Redis", async () => {
  const { a, b, redis } = await cast()
  redis.freeze()
  onTestFinished(() => redis.thaw())
  const published = Promise.allSettled([a.server.publish("/kept/1", 1), b.server.publish("/kept/1", 2)])
  await a.stop()
  await redis.kill()
  await b.stop()
  expect((await published).map(({ status }) => status)).toEqual(["rejected", "rejected"])
})

it("nothing remains of clients that came and went meanwhile", async () => {
  const { a, names, redis } = await cast()
  const { hub } = a.server.plugins.nes.node
  await redis.kill()
  await until(() => names(a).includes("Down"))
  const client = await a.connect()
  await hear(client, "/kept/1")
  await hear(client, "/kept/2")
  expect([hub.recovery?.has("/kept/1"), hub.recovery?.has("/kept/2")]).toEqual([true, true])
  await client.unsubscribe("/kept/1", null)
  expect([hub.recovery?.has("/kept/1"), hub.recovery?.has("/kept/2")]).toEqual([false, true])
  await client.disconnect()
  await until(() => hub.recovery?.has("/kept/2") === false)
})

it("no more than so many commands are on their way to a frozen Redis", async () => {
  const redis = await RedisServer.start()
  onTestFinished(() => redis.stop())
  const a = await startNode(redis, { declare, broker: { maxInFlight: 10, timeout: 60_000 } })
  redis.freeze()
  onTestFinished(() => redis.thaw())
  await Promise.all(Array.from({ length: 100 }, (_, n) => a.server.publish("/plain/1", n)))
  await until(() => a.events.filter(({ _tag }) => _tag === "Unshared").length === 90)
})

it("a node that missed announcements notices it by the next one, and fills the gap", async () => {
  const { a, b, bob } = await cast()
  const far = await hear(bob, "/kept/1")
  const { hub } = b.server.plugins.nes.node
  await a.server.publish("/kept/1", 1)
  await until(() => far.length === 1)
  hub.stopped = true
  await a.server.publish("/kept/1", 2)
  await a.server.publish("/kept/1", 3)
  // What Redis has announced to b before this question, b has ignored when it answers.
  await a.server.plugins.nes.node.count("/kept/1")
  hub.stopped = false
  await a.server.publish("/kept/1", 4)
  await until(() => far.length === 4)
  expect(far).toEqual([1, 2, 3, 4])
})

it("a durable Redis that is killed and comes back: what was kept is recovered, without a gap", async () => {
  const { a, b, bob, redis } = await cast({ durable: true })
  const gaps: Array<string> = []
  bob.onGap = (path) => void gaps.push(path)
  const far = await hear(bob, "/kept/1")
  await a.server.publish("/kept/1", 1)
  await until(() => far.length === 1)
  // Bob's node does not take note of this one.
  b.server.plugins.nes.node.hub.stopped = true
  await a.server.publish("/kept/1", 2)
  await redis.kill()
  b.server.plugins.nes.node.hub.stopped = false
  await expect(a.server.publish("/kept/1", "failed")).rejects.toThrow()
  await redis.start()
  await until(() => a.server.publish("/kept/1", 3).then(() => true, () => false))
  await until(() => far.length === 3)
  expect(far).toEqual([1, 2, 3])
  expect(gaps).toEqual([])
})

it("a Redis that lost everything: clients are told of a gap, once, and go on", async () => {
  const { a, ann, b, bob, redis } = await cast()
  const gaps: Array<unknown> = []
  ann.onGap = (path) => void gaps.push(["ann", path])
  bob.onGap = (path) => void gaps.push(["bob", path])
  const [near, far] = [await hear(ann, "/kept/1"), await hear(bob, "/kept/1")]
  await a.server.publish("/kept/1", 1)
  await until(() => far.length === 1)
  await redis.kill()
  await redis.start()
  await until(() => gaps.length === 2)
  await until(() => b.server.publish("/kept/1", 2).then(() => true, () => false))
  await until(() => near.length === 2 && far.length === 2)
  expect([near, far]).toEqual([[1, 2], [1, 2]])
  expect(gaps.length).toBe(2)
})

it("a replica that takes over in a Redis Cluster: publishes go on, and clients are told of a gap", async () => {
  const master = await RedisServer.start({ cluster: true })
  onTestFinished(() => master.stop())
  const replica = await RedisServer.start({ cluster: true, replicaOf: master })
  onTestFinished(() => replica.stop())
  const broker = { cluster: true, timeout: 10_000, url: [master.url, replica.url] }
  const [a, b] = [await startNode(master, { declare, broker }), await startNode(master, { declare, broker })]
  const bob = await b.connect()
  const gaps: Array<string> = []
  bob.onGap = (path) => void gaps.push(path)
  const [plain, kept] = [await hear(bob, "/plain/1"), await hear(bob, "/kept/1")]
  await a.server.publish("/plain/1", 1)
  await a.server.publish("/kept/1", 1)
  await until(() => plain.length === 1 && kept.length === 1)

  await master.kill()
  await until(() => [a, b].every(({ events }) => events.some(({ _tag }) => _tag === "Down")))
  replica.run("cluster", "failover", "takeover")
  await until(() => [a, b].every(({ events }) => events.at(-1)?._tag === "Up"))
  await until(() => a.server.publish("/kept/1", 2).then(() => true, () => false))
  await until(async () => {
    await a.server.publish("/plain/1", 2)
    return plain.length > 1
  })
  await until(() => kept.length === 2)
  expect(kept).toEqual([1, 2])
  expect(gaps).toEqual(["/kept/1"])
})

it("a slow Redis holds up what has to go through it, and nothing else", async () => {
  const { a, ann, b, bob, names, redis } = await cast()
  const [near, far, kept] = [await hear(ann, "/plain/1"), await hear(bob, "/plain/1"), await hear(bob, "/kept/1")]
  redis.freeze()
  onTestFinished(() => redis.thaw())
  const keeping = a.server.publish("/kept/1", 1)
  await a.server.publish("/plain/1", 1)
  await until(() => near.length === 1)
  await sleep(300)
  expect([far, kept]).toEqual([[], []])
  redis.thaw()
  await keeping
  await until(() => far.length === 1 && kept.length === 1)
  await b.server.publish("/kept/1", 2)
  await until(() => kept.length === 2)
  expect([near, far, kept]).toEqual([[1], [1], [1, 2]])
  expect([names(a), names(b)]).toEqual([["Up"], ["Up"]])
})

it("a node that is held up for longer than its timeout does not take Redis for away", async () => {
  const { a, b, names, redis } = await cast({}, 400)
  redis.run("client", "pause", "300", "all")
  // By then both have asked for a sign of life.
  await sleep(200)
  // Behind it, timers are due before anything is read.
  await turn()
  const end = performance.now() + 500
  while (performance.now() < end) {
    // The answer comes meanwhile.
  }
  await a.server.plugins.nes.node.count()
  expect([names(a), names(b)]).toEqual([["Up"], ["Up"]])
})

it("a connection that is closed while it is being opened leaves no socket open", async () => {
  const open = new Set<Socket>()
  let accepted = 0
  const server = createServer((socket) => {
    accepted++
    open.add(socket.on("error", () => {}).on("close", () => open.delete(socket)))
  })
  onTestFinished(() => void server.close())
  await once(server.listen(0, "127.0.0.1"), "listening")
  const { port } = server.address() as AddressInfo
  const ignore = (): void => {}
  for (const turns of [0, 1, 8, 30]) {
    const url = `redis://127.0.0.1:${port}`
    const connection = RedisConnection.open({ url }, 5000, { up: ignore, down: ignore, heard: ignore })
    for (let turn = 0; turn < turns; turn++) {
      await Promise.resolve()
    }
    await connection.close()
  }
  await expect.poll(() => [accepted > 0, open.size]).toEqual([true, 0])
})
