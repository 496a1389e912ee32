/** Recovery on one node, in memory: positions, what a reconnect gets, gaps, and clients that know nothing of it. */
import { Effect } from "effect"
import { once } from "node:events"
import { setTimeout as sleep } from "node:timers/promises"
import { describe, expect, it, onTestFinished } from "vitest"
import { Client } from "../../src/client.js"
import * as Broker from "../../src/server/Broker.js"
import type { Connection } from "../../src/server/connection/Connection.js"
import type { History } from "../../src/server/recovery/History.js"
import type { MemoryHistory } from "../../src/server/recovery/MemoryHistory.js"
import { Gate } from "../harness/Journal.js"
import { later } from "../harness/Pace.js"
import { makeNes14Client, makeNes6Client } from "../interop/peers/ClientUnderTest.js"
import { startServer } from "./RecoveryServer.js"

const position = { epoch: expect.any(String), offset: expect.any(Number) }

describe("a path with recovery", () => {
  it("gives every update its position, counting up, and answers a sub and a hello with where the path stands", async () => {
    const { server, open } = await startServer({ recovery: true })
    const socket = await open()
    expect(await socket.ask({ type: "sub", id: 2, path: "/a/1" })).toEqual({
      type: "sub",
      id: 2,
      path: "/a/1",
      position: { ...position, offset: 0 }
    })
    await server.publish("/a/1", "one")
    await server.publish("/a/1", "two")
    const [first, second] = [await socket.next(), await socket.next()]
    expect([first, second]).toEqual([
      { type: "pub", path: "/a/1", message: "one", position: { ...position, offset: 1 } },
      { type: "pub", path: "/a/1", message: "two", position: { ...position, offset: 2 } }
    ])
    const other = await open({ subs: ["/a/1", "/plain"] })
    expect(other.greeting).toMatchObject({ positions: { "/a/1": { ...position, offset: 2 } } })
  })

  it("sends what came after the position of a hello or a sub, in order, and then what is published", async () => {
    const { server, open } = await startServer({ recovery: true })
    const socket = await open({ subs: ["/a/1"] })
    for (const n of [1, 2, 3]) {
      await server.publish("/a/1", n)
    }
    const { position: since } = await socket.next()
    socket.close()
    const back = await open({ subs: ["/a/1"], recover: { "/a/1": since } })
    await server.publish("/a/1", 4)
    expect(back.greeting).toMatchObject({ positions: { "/a/1": since } })
    expect(back.before).toEqual([])
    expect((await back.take(3)).map(({ message }) => message)).toEqual([2, 3, 4])
    const again = await open()
    await again.ask({ type: "sub", id: 2, path: "/a/1", recover: since })
    expect(again.before.map(({ message }) => message)).toEqual([2, 3, 4])
  })

  it("tells of a gap when the history is too short, too old, or another one; then sends what there is", async () => {
    const { server, open } = await startServer({ recovery: { size: 2, age: 60_000 } })
    const socket = await open({ subs: ["/a/1"] })
    for (const n of [1, 2, 3, 4]) {
      await server.publish("/a/1", n)
    }
    const { position: since } = await socket.next()
    const epoch = since?.epoch ?? ""
    const short = await open({ subs: ["/a/1"], recover: { "/a/1": since } })
    expect(await short.take(3)).toEqual([
      { type: "ping", gaps: { "/a/1": { epoch, offset: 2 } } },
      { type: "pub", path: "/a/1", message: 3, position: { epoch, offset: 3 } },
      { type: "pub", path: "/a/1", message: 4, position: { epoch, offset: 4 } }
    ])
    const strange = await open({ subs: ["/a/1"], recover: { "/a/1": { epoch: "another", offset: 4 } } })
    expect((await strange.take(3)).map(({ type }) => type)).toEqual(["ping", "pub", "pub"])
    const ahead = await open({ subs: ["/a/1"], recover: { "/a/1": { epoch, offset: 2 ** 50 } } })
    expect(await ahead.take(1)).toEqual([{ type: "ping", gaps: { "/a/1": { epoch, offset: 4 } } }])
    later(60_000)
    const old = await open({ subs: ["/a/1"], recover: { "/a/1": { epoch, offset: 2 } } })
    expect(await old.take(1)).toEqual([{ type: "ping", gaps: { "/a/1": { epoch, offset: 4 } } }])
  })

  it("runs the filter, and looks at the user, again for what is sent again", async () => {
    const { server, open } = await startServer({
      recovery: true,
      filter: (_path, message, { internal }) => internal !== "hidden" && { override: [message] }
    })
    const socket = await open({ subs: ["/a/1"] })
    await server.publish("/a/1", 1)
    const { position: since } = await socket.next()
    await server.publish("/a/1", 2, { internal: "hidden" })
    await server.publish("/a/1", 3)
    const back = await open({ subs: ["/a/1"], recover: { "/a/1": since } })
    expect(await back.next()).toMatchObject({ message: [3] })
  })

  it("keeps order and loses nothing while a filter waits and subscribers come", async () => {
    const { server, open } = await startServer({ recovery: true, filter: () => sleep(5).then(() => true) })
    const socket = await open({ subs: ["/a/1"] })
    const all = Array.from({ length: 20 }, (_, n) => n)
    const published = all.map((n) => server.publish("/a/1", n))
    const late = await open({ subs: ["/a/1"] })
    const from = late.greeting.positions?.["/a/1"]?.offset ?? 0
    await Promise.all(published)
    const heard = [...socket.before]
    while (heard.length < all.length) {
      heard.push(await socket.next())
    }
    expect(heard.map(({ message }) => message)).toEqual(all)
    const rest = [...late.before]
    while (rest.length < all.length - from) {
      rest.push(await late.next())
    }
    expect(rest.map(({ message }) => message)).toEqual(all.slice(from))
  })

  it("a client that is still being greeted misses nothing, and hears nothing before the answer", async () => {
    const gate = new Gate()
    const { open: dial, server } = await startServer({
      recovery: true,
      onSubscribe: (_socket, path) => path === "/a/2" ? gate.hold() : undefined
    })
    const first = await dial({ subs: ["/a/1"] })
    await server.publish("/a/1", 1)
    const greeted = dial({ subs: ["/a/1", "/a/2"] })
    await gate.reached
    await server.publish("/a/1", 2)
    await server.publish("/a/1", 3)
    gate.open()
    const late = await greeted
    expect(late.before).toEqual([])
    expect(late.greeting).toMatchObject({ positions: { "/a/1": { offset: 1 } } })
    expect((await late.take(2)).map(({ message }) => message)).toEqual([2, 3])
    expect((await first.take(3)).map(({ message }) => message)).toEqual([1, 2, 3])
  })

  it("leaves paths without recovery as they are", async () => {
    const { server, open } = await startServer({ recovery: true })
    const socket = await open({ subs: ["/plain"] })
    await server.publish("/plain", 1)
    expect(await socket.next()).toEqual({ type: "pub", path: "/plain", message: 1 })
    expect(socket.greeting).not.toHaveProperty("positions")
  })

  it.each(["x", 1, { epoch: 1, offset: 1 }, { epoch: "a", offset: -1 }])(
    "refuses a position that is none: %j",
    async (recover) => {
      const { open } = await startServer({ recovery: true })
      const socket = await open()
      expect(await socket.ask({ type: "sub", id: 2, path: "/a/1", recover })).toMatchObject({ statusCode: 400 })
    }
  )
})

describe("of paths that nobody has published to", () => {
  /** A broker whose history can be looked at. */
  const looking = async () => {
    const broker = await Effect.runPromise(Broker.makeMemory)
    let history: History | undefined
    const looked: Broker.Service = {
      join: (node) => Effect.tap(broker.join(node), (membership) => Effect.sync(() => ({ history } = membership)))
    }
    return { broker: looked, paths: () => (history as MemoryHistory).size }
  }

  it("nothing remains when their subscribers have left, however they do", async () => {
    const { broker, paths } = await looking()
    const { open, server } = await startServer({ recovery: true }, { broker })
    const [leaving, cut] = [await open(), await open()]
    for (let id = 2; id < 200; id++) {
      await leaving.ask({ type: "sub", id, path: `/a/${id}` })
      await cut.ask({ type: "sub", id, path: `/a/${id}`, recover: { epoch: "another", offset: 7 } })
    }
    expect(paths()).toBe(198)
    for (let id = 2; id < 200; id++) {
      await leaving.ask({ type: "unsub", id, path: `/a/${id}` })
    }
    expect(paths()).toBe(198)
    const [, { gone }] = [...server.plugins.nes.node.hub.connections.keys()] as [Connection, Connection]
    cut.close()
    await gone
    expect(paths()).toBe(0)
  })

  it("a subscriber who comes back to one has missed nothing", async () => {
    const { broker, paths } = await looking()
    const { open } = await startServer({ recovery: true }, { broker })
    const socket = await open()
    const { position } = await socket.ask({ type: "sub", id: 2, path: "/a/1" })
    await socket.ask({ type: "unsub", id: 3, path: "/a/1" })
    expect(paths()).toBe(0)
    expect(await socket.ask({ type: "sub", id: 4, path: "/a/1", recover: position })).toEqual({
      type: "sub",
      id: 4,
      path: "/a/1",
      position
    })
    expect(socket.before).toEqual([])
  })
})

describe("our client", () => {
  it("gets what it missed, once and in order, over any number of reconnects", async () => {
    const { server, cut, url } = await startServer({ recovery: true })
    const client = new Client(url)
    onTestFinished(() => client.disconnect())
    const heard: Array<unknown> = []
    const gaps: Array<string> = []
    client.onGap = (path) => void gaps.push(path)
    await client.connect({ delay: 5, maxDelay: 5 })
    await client.subscribe("/a/1", (message, flags) => void heard.push(flags.gap ? ["gap", message] : message))
    let n = 0
    for (let round = 0; round < 5; round++) {
      const back = new Promise<void>((resolve) => {
        client.onConnect = resolve
      })
      await server.publish("/a/1", ++n)
      cut()
      await server.publish("/a/1", ++n)
      await server.publish("/a/1", ++n)
      await back
      await server.publish("/a/1", ++n)
    }
    await expect.poll(() => heard.length).toBe(n)
    expect(heard).toEqual(Array.from({ length: n }, (_, i) => i + 1))
    expect(gaps).toEqual([])
  })

  it("is told of a gap that cannot be filled", async () => {
    const { server, cut, url } = await startServer({ recovery: { size: 1 } })
    const client = new Client(url)
    onTestFinished(() => client.disconnect())
    const heard: Array<unknown> = []
    client.onGap = (path) => void heard.push(["gap", path])
    await client.connect({ delay: 5, maxDelay: 5 })
    await client.subscribe("/a/1", (message, flags) => void heard.push([message, flags]))
    await server.publish("/a/1", 1)
    await expect.poll(() => heard.length).toBe(1)
    cut()
    for (const n of [2, 3, 4]) {
      await server.publish("/a/1", n)
    }
    await expect.poll(() => heard.length).toBe(3)
    expect(heard).toEqual([[1, {}], ["gap", "/a/1"], [4, { gap: true }]])
  })

  it("sends nothing new to a server that says nothing of positions", async () => {
    const { cut, hellos, url } = await startServer({})
    const client = new Client(url)
    onTestFinished(() => client.disconnect())
    await client.connect({ delay: 5, maxDelay: 5 })
    await client.subscribe("/a/1", () => {})
    const back = new Promise<void>((resolve) => {
      client.onConnect = resolve
    })
    cut()
    await back
    expect(hellos.at(-1)).toEqual({ type: "hello", id: expect.any(Number), version: "2", subs: ["/a/1"] })
  })
})

describe.each([["@hapi/nes 14", makeNes14Client], ["nes 6", makeNes6Client]] as const)(
  "the client of %s",
  (_, make) => {
    it("notices neither positions nor gaps", async () => {
      const { server, cut, url } = await startServer({ recovery: { size: 2 } })
      const client = await make(url)
      onTestFinished(() => client.stop())
      await client.connect({ delay: 5 })
      await client.subscribe("/a/1")
      await client.events.next("connect")
      await server.publish("/a/1", 1)
      expect(await client.events.next("publish")).toEqual(["/a/1", 1, false])
      // As a node tells of a gap. The answer is read before the cut: unread, it would make a reset of it, on which the
      // client of nes 6 gives up.
      for (const { ws } of server.plugins.nes.node.hub.connections.keys()) {
        const answered = once(ws, "message")
        ws.send(JSON.stringify({ type: "ping", gaps: { "/a/1": { epoch: "e", offset: 7 } } }))
        await answered
      }
      await server.publish("/a/1", 2)
      expect(await client.events.next("publish")).toEqual(["/a/1", 2, false])
      // The server has read the client's pong: a socket that is cut before is reset, which nes 6 does not survive.
      await client.subscribe("/a/2")
      cut()
      await client.events.next("connect")
      await server.publish("/a/1", 3)
      expect(await client.events.next("publish")).toEqual(["/a/1", 3, false])
      expect(client.events.take("error")).toEqual([])
      expect(client.events.take("update")).toEqual([])
    })
  }
)
