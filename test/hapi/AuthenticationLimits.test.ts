/** Who is indexed, how many connections a user may have, and how long one may be silent (nes-api.txt 84-96). */
import { Effect } from "effect"
import { afterEach, describe, expect, it, vi } from "vitest"
import { WebSocket } from "ws"
import type * as Nes from "../../src/hapi.js"
import { Broker } from "../../src/index.js"
import { fakeTime } from "../harness/FakeTime.js"
import { Gate } from "../harness/Journal.js"
import { basic, direct, type Json, type Options, refusal, TestServer } from "./AuthenticatedServer.js"

const password = "a password that is longer than thirty-two characters"

const start = (auth: Nes.AuthOptions, options: Options = {}): Promise<TestServer> =>
  TestServer.start({ ...options, nes: { ...options.nes, auth } })

const as = (name: string): Json => ({ auth: direct(basic(name)) })

afterEach(() => {
  vi.useRealTimers()
})

describe("index (nes-api.txt 84-89, 122-127)", () => {
  it("true: broadcast reaches the connections of credentials.user alone", async () => {
    const server = await start({ index: true })
    const [one, two, jane, robot] = await Promise.all(
      ["john", "john", "jane", "robot"].map((name) => server.welcome(as(name)))
    )
    await server.server.broadcast("for john", { user: "john" })
    await server.server.broadcast("for jane", { user: "jane" })
    await server.server.broadcast("for nobody", { user: "nobody" })
    await server.server.broadcast("for all")
    const updates = (...messages: ReadonlyArray<string>): ReadonlyArray<Json> =>
      messages.map((message) => ({ type: "update", message }))
    for (
      const [socket, expected] of [
        [one, updates("for john", "for all")],
        [two, updates("for john", "for all")],
        [jane, updates("for jane", "for all")],
        [robot, updates("for all")]
      ] as const
    ) {
      expect([await socket?.next(), ...(expected.length > 1 ? [await socket?.next()] : [])]).toEqual(expected)
    }
  })

  it("a property's name: the same by that property", async () => {
    const server = await start({ index: "name" })
    const [john, jane] = await Promise.all([server.welcome(as("john")), server.welcome(as("jane"))])
    await server.server.broadcast("by name", { user: "Jane" })
    await server.server.broadcast("by user", { user: "jane" })
    await server.server.broadcast("for all")
    expect([await jane.next(), await jane.next()]).toMatchObject([{ message: "by name" }, { message: "for all" }])
    expect(await john.next()).toMatchObject({ message: "for all" })
  })

  it.each([[false], [undefined]])("%s: there is no index to broadcast by", async (index) => {
    const server = await start({ index })
    expect(() => server.server.broadcast("x", { user: "john" })).toThrow("Socket auth indexing is disabled")
  })

  it.each(["cookie", "token"] as const)("true, for type '%s'", async (type) => {
    const server = await start({ type, password, index: true })
    const sealed = await server.login(basic("john"))
    const socket = type === "token"
      ? await server.welcome({ auth: sealed })
      : await server.welcome({}, { headers: { cookie: sealed } })
    await server.server.broadcast("for jane", { user: "jane" })
    await server.server.broadcast("for john", { user: "john" })
    expect(await socket.next()).toMatchObject({ message: "for john" })
  })

  it("who has left is in it no more", async () => {
    let departed = (): void => {}
    const server = await start({ index: true }, { nes: { onDisconnection: () => departed() } })
    const gone = new Promise<void>((resolve) => {
      departed = resolve
    })
    const socket = await server.welcome(as("john"))
    socket.ws.terminate()
    await gone
    expect(server.server.plugins.nes.node.hub.connections.ofUser("john").size).toBe(0)
  })
})

describe("timeout (nes-api.txt 90-93)", () => {
  /** The same where time is the test's, from when the server has started. */
  const timed = async (...options: Parameters<typeof start>): Promise<TestServer> => {
    const server = await start(...options)
    fakeTime("setTimeout", "clearTimeout")
    return server
  }

  it("ends a connection that has not said hello, whatever else it sends", async () => {
    const server = await timed({ timeout: 300 })
    const silent = await server.open()
    const talking = await server.open()
    for (const ms of [299, 1]) {
      expect(await talking.ask({ type: "request", method: "GET", path: "/" })).toMatchObject(
        refusal(400, "Connection is not initialized")
      )
      await vi.advanceTimersByTimeAsync(ms)
    }
    expect(await Promise.all([silent.closed, talking.closed])).toEqual([1005, 1005])
  })

  it("is 5 seconds unless given", async () => {
    const server = await timed({})
    const silent = await server.open()
    const talks = async (): Promise<void> => {
      expect(await silent.ask({ type: "request", method: "GET", path: "/" })).toMatchObject(
        refusal(400, "Connection is not initialized")
      )
    }
    await talks()
    await vi.advanceTimersByTimeAsync(4_999)
    await talks()
    await vi.advanceTimersByTimeAsync(1)
    expect(await silent.closed).toBe(1005)
  })

  it("leaves alone who said hello, also when the answer takes longer", async () => {
    const gate = new Gate()
    const server = await timed({ timeout: 300 }, { nes: { onConnection: gate.hold } })
    const greeting = await server.open()
    const answer = greeting.ask({ type: "hello", version: "2", ...as("john") })
    await gate.reached
    // Set after the hello of the other, so that its end is proof enough.
    const silent = await server.open()
    await vi.advanceTimersByTimeAsync(300)
    await silent.closed
    gate.open()
    expect(await answer).toMatchObject({ type: "hello", id: 1 })
    expect(greeting.ws.readyState).toBe(WebSocket.OPEN)
  })

  it.each<[string, Nes.AuthOptions, Options]>([
    ["the mode is optional", { timeout: 30 }, { mode: "optional" }],
    ["there is no strategy", { timeout: 30 }, { scheme: false }],
    ["it is false", { timeout: false }, {}]
  ])("does not run where %s", async (_name, auth, options) => {
    const server = await start(auth, options)
    const reference = await TestServer.start({ nes: { auth: { timeout: 60 } } })
    const silent = await server.open()
    await (await reference.open()).closed
    expect(silent.ws.readyState).toBe(WebSocket.OPEN)
    expect(await silent.ask({ type: "hello", version: "2", ...(options.scheme === false ? {} : as("john")) }))
      .toMatchObject({ type: "hello", id: 1 })
  })

  it("runs where the default became required after the registration", async () => {
    const server = await start({ timeout: 40 }, { register: "first" })
    expect(await (await server.open()).closed).toBe(1005)
  })

  it("a wrong version does not count as hello", async () => {
    const server = await timed({ timeout: 300 })
    const socket = await server.open()
    await socket.ask({ type: "hello", version: "1" })
    await vi.advanceTimersByTimeAsync(300)
    expect(await socket.closed).toBe(1005)
  })
})

describe("maxConnectionsPerUser (nes-api.txt 93-96)", () => {
  const full = refusal(503, "Too many connections for the authenticated user")

  it("limits each user's connections; others and those without a user are not concerned", async () => {
    const server = await start({ index: true, maxConnectionsPerUser: 2 })
    await server.welcome(as("john"))
    await server.welcome(as("john"))
    const third = await server.hello(as("john"))
    expect(third.answer).toMatchObject(full)
    await server.welcome(as("jane"))
    for (let i = 0; i < 4; i++) {
      await server.welcome(as("robot"))
    }
  })

  it("requires index", async () => {
    await expect(start({ maxConnectionsPerUser: 1 })).rejects.toThrow(
      "Invalid nes configuration: auth.maxConnectionsPerUser: requires auth.index"
    )
  })

  it.each([[undefined], [false]] as const)("%s: as many as there are", async (maxConnectionsPerUser) => {
    const asked = vi.fn(() => Promise.resolve(true))
    const memory = Effect.runSync(Broker.makeMemory)
    // Other nodes have no say where there is no limit.
    const broker: Nes.PluginOptions["broker"] = {
      join: (node) =>
        Effect.map(memory.join(node), (membership) => ({ ...membership, claims: { claim: asked, release: asked } }))
    }
    const server = await start({ index: true, maxConnectionsPerUser }, { nes: { broker } })
    for (let i = 0; i < 10; i++) {
      await server.welcome(as("john"))
    }
    expect(asked).not.toHaveBeenCalled()
  })

  it("at the same time, no more get in either", async () => {
    const server = await start({ index: true, maxConnectionsPerUser: 2 })
    const sockets = await Promise.all(Array.from({ length: 6 }, () => server.open()))
    const answers = await Promise.all(
      sockets.map((socket) => socket.ask({ type: "hello", version: "2", ...as("john") }))
    )
    expect(answers.filter(({ socket }) => socket !== undefined)).toHaveLength(2)
    expect(answers.filter(({ statusCode }) => statusCode === 503)).toHaveLength(4)
  })

  it("a place is free again when its connection has gone", async () => {
    let departed = (): void => {}
    const server = await start({ index: true, maxConnectionsPerUser: 1 }, {
      nes: { onDisconnection: () => departed() }
    })
    const first = await server.welcome(as("john"))
    const gone = new Promise<void>((resolve) => {
      departed = resolve
    })
    first.ws.close()
    await gone
    await server.welcome(as("john"))
    expect((await server.hello(as("john"))).answer).toMatchObject(full)
  })

  it("by another property", async () => {
    const server = await start({ index: "name", maxConnectionsPerUser: 1 })
    await server.welcome(as("john"))
    expect((await server.hello(as("john"))).answer).toMatchObject(full)
    await server.welcome(as("jane"))
  })

  it.each(["cookie", "token"] as const)("503 for type '%s' too", async (type) => {
    const server = await start({ type, password, index: true, maxConnectionsPerUser: 1 })
    const sealed = await server.login(basic("john"))
    const enter = () =>
      type === "token" ? server.hello({ auth: sealed }) : server.hello({}, { headers: { cookie: sealed } })
    expect((await enter()).answer).toMatchObject({ type: "hello", id: 1 })
    expect((await enter()).answer).toMatchObject(full)
  })

  it("a refused hello gives its place back, before its connection has gone", async () => {
    let refuse = true
    const server = await start({ index: true, maxConnectionsPerUser: 1 }, {
      nes: {
        onConnection: () => {
          if (refuse) {
            throw new Error("not now")
          }
        }
      }
    })
    const { socket } = await server.hello(as("john"))
    refuse = false
    expect((await server.hello(as("john"))).answer).toMatchObject({ type: "hello", id: 1 })
    expect(socket.ws.readyState).toBe(WebSocket.OPEN)
  })

  it("a hello refused for what it brings beside its cookie has taken no place", async () => {
    const server = await start({ type: "cookie", password, index: true, maxConnectionsPerUser: 1 })
    const cookie = await server.login(basic("john"))
    const { answer, socket } = await server.hello({ auth: "more" }, { headers: { cookie } })
    expect(answer).toMatchObject(refusal(400, "Connection already authenticated"))
    await server.welcome({}, { headers: { cookie } })
    expect(socket.ws.readyState).toBe(WebSocket.OPEN)
  })

  it("a reauthentication as oneself needs no second place; as a user without a free one it fails", async () => {
    const server = await start({ index: true, maxConnectionsPerUser: 1 })
    const john = await server.welcome(as("john"))
    const jane = await server.welcome(as("jane"))
    expect(await john.ask({ type: "reauth", ...as("john") })).toEqual({ type: "reauth", id: 2 })
    expect(await jane.ask({ type: "reauth", ...as("john") })).toMatchObject({ type: "reauth", ...full })
    await jane.closed
    expect(john.ws.readyState).toBe(WebSocket.OPEN)
  })
})
