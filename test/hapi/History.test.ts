/** The last updates, for subscribers who ask for them and for the application. */
import { describe, expect, it, onTestFinished } from "vitest"
import { Client } from "../../src/client.js"
import { later } from "../harness/Pace.js"
import { makeNes14Client } from "../interop/peers/ClientUnderTest.js"
import { startServer } from "./RecoveryServer.js"

const messages = (heard: ReadonlyArray<{ readonly message?: unknown }>): ReadonlyArray<unknown> =>
  heard.map(({ message }) => message)

describe("the application", () => {
  it("reads and clears what is kept; positions go on, and who comes back is told of a gap", async () => {
    const { open, server } = await startServer({
      recovery: { size: 3, age: 60_000 },
      state: true,
      auth: { mode: "optional", index: true }
    })
    const history = server.history("/a/1")
    expect(await history.read()).toMatchObject({ updates: [], position: { offset: 0 } })
    const socket = await open({ subs: ["/a/1"] })
    for (const n of [1, 2, 3, 4]) {
      await server.publish("/a/1", n, n === 4 ? { user: "ann" } : {})
    }
    const { position: since } = await socket.next()
    expect(await history.read()).toMatchObject({
      updates: [{ message: 2, position: { offset: 2 } }, { message: 3 }, { message: 4, user: "ann" }],
      position: { offset: 4 },
      state: 3
    })
    expect(messages((await history.read({ limit: 1 })).updates)).toEqual([4])
    await history.clear()
    const cleared = await history.read()
    expect(cleared).toMatchObject({ updates: [], position: { offset: 4 } })
    expect(cleared).not.toHaveProperty("state")
    const late = await open({ subs: ["/a/1"], history: { "/a/1": 3 } })
    await server.publish("/a/1", 5)
    expect(await late.next()).toMatchObject({ message: 5, position: { offset: 5 } })
    server.subscription("/b/{id}", { recovery: true })
    await server.publish("/b/1", 1)
    await server.publish("/b/1", 2)
    const { epoch } = (await server.history("/b/1").read()).position
    await server.history("/b/1").clear()
    const back = await open({ subs: ["/b/1"], recover: { "/b/1": { epoch, offset: 1 } } })
    expect(await back.next()).toMatchObject({ type: "ping", gaps: { "/b/1": { offset: 2 } } })
    expect(since).toBeDefined()
  })

  it("is told where there is no history, and of a limit that is none", async () => {
    const { server } = await startServer({ recovery: true })
    expect(() => server.history("/plain")).toThrow("Subscription without recovery or state: /plain")
    expect(() => server.history("/nothing")).toThrow("Subscription without recovery or state: /nothing")
    await expect(server.history("/a/1").read({ limit: -1 })).rejects.toThrow("Invalid limit")
    await expect(server.history("/a/1").read({ limits: 1 } as object)).rejects.toThrow("Unknown option: limits")
  })

  it.each([undefined, null, {}, { limit: null }])("reads all that is kept without a limit: %j", async (options) => {
    const { server } = await startServer({ recovery: true })
    await server.publish("/a/1", "x")
    const { updates } = await server.history("/a/1").read(options as object)
    expect(updates).toHaveLength(1)
  })
})

describe("a subscriber that asks for the last updates", () => {
  it("gets them first, with a sub before its answer and with a hello behind it, then what follows", async () => {
    const { open, server } = await startServer({ recovery: true })
    const early = await open()
    await early.ask({ type: "sub", id: 2, path: "/a/1", history: 5 })
    expect(early.before).toEqual([])
    for (const n of [1, 2, 3, 4]) {
      await server.publish("/a/1", n)
    }
    const socket = await open()
    expect(await socket.ask({ type: "sub", id: 2, path: "/a/1", history: 3 })).toMatchObject({
      position: { offset: 4 }
    })
    expect(messages(socket.before)).toEqual([2, 3, 4])
    const greeted = await open({ subs: ["/a/1", "/a/2", "/plain"], history: { "/a/1": 2, "/a/2": 2, "/plain": 2 } })
    expect(greeted.before).toEqual([])
    await server.publish("/a/1", 5)
    expect(messages(await greeted.take(3))).toEqual([3, 4, 5])
    expect(await socket.next()).toMatchObject({ message: 5 })
  })

  it("gets no more than is kept, is lawful and is for it: bounds, `maxHistory`, access, filter and user", async () => {
    const { open, server } = await startServer({
      recovery: { size: 10, age: 60_000 },
      filter: (_path, message) => message === 9 ? false : message === 10 ? { override: "ten" } : true,
      auth: { mode: "optional", index: true }
    }, { limits: { maxHistory: 4 } })
    for (let n = 1; n <= 11; n++) {
      await server.publish("/a/1", n, n === 8 ? { user: "ann" } : {})
    }
    const socket = await open()
    await socket.ask({ type: "sub", id: 2, path: "/a/1", history: 1_000 })
    expect(messages(socket.before)).toEqual(["ten", 11])
    expect(server.plugins.nes.node.exceeded).toMatchObject({ maxHistory: 1 })
    for (const history of [-1, 1.5, "3", {}]) {
      expect(await socket.ask({ type: "sub", id: 3, path: "/a/2", history })).toMatchObject({ statusCode: 400 })
    }
    server.subscription("/closed/{id}", { recovery: true, auth: { mode: "required" } })
    await server.publish("/closed/1", "secret")
    expect(await socket.ask({ type: "sub", id: 4, path: "/closed/1", history: 5 })).toMatchObject({ statusCode: 401 })
    expect(socket.before).toEqual([])
  })

  it("gets what recovery keeps and no more for a position that never was, after a gap; access, filter and user hold", async () => {
    const { open, server } = await startServer({
      recovery: { size: 10, age: 60_000 },
      filter: (_path, message) => message === 9 ? false : message === 10 ? { override: "ten" } : true,
      auth: { mode: "optional", index: true }
    }, { limits: { maxHistory: 4 } })
    for (let n = 1; n <= 30; n++) {
      await server.publish("/a/1", n <= 19 ? 0 : n - 19, n === 27 ? { user: "ann" } : {})
    }
    const socket = await open()
    const recover = { epoch: "x", offset: 0 }
    await socket.ask({ type: "sub", id: 2, path: "/a/1", recover, history: 1_000 })
    const [gap, ...updates] = socket.before
    expect(gap).toMatchObject({ type: "ping", gaps: { "/a/1": { offset: 20 } } })
    expect(messages(updates)).toEqual([2, 3, 4, 5, 6, 7, "ten", 11])
    server.subscription("/closed/{id}", { recovery: true, auth: { mode: "required" } })
    await server.publish("/closed/1", "secret")
    expect(await socket.ask({ type: "sub", id: 4, path: "/closed/1", recover })).toMatchObject({ statusCode: 401 })
    expect(socket.before).toEqual([])
  })

  it("gets the last one only where the path has a state, and the state where there is no history", async () => {
    const { open, server } = await startServer({ recovery: { size: 10, age: 60_000 }, state: true })
    await server.publish("/a/1", 1)
    await server.publish("/a/1", 2)
    const socket = await open()
    await socket.ask({ type: "sub", id: 2, path: "/a/1", history: 5 })
    expect(messages(socket.before)).toEqual([1, 2])
    later(60_000)
    const late = await open()
    await late.ask({ type: "sub", id: 2, path: "/a/1", history: 5 })
    expect(late.before).toMatchObject([{ message: 2, snapshot: true }])
  })

  it("has them once, and after a reconnect what it missed; a server that knows nothing of it sends none", async () => {
    const { cut, server, url } = await startServer({ recovery: true })
    const client = new Client(url)
    onTestFinished(() => client.disconnect())
    for (const n of [1, 2, 3]) {
      await server.publish("/a/1", n)
    }
    const heard: Array<unknown> = []
    await client.subscribe("/a/1", (message) => void heard.push(message), { history: 2 })
    await client.subscribe("/plain", (message) => void heard.push(message), { history: 2 })
    await client.connect({ delay: 10, maxDelay: 10 })
    await expect.poll(() => heard).toEqual([2, 3])
    const back = new Promise<void>((resolve) => {
      client.onConnect = resolve
    })
    cut()
    await server.publish("/a/1", 4)
    await back
    await server.publish("/plain", 5)
    await expect.poll(() => heard).toEqual([2, 3, 4, 5])
    await expect(client.subscribe("/a/2", () => {}, { history: -1 })).rejects.toMatchObject({ statusCode: 400 })
    const peer = await makeNes14Client(url)
    onTestFinished(() => peer.stop())
    await peer.connect()
    await peer.subscribe("/a/1")
    await server.publish("/a/1", 6)
    expect(await peer.events.next("publish")).toEqual(["/a/1", 6, false])
  })

  it("misses nothing and sees nothing twice while updates are published", async () => {
    const { open, server } = await startServer({ recovery: true })
    for (let round = 0; round < 30; round++) {
      const path = `/a/${round}`
      const publishing = (async () => {
        for (let n = 1; n <= 12; n++) {
          void server.publish(path, n)
          await new Promise<void>((resolve) => setImmediate(resolve))
        }
      })()
      const socket = await open()
      await socket.ask({ type: "sub", id: 2, path, history: 3 })
      const heard = [...socket.before]
      await publishing
      await server.publish(path, "end")
      while (heard.at(-1)?.message !== "end") {
        heard.push(await socket.next())
      }
      const numbers = messages(heard.slice(0, -1)) as ReadonlyArray<number>
      const first = numbers[0] ?? 13
      expect(numbers).toEqual(Array.from({ length: 13 - first }, (_, n) => first + n))
      socket.close()
    }
  })
})
