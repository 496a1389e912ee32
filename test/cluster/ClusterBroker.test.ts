/** A cluster on an engine in memory: the same as on Redis. */
import type { Server } from "@hapi/hapi"
import * as Effect from "effect/Effect"
import { beforeAll, describe, expect, it } from "vitest"
import * as ClusterBroker from "../../src/cluster/ClusterBroker.js"
import type { Engine, Session } from "../../src/cluster/Engine.js"
import { hear, type NodeOptions, startNodeOn, until } from "./Cluster.js"
import * as MemoryEngine from "./MemoryEngine.js"
import { suite } from "./Suite.js"

describe("on an engine in memory", () => {
  let engine: MemoryEngine.MemoryEngine
  beforeAll(() => {
    engine = Effect.runSync(MemoryEngine.make)
  })

  const start = (options: NodeOptions, on: Engine = engine, timeout = 1_000) =>
    startNodeOn(
      (onEvent) => Effect.runSync(ClusterBroker.make(on, { timeout, maxInFlight: 1_000, onEvent })),
      options
    )

  suite("memory", (options) => start(options, engine, 10_000))

  it("a crowd that subscribes at once has who is present, and the state, read no more than a few times", async () => {
    let release = (): void => {}
    let held: Promise<void> | undefined
    const slow: Engine = {
      name: "slow",
      open: (observer) => {
        const session = engine.open(observer)
        const away = async (): Promise<void> => {
          await held
          await new Promise((resolve) => setImmediate(resolve))
        }
        return Object.assign(Object.create(session) as Session, {
          present: (...args: Parameters<Session["present"]>) => away().then(() => session.present(...args)),
          read: (...args: Parameters<Session["read"]>) => away().then(() => session.read(...args))
        })
      }
    }
    const declare = (server: Server): void => {
      server.subscription("/room/{id}", { presence: true })
      server.subscription("/price/{id}", { state: true })
    }
    const { connect, server } = await start({ declare }, slow)
    await (await connect()).subscribe("/room/crowd", () => {}, { presence: "here" })
    await until(async () => await server.presence("/room/crowd").count() === 1)
    await server.publish("/price/crowd", 12)
    const crowd = await Promise.all(Array.from({ length: 40 }, () => connect()))
    const before = new Map(engine.asked)
    held = new Promise((resolve) => {
      release = resolve
    })
    const hearing = crowd.map((client) =>
      Promise.all([hear(client, "/room/crowd/presence"), hear(client, "/price/crowd")])
    )
    await until(() => server.plugins.nes.node.totals.receivedSub === 81)
    release()
    expect(await Promise.all(hearing)).toEqual(
      crowd.map(() => [[{ count: 1, users: [{ id: expect.any(String), value: "here" }] }], [12]])
    )
    // Those who are let in in another turn share another reading.
    for (const operation of ["present", "read"] as const) {
      expect((engine.asked.get(operation) ?? 0) - (before.get(operation) ?? 0)).toBeLessThan(20)
    }
  })

  it("a publish ends though the last subscriber leaves while it waits for what others published before", async () => {
    const declare = (server: Server): void => server.subscription("/kept/{id}", { recovery: true })
    const [a, b] = [await start({ declare }), await start({ declare })]
    const client = await a.connect()
    const heard = await hear(client, "/kept/waits")
    await a.server.publish("/kept/waits", 1)
    await until(() => heard.length === 1)
    engine.mute(true)
    await b.server.publish("/kept/waits", 2)
    const published = a.server.publish("/kept/waits", 3)
    await client.unsubscribe("/kept/waits", null)
    engine.mute(false)
    await published
    expect(heard).toEqual([1])
  })

  it("operators see a node that is cut off as one that does not answer, and are told of the engine", async () => {
    engine = Effect.runSync(MemoryEngine.make)
    const nodes = [await start({}), await start({})].map(({ server }) => server.plugins.nes.node)
    const [here, there] = nodes.map((node) => node.inspect())
    engine.cut((index) => index === 1)
    await until(async () => (await here?.ask({ type: "overview" }))?.silent.length === 1)
    expect(await here?.ask({ type: "overview" })).toMatchObject({ silent: [nodes[1]?.id] })
    const alone = await there?.ask({ type: "overview" })
    expect(alone?.answers.get(nodes[1]?.id ?? "")).toMatchObject({
      broker: { connected: false, counts: { outages: 1 } }
    })
    engine.restore()
    await until(async () => (await here?.ask({ type: "overview" }))?.answers.size === 2)
  })

  it("a first message that cannot be had because the engine goes away comes later", async () => {
    const node = await start({ declare: (server) => server.subscription("/late/{id}", { presence: true }) })
    const client = await node.connect()
    const heard: Array<unknown> = []
    engine.failNext("present")
    await client.subscribe("/late/1/presence", (message, { snapshot }) => void heard.push([message, snapshot]))
    expect(heard).toEqual([])
    await until(() => heard.length === 1)
    expect(heard).toEqual([[{ count: 0, users: [] }, true]])
  })

  it("who is subscribed when something is lost is told how things stand instead, as who comes back is", async () => {
    let stands = "first"
    const declare = (server: Server): void =>
      server.subscription("/stands/{id}", { recovery: true, snapshot: () => stands })
    const node = await start({ declare })
    const client = await node.connect()
    const heard: Array<unknown> = []
    client.onGap = () => void heard.push("gap")
    await client.subscribe("/stands/1", (message, { snapshot }) => void heard.push([message, snapshot]))
    await node.server.publish("/stands/1", "update")
    stands = "second"
    engine.cut()
    engine.lose()
    engine.restore()
    await until(() => heard.length === 3)
    await until(() => node.server.publish("/stands/1", "next").then(() => true, () => false))
    await until(() => heard.length === 4)
    expect(heard).toEqual([["first", true], ["update", undefined], ["second", true], ["next", undefined]])
  })
})
