/** Redis far away, forgetful, demoted, full, and the way to it cut for one node: nothing is lost without a word. */
import type { Server } from "@hapi/hapi"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { setTimeout as sleep } from "node:timers/promises"
import { expect, it, onTestFinished } from "vitest"
import { Client } from "../../src/client.js"
import * as Metrics from "../../src/cluster/Metrics.js"
import { stopwatch } from "../harness/Pace.js"
import { as, hear, startNode, until } from "./Cluster.js"
import { Proxy } from "./Proxy.js"
import { type RedisOptions, RedisServer } from "./RedisServer.js"

const declare = (server: Server): void => {
  server.subscription("/plain/{id}")
  server.subscription("/kept/{id}", { recovery: true, auth: { mode: "optional", index: true } })
  server.subscription("/short/{id}", { recovery: { size: 20 } })
}

const auth = { index: true, route: "named", isSecure: false } as const

const startRedis = async (options: RedisOptions = {}): Promise<RedisServer> => {
  const redis = await RedisServer.start(options)
  onTestFinished(() => redis.stop())
  return redis
}

const calls = (redis: RedisServer, command: string): number =>
  Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(redis.run("info", "commandstats"))?.[1] ?? 0)

it("updates keep their order when Redis knows no script any more", async () => {
  const redis = await startRedis()
  const [a, b] = [await startNode(redis, { declare }), await startNode(redis, { declare })]
  const heard = await hear(await a.connect(), "/kept/1")
  let n = 0
  for (let round = 0; round < 10; round++) {
    redis.run("script", "flush")
    const published: Array<Promise<void>> = []
    for (let k = 0; k < 20; k++) {
      published.push(a.server.publish("/kept/1", ++n), b.server.publish("/kept/1", 0))
      await sleep(k % 2)
    }
    await Promise.all(published)
  }
  await until(() => heard.length === 2 * n)
  const own = heard.filter((each) => each !== 0)
  expect(own).toEqual(Array.from({ length: n }, (_, i) => i + 1))
})

it("of the paths that are published to in one turn one is refused: the others are kept, in one script", async () => {
  const redis = await startRedis()
  const { connect, server } = await startNode(redis, { declare })
  const client = await connect()
  const paths = ["/kept/1", "/kept/2", "/kept/3"]
  const heard = await Promise.all(paths.map((path) => hear(client, path)))
  await server.publish("/kept/2", 0)
  redis.run("set", "nes:path:{/kept/2}", "no list")
  const before = calls(redis, "evalsha")
  const outcomes = await Promise.allSettled(paths.map((path) => server.publish(path, path)))
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"])
  expect(outcomes[1]).toMatchObject({ reason: { message: expect.stringContaining("WRONGTYPE") as string } })
  await until(() => heard[2]?.length === 1)
  expect(calls(redis, "evalsha") - before).toBe(1)
  expect(heard).toEqual([["/kept/1"], [0], ["/kept/3"]])
})

it("no more of a path is read than is to be kept, and it goes when it is too old, also after it was cleared", async () => {
  const redis = await startRedis()
  const { server } = await startNode(redis, { declare })
  const list = "nes:path:{/short/1}"
  const fill = async (): Promise<ReadonlyArray<unknown>> => {
    for (let n = 1; n <= 48; n++) {
      await server.publish("/short/1", n)
    }
    expect(Number(redis.run("llen", list))).toBeLessThanOrEqual(22)
    expect(Number(redis.run("pttl", list))).toBeGreaterThan(300_000)
    const { updates } = await server.history("/short/1").read()
    return updates.map(({ message }) => message)
  }
  const last = Array.from({ length: 20 }, (_, n) => n + 29)
  expect(await fill()).toEqual(last)
  await server.history("/short/1").clear()
  expect(redis.run("exists", list)).toBe("0")
  expect(await fill()).toEqual(last)
})

it("with Redis far away and two publishers nothing is lost, no gap is told, and no history is read", async () => {
  const redis = await startRedis()
  const proxy = await Proxy.start(redis.port)
  proxy.delay = 200
  const broker = { url: proxy.url, timeout: 3_000 }
  const nodes = [await startNode(redis, { declare, broker }), await startNode(redis, { declare, broker })]
  const gaps: Array<string> = []
  const heard = await Promise.all(nodes.map(async (node) => {
    const client = await node.connect()
    client.onGap = (path) => void gaps.push(path)
    return hear(client, "/short/1")
  }))
  const read = (): number => Effect.runSync(Metric.value(Metrics.reads)).count
  const before = read()
  const published: Array<Promise<void>> = []
  for (let n = 0; n < 300; n++) {
    published.push(nodes[n % 2]!.server.publish("/short/1", n))
    await sleep(4)
  }
  await Promise.all(published)
  await until(() => heard.every(({ length }) => length === 300))
  expect(gaps).toEqual([])
  expect(read() - before).toBe(0)
  for (const each of heard) {
    expect(each.filter((n) => Number(n) % 2 === 0)).toEqual(Array.from({ length: 150 }, (_, n) => 2 * n))
  }
})

it("a failover to a replica that lacks updates, and back to a process that never restarted, is told", async () => {
  const [a, b] = [await startRedis(), await startRedis()]
  const follow = async (replica: RedisServer, master: RedisServer): Promise<void> => {
    replica.run("replicaof", "127.0.0.1", String(master.port))
    await replica.says("master_link_status:up", "info", "replication")
  }
  await follow(b, a)
  const proxy = await Proxy.start(a.port)
  const node = await startNode(a, { declare, broker: { url: proxy.url } })
  const promote = async (next: RedisServer, old: RedisServer): Promise<void> => {
    next.run("replicaof", "no", "one")
    await follow(old, next)
    proxy.target = next.port
    const ups = node.events.filter(({ _tag }) => _tag === "Up").length
    proxy.drop()
    await until(() => node.events.filter(({ _tag }) => _tag === "Up").length > ups)
  }
  const client = await node.connect()
  const gaps: Array<string> = []
  client.onGap = (path) => void gaps.push(path)
  const heard = await hear(client, "/kept/1")
  for (const n of [1, 2, 3]) {
    await node.server.publish("/kept/1", n)
  }
  // From here on, the replica hears nothing more.
  await b.says("3", "hget", "nes:state:{/kept/1}", "top")
  b.run("replicaof", "no", "one")
  await node.server.publish("/kept/1", 4)
  await until(() => heard.length === 4)
  await client.disconnect()
  await promote(b, a)
  await promote(a, b)
  for (const n of [5, 6]) {
    await node.server.publish("/kept/1", n)
  }
  await client.connect()
  await until(() => heard.length === 6)
  expect([heard, gaps]).toEqual([[1, 2, 3, 4, 5, 6], ["/kept/1"]])
})

it.each(["Redis is away", "only the node with the client is cut off"])(
  "revoke and disconnect reject while %s, and are made up for before anything more is delivered",
  async (how) => {
    const redis = await startRedis()
    const proxy = await Proxy.start(redis.port)
    const a = await startNode(redis, { declare, options: { auth } })
    const b = await startNode(redis, { declare, options: { auth }, broker: { url: proxy.url } })
    const eve = await b.connect(as("eve"))
    const log: Array<unknown> = []
    eve.onDisconnect = () => void log.push("disconnected")
    await eve.subscribe("/kept/1", (message, flags) => void log.push(flags.revoked ? "revoked" : message))
    if (how === "Redis is away") {
      await redis.kill()
    } else {
      proxy.cut()
    }
    await until(() => b.events.at(-1)?._tag === "Down")
    const { node } = a.server.plugins.nes
    await expect(node.revoke({ user: "eve" }, "/kept/1", "bye")).rejects.toThrow(/Not con|went away/)
    await expect(node.disconnect({ user: "eve" })).rejects.toThrow(/Not con|went away/)
    if (how === "Redis is away") {
      await redis.start()
    } else {
      proxy.mend()
    }
    await until(() => a.server.publish("/kept/1", "secret").then(() => true, () => false))
    await until(() =>
      [a, b].every(({ events }) => events.filter(({ _tag }) => _tag !== "Unshared").at(-1)?._tag === "Up")
    )
    await until(() => log.includes("disconnected"))
    expect(log).toEqual(["revoked", "disconnected"])
  }
)

it("revoke and disconnect settle when the other node has carried them out", async () => {
  const redis = await startRedis()
  const [a, b] = [
    await startNode(redis, { declare, options: { auth } }),
    await startNode(redis, { declare, options: { auth } })
  ]
  const eve = await b.connect(as("eve"))
  const heard = await hear(eve, "/kept/1")
  await a.server.plugins.nes.node.revoke({ user: "eve" }, "/kept/1", "bye")
  const published = a.server.publish("/kept/1", "secret")
  expect([...b.server.plugins.nes.node.hub.router.match("/kept/1")?.followed() ?? [0]]).toEqual([])
  await published
  await a.server.plugins.nes.node.disconnect({ user: "eve" })
  await until(() => heard.length === 1)
  expect(heard).toEqual(["bye"])
})

it.each([
  ["out of memory", "maxmemory", "OOM"],
  ["without the replicas it wants", "min-replicas-to-write", "NOREPLICAS"]
])(
  "writes that a Redis %s refuses are told once, shown, and counted; reading goes on; and when they are accepted again",
  async (_, setting, error) => {
    const redis = await startRedis()
    const node = await startNode(redis, { declare })
    const logged: Array<unknown> = []
    node.server.events.on("log", (_event, tags) => tags.broker && logged.push(Object.keys(tags).at(-1)))
    const heard = await hear(await node.connect(), "/kept/1")
    await node.server.publish("/kept/1", 1)
    const failed = (): number => Effect.runSync(Metric.value(Metrics.unkept)).count
    const before = failed()
    redis.run("config", "set", setting, "1")
    for (let n = 0; n < 5; n++) {
      await expect(node.server.publish("/kept/1", "refused")).rejects.toThrow(error)
    }
    expect(failed() - before).toBe(5)
    expect(Effect.runSync(Metric.value(Metrics.refusing)).value).toBe(1)
    // What was kept can still be read: whoever comes gets it.
    const other = await node.connect()
    await hear(other, "/kept/1")
    redis.run("config", "set", setting, "0")
    await until(() => node.events.at(-1)?._tag === "Accepting")
    expect(Effect.runSync(Metric.value(Metrics.refusing)).value).toBe(0)
    await node.server.publish("/kept/1", 2)
    await until(() => heard.length === 2)
    expect(node.events.map(({ _tag }) => _tag)).toEqual(["Up", "Refusing", "Accepting"])
    expect(logged).toEqual(["error", "up"])
  }
)

it("what is published, recovered and told as a gap is counted once, where it happens", async () => {
  const redis = await startRedis()
  const [a, b] = [await startNode(redis, { declare }), await startNode(redis, { declare })]
  const totals = (node: typeof a) => node.server.plugins.nes.node.totals
  const clients = [await a.connect(), await b.connect()]
  const heard = await Promise.all(clients.flatMap((client) => [hear(client, "/kept/1"), hear(client, "/plain/1")]))
  for (const path of ["/kept/1", "/plain/1"]) {
    for (let n = 0; n < 10; n++) {
      await a.server.publish(path, n)
    }
  }
  await until(() => heard.every(({ length }) => length === 10))
  for (const node of [a, b]) {
    expect(totals(node)).toMatchObject({ updatesPublished: 20, updatesDelivered: 20, sentPub: 20 })
    expect(totals(node)).toMatchObject({ updatesRecovered: 0, gapsTold: 0 })
  }
  const short = await hear(clients[1]!, "/short/1")
  await a.server.publish("/short/1", 0)
  await until(() => short.length === 1)
  await clients[1]!.disconnect()
  await a.server.publish("/kept/1", "missed")
  for (let n = 0; n < 30; n++) {
    await a.server.publish("/short/1", n)
  }
  await clients[1]!.connect()
  await until(() => short.length === 21)
  // Of the one that is not short, one; of the other, the 20 that are kept.
  expect(totals(b)).toMatchObject({ updatesRecovered: 21, gapsTold: 1 })
})

it("how long Redis takes, and what it has not answered, is shown", async () => {
  const redis = await startRedis()
  const node = await startNode(redis, { declare, broker: { timeout: 3_000 } })
  const answers = () => Effect.runSync(Metric.value(Metrics.latency))
  const { count, sum } = answers()
  await until(() => answers().count > count + 1)
  expect(answers().sum).toBeGreaterThan(sum)
  redis.freeze()
  onTestFinished(() => redis.thaw())
  const publishing = Promise.allSettled(Array.from({ length: 10 }, () => node.server.publish("/kept/1", 1)))
  await until(() => Effect.runSync(Metric.value(Metrics.inFlight)).value >= 10)
  redis.thaw()
  await publishing
  await until(() => Effect.runSync(Metric.value(Metrics.inFlight)).value === 0)
})

it("a master that is demoted is told without anyone publishing, and left as soon as the address leads to another", async () => {
  const [a, b] = [await startRedis(), await startRedis()]
  const proxy = await Proxy.start(a.port)
  const node = await startNode(a, { declare, broker: { url: proxy.url } })
  await node.server.publish("/kept/1", 1)
  // The connections stay open, as with DNS.
  a.run("replicaof", "127.0.0.1", String(b.port))
  await until(() => node.events.at(-1)?._tag === "Refusing")
  await expect(node.server.publish("/kept/1", 2)).rejects.toThrow("READONLY")
  proxy.target = b.port
  await until(() => node.server.publish("/kept/1", 3).then(() => true, () => false))
  expect(Number(b.run("exists", "nes:state:{/kept/1}"))).toBe(1)
})

it("the word of a replica that is behind does not count: no gap is told, and nothing twice", async () => {
  const [a, b] = [await startRedis(), await startRedis()]
  b.run("replicaof", "127.0.0.1", String(a.port))
  await b.says("master_link_status:up", "info", "replication")
  const proxy = await Proxy.start(a.port)
  const node = await startNode(a, { declare, broker: { url: proxy.url } })
  const client = await node.connect()
  const gaps: Array<string> = []
  client.onGap = (path) => void gaps.push(path)
  const heard = await hear(client, "/kept/1")
  const turnTo = (redis: RedisServer): void => {
    proxy.target = redis.port
    proxy.drop()
  }
  await node.server.publish("/kept/1", 1)
  await b.says("1", "hget", "nes:state:{/kept/1}", "top")
  // It stays a replica, and hears nothing more.
  b.run("replicaof", "127.0.0.1", "1")
  await node.server.publish("/kept/1", 2)
  await until(() => heard.length === 2)
  turnTo(b)
  await b.says("cmdstat_eval", "info", "commandstats")
  const other = await node.connect()
  const late: Array<unknown> = []
  await other.subscribe("/kept/1", (message) => void late.push(message), { history: 1 })
  turnTo(a)
  await until(() => node.server.publish("/kept/1", 3).then(() => true, () => false))
  await until(() => heard.at(-1) === 3 && late.at(-1) === 3)
  expect([heard, gaps]).toEqual([[1, 2, 3], []])
})

it("of two servers that both count as the master, what the losing one confirmed is told as a gap on all nodes", async () => {
  const [a, b] = [await startRedis(), await startRedis()]
  b.run("replicaof", "127.0.0.1", String(a.port))
  await b.says("master_link_status:up", "info", "replication")
  const proxies = [await Proxy.start(a.port), await Proxy.start(a.port)] as const
  const told: Array<Array<unknown>> = []
  const nodes = await Promise.all(proxies.map(async ({ url }) => {
    const node = await startNode(a, { declare, broker: { url } })
    const client = await node.connect()
    const heard: Array<unknown> = []
    told.push(heard)
    await client.subscribe("/kept/1", (message, { gap }) => void heard.push(...gap ? ["gap", message] : [message]))
    return { ...node, heard }
  }))
  const [old, next] = nodes as [typeof nodes[0], typeof nodes[0]]
  const move = async (n: 0 | 1, to: RedisServer): Promise<void> => {
    const { events } = nodes[n]!
    const before = events.length
    proxies[n].target = to.port
    proxies[n].drop()
    await until(() => events.slice(before).some(({ _tag }) => _tag === "Up"))
  }
  await old.server.publish("/kept/1", 1)
  await until(() => told.every(({ length }) => length === 1))
  await b.says("1", "hget", "nes:state:{/kept/1}", "top")
  b.run("replicaof", "no", "one")
  await move(1, b)
  await next.server.publish("/kept/1", 2)
  await sleep(20)
  // Confirmed by a server that is not the master any more.
  await old.server.publish("/kept/1", "lost")
  await until(() => old.heard.length === 2)
  await move(0, b)
  await until(() => old.heard.at(-1) === 2)
  await next.server.publish("/kept/1", 3)
  await until(() => told.every((heard) => heard.at(-1) === 3))
  await old.server.publish("/kept/1", 4)
  await until(() => told.every((heard) => heard.at(-1) === 4))
  expect(old.heard).toEqual([1, "lost", "gap", 2, 3, 4])
  expect(next.heard).toEqual([1, "gap", 2, "gap", 3, 4])
})

it("a way that swallows everything counts as away, however much is written to it", async () => {
  const redis = await startRedis()
  const proxy = await Proxy.start(redis.port)
  const node = await startNode(redis, { declare, broker: { url: proxy.url, timeout: 2_500 } })
  const heard = await hear(await node.connect(), "/kept/1")
  proxy.swallow()
  const writing = setInterval(() => void node.server.publish("/plain/1", 1), 5)
  onTestFinished(() => clearInterval(writing))
  await until(() => node.events.at(-1)?._tag === "Down" || node.events.some(({ _tag }) => _tag === "Down"))
  proxy.mend()
  await until(() => node.events.some(({ _tag }, index) => index > 0 && _tag === "Up"))
  await node.server.publish("/kept/1", 2)
  await until(() => heard.length === 1)
})

it("a publish that failed at its publisher and is kept all the same reaches everybody, or they are told", async () => {
  const redis = await startRedis()
  const proxy = await Proxy.start(redis.port)
  const a = await startNode(redis, { declare, broker: { timeout: 2_500 } })
  const b = await startNode(redis, { declare, broker: { url: proxy.url } })
  const [ann, bob] = [await a.connect(), await b.connect()]
  const [near, far] = [await hear(ann, "/short/1"), await hear(bob, "/short/1")]
  const gaps: Array<number> = []
  bob.onGap = () => void gaps.push(far.length)
  await a.server.publish("/short/1", 0)
  // Redis has it from the moment it can read again: nobody waits for its answer by then.
  const publishLate = async (n: number): Promise<void> => {
    proxy.cut()
    await until(() => b.events.at(-1)?._tag === "Down")
    redis.freeze()
    await expect(a.server.publish("/short/1", n)).rejects.toThrow()
    redis.thaw()
    await until(() => near.includes(n))
  }
  const back = async (): Promise<void> => {
    proxy.mend()
    await until(() => b.events.at(-1)?._tag === "Up")
  }
  await publishLate(1)
  await back()
  await until(() => far.length === 2)
  expect([near, far, gaps]).toEqual([[0, 1], [0, 1], []])

  await publishLate(2)
  const more = Array.from({ length: 21 }, (_, n) => n + 3)
  for (const n of more) {
    await a.server.publish("/short/1", n)
  }
  await back()
  await until(() => far.at(-1) === more.at(-1))
  expect([near, far, gaps]).toEqual([[0, 1, 2, ...more], [0, 1, ...more.slice(1)], [2]])
})

it("a node that dies locks its user out for no longer than its lease", async () => {
  const redis = await startRedis()
  const proxy = await Proxy.start(redis.port)
  const limited = { declare, options: { auth: { ...auth, maxConnectionsPerUser: 1 } } }
  const dying = await startNode(redis, { ...limited, broker: { url: proxy.url } })
  const living = await startNode(redis, limited)
  await dying.connect(as("ann"))
  // To the others there is no difference between a process that ended and one that is cut off.
  proxy.cut()
  const ann = new Client(living.url)
  onTestFinished(() => ann.disconnect())
  ann.onError = () => {}
  const back = new Promise<void>((resolve) => {
    ann.onConnect = resolve
  })
  await expect(ann.connect({ auth: as("ann"), delay: 20, maxDelay: 100 })).rejects.toMatchObject({ statusCode: 503 })
  const watch = stopwatch()
  // A refusal that is temporary is tried again.
  await back
  expect(watch.elapsed()).toBeLessThan(8_000)
})

it(
  "many paths: after a cut everything missed is there within seconds, at rest nothing is written or read again",
  async () => {
    const redis = await startRedis()
    const proxy = await Proxy.start(redis.port)
    const options = { limits: { maxSubscriptions: false, maxHelloSubs: false, maxMessagesPerSecond: false } } as const
    const a = await startNode(redis, { declare, options, broker: { url: proxy.url } })
    const b = await startNode(redis, { declare, options })
    const client = await a.connect()
    const heard = new Map<string, unknown>()
    const count = 5_000
    for (let from = 0; from < count; from += 500) {
      await Promise.all(Array.from({ length: 500 }, (_, n) => {
        const path = `/kept/${from + n}`
        return client.subscribe(path, (message) => void heard.set(path, message))
      }))
    }
    expect(Number(redis.run("dbsize"))).toBe(1)
    const began = performance.now()
    redis.run("config", "resetstat")
    await sleep(2_500)
    const made = ["evalsha", "hset", "rpush", "lrange"].map((command) => calls(redis, command))
    const seconds = (performance.now() - began) / 1_000
    // A sign of life a second and node, and a part of the paths compared: with what reads, nothing else.
    expect(made.map((n, i) => n < (i === 0 ? 5 : 3) * seconds)).toEqual(made.map(() => true))

    const gaps: Array<string> = []
    client.onGap = (path) => void gaps.push(path)
    proxy.cut()
    await until(() => a.events.at(-1)?._tag === "Down")
    const probes = Array.from({ length: 20 }, (_, n) => `/kept/${n * 250}`)
    await Promise.all(probes.map((path) => b.server.publish(path, "missed")))
    proxy.mend()
    await until(() => a.events.at(-1)?._tag === "Up")
    const watch = stopwatch()
    await until(() => probes.every((path) => heard.get(path) === "missed"))
    expect(watch.elapsed()).toBeLessThan(5_000)
    expect(gaps).toEqual([])
    await client.disconnect()
    await until(() => redis.run("pubsub", "channels", "nes:path:{/*") === "")
  },
  60_000
)
