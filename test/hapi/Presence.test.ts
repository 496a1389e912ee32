/** Who is present at a path, on one node: what subscribers, the application and old clients get to know. */
import * as Effect from "effect/Effect"
import { setTimeout as sleep } from "node:timers/promises"
import { describe, expect, it, onTestFinished } from "vitest"
import type { Client } from "../../src/client.js"
import type * as Nes from "../../src/hapi.js"
import type { MemoryHistory } from "../../src/server/recovery/MemoryHistory.js"
import { as, until } from "../cluster/Cluster.js"
import { startServer as start } from "../cluster/Present.js"
import { makeNes14Client } from "../interop/peers/ClientUnderTest.js"

const startServer = (options: Nes.SubscriptionOptions, plugin: Nes.PluginOptions = {}) =>
  start((server) => server.subscription("/room/{id}", options), plugin)

const follow = async (client: Client, path = "/room/1/presence"): Promise<Array<unknown>> => {
  const heard: Array<unknown> = []
  await client.subscribe(path, (message, { snapshot }) => void heard.push(snapshot ? { all: message } : message))
  return heard
}

describe("presence", () => {
  it("is told at a path of its own: the whole list first, then who joins, changes and leaves, one entry a user", async () => {
    const { connect, server } = await startServer({ presence: { grace: 50 } })
    const ann = await connect("ann")
    await ann.subscribe("/room/1", () => {}, { presence: { mood: "fine" } })
    await until(async () => await server.presence("/room/1").count() === 1)
    const watcher = await connect("cyd")
    const heard = await follow(watcher)
    expect(server.plugins.nes.node.totals).toMatchObject({ present: 1, snapshotsSent: 1 })
    expect(heard).toEqual([{ all: { count: 1, users: [{ id: "ann", value: { mood: "fine" } }] } }])
    const [bob, again] = [await connect("bob"), await connect("ann")]
    await again.subscribe("/room/1", () => {})
    await bob.subscribe("/room/1", () => {})
    await expect.poll(() => heard.slice(1)).toEqual([{ join: { id: "bob", value: null }, count: 2 }])
    await bob.present("/room/1", "busy")
    await expect.poll(() => heard.slice(2)).toEqual([{ change: { id: "bob", value: "busy" }, count: 2 }])
    await server.presence("/room/1").set("ann", 5)
    await expect.poll(() => heard.slice(3)).toEqual([{ change: { id: "ann", value: 5 }, count: 2 }])
    await ann.disconnect()
    await bob.unsubscribe("/room/1", null)
    await expect.poll(() => heard.slice(4)).toEqual([{ leave: { id: "bob" }, count: 1 }])
    expect(await server.presence("/room/1").read()).toEqual({ count: 1, users: [{ id: "ann", value: 5 }] })
    await again.disconnect()
    await expect.poll(() => heard.slice(5)).toEqual([{ leave: { id: "ann" }, count: 0 }])
  })

  it("does not tell of a client that comes back within the grace period", async () => {
    const { connect, cut, server } = await startServer({ presence: { grace: 5_000 } })
    const [ann, watcher] = [await connect("ann"), await connect("cyd")]
    await ann.subscribe("/room/1", () => {}, { presence: "here" })
    await until(async () => await server.presence("/room/1").count() === 1)
    const heard = await follow(watcher)
    for (let n = 0; n < 3; n++) {
      const back = new Promise<void>((resolve) => {
        ann.onConnect = resolve
      })
      cut()
      await back
    }
    await (await connect("bob")).subscribe("/room/1", () => {})
    await expect.poll(() => heard.at(-1)).toEqual({ join: { id: "bob", value: null }, count: 2 })
    expect(heard.filter((each) => !JSON.stringify(each).includes("\"all\""))).toHaveLength(1)
    expect(await server.presence("/room/1").read()).toMatchObject({
      users: [{ id: "ann", value: "here" }, { id: "bob" }]
    })
  })

  it("tells only how many there are where no list is wanted, and not more often than once a second", async () => {
    const { connect, server } = await startServer({ presence: { list: false, grace: false } })
    const watcher = await connect("cyd")
    const began = performance.now()
    const heard = await follow(watcher)
    expect(heard).toEqual([{ all: { count: 0 } }])
    for (let n = 0; n < 20; n++) {
      await (await connect(`user${n}`)).subscribe("/room/1", () => {})
    }
    await expect.poll(() => heard.at(-1)).toEqual({ count: 20 })
    expect(heard.length).toBeLessThan(4 + (performance.now() - began) / 1_000)
    expect(await server.presence("/room/1").read()).toEqual({ count: 20 })
  })

  it("is for those who may subscribe to the path itself, or whom `auth` lets; hooks refuse alike", async () => {
    const { connect, open, server } = await startServer({
      auth: { scope: ["room-{params.id}"] },
      onSubscribe: (socket) => {
        if (socket.auth.credentials?.user === "eve") {
          throw new Error("No")
        }
      },
      presence: true
    })
    server.subscription("/public/{id}", { auth: { scope: ["x"] }, presence: { auth: false } })
    const ann = await connect("ann", ["room-1"])
    await follow(ann)
    await expect(follow(ann, "/room/2/presence")).rejects.toMatchObject({ statusCode: 403 })
    const eve = await connect("eve", ["room-1"])
    await expect(follow(eve)).rejects.toMatchObject({ statusCode: 500 })
    const socket = await open({ auth: as("dan") })
    expect(await socket.ask({ type: "sub", id: 3, path: "/room/1/presence" })).toMatchObject({ statusCode: 403 })
    expect(await socket.ask({ type: "sub", id: 4, path: "/public/1/presence" })).not.toHaveProperty("statusCode")
    server.subscription("/open/{id}", { presence: true })
    expect(await socket.ask({ type: "sub", id: 5, path: "/open/1", presence: "x".repeat(2_000) })).toMatchObject({
      statusCode: 400,
      payload: { message: "Message presence is too long" }
    })
    expect(server.plugins.nes.node.exceeded).toMatchObject({ maxPresenceBytes: 1 })
  })

  it.each([[undefined], [{ grace: 50 }]])(
    "refuses a value on a path without presence, and keeps what is subscribed (beside one with: %o)",
    async (presence) => {
      const { connect, cut, server } = await startServer({ presence })
      server.subscription("/plain/{id}")
      const refusal = { type: "server", statusCode: 400, message: "Subscription has no presence" }
      const ann = await connect("ann")
      await expect(ann.subscribe("/plain/1", () => {}, { presence: "here" })).rejects.toMatchObject(refusal)
      expect(ann.subscriptions()).toEqual([])
      const heard: Array<unknown> = []
      await ann.subscribe("/plain/1", (message) => void heard.push(message))
      await expect(ann.present("/plain/1", "here")).rejects.toMatchObject(refusal)
      // Nor is it said in the next hello, where it would end the subscription.
      const back = new Promise<void>((resolve) => {
        ann.onConnect = resolve
      })
      cut()
      await back
      expect(ann.subscriptions()).toEqual(["/plain/1"])
      await server.publish("/plain/1", "news")
      await expect.poll(() => heard).toEqual(["news"])
    }
  )

  it("has paths and identities of the application's choice; who is nobody is not told of", async () => {
    const { connect, server } = await startServer({
      presence: {
        path: "/who/{id}",
        identify: (socket) => socket.auth.credentials?.user === "ghost" ? undefined : { team: "a" }
      }
    })
    for (const name of ["ann", "bob", "ghost"]) {
      await (await connect(name)).subscribe("/room/1", () => {})
    }
    await until(async () => await server.presence("/room/1").count() === 1)
    const heard = await follow(await connect("cyd"), "/who/1")
    expect(heard).toMatchObject([{ all: { count: 1 } }])
    expect(() => server.presence("/who/1")).toThrow("Subscription without presence: /who/1")
    for (
      const [path, presence, message] of [
        ["/deep/{path*}", true, "needs a path of its own"],
        ["/maybe/{id?}", true, "needs a path of its own"],
        ["/perhaps/{id?}", { path: "/perhaps-who/{id}" }, "a parameter that /perhaps/{id?} has not: {id}"],
        ["/some/{id}", { path: "/some-who/{other}" }, "a parameter that /some/{id} has not: {other}"]
      ] as const
    ) {
      expect(() => server.subscription(path, { presence })).toThrow(message)
      // Nothing of it has been declared.
      server.subscription(path)
    }
    server.subscription("/taken/{id}")
    expect(() => server.subscription("/full/{id}", { presence: { path: "/taken/{id}" } })).toThrow("conflicts")
    expect(() => server.subscription("/taken/{id}", { presence: true })).toThrow("conflicts")
    server.subscription("/taken/{id}/presence")
    server.subscription("/full/{id}", { presence: true })
    for (const path of [undefined, "", "room"]) {
      expect(() => server.presence(path as string)).toThrow("Missing or invalid subscription path")
      expect(() => server.history(path as string)).toThrow("Missing or invalid subscription path")
    }
  })

  it("may tell of several paths at one: who leaves one of them is there as long as in another", async () => {
    const { connect, server } = await startServer({ presence: { path: "/online", grace: false } })
    const [ann, heard] = [await connect("ann"), await follow(await connect("cyd"), "/online")]
    for (const path of ["/room/1", "/room/2", "/room/1"]) {
      await ann.subscribe(path, () => {})
    }
    await ann.unsubscribe("/room/1", null)
    await (await connect("bob")).subscribe("/room/3", () => {})
    await expect.poll(() => heard.at(-1)).toEqual({ join: { id: "bob", value: null }, count: 2 })
    await ann.unsubscribe("/room/2", null)
    await expect.poll(() => heard.slice(1)).toEqual([
      { join: { id: "ann", value: null }, count: 1 },
      { join: { id: "bob", value: null }, count: 2 },
      { leave: { id: "ann" }, count: 1 }
    ])
    expect(await server.presence("/room/1").count()).toBe(1)
  })

  it.each([
    ["a Promise", async () => "ann"],
    ["a Promise that fails", () => Promise.reject(new Error("No"))],
    ["an Effect", () => Effect.succeed("ann")],
    ["an error", () => {
      throw new Error("No")
    }]
  ])("lists nobody whose `identify` answers with %s, and logs it", async (_, identify) => {
    const { connect, server } = await startServer({ presence: { identify } })
    const logged: Array<unknown> = []
    server.events.on({ name: "log", filter: ["identify"] }, ({ error }) => void logged.push(error))
    for (const name of ["ann", "bob"]) {
      await (await connect(name)).subscribe("/room/1", () => {})
    }
    expect(await server.presence("/room/1").count()).toBe(0)
    expect(logged).toHaveLength(2)
  })

  it("tells nothing of what a user holds that is an object: its id, or a digest", async () => {
    const { connect, server } = await startServer({
      presence: {
        identify: (socket) => ({ secret: "hidden", ...(socket.auth.credentials?.user === "ann" && { id: 7 }) })
      }
    })
    await (await connect("ann")).subscribe("/room/1", () => {})
    await (await connect("bob")).subscribe("/room/1", () => {})
    await (await connect("cyd")).subscribe("/room/1", () => {})
    await until(async () => await server.presence("/room/1").count() === 2)
    const { users } = await server.presence("/room/1").read()
    expect(users?.map(({ id }) => id).toSorted((one, other) => one.length - other.length)).toEqual([
      "7",
      expect.stringMatching(/^[\w-]{43}$/)
    ])
  })

  it("follows a client that becomes somebody else", async () => {
    const { connect, server } = await startServer({ presence: true })
    const ann = await connect("ann")
    await ann.subscribe("/room/1", () => {})
    const heard = await follow(await connect("cyd"))
    await until(async () => await server.presence("/room/1").count() === 1)
    await ann.reauthenticate(as("bob"))
    await expect.poll(() => heard.slice(-2)).toMatchObject([{ leave: { id: "ann" } }, { join: { id: "bob" } }])
  })

  it("takes the last that a client says of itself, also while its subscription is on its way", async () => {
    let answer: ((first: unknown) => void) | undefined
    const { connect, server } = await startServer({
      presence: true,
      snapshot: () =>
        new Promise((resolve) => {
          answer = resolve
        })
    })
    const ann = await connect("ann")
    const subscribed = ann.subscribe("/room/1", () => {}, { presence: "early" })
    await expect.poll(() => answer).toBeDefined()
    const said = ann.present("/room/1", "late")
    await expect.poll(() => server.plugins.nes.node.totals.receivedSub).toBe(2)
    answer?.("first")
    await Promise.all([subscribed, said])
    await expect.poll(() => server.presence("/room/1").read()).toEqual({
      count: 1,
      users: [{ id: "ann", value: "late" }]
    })
    await server.presence("/room/1").set("ann", "elsewhere")
    await ann.present("/room/1", "late")
    await expect.poll(() => server.presence("/room/1").read()).toMatchObject({ users: [{ value: "late" }] })
  })

  it("reads nothing out of a hello that is not in it", async () => {
    const { open } = await startServer({ presence: true })
    for (const path of ["constructor", "toString", "__proto__"]) {
      const { greeting } = await open({ auth: as("ann"), subs: [path], presence: {}, history: {}, recover: {} })
      expect(greeting).toMatchObject({ statusCode: 404, path })
    }
  })

  it("has a connection once at a path, whatever `identify` says when it is asked again", async () => {
    const names = ["one", "two"]
    let admit: (() => void) | undefined
    const { connect, server } = await startServer({
      presence: { grace: false, identify: () => names.shift() },
      onSubscribe: () =>
        new Promise<void>((resolve) => {
          admit = resolve
        })
    })
    const ann = await connect("ann")
    const subscribed = ann.subscribe("/room/1", () => {})
    await expect.poll(() => admit).toBeDefined()
    const said = ann.present("/room/1", "here")
    await expect.poll(() => server.plugins.nes.node.totals.receivedSub).toBe(2)
    admit?.()
    await Promise.all([subscribed, said])
    await expect.poll(() => server.presence("/room/1").read()).toEqual({
      count: 1,
      users: [{ id: "two", value: "here" }]
    })
    await ann.disconnect()
    await expect.poll(() => server.presence("/room/1").count()).toBe(0)
  })

  it("is an ordinary subscription to a client of `@hapi/nes` 14, who is present like any other", async () => {
    const { connect, server, url } = await startServer({ presence: { grace: 20 } })
    const peer = await makeNes14Client(url)
    onTestFinished(() => peer.stop())
    await peer.connect({ auth: as("ann") })
    await peer.subscribe("/room/1")
    await until(async () => await server.presence("/room/1").count() === 1)
    await peer.subscribe("/room/1/presence")
    const told = async (): Promise<unknown> => (await peer.events.next("publish"))[1]
    expect(await told()).toEqual({ count: 1, users: [{ id: "ann", value: null }] })
    const bob = await connect("bob")
    await bob.subscribe("/room/1", () => {})
    expect(await told()).toEqual({ join: { id: "bob", value: null }, count: 2 })
    await bob.disconnect()
    expect(await told()).toEqual({ leave: { id: "bob" }, count: 1 })
  })

  it("keeps nothing of paths that clients have left, or lost, and no more changes than are present", async () => {
    const { open, server } = await startServer({ presence: { grace: 20 } })
    const history = server.plugins.nes.node.membership.history as MemoryHistory
    const paths = Array.from({ length: 100 }, (_, n) => `/room/${n}`)
    for (const isLost of [false, true]) {
      const socket = await open({ auth: as("ann") })
      for (const path of paths) {
        await socket.ask({ type: "sub", id: 2, path, presence: "x".repeat(500) })
      }
      await until(async () => await server.presence("/room/99").count() === 1)
      // What changes is kept with the next turn of telling.
      await until(() => Promise.resolve(history.size === paths.length))
      for (let n = 0; n < 5; n++) {
        await socket.ask({ type: "sub", id: 3, path: "/room/5", presence: n })
        await until(async () => (await server.presence("/room/5").read()).users?.[0]?.value === n)
      }
      expect((await server.history("/room/5/presence").read()).updates).toHaveLength(1)
      for (const path of isLost ? [] : paths) {
        await socket.ask({ type: "unsub", id: 4, path })
      }
      if (isLost) {
        socket.close()
      }
      await expect.poll(() => history.size).toBe(0)
    }
  })

  it("lets further clients leave at once when those in their grace period bind much memory", async () => {
    const { open, server } = await startServer({ presence: { grace: 60_000 } }, {
      limits: { maxPresenceBytes: 1_000_000 }
    })
    const present = (count: number) => until(async () => await server.presence("/room/1").count() === count)
    for (let round = 0; round < 2; round++) {
      const sockets = await Promise.all(Array.from({ length: 12 }, async (_, n) => {
        const socket = await open({ auth: as(`user${n}`) })
        await socket.ask({ type: "sub", id: 2, path: "/room/1", presence: "x".repeat(900_000) })
        return socket
      }))
      await present(12)
      sockets.forEach((socket) => socket.close())
      await present(9)
    }
  })

  it("has nobody whose hello is refused, and tells nothing of who is back after such a one", async () => {
    const { connect, open, server } = await startServer({ presence: { grace: 60_000 } })
    server.subscription("/closed", { auth: { scope: ["nobody"] } })
    const heard = await follow(await connect("cyd"))
    const hello = { auth: as("ann"), subs: ["/room/1"], presence: { "/room/1": "first" } }
    const refused = { ...hello, subs: ["/room/1", "/closed"], presence: { "/room/1": "other" } }
    const read = () => server.presence("/room/1").read()
    const bare = await open(refused)
    expect(bare.greeting).toMatchObject({ statusCode: 403, path: "/closed" })
    const ann = await open(hello)
    await until(async () => (await read()).count === 1)
    bare.close()
    ann.close()
    const again = await open(refused)
    expect(again.greeting).toMatchObject({ statusCode: 403 })
    again.close()
    await open({ ...hello, presence: {} })
    await (await connect("bob")).subscribe("/room/1", () => {})
    await expect.poll(() => heard.slice(1)).toEqual([
      { join: { id: "ann", value: "first" }, count: 1 },
      { join: { id: "bob", value: null }, count: 2 }
    ])
    expect(server.plugins.nes.node.totals.present).toBe(2)
  })

  it("leaves nothing behind when all have gone, and a stopped server starts with nobody", async () => {
    const { connect, server } = await startServer({ presence: { grace: false } })
    const ann = await connect("ann")
    await ann.subscribe("/room/1", () => {})
    await until(async () => await server.presence("/room/1").count() === 1)
    await server.stop({ timeout: 100 })
    await server.start()
    expect(await server.presence("/room/1").read()).toEqual({ count: 0, users: [] })
    await sleep(0)
    expect(server.plugins.nes.node.totals.present).toBe(0)
  })
})
