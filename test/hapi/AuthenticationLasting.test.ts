/** Authentication of an open connection: renewed, expired, revoked (nes-api.txt 46-48; interop.md, "Authentication"). */
import { connect } from "node:net"
import { beforeEach, describe, expect, it, vi } from "vitest"
import { WebSocket } from "ws"
import * as Nes from "../../src/hapi.js"
import { fakeTime } from "../harness/FakeTime.js"
import { Gate } from "../harness/Journal.js"
import { unhindered } from "../harness/Pace.js"
import {
  basic,
  direct,
  type Json,
  type Options,
  type RawSocket,
  refusal,
  TestServer,
  whoami
} from "./AuthenticatedServer.js"

const password = "a password that is longer than thirty-two characters"

const as = (name: string): Json => ({ auth: direct(`Custom ${name}`) })

const failed = refusal(403, "Credential verification failed")

/** Time is the test's, but only what is read off the clocks; timers run as ever. */
const later = (ms: number): void => void vi.advanceTimersByTime(ms)

beforeEach(() => fakeTime())

const start = (auth: Nes.AuthOptions = {}, options: Options = {}): Promise<TestServer> =>
  TestServer.start({
    scheme: "custom",
    ...options,
    nes: { heartbeat: false, ...options.nes, auth },
    declare: (server) => {
      server.route(whoami())
      server.subscription("/o")
      options.declare?.(server)
    }
  })

const user = async (socket: RawSocket): Promise<unknown> => {
  const [, payload] = await socket.get("/me")
  return (payload as { readonly credentials: Json | null }).credentials?.user
}

describe("reauthentication", () => {
  it("gives the connection its new credentials, and its socket, requests and index with them", async () => {
    const server = await start({ index: true }, {
      declare: (server) => server.subscription("/mine", { auth: { index: true } })
    })
    const socket = await server.welcome({ ...as("john"), subs: ["/mine"] })
    expect(await user(socket)).toBe("john")
    expect(await socket.ask({ type: "reauth", ...as("jane") })).toEqual({ type: "reauth", id: 3 })
    expect(await user(socket)).toBe("jane")

    const auths: Array<unknown> = []
    await server.server.eachSocket(({ auth }) => auths.push([auth.isAuthenticated, auth.credentials?.name]))
    expect(auths).toEqual([[true, "Jane"]])

    await server.server.broadcast("for john", { user: "john" })
    await server.server.broadcast("for jane", { user: "jane" })
    expect(await socket.next()).toEqual({ type: "update", message: "for jane" })
    await server.server.publish("/mine", "of john", { user: "john" })
    await server.server.publish("/mine", "of jane", { user: "jane" })
    expect(await socket.next()).toEqual({ type: "pub", path: "/mine", message: "of jane" })
  })

  it("to a user without a name leaves the index", async () => {
    const server = await start({ index: true })
    const socket = await server.welcome(as("john"))
    await socket.ask({ type: "reauth", ...as("robot") })
    await server.server.broadcast("for john", { user: "john" })
    await server.server.broadcast("for all")
    expect(await socket.next()).toEqual({ type: "update", message: "for all" })
  })

  it("ends the subscriptions that the new credentials may not have, and tells so before it is answered", async () => {
    const left: Array<unknown> = []
    const server = await start({}, {
      declare: (server) => {
        const onUnsubscribe = (_socket: unknown, path: string): void => void left.push(path)
        server.subscription("/admin", { auth: { scope: "admin" }, onUnsubscribe })
        server.subscription("/of/{user}", { auth: { scope: ["{params.user}", "a"] }, onUnsubscribe })
        server.subscription("/kept", { auth: { scope: "admin" }, recovery: true, onUnsubscribe })
        server.subscription("/open", { auth: false, onUnsubscribe })
        server.subscription("/mine", { auth: { index: true }, onUnsubscribe })
      }
    })
    const paths = ["/admin", "/of/x", "/kept", "/open", "/mine", "/o"]
    const socket = await server.welcome({ ...as("john"), subs: paths })
    socket.send({ type: "reauth", ...as("jane") })
    const lost = ["/admin", "/of/x", "/kept"]
    for (const path of lost) {
      expect(await socket.next()).toEqual({ type: "revoke", path })
    }
    expect(await socket.next()).toEqual({ type: "reauth", id: 2 })
    expect(left).toEqual(lost)
    for (const path of paths) {
      await server.server.publish(path, path, path === "/mine" ? { user: "jane" } : {})
    }
    expect([await socket.next(), await socket.next(), await socket.next()].map(({ message }) => message))
      .toEqual(["/open", "/mine", "/o"])
    expect(await socket.ask({ type: "sub", path: "/admin" })).toMatchObject({ statusCode: 403, path: "/admin" })
    expect(server.server.plugins.nes.node.totals.subscriptions).toBe(3)
  })

  it("refuses a subscribe that it overtakes, and that the new credentials may not have", async () => {
    const gate = new Gate()
    const hooks: Array<string> = []
    const server = await start({}, {
      declare: (server) => {
        server.subscription("/slow", {
          auth: { scope: "admin" },
          onSubscribe: async () => {
            hooks.push("onSubscribe")
            await gate.hold()
          },
          onUnsubscribe: () => void hooks.push("onUnsubscribe")
        })
      }
    })
    const socket = await server.welcome(as("john"))
    socket.send({ type: "sub", path: "/slow" })
    await gate.reached
    expect(await socket.ask({ type: "reauth", ...as("jane") })).toEqual({ type: "reauth", id: 3 })
    const refused = socket.next()
    gate.open()
    expect(await refused).toMatchObject({
      type: "sub",
      id: 2,
      path: "/slow",
      ...refusal(403, "Insufficient scope to subscribe, expected any of: admin")
    })
    await server.server.publish("/slow", "secret")
    expect(await socket.ask({ type: "unsub", path: "/slow" })).toEqual({ type: "unsub", id: 4 })
    expect(hooks).toEqual(["onSubscribe", "onUnsubscribe"])
  })

  it("refused: answered, then disconnected", async () => {
    const server = await start()
    const socket = await server.welcome(as("john"))
    expect(await socket.ask({ type: "reauth", ...as("nobody") })).toMatchObject({
      type: "reauth",
      id: 2,
      ...refusal(401, "Unknown user")
    })
    expect(await socket.closed).toBe(1005)
  })

  it.each(["token", "cookie"] as const)("with a token, where the type is '%s'", async (type) => {
    const server = await start({ type, password })
    const sealed = await server.login("Custom john")
    const socket = type === "token"
      ? await server.welcome({ auth: sealed })
      : await server.welcome({}, { headers: { cookie: sealed } })
    const next = (await server.login("Custom jane")).replace(/^nes=/, "")
    expect(await socket.ask({ type: "reauth", auth: next })).toMatchObject({ type: "reauth", id: 2 })
    expect(await user(socket)).toBe("jane")
    expect(await socket.ask({ type: "reauth", auth: `${next}x` })).toMatchObject(refusal(401, "Invalid token"))
    expect(await socket.closed).toBe(1005)
  })

  it("does not make a connection for a moment who its cookie says", async () => {
    const server = await start({ type: "cookie", password, index: true, minAuthVerifyInterval: 1_000 }, {
      declare: (server) => server.subscription("/mine", { auth: { index: true } })
    })
    const cookie = await server.login("Custom john")
    const socket = await server.welcome({ subs: ["/mine"] }, { headers: { cookie } })
    const jane = (await server.login("Custom jane")).replace(/^nes=/, "")
    await socket.ask({ type: "reauth", auth: jane })
    // Asked whether jane still holds, and before, whatever there is of john must not be delivered.
    const { asked } = server.authority
    asked.push = (name) => {
      for (const user of ["john", "jane"]) {
        void server.server.broadcast(user, { user })
        void server.server.publish("/mine", user, { user })
      }
      return Array.prototype.push.call(asked, name)
    }
    socket.send({ type: "reauth", auth: jane })
    expect(await socket.next()).toEqual({ type: "update", message: "jane" })
    expect(await socket.next()).toEqual({ type: "pub", path: "/mine", message: "jane" })
    expect(await socket.next()).toMatchObject({ type: "reauth" })
    expect([...asked]).toEqual(["john", "jane", "jane"])
  })

  it("authenticates a connection that was not, where the mode is optional", async () => {
    const server = await start({}, { mode: "optional" })
    const socket = await server.welcome()
    expect(await user(socket)).toBeUndefined()
    await socket.ask({ type: "reauth", ...as("john") })
    expect(await user(socket)).toBe("john")
  })

  it("client.reauthenticate(), in both styles", async () => {
    const server = await start()
    const client = new Nes.Client(server.url)
    await client.connect({ auth: direct("Custom john"), reconnect: false })
    expect(await client.reauthenticate(direct("Custom jane"))).toBe(true)
    expect((await client.request("/me")).payload).toMatchObject({ credentials: { user: "jane" } })
    await expect(client.reauthenticate(direct("Custom nobody"))).rejects.toMatchObject({
      type: "server",
      statusCode: 401
    })
    await client.disconnect()
  })
})

describe("who is being disconnected does nothing more, though the client does not close", () => {
  /** A connection whose client does not read, so that it never learns of the server's close; then `end`, and a request. */
  const attempt = async (
    end: (socket: RawSocket, held: Nes.Socket, server: TestServer) => unknown
  ): Promise<ReadonlyArray<unknown>> => {
    const done: Array<unknown> = []
    const held: Array<Nes.Socket> = []
    let departed = (): void => {}
    const gone = new Promise<void>((resolve) => {
      departed = resolve
    })
    const server = await start({ minAuthVerifyInterval: 1_000 }, {
      nes: { onConnection: (socket) => held.push(socket), onDisconnection: () => departed() },
      declare: (server) =>
        server.route({ method: "POST", path: "/do", handler: ({ auth }) => done.push(auth.credentials?.user) })
    })
    const socket = await server.welcome(as("john"))
    const [own] = held
    socket.ws.pause()
    if (own) {
      end(socket, own, server)
    }
    await expect.poll(() => own?.isOpen(), { interval: 1 }).toBe(false)
    socket.send({ type: "request", method: "POST", path: "/do" })
    socket.ws.resume()
    await gone
    return done
  }

  it("after a refused reauthentication", async () => {
    expect(await attempt((socket) => socket.send({ type: "reauth", ...as("nobody") }))).toEqual([])
  })

  it("after a failed verification", async () => {
    expect(
      await attempt((socket, _held, { authority }) => {
        authority.revoked.add("john")
        later(1_000)
        socket.send({ type: "message", message: 1 })
      })
    ).toEqual([])
  })

  it("after socket.disconnect()", async () => {
    expect(await attempt((_socket, held) => held.disconnect())).toEqual([])
  })
})

describe("minAuthVerifyInterval", () => {
  const interval = 1_000

  it("credentials that still hold: asked at most that often, before a message is handled", async () => {
    const server = await start({ minAuthVerifyInterval: interval })
    const socket = await server.welcome(as("john"))
    await user(socket)
    later(interval - 1)
    await user(socket)
    expect(server.authority.asked).toEqual([])
    later(1)
    await user(socket)
    await user(socket)
    expect(server.authority.asked).toEqual(["john"])
    later(interval)
    await user(socket)
    expect(server.authority.asked).toEqual(["john", "john"])
  })

  it.each([-3_600_000, 3_600_000])(
    "a clock that is set by %d ms hastens no question, and puts none off",
    async (by) => {
      const server = await start({ minAuthVerifyInterval: interval })
      const socket = await server.welcome(as("john"))
      vi.setSystemTime(Date.now() + by)
      later(interval - 1)
      await user(socket)
      expect(server.authority.asked).toEqual([])
      later(1)
      await user(socket)
      expect(server.authority.asked).toEqual(["john"])
    }
  )

  it.each<[string, Json]>([
    ["request", { method: "GET", path: "/me" }],
    ["message", { message: 1 }],
    ["sub", { path: "/o" }],
    ["unsub", { path: "/o" }],
    ["reauth", as("jane")],
    ["ping", {}],
    ["hello", { version: "2" }],
    ["nonsense", {}]
  ])("revoked, and noticed by %s: 403, then disconnected", async (type, fields) => {
    const handled: Array<unknown> = []
    const server = await start({ minAuthVerifyInterval: interval }, {
      nes: { onMessage: (_socket, message) => handled.push(message) }
    })
    const socket = await server.welcome(as("john"))
    server.authority.revoked.add("john")
    later(interval)
    expect(await socket.ask({ type, ...fields })).toMatchObject({ type, id: 2, ...failed })
    expect(await socket.closed).toBe(1005)
    expect(handled).toEqual([])
  })

  it("revoked: what waits behind the verification is refused with it", async () => {
    const handled: Array<unknown> = []
    const server = await start({ minAuthVerifyInterval: interval }, {
      nes: { onMessage: (_socket, message) => handled.push(message) }
    })
    const wire = connect(Number(server.server.info.port), "127.0.0.1")
    const socket = await server.welcome(as("john"), { createConnection: () => wire })
    server.authority.revoked.add("john")
    later(interval)
    // In one piece, so that most of them have arrived, and wait for their turn, before the first is refused.
    wire.cork()
    for (let i = 0; i < 100; i++) {
      socket.send({ type: "message", message: i })
    }
    wire.uncork()
    await socket.closed
    expect(handled).toEqual([])
    const answers = socket.frames.slice(1).map((frame) => JSON.parse(frame) as Json)
    expect(answers.length).toBeGreaterThan(0)
    for (const answer of answers) {
      expect(answer).toMatchObject(failed)
    }
    expect(server.authority.asked).toEqual(["john"])
  })

  // Whoever is held up gives no sign of life in time.
  const heartbeat = { interval: 200, timeout: 150 }
  const limit = heartbeat.timeout / 2

  it("revoked: a client that only listens is found out by the answer to a heartbeat", async () => {
    await unhindered(limit, async () => {
      const server = await start({}, { nes: { heartbeat } })
      const client = new Nes.Client(server.url)
      const gone = new Promise<boolean>((resolve) => {
        client.onDisconnect = resolve
      })
      client.onError = () => {}
      await client.connect({ auth: direct("Custom john"), reconnect: false })
      await client.subscribe("/o", () => {})
      server.authority.revoked.add("john")
      later(200)
      expect(await gone).toBe(false)
      expect(server.authority.asked).toEqual(["john"])
    })
  })

  it.each(["direct", "token", "cookie"] as const)(
    "credentials that expire while connected: type '%s'",
    async (type) => {
      const server = await start({ type, minAuthVerifyInterval: interval, ...(type === "direct" ? {} : { password }) })
      const authorization = `Custom john ${Date.now() + 5_000}`
      const socket = type === "direct"
        ? await server.welcome({ auth: direct(authorization) })
        : type === "token"
        ? await server.welcome({ auth: await server.login(authorization) })
        : await server.welcome({}, { headers: { cookie: await server.login(authorization) } })
      later(5_000)
      expect(await user(socket)).toBe("john")
      later(1_000)
      expect(await socket.ask({ type: "request", method: "GET", path: "/me" })).toMatchObject(failed)
      await socket.closed
    }
  )

  it("a reauthentication does not start the interval anew: who renews what was revoked is found out", async () => {
    const server = await start({ minAuthVerifyInterval: interval })
    const socket = await server.welcome(as("john"))
    later(interval - 1)
    await socket.ask({ type: "reauth", ...as("jane") })
    server.authority.revoked.add("john")
    expect(await user(socket)).toBe("jane")
    expect(server.authority.asked).toEqual([])
    later(1)
    expect(await user(socket)).toBe("jane")
    expect(server.authority.asked).toEqual(["jane"])
    server.authority.revoked.add("jane")
    later(interval)
    expect(await socket.ask({ type: "reauth", ...as("robot") })).toMatchObject(failed)
    expect(await socket.closed).toBe(1005)
  })

  it("a first authentication by reauth starts it", async () => {
    const server = await start({ minAuthVerifyInterval: interval }, { mode: "optional" })
    const socket = await server.welcome()
    later(interval)
    await socket.ask({ type: "reauth", ...as("john") })
    later(interval - 1)
    await user(socket)
    expect(server.authority.asked).toEqual([])
    later(1)
    await user(socket)
    expect(server.authority.asked).toEqual(["john"])
  })

  describe.each(["token", "cookie"] as const)("what was sealed once, type '%s'", (type) => {
    const enter = (server: TestServer, sealed: string): Promise<{ socket: RawSocket; answer: Json }> =>
      type === "token" ? server.hello({ auth: sealed }) : server.hello({}, { headers: { cookie: sealed } })

    it("is verified at once at a hello and a reauthentication, and then in time", async () => {
      const server = await start({ type, password, minAuthVerifyInterval: interval })
      const { socket } = await enter(server, await server.login("Custom john"))
      expect(server.authority.asked).toEqual(["john"])
      later(interval - 1)
      const next = (await server.login("Custom jane")).replace(/^nes=/, "")
      expect(await socket.ask({ type: "reauth", auth: next })).toMatchObject({ type: "reauth", id: 2 })
      expect(server.authority.asked).toEqual(["john", "jane"])
      later(interval - 1)
      await user(socket)
      expect(server.authority.asked).toEqual(["john", "jane"])
      later(1)
      await user(socket)
      expect(server.authority.asked).toEqual(["john", "jane", "jane"])
    })

    it("does not let in whose credentials no longer hold, by hello or by reauthentication", async () => {
      const server = await start({ type, password, minAuthVerifyInterval: interval })
      const [john, jane] = [await server.login("Custom john"), await server.login("Custom jane")]
      const { socket } = await enter(server, jane)
      server.authority.revoked.add("john")
      const { answer, socket: refused } = await enter(server, john)
      expect(answer).toMatchObject({ type: "hello", ...failed })
      refused.ws.close()
      expect(await socket.ask({ type: "reauth", auth: john.replace(/^nes=/, "") })).toMatchObject(failed)
      expect(await socket.closed).toBe(1005)
    })

    it("is not asked about where verification is off", async () => {
      const server = await start({ type, password, minAuthVerifyInterval: false })
      const sealed = await server.login("Custom john")
      server.authority.revoked.add("john")
      expect((await enter(server, sealed)).answer).toMatchObject({ socket: expect.any(String) })
      expect(server.authority.asked).toEqual([])
    })
  })

  it("revoked: a client that only listens, and answers no heartbeat, is found out by the heartbeat", async () => {
    await unhindered(limit, async () => {
      const server = await start({}, { nes: { heartbeat } })
      const socket = await server.welcome({ ...as("john"), subs: ["/o"] })
      const other = await server.welcome({ ...as("jane"), subs: ["/o"] })
      server.authority.revoked.add("john")
      later(200)
      // What it is sent keeps it alive.
      const publishing = setInterval(() => void server.server.publish("/o", "news"), 20)
      const code = await socket.closed
      clearInterval(publishing)
      expect(code).toBe(1005)
      expect(other.ws.readyState).toBe(WebSocket.OPEN)
      expect(server.authority.asked.filter((name) => name === "john")).toEqual(["john"])
    })
  })

  it("any number that only listen are all asked about, and what they send meanwhile waits", async () => {
    const server = await start({ minAuthVerifyInterval: interval })
    const sockets = await Promise.all(Array.from({ length: 200 }, () => server.welcome(as("john"))))
    later(interval)
    const { node } = server.server.plugins.nes
    for (const connection of node.hub.connections.keys()) {
      node.verify(connection)
    }
    const answers = await Promise.all(sockets.map((socket) => user(socket)))
    expect(new Set(answers)).toEqual(new Set(["john"]))
    expect(server.authority.asked).toHaveLength(200)
  })

  it("nobody is asked when unauthenticated, when the scheme cannot verify, or when it is off", async () => {
    const anonymous = await start({ minAuthVerifyInterval: 1 }, { mode: "optional" })
    const basics = await start({ minAuthVerifyInterval: 1 }, { scheme: "basic" })
    const off = await start({ minAuthVerifyInterval: false })
    const sockets = [
      await anonymous.welcome(),
      await basics.welcome({ auth: direct(basic("john")) }),
      await off.welcome(as("john"))
    ]
    off.authority.revoked.add("john")
    later(3_600_000)
    for (const socket of sockets) {
      expect(await socket.get("/me")).toMatchObject([200, {}])
      expect(socket.ws.readyState).toBe(WebSocket.OPEN)
    }
    for (const { authority } of [anonymous, basics, off]) {
      expect(authority.asked).toEqual([])
    }
  })

  it.each<[Nes.PluginOptions["heartbeat"], number]>([
    [undefined, 15_000],
    [{ interval: 40_000 }, 40_000],
    [false, 15_000]
  ])("by default, with heartbeat %j: %i ms", async (heartbeat, expected) => {
    const server = await start({}, { nes: { heartbeat } })
    const socket = await server.welcome(as("john"))
    later(expected - 1)
    await user(socket)
    expect(server.authority.asked).toEqual([])
    later(1)
    await user(socket)
    expect(server.authority.asked).toEqual(["john"])
  })
})

it("socket.disconnect() of a revoked user ends the connection at once, in both styles", async () => {
  const server = await start()
  const one = await server.welcome(as("john"))
  const two = await server.welcome(as("john"))
  let callback = false
  await server.server.eachSocket((socket) =>
    socket.app.second = new Promise<void>((resolve) =>
      socket.disconnect(() => {
        callback = true
        resolve()
      })
    )
  )
  expect(await Promise.all([one.closed, two.closed])).toEqual([1005, 1005])
  await expect.poll(() => callback).toBe(true)
})
