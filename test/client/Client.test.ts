/** The plain client, by the client half of nes-api.txt (cited in the names) and interop.md, over real sockets. */
import { createServer, type Socket } from "node:net"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { Client, isNesError, type NesError, ServerError, WsError } from "../../src/client.js"
import { fakeTime } from "../harness/FakeTime.js"
import { RawServer, type RawSocket } from "../harness/RawServer.js"

let server: RawServer
let client: Client

beforeEach(async () => {
  server = await RawServer.start()
  client = new Client(server.url)
})

afterEach(async () => {
  vi.useRealTimers()
  await client.disconnect()
  await server.stop()
})

/** Connects, and returns the server's end. */
const connected = async (options?: Parameters<Client["connect"]>[0]): Promise<RawSocket> => {
  const [socket] = await Promise.all([
    server.next().then(async (socket) => {
      await socket.accept()
      return socket
    }),
    client.connect(options)
  ])
  return socket
}

/** The error a Promise rejects with. */
const rejection = async (promise: Promise<unknown>): Promise<NesError> => {
  try {
    await promise
  } catch (error) {
    if (isNesError(error)) {
      return error
    }
    throw error
  }
  throw new Error("it did not reject")
}

/** What a callback is called with. */
const called = <Args extends ReadonlyArray<unknown>>(
  start: (callback: (...args: Args) => void) => void
): Promise<Args> => new Promise((resolve) => start((...args) => resolve(args)))

describe("new Client(url, [options])", () => {
  it("\"url - the WebSocket address to connect to\": ws:, http: and URL objects", async () => {
    for (const url of [server.url, server.url.replace("ws:", "http:"), new URL(server.url)]) {
      client = new Client(url)
      await connected()
      await client.disconnect()
    }
  })

  it("\"ws - available only when the client is used in node.js and passed as-is to the ws module\"", async () => {
    client = new Client(server.url, { ws: { headers: { "x-custom": "yes" }, maxPayload: 10 } })
    client.onError = () => {}
    const lost = called<Parameters<NonNullable<Client["onDisconnect"]>>>((callback) => {
      client.onDisconnect = callback
    })
    const connecting = rejection(client.connect({ reconnect: false }))
    const socket = await server.next()
    expect(socket.headers["x-custom"]).toBe("yes")
    // The answer to the hello is longer than maxPayload.
    await socket.accept()
    expect((await connecting).message).toBe("Socket error")
    await lost
  })

  it("receives messages of any size by default (interop.md: maxPayload 0)", async () => {
    const socket = await connected()
    const long = "x".repeat(105 * 1024 * 1024)
    const update = called((callback) => {
      client.onUpdate = callback
    })
    socket.text(`{"type":"update","message":"${long}"}`)
    expect(String((await update)[0]).length).toBe(long.length)
  })

  it("\"timeout - server response timeout in milliseconds\", and a late answer is silent", async () => {
    fakeTime("setTimeout", "clearTimeout")
    client = new Client(server.url, { timeout: 50 })
    client.onError = vi.fn<(error: NesError) => void>()
    const socket = await connected()
    const timedOut = rejection(client.request("/slow"))
    await vi.advanceTimersByTimeAsync(50)
    const error = await timedOut
    expect([error.type, error.message]).toEqual(["timeout", "Request timed out"])
    await socket.answer("request", { statusCode: 200 })
    const next = client.message("x")
    await socket.answer("message", { message: "y" })
    expect(await next).toEqual({ payload: "y" })
    expect(client.onError).not.toHaveBeenCalled()
  })

  it("\"Defaults to false (no timeout)\"", async () => {
    const socket = await connected()
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] })
    const response = client.request("/slow")
    const { id } = await socket.next("request")
    await vi.advanceTimersByTimeAsync(24 * 3_600_000)
    socket.say({ type: "request", id, statusCode: 200, payload: "at last" })
    expect((await response).payload).toBe("at last")
  })

  it("options as JavaScript hands them in: null, numbers as texts, what is no number", async () => {
    fakeTime("setTimeout", "clearTimeout")
    const odd: ReadonlyArray<object | null> = [null, { timeout: "50" }, { timeout: "soon" }, { timeout: Infinity }]
    for (const options of odd) {
      client = new Client(server.url, options)
      const times: object = { delay: "10", maxDelay: "20", timeout: "1000" }
      const socket = await connected(times)
      const lost = called((callback) => {
        client.onDisconnect = callback
      })
      const timedOut = rejection(client.request("/never"))
      await vi.advanceTimersByTimeAsync(50)
      if (options !== null && Reflect.get(options, "timeout") === "50") {
        expect((await timedOut).type).toBe("timeout")
      }
      const back = server.next()
      socket.cut()
      await lost
      expect((await timedOut).isNes).toBe(true)
      await vi.advanceTimersByTimeAsync(10)
      await (await back).accept()
      await client.disconnect()
    }
  })

  it("an address that is none is the user's error, when connecting", async () => {
    client = new Client("nonsense")
    const error = await rejection(client.connect())
    expect([error.type, error.message]).toEqual(["user", "Invalid URL: nonsense"])
    expect((await rejection(client.connect())).message).toBe("Invalid URL: nonsense")
  })
})

describe("client.connect([options], callback)", () => {
  it("says hello and nothing that nes does not know", async () => {
    const connecting = client.connect({ auth: { headers: { authorization: "Basic x" } } })
    const socket = await server.next()
    const hello = await socket.accept()
    await connecting
    expect(hello).toEqual({ type: "hello", version: "2", id: 1, auth: { headers: { authorization: "Basic x" } } })
  })

  it("leaves a falsy auth out, as nes does", async () => {
    const connecting = client.connect({ auth: "" })
    expect(await (await server.next()).accept()).toEqual({ type: "hello", version: "2", id: 1 })
    await connecting
  })

  it("takes a callback, with options or without, after onConnect", async () => {
    const order: Array<string> = []
    client.onConnect = () => order.push(`onConnect ${client.id}`)
    for (const options of [undefined, null, { delay: 10 }]) {
      const done = called((callback) =>
        client.connect(options, () => {
          order.push("callback")
          callback()
        })
      )
      await (await server.next()).accept()
      await done
      await client.disconnect()
    }
    const alone = called((callback) => client.connect(callback))
    await (await server.next()).accept()
    expect(await alone).toEqual([undefined])
    expect(order).toEqual([
      ...["onConnect raw", "callback"],
      ...["onConnect raw", "callback"],
      ...["onConnect raw", "callback"],
      "onConnect raw"
    ])
  })

  it("\"err - an error response\"", async () => {
    const connecting = called<[(NesError | null)?]>((callback) => client.connect(callback))
    const disconnected = called<Parameters<NonNullable<Client["onDisconnect"]>>>((callback) => {
      client.onDisconnect = callback
    })
    await (await server.next()).answer("hello", {
      statusCode: 401,
      payload: { error: "Unauthorized", message: "Unknown user" },
      headers: { "x-a": "b" }
    })
    const [error] = await connecting
    expect(error).toBeInstanceOf(ServerError)
    expect(error).toMatchObject({
      isNes: true,
      type: "server",
      message: "Unknown user",
      statusCode: 401,
      data: { error: "Unauthorized", message: "Unknown user" },
      headers: { "x-a": "b" }
    })
    expect(await disconnected).toEqual([false, {
      code: 1005,
      explanation: "No status received",
      reason: "",
      wasClean: true,
      willReconnect: false,
      wasRequested: false
    }])
  })

  it("\"delay\": reconnects, and calls onDisconnect and onConnect each time", async () => {
    const heard: Array<ReadonlyArray<unknown>> = []
    client.onConnect = () => heard.push(["onConnect"])
    client.onDisconnect = (...args) => heard.push(["onDisconnect", ...args])
    let socket = await connected({ delay: 10 })
    for (let round = 0; round < 2; round++) {
      const next = server.next()
      const again = called((callback) => {
        client.onConnect = () => {
          heard.push(["onConnect"])
          callback()
        }
      })
      socket.socket.close(1001, "restart")
      socket = await next
      await socket.accept()
      await again
    }
    const lost = ["onDisconnect", true, {
      code: 1001,
      explanation: "Going away",
      reason: "restart",
      wasClean: true,
      willReconnect: true,
      wasRequested: false
    }]
    expect(heard).toEqual([["onConnect"], lost, ["onConnect"], lost, ["onConnect"]])
  })

  it("misuse: while connected, and while reconnecting", async () => {
    await connected({ reconnect: false })
    expect(await rejection(client.connect())).toMatchObject({ type: "user", message: "Already connected", isNes: true })
    await client.disconnect()
    await connected()
    const [error] = await called<[(NesError | null)?]>((callback) => client.connect(callback))
    expect(error).toMatchObject({ type: "user", message: "Cannot connect while client attempts to reconnect" })
  })

  /** A client of a server that takes connections and says nothing, and the next connection's end there. */
  const unheard = async (): Promise<{ readonly arrival: Promise<Socket>; readonly close: () => Promise<unknown> }> => {
    const mute = createServer((socket) => socket.on("error", () => {}).resume())
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve))
    const address = mute.address()
    client = new Client(`ws://127.0.0.1:${typeof address === "object" ? address?.port : ""}`)
    return {
      arrival: new Promise((resolve) => mute.once("connection", resolve)),
      close: () => new Promise((resolve) => mute.close(resolve))
    }
  }

  it("\"timeout - socket connection timeout in milliseconds\"", async () => {
    const { close } = await unheard()
    const error = await rejection(client.connect({ timeout: 30, reconnect: false }))
    expect([error.type, error.message]).toEqual(["timeout", "Connection timed out"])
    await close()
  })

  it("\"Defaults to the WebSocket implementation timeout default\", which is none", async () => {
    const { arrival, close } = await unheard()
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] })
    const failed = rejection(client.connect({ reconnect: false }))
    const socket = await arrival
    await vi.advanceTimersByTimeAsync(24 * 3_600_000)
    socket.destroy()
    const error = await failed
    expect([error.type, error.message]).toEqual(["ws", "Socket error"])
    await close()
  })
})

describe("client.disconnect([callback])", () => {
  it("\"Disconnects the client from the server and stops future reconnects\"", async () => {
    const socket = await connected({ delay: 1 })
    const log = called<Parameters<NonNullable<Client["onDisconnect"]>>>((callback) => {
      client.onDisconnect = callback
    })
    await client.disconnect()
    expect((await log)[1]).toMatchObject({ wasRequested: true, willReconnect: false, wasClean: true })
    await socket.closed
    expect(client.id).toBe(null)
    expect(server.sockets).toHaveLength(1)
  })

  it("takes a callback, which hears nothing, also when there is nothing to disconnect", async () => {
    expect(await called((callback) => client.disconnect(callback))).toEqual([])
    await connected()
    expect(await called((callback) => client.disconnect(callback))).toEqual([])
  })
})

describe("client.id", () => {
  it("\"The value is set after the connection is established\"", async () => {
    expect(client.id).toBe(null)
    await connected()
    expect(client.id).toBe("raw")
  })
})

describe("client.request(options, callback)", () => {
  it("\"a string with the requested endpoint path or route id (defaults to a GET method)\"", async () => {
    const socket = await connected()
    const response = client.request<string>("hello")
    expect(await socket.answer("request", { statusCode: 200, payload: "hi", headers: { a: "b" } })).toEqual({
      type: "request",
      id: 2,
      method: "GET",
      path: "hello"
    })
    expect(await response).toEqual({ payload: "hi", statusCode: 200, headers: { a: "b" } })
  })

  it("\"an object\" with path, method, headers, payload", async () => {
    const socket = await connected()
    const request = { path: "/item", method: "POST", headers: { "x-a": "b" }, payload: { a: [1] } }
    const response = client.request(request)
    const sent = await socket.answer("request", { statusCode: 204, payload: null })
    expect(sent).toEqual({ type: "request", id: 2, ...request })
    expect(await response).toEqual({ payload: null, statusCode: 204, headers: undefined })
    void client.request({ path: "/" })
    expect(await socket.answer("request", { statusCode: 200 })).toMatchObject({ method: "GET" })
  })

  it("\"signature function(err, payload, statusCode, headers)\", also when the server answers with an error", async () => {
    const socket = await connected()
    const ok = called((callback) => client.request("/", callback))
    await socket.answer("request", { statusCode: 200, payload: "hi", headers: { a: "b" } })
    expect(await ok).toEqual([null, "hi", 200, { a: "b" }])
    const failed = called((callback) => client.request({ path: "/" }, callback))
    await socket.answer("request", { statusCode: 404, payload: { error: "Not Found" }, headers: { a: "b" } })
    expect(await failed).toEqual([
      expect.objectContaining({ type: "server", message: "Not Found", statusCode: 404, data: { error: "Not Found" } }),
      { error: "Not Found" },
      404,
      { a: "b" }
    ])
  })

  it("fails without a connection, and never calls back synchronously", async () => {
    let isSync = true
    const failed = called((callback) =>
      client.request("/", (...args) => {
        expect(isSync).toBe(false)
        callback(...args)
      })
    )
    isSync = false
    expect(await failed).toEqual([
      expect.objectContaining({ type: "disconnect", message: "Failed to send message - server disconnected" }),
      undefined,
      undefined,
      undefined
    ])
    expect((await rejection(client.request("/"))).type).toBe("disconnect")
  })
})

describe("client.request, misused from JavaScript", () => {
  it("nothing to request is the user's error, and the call's", async () => {
    const untyped: { request(...args: ReadonlyArray<unknown>): unknown } = client
    for (const options of [null, undefined]) {
      await expect(untyped.request(options)).rejects.toMatchObject({ type: "user", message: "Invalid request" })
      let isSync = true
      const failed = called((callback) => {
        untyped.request(options, (...args: Array<unknown>) => {
          expect(isSync).toBe(false)
          callback(...args)
        })
      })
      isSync = false
      expect(await failed).toEqual([expect.objectContaining({ type: "user" }), undefined, undefined, undefined])
    }
  })

  it("null stands for no callback", async () => {
    const socket = await connected()
    const untyped: {
      request(...args: ReadonlyArray<unknown>): unknown
      message(...args: ReadonlyArray<unknown>): unknown
      subscribe(...args: ReadonlyArray<unknown>): unknown
    } = client
    const answers = Promise.all([
      untyped.request("/", null),
      untyped.message("x", null),
      untyped.subscribe("/a", () => {}, null)
    ])
    await socket.answer("request", { statusCode: 200, payload: 1 })
    await socket.answer("message", { message: 2 })
    await socket.answer("sub")
    expect(await answers).toEqual([{ payload: 1, statusCode: 200, headers: undefined }, { payload: 2 }, undefined])
  })

  it("what throws as soon as it is read is the user's error, of a Promise or a callback, and ends nothing else", async () => {
    await connected()
    const thrown = new Error("not now")
    const hostile = (): never =>
      new Proxy({}, {
        get: () => {
          throw thrown
        }
      }) as never
    const calls: ReadonlyArray<(callback?: (error: unknown) => void) => unknown> = [
      (callback) => client.request(hostile(), callback as never),
      (callback) => client.connect(hostile(), callback as never),
      (callback) => client.subscribe("/a", () => {}, hostile(), callback)
    ]
    for (const call of calls) {
      const failed = { type: "user", isNes: true, message: "not now", cause: thrown }
      expect(await rejection(call() as Promise<unknown>)).toMatchObject(failed)
      expect(await new Promise((resolve) => call(resolve))).toMatchObject(failed)
    }
  })

  it("a payload that throws what has no text is the user's error", async () => {
    await connected()
    const bare: unknown = Object.create(null)
    const payload = {
      toJSON: () => {
        throw bare
      }
    }
    expect(await rejection(client.request({ path: "/", payload }))).toMatchObject({
      type: "user",
      message: "[object Object]",
      cause: bare
    })
  })
})

describe("client.message(message, callback)", () => {
  it("\"Can be any type which can be safely converted to string using JSON.stringify()\"", async () => {
    const socket = await connected()
    for (const message of [{ a: 1 }, [null], "text", 0, false, null]) {
      const answer = client.message(message)
      expect((await socket.answer("message", { message })).message).toEqual(message)
      expect(await answer).toEqual({ payload: message })
    }
    const circular: Array<unknown> = []
    circular.push(circular)
    const error = await rejection(client.message(circular))
    expect([error.type, error.message]).toEqual(["user", expect.stringContaining("circular")])
  })

  it("\"signature function(err, message)\"", async () => {
    const socket = await connected()
    const answered = called((callback) => client.message("x", callback))
    await socket.answer("message", { message: { y: 1 } })
    expect(await answered).toEqual([null, { y: 1 }])
    const failed = called((callback) => client.message("x", callback))
    await socket.answer("message", { statusCode: 501, payload: { error: "Not Implemented" } })
    expect(await failed).toEqual([expect.objectContaining({ message: "Not Implemented", statusCode: 501 }), undefined])
  })
})

describe("client.subscribe(path, handler, callback)", () => {
  it("\"signature function(message, flags)\": revoked on the last update only", async () => {
    const socket = await connected()
    const heard: Array<ReadonlyArray<unknown>> = []
    const subscribed = client.subscribe<{ n: number }>("/a", (message, flags) => heard.push([message.n, flags]))
    expect(await socket.answer("sub", { path: "/a" })).toEqual({ type: "sub", id: 2, path: "/a" })
    await subscribed
    socket.say({ type: "pub", path: "/a", message: { n: 1 } })
    socket.say({ type: "revoke", path: "/a", message: { n: 2 } })
    const after = client.message("after")
    await socket.answer("message")
    await after
    expect(heard).toEqual([[1, {}], [2, { revoked: true }]])
    expect(client.subscriptions()).toEqual([])
  })

  it("\"callback … when the subscription request was received by the server or failed to transmit\"", async () => {
    const socket = await connected()
    const ok = called((callback) => client.subscribe("/a", () => {}, callback))
    await socket.answer("sub")
    expect(await ok).toEqual([undefined])
    const refused = called((callback) => client.subscribe("/b", () => {}, callback))
    await socket.answer("sub", { statusCode: 404, path: "/b", payload: { message: "Subscription not found" } })
    expect(await refused).toEqual([expect.objectContaining({ message: "Subscription not found", path: "/b" })])
    expect(await called((callback) => client.subscribe("b", () => {}, callback))).toEqual([
      expect.objectContaining({ type: "user", message: "Invalid path" })
    ])
    expect(client.subscriptions()).toEqual(["/a"])
  })

  it("\"when subscribe() is called before the client connects, any server errors will be received via connect()\"", async () => {
    await client.subscribe("/a", () => {})
    const connecting = rejection(client.connect())
    const socket = await server.next()
    const hello = await socket.answer("hello", { statusCode: 404, path: "/a", payload: { message: "no such" } })
    expect(hello.subs).toEqual(["/a"])
    expect(await connecting).toMatchObject({ message: "no such", path: "/a", statusCode: 404 })
    expect(client.subscriptions()).toEqual([])
  })

  it("without a handler that can be called fails, and sends nothing", async () => {
    const socket = await connected()
    const untyped: { subscribe(...args: ReadonlyArray<unknown>): unknown } = client
    for (const handler of [0, false, "text", {}]) {
      await expect(untyped.subscribe("/a", handler)).rejects.toMatchObject({ type: "user", message: "Invalid handler" })
    }
    expect(await called((callback) => void untyped.subscribe("/a", "text", callback))).toEqual([
      expect.objectContaining({ type: "user", message: "Invalid handler" })
    ])
    expect([client.subscriptions(), socket.sent]).toEqual([[], []])
  })

  it("without a handler is a subscription that nobody hears, until its path or all are unsubscribed", async () => {
    const socket = await connected()
    const heard = vi.fn<(message: unknown) => void>()
    const handler = (message: unknown): void => heard(message)
    const errors = vi.fn<(error: unknown) => void>()
    client.onError = errors
    const subscribed = Promise.all([client.subscribe("/a"), client.subscribe("/a", null)])
    await socket.answer("sub")
    await subscribed
    await client.subscribe("/a", handler)
    socket.say({ type: "pub", path: "/a", message: 1 })
    await expect.poll(() => heard).toHaveBeenCalledOnce()
    await client.unsubscribe("/a", handler)
    socket.say({ type: "pub", path: "/a", message: 2 })
    const after = client.message("after")
    await socket.answer("message")
    await after
    expect([heard.mock.calls, errors.mock.calls, client.subscriptions()]).toEqual([[[1]], [], ["/a"]])
    const unsubscribed = client.unsubscribe("/a")
    await socket.answer("unsub")
    await unsubscribed
    expect([client.subscriptions(), socket.sent]).toEqual([[], []])
  })

  it("the same handler counts once, further handlers send nothing", async () => {
    const socket = await connected()
    const one = vi.fn<(message: unknown) => void>()
    const two = vi.fn<(message: unknown) => void>()
    const all = Promise.all([client.subscribe("/a", one), client.subscribe("/a", one), client.subscribe("/a", two)])
    await socket.answer("sub")
    await all
    socket.say({ type: "pub", path: "/a", message: 1 })
    const after = client.message("after")
    await socket.answer("message")
    await after
    expect([one.mock.calls.length, two.mock.calls.length, socket.sent.length]).toEqual([1, 1, 0])
  })
})

describe("client.unsubscribe(path, handler, callback)", () => {
  it("\"remove a specific handler from a subscription or null to remove all handlers for the given path\"", async () => {
    const socket = await connected()
    const [one, two, three] = [() => {}, () => {}, () => {}]
    const subscribed = Promise.all([one, two, three].map((handler) => client.subscribe("/a", handler)))
    await socket.answer("sub")
    await subscribed
    await client.unsubscribe("/a", one)
    expect(client.subscriptions()).toEqual(["/a"])
    const ended = called((callback) => client.unsubscribe("/a", null, callback))
    expect(await socket.answer("unsub")).toMatchObject({ path: "/a" })
    expect(await ended).toEqual([undefined])
    expect(client.subscriptions()).toEqual([])
    await client.unsubscribe("/a")
    expect(await rejection(client.unsubscribe("a", null))).toMatchObject({ type: "user", message: "Invalid path" })
    expect(socket.sent).toEqual([])
  })

  it("\"if present, indicates the request has failed\": refused, cut off, or for a path that is none", async () => {
    const socket = await connected({ reconnect: false })
    const subscribed = Promise.all([client.subscribe("/a", () => {}), client.subscribe("/b", () => {})])
    await socket.answer("sub")
    await socket.answer("sub")
    await subscribed
    const refused = called((callback) => client.unsubscribe("/a", null, callback))
    await socket.answer("unsub", { statusCode: 500, payload: { message: "no" } })
    expect(await refused).toEqual([expect.objectContaining({ type: "server", message: "no", statusCode: 500 })])
    const cutOff = called((callback) => client.unsubscribe("/b", null, callback))
    await socket.next("unsub")
    socket.cut()
    expect(await cutOff).toEqual([expect.objectContaining({ type: "disconnect" })])
    expect(await called((callback) => client.unsubscribe("a", null, callback))).toEqual([
      expect.objectContaining({ type: "user", message: "Invalid path" })
    ])
    expect(client.subscriptions()).toEqual([])
  })
})

describe("client.subscriptions()", () => {
  it("\"Returns an array of the current subscription paths\"", async () => {
    await client.subscribe("/a", () => {})
    await client.subscribe("/b", () => {})
    expect(client.subscriptions()).toEqual(["/a", "/b"])
  })
})

describe("client.overrideReconnectionAuth(auth) and client.reauthenticate(auth)", () => {
  it("\"Returns true if reconnection is enabled, otherwise false\"", async () => {
    expect(client.overrideReconnectionAuth("x")).toBe(false)
    const socket = await connected({ auth: "first", delay: 1 })
    expect(client.overrideReconnectionAuth("second")).toBe(true)
    const next = server.next()
    socket.cut()
    expect((await (await next).accept()).auth).toBe("second")
  })

  it("\"in which case the method was ignored\": without reconnection", async () => {
    for (const _ of [1, 2]) {
      expect(client.overrideReconnectionAuth("ignored")).toBe(false)
      const connecting = client.connect({ reconnect: false })
      expect(await (await server.next()).accept()).not.toHaveProperty("auth")
      await connecting
      expect(client.overrideReconnectionAuth("ignored")).toBe(false)
      await client.disconnect()
    }
  })

  it("reauthenticate resolves to true, or calls back, and sets the credentials for reconnecting if they are accepted", async () => {
    const socket = await connected({ delay: 1 })
    const done = client.reauthenticate({ token: 1 })
    expect(await socket.answer("reauth")).toEqual({ type: "reauth", id: 2, auth: { token: 1 } })
    expect(await done).toBe(true)
    const refused = called((callback) => client.reauthenticate("bad", callback))
    await socket.answer("reauth", { statusCode: 400, payload: { message: "Unknown message type" } })
    expect(await refused).toEqual([expect.objectContaining({ type: "server", message: "Unknown message type" })])
    const next = server.next()
    socket.cut()
    expect((await (await next).accept()).auth).toEqual({ token: 1 })
    const accepted = called((callback) => client.reauthenticate("good", callback))
    await (await next).answer("reauth")
    expect(await accepted).toEqual([null])
    const third = server.next()
    ;(await next).cut()
    expect((await (await third).accept()).auth).toBe("good")
  })
})

describe("client.onConnect", () => {
  it("\"initial connection and subsequent reconnections\", \"signature function()\"", async () => {
    const heard: Array<ReadonlyArray<unknown>> = []
    const next = (): Promise<void> =>
      new Promise((resolve) => {
        client.onConnect = (...args: ReadonlyArray<unknown>) => {
          heard.push([client.id, ...args])
          resolve()
        }
      })
    const first = next()
    const socket = await connected({ delay: 1 })
    await first
    const again = Promise.all([next(), server.next().then((socket) => socket.accept({ socket: "second" }))])
    socket.cut()
    await again
    expect(heard).toEqual([["raw"], ["second"]])
  })
})

describe("client.onUpdate", () => {
  it("\"Invoked whenever the server calls server.broadcast() or socket.send()\"", async () => {
    const socket = await connected()
    const heard: Array<unknown> = []
    client.onUpdate = (message: unknown) => heard.push(message)
    for (const message of [{ a: 1 }, null, 0, ""]) {
      socket.say({ type: "update", message })
    }
    const after = client.message("after")
    await socket.answer("message")
    await after
    expect(heard).toEqual([{ a: 1 }, null, 0, ""])
  })
})

describe("client.onHeartbeatTimeout and client.onError", () => {
  it("a silent server: onError, then onHeartbeatTimeout, then onDisconnect", async () => {
    const order: Array<unknown> = []
    client.onError = (error) => order.push(["onError", error.type, error.message])
    client.onHeartbeatTimeout = (willReconnect) => order.push(["onHeartbeatTimeout", willReconnect])
    const lost = called((callback) => {
      client.onDisconnect = (willReconnect) => {
        order.push(["onDisconnect", willReconnect])
        callback()
      }
    })
    const connecting = client.connect({ delay: 10_000 })
    await (await server.next()).accept({ heartbeat: { interval: 30, timeout: 20 } })
    await connecting
    await lost
    expect(order).toEqual([
      ["onError", "timeout", "Disconnecting due to heartbeat timeout"],
      ["onHeartbeatTimeout", true],
      ["onDisconnect", true]
    ])
  })

  it("\"Invoked whenever an error happens that cannot be associated with a pending request\": console.error by default", async () => {
    const print = vi.spyOn(console, "error").mockImplementation(() => {})
    try {
      const socket = await connected()
      socket.text("{garbage")
      const after = client.message("after")
      await socket.answer("message")
      await after
      expect(print).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/^Error: Expected property name.*$/))
      client.onError?.(new WsError({ message: "Socket error", cause: new Error("connect ECONNREFUSED") }))
      expect(print).toHaveBeenLastCalledWith("Error: Socket error (connect ECONNREFUSED)")
      print.mockClear()
      // What leads to a fault of the application's own is not cut short.
      const original = new Error("bad")
      client.onUpdate = () => {
        throw original
      }
      socket.say({ type: "update", message: 1 })
      const again = client.message("again")
      await socket.answer("message")
      await again
      expect(print).toHaveBeenCalledExactlyOnceWith("Error: bad", original)
    } finally {
      print.mockRestore()
    }
  })

  it("hears what a handler, a callback or an event property throws; delivery and connection go on", async () => {
    const errors: Array<NesError> = []
    const original = new Error("bad handler")
    const fail = (): never => {
      throw original
    }
    const socket = await connected()
    client.onError = (error) => errors.push(error)
    client.onUpdate = fail
    client.onDisconnect = fail
    const good = vi.fn<(message: unknown) => void>()
    const subscribed = Promise.all([client.subscribe("/a", fail), client.subscribe("/a", good)])
    await socket.answer("sub")
    await subscribed
    client.message("x", fail)
    client.request("/", fail)
    await socket.answer("message")
    await socket.answer("request", { statusCode: 200 })
    socket.say({ type: "update", message: 1 })
    socket.say({ type: "pub", path: "/a", message: 1 })
    const after = client.message("after")
    await socket.answer("message")
    await after
    await client.disconnect()
    expect(good).toHaveBeenCalledExactlyOnceWith(1, {})
    expect(errors.map(({ message, type }) => [type, message])).toEqual(
      Array.from({ length: 5 }, () => ["user", "bad handler"])
    )
    expect(errors.every((error) => error.cause === original)).toBe(true)
  })

  it("that throws itself is printed, and disturbs nothing", async () => {
    const print = vi.spyOn(console, "error").mockImplementation(() => {})
    try {
      const socket = await connected()
      const original = new Error("bad onError")
      client.onError = () => {
        throw original
      }
      socket.text("{garbage")
      const after = client.message("after")
      await socket.answer("message")
      await after
      expect(print).toHaveBeenCalledExactlyOnceWith(original)
    } finally {
      print.mockRestore()
    }
  })

  it("event properties may be null", async () => {
    const socket = await connected()
    Object.assign(client, {
      onConnect: null,
      onDisconnect: null,
      onError: null,
      onHeartbeatTimeout: null,
      onUpdate: null
    })
    socket.say({ type: "update", message: 1 })
    socket.text("{garbage")
    const after = client.message("after")
    await socket.answer("message")
    await after
  })
})

describe("Promises", () => {
  it("that nobody looks at are no unhandled rejections (interop.md)", async () => {
    const unhandled = vi.fn<(reason: unknown) => void>()
    process.on("unhandledRejection", unhandled)
    try {
      void client.request("/")
      void client.message("x")
      void client.subscribe("nonsense", () => {})
      void client.unsubscribe("nonsense")
      void client.reauthenticate("x")
      void new Client("nonsense").connect()
      await new Promise((resolve) => setTimeout(resolve, 10))
      expect(unhandled).not.toHaveBeenCalled()
    } finally {
      process.off("unhandledRejection", unhandled)
    }
  })
})
