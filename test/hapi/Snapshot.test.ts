/** First messages: snapshots and states, and what is published while a subscriber gets them. */
import { setTimeout as sleep } from "node:timers/promises"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { Client } from "../../src/client.js"
import * as Nes from "../../src/hapi.js"
import { as } from "../cluster/Cluster.js"
import { startServer as startNamed } from "../cluster/Present.js"
import * as fc from "../harness/Property.js"
import { makeNes14Client, makeNes6Client } from "../interop/peers/ClientUnderTest.js"
import { startServer } from "./RecoveryServer.js"

const connected = async (url: string): Promise<Client> => {
  const client = new Client(url)
  onTestFinished(() => client.disconnect())
  await client.connect({ reconnect: true, delay: 10, maxDelay: 10 })
  return client
}

// A hook that takes so many turns of the loop, in the middle of which it looks at the state.
const turns = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n++) {
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}

const ways = {
  "in one step": { read: (state: ReadonlyArray<number>) => Array.from(state), versions: false },
  "that wait, with versions": {
    read: async (state: ReadonlyArray<number>, before: number, after: number) => {
      await turns(before)
      const read = Nes.snapshotAt(state.length, Array.from(state))
      await turns(after)
      return read
    },
    versions: true
  }
}

describe.each(Object.entries(ways))("snapshots %s", (_, { read, versions }) => {
  it.each([false, true])(
    "lose no update and see none twice, whenever it is published (recovery: %s)",
    async (recovery) => {
      let state: Array<number> = []
      let delays: [number, number] = [0, 0]
      const { open, server } = await startServer({
        recovery,
        snapshot: () => read(state, ...delays),
        // What waits for a filter is overtaken, except where there is recovery.
        filter: (_path, message) => recovery && message === 3 ? sleep(1).then(() => true) : true
      })
      const wait = fc.integer({ min: 0, max: 4 })
      await fc.assert(
        fc.asyncProperty(
          fc.array(wait, { maxLength: 12 }),
          wait,
          fc.tuple(wait, wait),
          // What has been written is published a little later, and may have been read before.
          versions ? wait : fc.constant(0),
          async (pauses, start, given, lag) => {
            state = []
            delays = given
            const path = `/a/${Math.random()}`
            const socket = await open()
            const publishing = (async () => {
              for (const pause of pauses) {
                await turns(pause)
                const version = state.push(state.length + 1)
                const publish = () => server.publish(path, version, versions ? { version } : {})
                void (lag === 0 ? publish() : turns(lag).then(publish))
              }
              await turns(lag)
            })()
            await turns(start)
            await socket.ask({ type: "sub", id: 2, path })
            const heard = [...socket.before]
            await publishing
            void server.publish(path, "end", { version: Infinity })
            while (heard.at(-1)?.message !== "end") {
              heard.push(await socket.next())
            }
            const [first, ...updates] = heard.map(({ message }) => message)
            expect([...first as Array<number>, ...updates]).toEqual([...state, "end"])
            socket.close()
          }
        ),
        { numRuns: 60 }
      )
    }
  )
})

describe("a snapshot", () => {
  it("is marked for our clients, and an ordinary update for those of `@hapi/nes` 14 and nes 6", async () => {
    const { server, url } = await startServer({ snapshot: (_socket, path, { id }) => ({ path, id }) })
    const client = await connected(url)
    const heard: Array<unknown> = []
    await client.subscribe("/a/1", (message, flags) => void heard.push([message, flags]))
    await server.publish("/a/1", 1)
    await expect.poll(() => heard).toEqual([[{ path: "/a/1", id: "1" }, { snapshot: true }], [1, {}]])
    for (const make of [makeNes14Client, makeNes6Client]) {
      const peer = await make(url)
      await peer.connect()
      onTestFinished(() => peer.stop())
      await peer.subscribe("/a/1")
      await server.publish("/a/1", 2)
      expect(await peer.events.next("publish")).toEqual(["/a/1", { path: "/a/1", id: "1" }, false])
      expect(await peer.events.next("publish")).toEqual(["/a/1", 2, false])
    }
  })

  it("that fails refuses the subscription with its error, and `onUnsubscribe` follows", async () => {
    const left: Array<string> = []
    const { open, server } = await startServer({
      snapshot: async () => {
        throw Object.assign(new Error("No such item"), {
          isBoom: true,
          output: { statusCode: 404, payload: { message: "No such item" }, headers: {} }
        })
      },
      onUnsubscribe: (_socket, path) => void left.push(path)
    })
    const socket = await open()
    expect(await socket.ask({ type: "sub", id: 2, path: "/a/1" })).toMatchObject({ statusCode: 404, path: "/a/1" })
    expect(left).toEqual(["/a/1"])
    await server.publish("/a/1", 1)
    await socket.ask({ type: "sub", id: 3, path: "/plain" })
    expect(socket.before).toEqual([])
    expect(server.plugins.nes.node.hub.listens("/a/1")).toBe(false)
  })

  it.each(["5", Number.NaN, {}, null])("has no version %j, nor has an update: neither is sent", async (version) => {
    const { open, server } = await startServer({ snapshot: () => Nes.snapshotAt(version as number, "x") })
    const socket = await open()
    expect(await socket.ask({ type: "sub", id: 2, path: "/a/1" })).toMatchObject({ statusCode: 500, path: "/a/1" })
    expect(() => server.publish("/a/1", "x", { version: version as number ?? 5n })).toThrow("Invalid version")
    expect(socket.before).toEqual([])
  })

  it("without a version, undefined or null, an update is in none", async () => {
    const sent: Array<Promise<void>> = []
    const { open, server } = await startServer({
      snapshot: async () => {
        for (const version of [undefined, null, 5, 6]) {
          sent.push(server.publish("/a/1", `${version}`, { version: version as number }))
        }
        await Promise.all(sent)
        return Nes.snapshotAt(5, "snapshot")
      }
    })
    const socket = await open()
    await socket.ask({ type: "sub", id: 2, path: "/a/1" })
    expect(socket.before.map((each) => (each as { readonly message: unknown }).message))
      .toEqual(["snapshot", "undefined", "null", "6"])
  })

  it("in a hello comes behind its answer, and again after a reconnect that has lost updates", async () => {
    let state = "first"
    const { cut, open, server, url } = await startServer({ snapshot: () => state, recovery: { size: 2, age: 60_000 } })
    const socket = await open({ subs: ["/a/1"] })
    expect(socket.before).toEqual([])
    expect(await socket.next()).toMatchObject({ type: "pub", path: "/a/1", snapshot: true, message: "first" })

    const client = await connected(url)
    const heard: Array<unknown> = []
    client.onGap = () => void heard.push("gap")
    await client.subscribe("/a/1", (message, flags) => void heard.push([message, flags]))
    const back = (): Promise<void> =>
      new Promise((resolve) => {
        client.onConnect = resolve
      })
    let again = back()
    cut()
    await server.publish("/a/1", 1)
    await again
    await expect.poll(() => heard).toEqual([["first", { snapshot: true }], [1, {}]])
    again = back()
    cut()
    state = "later"
    await Promise.all([2, 3, 4].map((n) => server.publish("/a/1", n)))
    await again
    await server.publish("/a/1", 5)
    await expect.poll(() => heard.slice(2)).toEqual([["later", { snapshot: true }], [5, {}]])
  })

  it("keeps nothing of a subscriber who leaves before it comes, and ends one for whom too much waits", async () => {
    let answer = (_: unknown): void => {}
    const { open, server } = await startServer({
      snapshot: () =>
        new Promise((resolve) => {
          answer = resolve
        })
    })
    const { hub } = server.plugins.nes.node
    const socket = await open()
    void socket.ask({ type: "sub", id: 2, path: "/a/1" })
    await expect.poll(() => hub.listens("/a/1")).toBe(true)
    socket.close()
    await expect.poll(() => hub.listens("/a/1")).toBe(false)
    const other = await open()
    const asked = other.ask({ type: "sub", id: 2, path: "/a/1" })
    await expect.poll(() => hub.listens("/a/1")).toBe(true)
    for (let n = 0; n <= 10_000; n++) {
      void server.publish("/a/1", n)
    }
    answer("late")
    expect(await asked).toMatchObject({ statusCode: 503, payload: { message: "Too many updates while subscribing" } })
    expect(hub.listens("/a/1")).toBe(false)
  })
})

// A snapshot that is asked for on the server's side, and answered here.
const startSlow = async (options: Nes.SubscriptionOptions = {}, plugin: Nes.PluginOptions = {}) => {
  const asked: Array<{ readonly user: unknown; readonly answer: (first: unknown) => void }> = []
  const left: Array<string> = []
  const started = await startNamed((server) =>
    server.subscription("/slow/{id}", {
      auth: { mode: "optional" },
      snapshot: (socket) => new Promise((answer) => asked.push({ user: socket.auth.credentials?.user, answer })),
      onUnsubscribe: (_socket, path) => void left.push(path),
      ...options
    }), plugin)
  return { ...started, asked, left, hub: started.server.plugins.nes.node.hub }
}

const answerTo = async ({ heard }: { readonly heard: ReadonlyArray<{ readonly id?: number }> }, id: number) => {
  await expect.poll(() => heard.some((message) => message.id === id)).toBe(true)
  return heard.find((message) => message.id === id)
}

const refusal = Object.assign(new Error("Gone"), {
  isBoom: true,
  output: { statusCode: 410, payload: {}, headers: {} }
})

describe.each([
  ["", {}],
  [", after a hook", { onSubscribe: () => turns(1) }],
  [", with recovery", { onSubscribe: () => turns(1), recovery: true }]
])("while the first message is on its way%s", (_, options) => {
  it.each(["unsub", "revoke", "reauth", "disconnect"])(
    "a subscription ends, and nothing of it comes (%s)",
    async (end) => {
      const { asked, hub, left, open, server } = await startSlow({
        ...options,
        ...(end === "reauth" && { auth: { scope: ["in"] } })
      })
      const socket = await open({ auth: { headers: { "x-user": "ann", "x-scope": "in" } } })
      const [connection] = hub.connections.keys()
      const path = "/slow/1"
      socket.send({ type: "sub", id: 2, path })
      await expect.poll(() => asked).toHaveLength(1)
      if (end === "disconnect") {
        socket.close()
        await connection?.gone
      } else if (end === "revoke") {
        await server.plugins.nes.node.revoke({ socket: connection?.id ?? "" }, path, "bye")
      } else {
        socket.send({ type: end, id: 3, path, auth: as("ann") })
        await expect.poll(() => left).toHaveLength(1)
      }
      expect(hub.listens(path)).toBe(false)
      asked[0]?.answer("secret")
      if (end !== "disconnect") {
        await answerTo(socket, 2)
        await server.publish(path, "later")
        await socket.ask({ type: "sub", id: 4, path: "/plain" })
        expect(socket.heard.filter(({ type }) => type === "pub")).toEqual([])
        expect(connection?.subscriptions.has(path)).toBe(false)
        expect(connection?.pending?.size ?? 0).toBe(0)
      }
      expect(left).toEqual([path])
    }
  )

  it("whoever asks again waits for it too, and is refused with it", async () => {
    const { asked, hub, left, open } = await startSlow(options)
    const socket = await open({ auth: as("ann") })
    const path = "/slow/1"
    socket.send({ type: "sub", id: 2, path })
    socket.send({ type: "sub", id: 3, path })
    await expect.poll(() => asked).toHaveLength(1)
    await turns(3)
    asked[0]?.answer(Promise.reject(refusal))
    expect([await answerTo(socket, 2), await answerTo(socket, 3)]).toMatchObject([{ statusCode: 410, path }, {
      statusCode: 410,
      path
    }])
    expect([left, hub.listens(path)]).toEqual([[path], false])
  })

  it("a connection that becomes somebody else gets what is for them, and not what was for the other", async () => {
    const { asked, open } = await startSlow(options)
    const socket = await open({ auth: as("ann") })
    socket.send({ type: "sub", id: 2, path: "/slow/1" })
    await expect.poll(() => asked).toHaveLength(1)
    await socket.ask({ type: "reauth", id: 3, auth: as("bob") })
    asked[0]?.answer("ann's")
    await expect.poll(() => asked.map(({ user }) => user)).toEqual(["ann", "bob"])
    asked[1]?.answer("bob's")
    expect(await answerTo(socket, 2)).not.toHaveProperty("statusCode")
    expect(socket.heard.filter(({ type }) => type === "pub")).toMatchObject([{ message: "bob's" }])
  })
})

it.each([false, true])(
  "whatever a client asks while first messages come and fail, both sides agree in the end (recovery: %s)",
  async (recovery) => {
    let begun = 0
    const { asked, hub, left, open, server } = await startSlow({
      recovery,
      onSubscribe: () => {
        begun++
        return turns(1)
      }
    })
    const step = fc.constantFrom("sub", "sub", "unsub", "unsub", "answer", "fail", "publish", "wait")
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
        const socket = await open({ auth: as("ann") })
        const connection = Array.from(hub.connections.keys()).at(-1)
        const path = `/slow/${Math.random()}`
        const ids = new Map<number, string>()
        const answer = (isRefused = false): void => asked.shift()?.answer(isRefused ? Promise.reject(refusal) : "first")
        begun = 0
        left.length = 0
        for (const each of steps) {
          if (each === "sub" || each === "unsub") {
            ids.set(ids.size + 2, each)
            socket.send({ type: each, id: ids.size + 1, path })
          } else if (each === "publish") {
            void server.publish(path, "update")
          } else if (each !== "wait") {
            answer(each === "fail")
          }
          await sleep(1)
        }
        const last = Array.from(ids.keys()).at(-1) ?? 1
        while (!Array.from(ids.keys()).every((id) => socket.heard.some((message) => message.id === id))) {
          answer()
          await turns(1)
        }
        await server.publish(path, "later")
        await socket.ask({ type: "sub", id: 99, path: "/plain" })
        const has = connection?.subscriptions.has(path)
        const { statusCode } = socket.heard.find(({ id }) => id === last) as { readonly statusCode?: number }
        expect(has).toBe(ids.get(last) === "sub" && statusCode === undefined)
        expect(socket.heard.slice(-2).some(({ message }) => message === "later")).toBe(has)
        expect([hub.listens(path), connection?.pending?.size ?? 0]).toEqual([has, 0])
        await expect.poll(() => begun - left.length, { interval: 1 }).toBe(has ? 1 : 0)
        asked.length = 0
        socket.close()
        await connection?.gone
      }),
      { numRuns: 50 }
    )
  }
)

it("a limit of subscriptions counts none of them twice, whatever they wait for", async () => {
  const { asked, open } = await startSlow({}, { limits: { maxSubscriptions: 3 } })
  const socket = await open({ auth: as("ann") })
  const ids = [2, 3, 4, 5]
  ids.forEach((id) => socket.send({ type: "sub", id, path: `/slow/${id}` }))
  expect(await answerTo(socket, 5)).toMatchObject({ statusCode: 403 })
  expect(asked).toHaveLength(3)
  asked.forEach(({ answer }) => answer("first"))
  for (const id of [2, 3, 4]) {
    expect(await answerTo(socket, id)).not.toHaveProperty("statusCode")
  }
})

it("a filter that answers after a connection has become somebody else is asked again", async () => {
  const judged: Array<{ readonly user: unknown; readonly judge: (verdict: boolean) => void }> = []
  const { open, server } = await startNamed((server) =>
    server.subscription("/filtered", {
      auth: { mode: "optional" },
      filter: (_path, _message, { credentials }) =>
        new Promise((judge) => judged.push({ user: credentials?.user, judge }))
    })
  )
  const socket = await open({ auth: as("ann") })
  await socket.ask({ type: "sub", id: 2, path: "/filtered" })
  const published = server.publish("/filtered", "ann's")
  await socket.ask({ type: "reauth", id: 3, auth: as("bob") })
  judged[0]?.judge(true)
  await expect.poll(() => judged.map(({ user }) => user)).toEqual(["ann", "bob"])
  judged[1]?.judge(false)
  await published
  await socket.ask({ type: "sub", id: 4, path: "/plain" })
  expect(socket.heard.filter(({ type }) => type === "pub")).toEqual([])
})

describe("what is sent first", () => {
  it("leaves others their turns, however much has waited for the snapshot", async () => {
    let answer = (_: unknown): void => {}
    const { open, server } = await startServer({
      snapshot: () =>
        new Promise((resolve) => {
          answer = resolve
        })
    })
    const { hub, totals } = server.plugins.nes.node
    const socket = await open()
    const asked = socket.ask({ type: "sub", id: 2, path: "/a/1" })
    await expect.poll(() => hub.listens("/a/1")).toBe(true)
    for (let n = 0; n < 9_000; n++) {
      void server.publish("/a/1", n)
    }
    expect(totals.updatesDelivered).toBe(0)
    // However fast the machine is: each look at the clock is a moment after the one before.
    let now = 0
    const clock = vi.spyOn(performance, "now").mockImplementation(() => now += 0.01)
    onTestFinished(() => clock.mockRestore())
    answer("late")
    let passed = 0
    while (server.plugins.nes.node.totals.updatesDelivered < 9_000) {
      await turns(1)
      passed++
    }
    expect(passed).toBeGreaterThan(3)
    await asked
  })

  it.each([
    ["after a snapshot", false],
    ["from the history", true]
  ])("is no update for a subscriber who leaves while a filter looks at it (%s)", async (_, recovery) => {
    let answer = (_: unknown): void => {}
    let judge: ((verdict: boolean) => void) | undefined
    const { open, server } = await startServer({
      ...(recovery ? { recovery } : {
        snapshot: () =>
          new Promise((resolve) => {
            answer = resolve
          })
      }),
      filter: () =>
        new Promise((resolve) => {
          judge = resolve
        })
    })
    const { hub } = server.plugins.nes.node
    const socket = await open()
    if (recovery) {
      await server.publish("/a/1", "secret")
    }
    const asked = socket.ask({ type: "sub", id: 2, path: "/a/1", history: 1 })
    await expect.poll(() => hub.listens("/a/1") || judge, { interval: 1 }).toBeTruthy()
    if (!recovery) {
      void server.publish("/a/1", "secret")
      answer("first")
    }
    await expect.poll(() => judge).toBeDefined()
    for (const connection of hub.connections.keys()) {
      void connection.unsubscribe("/a/1")
    }
    judge?.(true)
    await asked
    expect(socket.before.filter(({ message }) => message === "secret")).toEqual([])
  })
})

describe("a state", () => {
  it("is the last message of the path, sent first; none before there is one, and none of a single user's", async () => {
    const { open, server } = await startServer({ state: true, auth: { mode: "optional", index: true } })
    const early = await open()
    await early.ask({ type: "sub", id: 2, path: "/a/1" })
    expect(early.before).toEqual([])
    await server.publish("/a/1", { n: 1 })
    await server.publish("/a/1", { n: 2 })
    await server.publish("/a/1", "secret", { user: "ann" })
    const late = await open()
    await late.ask({ type: "sub", id: 2, path: "/a/1" })
    expect(late.before).toMatchObject([{ snapshot: true, message: { n: 2 } }])
    await server.publish("/a/1", { n: 3 })
    expect(await late.next()).toMatchObject({ message: { n: 3 } })
  })

  it("that was cleared hides no gap from a client that was away", async () => {
    const { open, server } = await startServer({ state: true })
    const path = "/a/1"
    const socket = await open()
    const { position } = await socket.ask({ type: "sub", id: 2, path })
    socket.close()
    await server.publish(path, 1)
    await server.publish(path, 2)
    await server.history(path).clear()
    const back = await open({ subs: [path], recover: { [path]: position } })
    await server.publish(path, 3)
    expect(await back.take(2)).toMatchObject([
      { type: "ping", gaps: { [path]: { offset: 2 } } },
      { type: "pub", message: 3, position: { offset: 3 } }
    ])
  })

  it("passes the filter, and outlives what is kept for reconnects", async () => {
    const { open, server } = await startServer({
      state: true,
      recovery: { size: 5, age: 1 },
      filter: (_path, message) => message === "hidden" ? false : { override: [message] }
    })
    await server.publish("/a/1", "shown")
    await server.publish("/a/2", "hidden")
    await sleep(20)
    const socket = await open({ subs: ["/a/1", "/a/2"] })
    await server.publish("/a/2", "end")
    expect(await socket.take(2)).toMatchObject([{ path: "/a/1", snapshot: true, message: ["shown"] }, {
      path: "/a/2",
      message: ["end"]
    }])
  })

  it("loses no update and has none twice, whenever it is published; a client that was away gets it anew, without a gap", async () => {
    const { cut, open, server, url } = await startServer({ state: true })
    for (let round = 0; round < 30; round++) {
      const path = `/a/race${round}`
      const all = Array.from({ length: 10 }, (_, n) => n)
      const publishing = (async () => {
        for (const n of all) {
          void server.publish(path, n)
          await turns(1)
        }
      })()
      const socket = await open({})
      await socket.ask({ type: "sub", id: 2, path })
      await publishing
      const heard = [...socket.before]
      while (heard.at(-1)?.message !== 9) {
        heard.push(await socket.next())
      }
      const messages = heard.map(({ message }) => message as number)
      expect(messages).toEqual(all.slice(messages[0]))
      socket.close()
    }
    const client = await connected(url)
    const heard: Array<unknown> = []
    client.onGap = () => void heard.push("gap")
    await client.subscribe("/a/1", (message, flags) => void heard.push([message, flags]))
    await server.publish("/a/1", 0)
    await expect.poll(() => heard.length).toBe(1)
    const again = new Promise<void>((resolve) => {
      client.onConnect = resolve
    })
    cut()
    await Promise.all([1, 2, 3].map((n) => server.publish("/a/1", n)))
    await again
    await expect.poll(() => heard).toEqual([[0, {}], [3, { snapshot: true }]])
  })
})
