/**
 * What strangers send, over a real socket. Tokens and cookies that are truncated, forged, expired or another server's are
 * the business of test/hapi/AuthenticationSealed.test.ts; fields of the wrong type, of test/differential-server.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { constants } from "node:buffer"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { deflateRawSync } from "node:zlib"
import { describe, expect, it, onTestFinished } from "vitest"
import { WebSocket, WebSocketServer } from "ws"
import { Client } from "../../src/client.js"
import * as NesClient from "../../src/client/NesClient.js"
import { type Live, live } from "../hapi/LiveServer.js"
import { type Frame, type RawClient } from "../harness/RawClient.js"
import { frame, handshake, RawPeer } from "../harness/RawPeer.js"

const host = (options: Parameters<typeof live>[0] = {}): Promise<Live> =>
  live({
    ...options,
    nes: { onMessage: (_socket, message) => message, ...options.nes },
    declare: (server) => {
      server.route([
        { method: "POST", path: "/echo", handler: (request) => ({ payload: request.payload }) },
        {
          method: "GET",
          path: "/seen/{name?}",
          handler: ({ headers, params, query }) => ({ headers, params, query })
        },
        {
          method: "GET",
          path: "/reflect",
          handler: (request, h) => h.response("fine").header("x-out", String(request.headers["x-in"]))
        }
      ])
      server.subscription("/item/{id}")
      options.declare?.(server)
    }
  })

const welcome = async (server: Live): Promise<RawClient> => {
  const client = await server.open()
  await client.hello()
  return client
}

const get = (path: string, fields: Frame = {}): Frame => ({ type: "request", method: "GET", path, ...fields })

/** A text is sent as it is, so that it may have keys that JavaScript's own JSON.stringify would not write. */
const ask = (client: RawClient, text: string): Promise<Frame> => {
  client.socket.send(text)
  const { id } = JSON.parse(text) as Frame
  return client.next((frame) => frame.id === id)
}

const portOf = ({ server }: Live): number => server.info.port as number

const peerOf = (server: Live): RawPeer => {
  const peer = new RawPeer(portOf(server))
  onTestFinished(() => peer.destroy())
  return peer
}

describe("frames", () => {
  const close = (...payload: ReadonlyArray<number>): Buffer => frame(Buffer.from(payload), { first: 0x88 })
  const greeting = frame(JSON.stringify({ type: "hello", id: 1, version: "2" }))
  const endless = Buffer.from([0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])

  it.each<[string, ReadonlyArray<Buffer>, number]>([
    ["that is not masked", [frame("{}", { masked: false })], 1002],
    ["with a reserved bit", [frame("{}", { first: 0x91 })], 1002],
    ["of an unknown type", [frame("{}", { first: 0x83 })], 1002],
    ["that continues nothing", [frame("{}", { first: 0x80 })], 1002],
    ["between the fragments of another", [frame("{", { first: 0x01 }), frame("{}")], 1002],
    [
      "of 16,385 fragments",
      [greeting, ...Array.from({ length: 16_385 }, (_, n) => frame("", { first: n === 0 ? 0x01 : 0 }))],
      1008
    ],
    ["that is a fragment of a ping", [frame("", { first: 0x09 })], 1002],
    ["that is a ping and too long", [frame("x".repeat(126), { first: 0x89 })], 1002],
    ["that is no UTF-8", [frame(Buffer.from([0xc0, 0xaf]))], 1007],
    ["longer than is allowed", [frame("", { length: 2_000_000 })], 1009],
    ["longer than JavaScript can count", [endless], 1009],
    ["that closes with half a code", [close(3)], 1002],
    ["that closes with a code that is none", [close(0x03, 0xee)], 1002],
    ["that closes with a reason that is no UTF-8", [close(0x03, 0xe8, 0xff)], 1007]
  ])("one %s closes its own connection", async (_, frames, code) => {
    const server = await host()
    const bystander = await welcome(server)
    const peer = peerOf(server)
    await peer.open()
    peer.write(Buffer.concat(frames))
    await peer.until(() => peer.ended, 5_000)
    expect(peer.closeCode).toBe(code)
    expect(server.server.plugins.nes.node.exceeded.maxFrameBytes).toBe([1008, 1009].includes(code) ? 1 : 0)
    expect(await bystander.ask(get("/seen"))).toMatchObject({ statusCode: 200 })
  })

  it("that are pings, and whose answers are not read, do not pile up", async () => {
    const server = await host()
    const peer = peerOf(server)
    await peer.open()
    peer.write(Buffer.concat(Array.from({ length: 20_000 }, () => frame("x".repeat(125), { first: 0x89 }))))
    expect(await peer.until(() => peer.ended, 5_000)).toBe(true)
    await welcome(server)
  })
})

describe("prototype pollution", () => {
  const poison = `{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}`

  it("neither by message, payload, headers nor credentials", async () => {
    const server = await host({ nes: { auth: { type: "direct" } } })
    const client = await welcome(server)
    const echoed = await ask(client, `{"type":"message","id":"m","message":${poison}}`)
    expect(JSON.stringify(echoed.message)).toBe(poison)
    // hapi refuses such a payload itself.
    expect(await ask(client, `{"type":"request","id":"p","method":"POST","path":"/echo","payload":${poison}}`))
      .toMatchObject({ statusCode: 400 })
    const seen = await ask(
      client,
      `{"type":"request","id":"h","method":"GET","path":"/seen","headers":` +
        `{"__proto__":"x","constructor":"y"}}`
    )
    expect(Object.keys((seen.payload as { readonly headers: object }).headers)).not.toContain("__proto__")
    expect(await ask(client, `{"type":"reauth","id":"r","auth":{"headers":${poison}}}`)).toMatchObject({ id: "r" })
    expect(Reflect.get({}, "polluted")).toBeUndefined()
  })

  it("neither by path parameters nor by query", async () => {
    const client = await welcome(await host())
    const { payload } = await client.ask(get("/seen/__proto__?__proto__=1&constructor=2&a[__proto__]=3"))
    expect(payload).toMatchObject({ params: { name: "__proto__" } })
    for (const path of ["/item/__proto__", "/item/constructor", "/item/hasOwnProperty"]) {
      expect(await client.ask({ type: "sub", path })).not.toHaveProperty("statusCode")
      expect(await client.ask({ type: "unsub", path })).not.toHaveProperty("statusCode")
    }
    expect(Reflect.get({}, "polluted")).toBeUndefined()
  })
})

describe("line breaks", () => {
  it("in a header's value or name are answered 400, and the connection goes on", async () => {
    const client = await welcome(await host({ nes: { headers: "*" } }))
    for (const headers of [{ "x-in": "a\r\nset-cookie: b" }, { "x\r\ny": "z" }, { "x-in": "a\nb" }]) {
      expect(await client.ask(get("/reflect", { headers }))).toMatchObject({ statusCode: 400 })
    }
    expect(await client.ask(get("/reflect", { headers: { "x-in": "a" } })))
      .toMatchObject({ statusCode: 200, headers: { "x-out": "a" } })
  })

  it.each(["GET /seen HTTP/1.1\r\nx: y\r\n\r\n", "G\u0000T", "get ", "постъ", "CONNECT"])(
    "method %j is answered, and reaches no route",
    async (method) => {
      const client = await welcome(await host())
      const answer = await client.ask(get("/seen", { method }))
      expect(answer.statusCode).toBeGreaterThanOrEqual(400)
      expect(await client.ask(get("/seen"))).toMatchObject({ statusCode: 200 })
    }
  )
})

describe("paths", () => {
  it.each([
    "/seen/%",
    "/seen/%zz",
    "/seen/%c0%ae",
    "/seen/%00",
    "//",
    "//evil/seen",
    "/\\evil",
    "/seen\r\nx: y",
    "/seen/\ud800",
    "/../../etc/passwd",
    "/seen?%",
    "/#",
    "/seen/a b"
  ])("%j is answered, and nobody else notices", async (path) => {
    const server = await host()
    const client = await welcome(server)
    expect((await client.ask(get(path))).statusCode).toEqual(expect.any(Number))
    expect(await client.ask({ type: "sub", path })).toMatchObject({ type: "sub" })
    expect(await client.ask(get("/seen/fine"))).toMatchObject({ statusCode: 200 })
  })
})

describe("ids", () => {
  it.each(["1", "-1", "1.5", "1e21", "\"a\"", "\"__proto__\"", "\"\\u0000\"", "9007199254740993"])(
    "%s comes back as it is",
    async (id) => {
      const client = await welcome(await host())
      const expected = JSON.parse(id) as unknown
      client.socket.send(`{"type":"message","id":${id},"message":"m"}`)
      expect(await client.next(({ message }) => message === "m")).toEqual({
        type: "message",
        id: expected,
        message: "m"
      })
    }
  )

  it.each(["0", "\"\"", "null", "true", "false", "[]", "[1]", "{}", `{"toString":1}`, "1e999"])(
    "%s is refused, and does not come back",
    async (id) => {
      const client = await welcome(await host())
      client.socket.send(`{"type":"message","id":${id},"message":"m"}`)
      const answer = await client.next(({ statusCode }) => statusCode === 400)
      expect(answer).not.toHaveProperty("id")
    }
  )

  it("used twice at once are answered twice", async () => {
    const client = await welcome(await host())
    const twice = [
      { type: "message", id: "same", message: 1 },
      { type: "message", id: "same", message: 2 },
      get("/seen", { id: "same" }),
      { type: "sub", path: "/item/1", id: "same" }
    ]
    twice.forEach((message) => client.say(message))
    const answers = await Promise.all(twice.map(() => client.next(({ id }) => id === "same")))
    expect(answers.map(({ type }) => String(type)).toSorted((a, b) => a.localeCompare(b)))
      .toEqual(["message", "message", "request", "sub"])
  })
})

describe("upgrades", () => {
  const refused = (server: Live, origin?: string): Promise<number | undefined> =>
    new Promise((resolve) => {
      const socket = new WebSocket(server.url, origin === undefined ? {} : { origin })
      onTestFinished(() => socket.terminate())
      socket.on("error", () => {})
      socket.once("unexpected-response", (_request, { statusCode }) => resolve(statusCode))
      socket.once("open", () => resolve(101))
    })

  it("from another origin, or from none, are refused with 401 where origins are named", async () => {
    const server = await host({ nes: { origin: ["https://our.example"] } })
    for (
      const [origin, status] of [
        ["https://our.example", 101],
        ["https://evil.example", 401],
        ["https://our.example.evil.example", 401],
        ["https://our.exampl", 401],
        ["null", 401],
        [undefined, 401]
      ] as const
    ) {
      expect(await refused(server, origin), String(origin)).toBe(status)
    }
    expect(server.server.plugins.nes.node.hub.connections.size).toBeLessThanOrEqual(1)
  })

  it.each([
    ["another method", { method: "POST" }, 405],
    ["a bad key", { key: "x" }, 400],
    ["no version", { version: "" }, 400],
    ["an old version", { version: "7" }, 400],
    ["a bad extension", { extra: "Sec-WebSocket-Extensions: x;;\r\n" }, 101],
    ["another path, as with @hapi/nes", { path: "/anywhere?x=1" }, 101]
  ])("with %s", async (_, parts, status) => {
    const server = await host()
    const peer = peerOf(server)
    await peer.open(handshake(parts))
    expect(peer.status).toBe(status)
    await welcome(server)
  })
})

describe("chunks without end", () => {
  /** A server that answers the hello and then sends chunk upon chunk; how the client closes the connection. */
  const endless = async (): Promise<{ readonly url: string; readonly closed: Promise<number> }> => {
    const sockets = new WebSocketServer({ port: 0, host: "127.0.0.1" })
    await once(sockets, "listening")
    onTestFinished(() => {
      sockets.clients.forEach((ws) => ws.terminate())
      sockets.close()
    })
    const closed = new Promise<number>((resolve) => {
      sockets.on("connection", (ws) => {
        ws.on("error", () => {})
        ws.once("close", resolve)
        ws.once("message", (data) => {
          const { id } = JSON.parse(String(data)) as { readonly id: number }
          ws.send(JSON.stringify({ type: "hello", id, heartbeat: false, socket: "s" }))
          const more = (): void => {
            if (ws.readyState === WebSocket.OPEN) {
              ws.send(`+${"x".repeat(10_000)}`, more)
            }
          }
          more()
        })
      })
    })
    return { url: `ws://127.0.0.1:${(sockets.address() as AddressInfo).port}`, closed }
  }

  it("end the connection of a Client at maxMessageChars, with 1009", async () => {
    const { closed, url } = await endless()
    const client = new Client(url, { maxMessageChars: 100_000 })
    const heard = new Promise<unknown>((resolve) => {
      client.onError = resolve
    })
    await client.connect({ reconnect: false })
    expect(await heard).toMatchObject({ type: "protocol", message: "Received message exceeds the maximum length" })
    expect(await closed).toBe(1009)
  })

  it("end the connection of a NesClient at maxMessageChars, with 1009", async () => {
    const { closed, url } = await endless()
    await Effect.runPromise(Effect.scoped(Effect.gen(function*() {
      const client = yield* NesClient.make({ url, maxMessageChars: 100_000, connect: false, reconnect: false })
      const errors = yield* Effect.forkScoped(
        Stream.runHead(Stream.filter(client.events, (event) => event._tag === "Error"))
      )
      yield* Effect.yieldNow
      yield* client.connect()
      expect(yield* Fiber.join(errors)).toMatchObject({ value: { error: { _tag: "ProtocolError" } } })
      expect(yield* Effect.promise(() => closed)).toBe(1009)
    })))
  })
})

/** A server whose every word is the test's: `say` is called with a text sender at each hello. */
const hostile = async (
  say: (hello: Frame, send: (text: string) => void, ws: WebSocket) => void
): Promise<{ readonly url: string; readonly closed: Promise<number> }> => {
  const sockets = new WebSocketServer({ port: 0, host: "127.0.0.1" })
  await once(sockets, "listening")
  onTestFinished(() => {
    sockets.clients.forEach((ws) => ws.terminate())
    sockets.close()
  })
  const closed = new Promise<number>((resolve) => {
    sockets.on("connection", (ws) => {
      ws.on("error", () => {})
      ws.once("close", resolve)
      ws.on("message", (data) => say(JSON.parse(String(data)) as Frame, (text) => ws.send(text), ws))
    })
  })
  return { url: `ws://127.0.0.1:${(sockets.address() as AddressInfo).port}`, closed }
}

describe("a server's absurd", () => {
  it.each([
    ["heartbeat of 1e303 ms", "{\"interval\":1e303,\"timeout\":1}"],
    ["heartbeat of 1e308 ms, twice", "{\"interval\":1e308,\"timeout\":1e308}"],
    ["heartbeat beyond all numbers", "{\"interval\":1e999,\"timeout\":1}"],
    ["heartbeat of less than nothing", "{\"interval\":-1,\"timeout\":5}"],
    ["heartbeat of nothing", "{\"interval\":0,\"timeout\":0}"],
    ["heartbeat without times", "{}"],
    ["heartbeat that is a text", "\"often\""],
    ["heartbeat", "true"]
  ])("%s ends its connection with 1002", async (_, heartbeat) => {
    const { closed, url } = await hostile(({ id }, send) =>
      send(`{"type":"hello","id":${String(id)},"socket":"s","heartbeat":${heartbeat}}`)
    )
    const client = new Client(url)
    client.onError = () => {}
    await expect(client.connect({ reconnect: false })).rejects.toMatchObject({ type: "protocol" })
    expect(await closed).toBe(1002)
  })

  it("heartbeat of 1e15 ms is one", async () => {
    const { url } = await hostile(({ id }, send) =>
      send(`{"type":"hello","id":${String(id)},"socket":"s","heartbeat":{"interval":1e15,"timeout":1e15}}`)
    )
    const client = new Client(url)
    await client.connect({ reconnect: false })
    await client.disconnect()
  })

  it.each([[undefined], [0], [2 ** 40]])(
    "frame, longer than a string, ends its connection with 1009 (maxPayload %s)",
    async (maxPayload) => {
      const { closed, url } = await hostile(({ id }, send, ws) => {
        send(JSON.stringify({ type: "hello", id, heartbeat: false, socket: "s" }))
        const head = Buffer.from([0x81, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0])
        head.writeUInt32BE(constants.MAX_STRING_LENGTH + 1, 6)
        ;(Reflect.get(ws, "_socket") as Socket).write(head)
      })
      const client = new Client(url, maxPayload === undefined ? {} : { ws: { maxPayload } })
      client.onError = () => {}
      await client.connect({ reconnect: false })
      expect(await closed).toBe(1009)
    }
  )
})

describe("compression", () => {
  const bomb = deflateRawSync(Buffer.alloc(30_000_000, 0x20))

  it("is not offered by the server unless told: a compressed frame is a protocol error", async () => {
    const server = await host()
    const socket = new WebSocket(server.url, { perMessageDeflate: true })
    onTestFinished(() => socket.terminate())
    await once(socket, "open")
    expect(socket.extensions).toBe("")
    const peer = peerOf(server)
    await peer.open(handshake({ extra: "Sec-WebSocket-Extensions: permessage-deflate\r\n" }))
    peer.write(frame(bomb, { first: 0xc1 }))
    await peer.until(() => peer.closeCode !== undefined, 5_000)
    expect(peer.closeCode).toBe(1002)
    await welcome(server)
  })

  it("a bomb does not go off at a client that limits ws.maxPayload", async () => {
    const http = createServer()
    const sockets = new WebSocketServer({ server: http, perMessageDeflate: true })
    sockets.on("connection", (ws) => {
      ws.on("error", () => {})
      ws.on("message", (data) => {
        const { id } = JSON.parse(String(data)) as { readonly id: number }
        ws.send(JSON.stringify({ type: "hello", id, heartbeat: false, socket: "s" }))
        ws.send(JSON.stringify({ type: "update", message: " ".repeat(30_000_000) }))
      })
    })
    http.listen(0, "127.0.0.1")
    await once(http, "listening")
    onTestFinished(() => {
      http.closeAllConnections()
      http.close()
    })
    const client = new Client(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`, {
      ws: { maxPayload: 1_000_000 }
    })
    let updates = 0
    client.onError = () => {}
    client.onUpdate = () => {
      updates++
    }
    const lost = new Promise<boolean>((resolve) => {
      client.onDisconnect = (willReconnect) => resolve(willReconnect)
    })
    await client.connect({ reconnect: false })
    expect(await lost).toBe(false)
    expect(updates).toBe(0)
  })
})
