/** Who is present, on a real Redis that is cut off, restarted and emptied: after each fault all agree with the truth. */
import type { Server } from "@hapi/hapi"
import { expect, it, onTestFinished } from "vitest"
import type { Client } from "../../src/client.js"
import { as, type Node, startNode, until } from "./Cluster.js"
import { Proxy } from "./Proxy.js"
import { RedisServer } from "./RedisServer.js"

interface Told {
  readonly users?: ReadonlyArray<{ readonly id: string }>
  readonly join?: { readonly id: string }
  readonly leave?: { readonly id: string }
}

/** What a client makes of what it is told; `told` are the joins and leaves. */
const follow = async (client: Client) => {
  const known = new Set<string>()
  const told: Array<string> = []
  await client.subscribe<Told>("/room/1/presence", ({ join, leave, users }) => {
    if (users) {
      known.clear()
      users.forEach(({ id }) => known.add(id))
    }
    if (join) {
      known.add(join.id)
      told.push(`+${join.id}`)
    }
    if (leave) {
      known.delete(leave.id)
      told.push(`-${leave.id}`)
    }
  })
  return { known, told }
}

const sorted = (names: Iterable<string>): string => Array.from(names).toSorted().join()

it("after every fault all nodes and clients agree with the truth; who came back in time has not flapped", async () => {
  const redis = await RedisServer.start()
  onTestFinished(() => redis.stop())
  const proxy = await Proxy.start(Number(new URL(redis.url).port))
  const declare = (server: Server): void =>
    server.subscription("/room/{id}", { auth: { mode: "optional", index: true }, presence: { grace: 3_000 } })
  const auth = { options: { auth: { index: true, route: "named", isSecure: false } }, declare } as const
  const [a, b] = [await startNode(redis, auth), await startNode(redis, auth)]
  const c = await startNode(redis, { ...auth, broker: { url: proxy.url } })
  const enter = async (node: Node, name: string): Promise<Client> => {
    const client = await node.connect(as(name))
    await client.subscribe("/room/1", () => {})
    return client
  }
  const [ann] = [await enter(a, "ann"), await enter(b, "bob"), await enter(c, "cyd")]
  const watchers = [await follow(await a.connect(as("watcher"))), await follow(await c.connect(as("watcher")))]
  const agrees = (truth: string) =>
    until(async () => {
      const read = await Promise.all(
        [a, b, c].map(({ server }) => server.presence("/room/1").read().catch(() => ({ count: -1, users: [] })))
      )
      return read.every(({ count, users = [] }) =>
        count === truth.split(",").length && sorted(users.map(({ id }) => id)) === truth
      ) && watchers.every(({ known }) => sorted(known) === truth)
    })
  await agrees("ann,bob,cyd")

  // Redis is killed, and has lost all.
  await redis.kill()
  const dan = await enter(a, "dan")
  await redis.start()
  await agrees("ann,bob,cyd,dan")

  // It forgets all while it goes on.
  redis.run("flushall")
  await enter(b, "eve")
  await agrees("ann,bob,cyd,dan,eve")

  // A client is lost and comes to another node.
  const before = watchers.map(({ told }) => told.length)
  await dan.disconnect()
  await enter(b, "dan")
  await new Promise((resolve) => setTimeout(resolve, 4_000))
  expect(watchers.map(({ told }) => told.length)).toEqual(before)

  // A node is cut off for longer than its lease: its users leave, and are back with it.
  proxy.cut()
  const left = watchers[0]
  await until(() => left !== undefined && sorted(left.known) === "ann,bob,dan,eve")
  proxy.mend()
  await agrees("ann,bob,cyd,dan,eve")

  // One leaves, and its node stops.
  await ann.unsubscribe("/room/1", null)
  await b.stop()
  await until(async () => await a.server.presence("/room/1").count() === 1)
  expect(await c.server.presence("/room/1").read()).toMatchObject({ users: [{ id: "cyd" }] })
  await until(() => watchers.every(({ known }) => sorted(known) === "cyd"))
}, 90_000)

it("keeps a hundred changes of a path where fewer are present, however many there were", async () => {
  const redis = await RedisServer.start()
  onTestFinished(() => redis.stop())
  const { connect, server } = await startNode(redis, {
    options: { auth: { index: true, route: "named", isSecure: false } },
    declare: (server) => server.subscription("/room/{id}", { auth: { mode: "optional", index: true }, presence: true })
  })
  await (await connect(as("ann"))).subscribe("/room/1", () => {})
  await until(async () => await server.presence("/room/1").count() === 1)
  for (let n = 0; n < 150; n++) {
    await server.presence("/room/1").set("ann", n)
  }
  const { position, updates } = await server.history("/room/1/presence").read()
  expect(position.offset).toBe(151)
  expect(updates.map(({ position }) => position.offset)).toEqual(Array.from({ length: 100 }, (_, n) => n + 52))
})
