/** nes-api.txt, "Socket": every member, with Promises and with callbacks; and "Request": `request.socket`. */
import type Hapi from "@hapi/hapi"
import { inspect } from "node:util"
import { describe, expect, it } from "vitest"
import type { Client, Socket } from "../../src/hapi.js"
import { Journal } from "../harness/Journal.js"
import { as, authenticating, fence, type Live, live, updatesOf, users } from "./LiveServer.js"

const circular = (): object => {
  const value: Record<string, unknown> = {}
  value.self = value
  return value
}

/** A client, and its socket on the server. */
const pair = async (
  options: Parameters<typeof live>[0] = {}
): Promise<Live & { readonly client: Client; readonly socket: Socket }> => {
  const server = await live({ declare: (server) => server.subscription("/item/{id}"), ...options })
  const client = await server.connect(options.prepare ? as("john") : {})
  const sockets: Array<Socket> = []
  await server.server.eachSocket((socket) => sockets.push(socket))
  const [socket] = sockets
  if (!socket) {
    throw new Error("no socket")
  }
  return { ...server, client, socket }
}

/** The callback style as a Promise of what the callback got. */
const called = (call: (callback: (...args: ReadonlyArray<unknown>) => void) => unknown): Promise<unknown> =>
  new Promise((resolve) => call((...args) => resolve(args)))

describe("what a socket knows", () => {
  it("`socket.id`: a unique identifier, the client's `id`", async () => {
    const { client, connect, server, socket } = await pair()
    const other = await connect()
    expect(socket.id).toBe(client.id)
    expect(other.id).not.toBe(client.id)
    const ids: Array<string> = []
    await server.eachSocket(({ id }) => ids.push(id))
    expect(ids).toEqual([client.id, other.id])
  })

  it("console.log shows what the server holds in a few lines, without credentials", async () => {
    const { server, socket } = await pair({ prepare: (server) => authenticating(server) })
    socket.app.since = 5
    const shown = (u: unknown): string => inspect(u, { breakLength: Infinity }).replaceAll(socket.id, "ID")
    expect(shown(socket)).toMatch(
      /^Socket \{ id: 'ID', isOpen: true, info: \{.*\}, auth: \{ isAuthenticated: true, strategy: '\w+' \}, app: \{ since: 5 \} \}$/
    )
    const { nes } = server.plugins
    expect(shown(nes)).toMatch(
      /^NesServer \{ node: Node \{ id: '\w+', ready: true, connections: 1, subscriptions: 1 \} \}$/
    )
    expect(shown(nes.node.hub.ready()[0])).toMatch(
      /^Connection \{ id: 'ID', stage: 'ready', info: \{.*\}, subscriptions: 0 \}$/
    )
  })

  it("`socket.app`: state that lasts as long as the socket, and is its own", async () => {
    const seen = new Journal()
    const { client, connect } = await pair({
      nes: {
        onConnection: (socket) => void (socket.app.since = "hello"),
        onMessage: (socket) => {
          socket.app.count = Number(socket.app.count ?? 0) + 1
          return socket.app
        },
        onDisconnection: (socket) => seen.note("app", socket.app)
      }
    })
    await client.message("")
    expect(await client.message("")).toEqual({ payload: { since: "hello", count: 2 } })
    expect(await (await connect()).message("")).toEqual({ payload: { since: "hello", count: 1 } })
    await client.disconnect()
    await seen.until("app")
    expect(seen.entries).toEqual([["app", { since: "hello", count: 2 }]])
  })

  it("`socket.auth`: `isAuthenticated`, `credentials`, `artifacts`, and the `strategy`", async () => {
    const { socket } = await pair({ prepare: authenticating })
    expect(socket.auth).toEqual({
      isAuthenticated: true,
      credentials: users.john,
      artifacts: { by: "name" },
      strategy: "user"
    })
    const anonymous = await pair()
    expect(anonymous.socket.auth).toMatchObject({ isAuthenticated: false, credentials: null, artifacts: null })
  })

  it("`socket.server` and `socket.connection`: the hapi server", async () => {
    const { server, socket } = await pair()
    expect(socket.server.listener).toBe(server.listener)
    expect(socket.server.info.id).toBe(server.info.id)
    expect(socket.connection).toBe(socket.server)
    await socket.server.publish("/item/5", "through the socket's server")
  })

  it("`socket.info`: where it comes from", async () => {
    const { open, server } = await live()
    const raw = await open({ headers: { "x-forwarded-for": "10.0.0.1, 10.0.0.2" } })
    await raw.hello()
    const infos: Array<Socket["info"]> = []
    await server.eachSocket(({ info }) => infos.push(info))
    expect(infos).toEqual([
      { remoteAddress: "127.0.0.1", remotePort: expect.any(Number), "x-forwarded-for": "10.0.0.1, 10.0.0.2" }
    ])
  })

  it("`socket.isOpen()`: whether messages can be sent", async () => {
    const { socket } = await pair()
    expect(socket.isOpen()).toBe(true)
    const closed = socket.disconnect()
    expect(socket.isOpen()).toBe(false)
    await closed
    expect(socket.isOpen()).toBe(false)
  })
})

describe("`socket.disconnect([callback])`: closes a client connection", () => {
  it("a Promise that ends when it is fully closed, after `onDisconnection`", async () => {
    const journal = new Journal()
    const { client, server, socket } = await pair({
      nes: { onDisconnection: ({ id }) => journal.note("onDisconnection", id) }
    })
    const { id } = socket
    client.onDisconnect = (_willReconnect, log) => journal.note("client", log.code, log.wasClean)
    await socket.disconnect()
    expect(journal.of("onDisconnection")).toEqual([["onDisconnection", id]])
    let left = 0
    await server.eachSocket(() => left++)
    expect(left).toBe(0)
    await journal.until("client")
    expect(journal.of("client")).toEqual([["client", 1005, true]])
  })

  it("a callback with the signature function()", async () => {
    const { socket } = await pair()
    expect(await called((callback) => socket.disconnect(callback))).toEqual([])
  })

  it("again, or after the client has gone: ends too", async () => {
    const { client, socket } = await pair()
    await Promise.all([socket.disconnect(), socket.disconnect()])
    await socket.disconnect()
    expect(await called((callback) => socket.disconnect(callback))).toEqual([])
    await client.disconnect()
  })
})

describe("`socket.send(message, [callback])`: a custom message, which the client gets as an update", () => {
  it.each([{ a: 1 }, "text", 0, null, false, [1]])("%j", async (message) => {
    const { client, socket } = await pair()
    const update = new Promise((resolve) => {
      client.onUpdate = resolve
    })
    await socket.send(message)
    expect(await update).toEqual(message)
  })

  it("a callback with the signature function(err)", async () => {
    const { client, socket } = await pair()
    const update = new Promise((resolve) => {
      client.onUpdate = resolve
    })
    expect(await called((callback) => socket.send("text", callback))).toEqual([])
    expect(await update).toBe("text")
    await client.disconnect()
    expect(await called((callback) => socket.send("late", callback))).toEqual([
      expect.objectContaining({ message: "Socket not open" })
    ])
  })

  it("what cannot be serialised fails the call, is logged, and harms nothing", async () => {
    const { client, log, socket } = await pair()
    await expect(socket.send(circular())).rejects.toThrow(/circular/)
    await expect(socket.publish("/item/5", 1n)).rejects.toThrow(/BigInt/)
    await expect(socket.revoke("/item/5", circular())).rejects.toThrow(/circular/)
    expect(log.entries).toEqual(["update", "pub", "revoke"].map((type) => ["nes serialization error", type]))
    await fence(client)
    expect(socket.isOpen()).toBe(true)
  })

  it("a failure that nobody looks at is no unhandled rejection", async () => {
    const { client, socket } = await pair()
    await client.disconnect()
    const unhandled: Array<unknown> = []
    const listen = (error: unknown): void => void unhandled.push(error)
    process.on("unhandledRejection", listen)
    void socket.send("late")
    void socket.publish("/item/5", "late")
    void socket.revoke("/item/5", null)
    await new Promise((resolve) => setTimeout(resolve, 20))
    process.off("unhandledRejection", listen)
    expect(unhandled).toEqual([])
  })
})

describe("`socket.publish(path, message, [callback])`: an update for this client alone", () => {
  it("reaches its handlers; a client that is not subscribed ignores it", async () => {
    const { client, connect, socket } = await pair()
    const other = await connect()
    const [mine, theirs] = [await updatesOf(client, "/item/5"), await updatesOf(other, "/item/5")]
    client.onError = (error) => mine.note("error", error)
    await socket.publish("/item/5", { n: 1 })
    await socket.publish("/item/6", { n: 2 })
    expect(await called((callback) => socket.publish("/item/5", { n: 3 }, callback))).toEqual([])
    await Promise.all([client, other].map(fence))
    expect(mine.entries).toEqual([["update", { n: 1 }], ["update", { n: 3 }]])
    expect(theirs.entries).toEqual([])
  })

  it("fails when the socket is not open", async () => {
    const { client, socket } = await pair()
    await client.disconnect()
    await expect(socket.publish("/item/5", 1)).rejects.toThrow("Socket not open")
    expect(await called((callback) => socket.publish("/item/5", 1, callback))).toEqual([
      expect.objectContaining({ message: "Socket not open" })
    ])
  })
})

it("a revocation by the node is told, even if its last message cannot be", async () => {
  const { client, server } = await pair()
  await client.subscribe("/item/5", () => {})
  const revoked = new Promise((resolve) => {
    client.onRevoke = resolve
  })
  await server.plugins.nes.node.revoke({ socket: client.id ?? "" }, "/item/5", circular())
  expect(await revoked).toBe("/item/5")
})

it("a callback that is no function is none, as in `@hapi/nes`", async () => {
  const { socket } = await pair()
  for (const none of [{}, true, 5, "callback"] as ReadonlyArray<unknown>) {
    const callback = none as () => void
    await expect(socket.send(1, callback)).resolves.toBeUndefined()
    await expect(socket.publish("/item/5", 1, callback)).resolves.toBeUndefined()
    await expect(socket.revoke("/item/5", null, {}, callback)).resolves.toBeUndefined()
  }
  await expect(socket.disconnect({} as () => void)).resolves.toBeUndefined()
})

it.each([undefined, null, "", "item", 5])("what is no path, %j, is sent to nobody", async (path) => {
  const { client, socket } = await pair()
  const errors: Array<unknown> = []
  client.onError = (error) => errors.push(error)
  await expect(socket.publish(path as string, 1)).rejects.toThrow("Missing or invalid subscription path")
  await expect(socket.revoke(path as string, 1)).rejects.toThrow("Missing or invalid subscription path")
  await fence(client)
  expect(errors).toEqual([])
})

describe("`socket.revoke(path, message, [callback])`: ends a subscription", () => {
  it.each([
    ["with a last update", { last: true }, [["revoked", { last: true }]]],
    ["with a falsy last update", 0, [["revoked", 0]]],
    ["with null: without a last update", null, []]
  ])("%s", async (_name, message, expected) => {
    const { client, server, socket } = await pair()
    const updates = await updatesOf(client, "/item/5")
    await socket.revoke("/item/5", message)
    await server.publish("/item/5", "too late")
    await fence(client)
    expect(updates.entries).toEqual(expected)
    expect(client.subscriptions()).toEqual([])
  })

  it("with a callback, and with options and a callback", async () => {
    const { client, socket } = await pair()
    const updates = await updatesOf(client, "/item/5")
    expect(await called((callback) => socket.revoke("/item/5", "bye", callback))).toEqual([])
    expect(await called((callback) => socket.revoke("/item/6", null, {}, callback))).toEqual([])
    await fence(client)
    expect(updates.entries).toEqual([["revoked", "bye"]])
    await client.disconnect()
    expect(await called((callback) => socket.revoke("/item/5", null, callback))).toEqual([
      expect.objectContaining({ message: "Socket not open" })
    ])
  })

  it.each(["ignoreClosed", "ignoreClose"])("`%s`: a socket that has closed is no error", async (name) => {
    const { client, socket } = await pair()
    await client.disconnect()
    await expect(socket.revoke("/item/5", null, { [name]: true })).resolves.toBeUndefined()
    expect(await called((callback) => socket.revoke("/item/5", null, { [name]: true }, callback))).toEqual([])
    await expect(socket.revoke("/item/5", null, { [name]: false })).rejects.toThrow("Socket not open")
  })

  it("a path the client is not subscribed to: it is told nothing and can subscribe", async () => {
    const { client, socket } = await pair()
    const errors: Array<unknown> = []
    client.onError = (error) => errors.push(error)
    await socket.revoke("/item/7", "bye")
    await fence(client)
    const updates = await updatesOf(client, "/item/7")
    await socket.publish("/item/7", 1)
    await fence(client)
    expect(updates.entries).toEqual([["update", 1]])
    expect(errors).toEqual([])
  })
})

describe("`request.socket`", () => {
  const declare = (server: Hapi.Server): void => {
    const who = (request: Hapi.Request): string => request.socket?.id ?? "nobody"
    server.ext("onRequest", (request, h) => {
      Object.assign(request.app, { atRequest: who(request) })
      return h.continue
    })
    server.route([
      { method: "GET", path: "/who", handler: (request) => ({ id: who(request), ...request.app }) },
      { method: "GET", path: "/null", handler: ({ socket }) => ({ isNull: socket === null }) },
      {
        method: "POST",
        path: "/follow/{id}",
        handler: async ({ params, socket }) => {
          await socket?.publish(`/item/${String(params.id)}`, "from the handler")
          return { done: true }
        }
      }
    ])
    server.subscription("/item/{id}")
  }

  it("is the socket a request came over, from onRequest on", async () => {
    const { client } = await pair({ declare })
    const updates = await updatesOf(client, "/item/5")
    expect(await client.request("/who")).toMatchObject({ payload: { id: client.id, atRequest: client.id } })
    await client.request({ path: "/follow/5", method: "POST" })
    await updates.until("update")
    expect(updates.entries).toEqual([["update", "from the handler"]])
  })

  it("is null for ordinary HTTP requests, and for server.inject", async () => {
    const { server } = await live({ declare })
    expect(await (await fetch(`${server.info.uri}/null`)).json()).toEqual({ isNull: true })
    expect((await server.inject("/null")).result).toEqual({ isNull: true })
    expect((await server.inject("/who")).result).toEqual({ id: "nobody", atRequest: "nobody" })
    expect((await server.inject({ method: "POST", url: "/follow/5" })).result).toEqual({ done: true })
  })
})
