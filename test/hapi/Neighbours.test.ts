/** Others who upgrade on the same listener, and requests that offer an upgrade to nobody. */
import Hapi from "@hapi/hapi"
import { once } from "node:events"
import type { Server } from "node:http"
import { connect, type Socket } from "node:net"
import { connect as connectSecurely } from "node:tls"
import { Server as SocketIo } from "socket.io"
import { describe, expect, it, onTestFinished } from "vitest"
import { WebSocket, WebSocketServer } from "ws"
import * as Nes from "../../src/hapi.js"
import { type Frame } from "../harness/RawClient.js"
import { cert, key } from "./Certificate.js"
import { type Live, live, type Options } from "./LiveServer.js"

type Neighbour = (listener: Server) => unknown

/** Answers the sockets of one path and ignores the rest, as the servers of bundlers do. */
const bundler = (path: string): Neighbour => (listener) => {
  const sockets = new WebSocketServer({ noServer: true })
  listener.on("upgrade", (request, socket, head) => {
    if (request.url === path) {
      sockets.handleUpgrade(request, socket, head, (ws) => ws.send("hot"))
    }
  })
}

const neighbours: Readonly<Record<string, { readonly join: Neighbour; readonly path: string; readonly says: string }>> =
  {
    "a bundler's hot updates": { join: bundler("/_hmr"), path: "/_hmr", says: "hot" },
    // ws answers 400 to whoever asks for another path.
    "ws at a path, as graphql-ws has it": {
      join: (server) => new WebSocketServer({ server, path: "/graphql" }).on("connection", (ws) => ws.send("graphql")),
      path: "/graphql",
      says: "graphql"
    },
    "socket.io": {
      join: (listener) => {
        const io = new SocketIo(listener)
        onTestFinished(async () => io.close())
      },
      path: "/socket.io/?EIO=4&transport=websocket",
      says: "0{\"sid\""
    },
    "the plugin of another server": {
      join: async (listener) => {
        const other = Hapi.server({ listener, autoListen: false })
        await other.register({ plugin: Nes.plugin, options: { path: "/other" } })
        await other.start()
      },
      path: "/other",
      says: "{\"type\":\"hello\""
    }
  }

const listenerOf = ({ server }: Live): Server => server.listener

/** What the server of a path says first, to whoever says hello. */
const firstWord = async (url: string): Promise<string> => {
  const ws = new WebSocket(url)
  onTestFinished(() => ws.terminate())
  ws.on("open", () => ws.send(JSON.stringify({ type: "hello", id: 1, version: "2" })))
  const [data] = await once(ws, "message") as [Buffer]
  return String(data)
}

describe.each(Object.entries(neighbours))("beside %s", (_, { join, path, says }) => {
  it.each<[string, (options: Options) => Promise<Live>]>([
    ["joined before the start", (options) => live({ ...options, declare: ({ listener }) => join(listener) })],
    ["joined afterwards", async (options) => {
      const host = await live(options)
      await join(listenerOf(host))
      return host
    }]
  ])("%s, both are reached, with a path of the plugin's and without", async (_, start) => {
    for (const own of [undefined, "/nes"]) {
      const { url } = await start({ nes: { path: own } })
      expect(await firstWord(url + path)).toContain(says)
      expect(await firstWord(`${url}${own ?? "/"}`)).toContain("\"type\":\"hello\"")
      expect(await firstWord(url + path)).toContain(says)
    }
  })
})

describe("beside one who takes their time", () => {
  /** Answers after a moment: with whom the plugin shares without a path, it has taken the socket by then. */
  const slow = (path: string) => {
    const outcome: { error?: unknown; answered?: boolean } = {}
    const sockets = new WebSocketServer({ noServer: true })
    const join: Neighbour = (listener) =>
      listener.on("upgrade", async (request, socket, head) => {
        await new Promise(setImmediate)
        if (request.url === path) {
          try {
            sockets.handleUpgrade(request, socket, head, (ws) => ws.send("slow"))
          } catch (error) {
            outcome.error = error
          }
          outcome.answered = true
        }
      })
    return { join, outcome }
  }

  it("with a path of the plugin's, both are reached", async () => {
    const { join } = slow("/slow")
    const { url } = await live({ nes: { path: "/nes" }, declare: ({ listener }) => join(listener) })
    expect(await firstWord(`${url}/slow`)).toBe("slow")
    expect(await firstWord(`${url}/nes`)).toContain("hello")
  })

  it("without one, what they do too late does nothing: neither an exception nor a byte on the plugin's socket", async () => {
    const { join, outcome } = slow("/slow")
    const { open, url } = await live({ declare: ({ listener }) => join(listener) })
    expect(await firstWord(`${url}/slow`)).toContain("hello")
    const client = await open()
    await client.hello()
    await client.fence()
    expect(outcome).toEqual({ answered: true })
  })

  it("who refuses a socket at its own path is obeyed", async () => {
    const { url } = await live({
      declare: ({ listener }) =>
        listener.on("upgrade", ({ url }, socket: Socket) => {
          if (url === "/end") {
            socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n")
          } else if (url === "/write") {
            socket.write("HTTP/1.1 401 Unauthorized\r\n\r\n")
            socket.destroy()
          }
        })
    })
    await expect(firstWord(`${url}/end`)).rejects.toThrow("403")
    await expect(firstWord(`${url}/write`)).rejects.toThrow("401")
    expect(await firstWord(url)).toContain("hello")
  })
})

/** What a server answers to these texts, sent one after another on one connection. */
const conversation = async (socket: Socket, ...texts: ReadonlyArray<string>): Promise<string> => {
  onTestFinished(() => void socket.destroy())
  let heard = ""
  socket.setEncoding("utf8").on("data", (text: string) => {
    heard += text
  })
  for (const text of texts) {
    socket.write(text)
    const answered = heard.length
    while (!/\r\n\r\n[^]*\}$/.test(heard.slice(answered))) {
      await once(socket, "data")
    }
  }
  return heard.replaceAll(/^(?:date|connection|keep-alive|cache-control|accept-ranges|content-length): .*\r\n/gim, "")
}

it("beside one who only listens to what is said, both hear all of it", async () => {
  const heard: Array<Buffer> = []
  const { connect } = await live({
    nes: { onMessage: (_socket, message) => message },
    declare: ({ listener }) =>
      listener.on(
        "upgrade",
        (_request: unknown, socket: Socket) => socket.on("data", (data: Buffer) => heard.push(data))
      )
  })
  const client = await connect()
  for (const n of [1, 2, 3]) {
    expect((await client.message(n)).payload).toBe(n)
  }
  // Four messages, each with a header and a mask.
  expect(Buffer.concat(heard).length).toBeGreaterThan(4 * 6)
})

describe("a request that offers an upgrade to what is no WebSocket", () => {
  const h2c = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
  const get = `GET /h?a=1 HTTP/1.1\r\nHost: x\r\n${h2c}X-A: 1\r\n\r\n`
  const post = `POST /h HTTP/1.1\r\nHost: x\r\n${h2c}Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{"b":2}`
  const chunked =
    `POST /h HTTP/1.1\r\nHost: x\r\n${h2c}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"b\r\n4\r\n":3}\r\n0\r\n\r\n`
  const plain = "GET /h HTTP/1.1\r\nHost: x\r\n\r\n"

  const declare = (server: Hapi.Server): void =>
    server.route({
      method: ["GET", "POST"],
      path: "/h",
      handler: ({ headers, payload, query }) => ({ payload, query, upgrade: headers.upgrade, "x-a": headers["x-a"] })
    })
  const answer = (fields: Frame): string =>
    `HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\n\r\n${JSON.stringify(fields)}`

  it.each<[string, Neighbour]>([
    ["when nobody else listens", () => {}],
    ["beside one who ignores it", bundler("/_hmr")],
    ["beside one who would refuse it", (server) => new WebSocketServer({ server, path: "/graphql" })]
  ])("is answered as the ordinary request it also is, %s", async (_, join) => {
    const { server } = await live({
      declare: (server) => {
        declare(server)
        join(server.listener)
      }
    })
    const all = await conversation(connect(server.info.port as number, "127.0.0.1"), get, post, plain, chunked)
    expect(all).toBe([
      answer({ query: { a: "1" }, "x-a": "1" }),
      answer({ payload: { b: 2 }, query: {} }),
      answer({ query: {} }),
      answer({ payload: { b: 3 }, query: {} })
    ].join(""))
  })

  it("also over TLS", async () => {
    const { server } = await live({ hapi: { tls: { cert, key } }, declare })
    const socket = connectSecurely({ port: server.info.port as number, host: "127.0.0.1", ca: cert })
    expect(await conversation(socket, post, plain)).toBe(
      answer({ payload: { b: 2 }, query: {} }) + answer({ query: {} })
    )
  })

  it("with its other headers, and what else it says of the connection", async () => {
    const { server } = await live({
      declare: (server) =>
        server.route({
          method: "GET",
          path: "/h",
          handler: ({ headers: { accept, connection } }) => ({ accept, connection })
        })
    })
    const head = "Connection: Upgrade,keep-alive, HTTP2-Settings , X-Hop\r\nUpgrade: h2c\r\nAccept: a, upgrade ,b\r\n"
    const socket = connect(server.info.port as number, "127.0.0.1")
    expect(await conversation(socket, `GET /h HTTP/1.1\r\nHost: x\r\n${head}\r\n`)).toContain(
      JSON.stringify({ accept: "a, upgrade ,b", connection: "keep-alive, X-Hop" })
    )
  })

  it("also where what reads requests has another name", async () => {
    const { server } = await live({
      declare: (server) => {
        declare(server)
        const { listener } = server
        const [parse] = listener.listeners("connection").filter(({ name }) => name === "connectionListener")
        listener.off("connection", parse as () => void)
        listener.on("connection", (socket) => Reflect.apply(parse as () => void, listener, [socket]))
      }
    })
    expect(await conversation(connect(server.info.port as number, "127.0.0.1"), get)).toBe(
      answer({ query: { a: "1" }, "x-a": "1" })
    )
  })

  it("however often on one connection, which nobody takes for new ones", async () => {
    const connections: Array<Socket> = []
    const { server } = await live({
      declare: (server) => {
        declare(server)
        server.listener.on("connection", (socket) => connections.push(socket))
      }
    })
    const socket = connect(server.info.port as number, "127.0.0.1")
    await conversation(socket, get)
    const listeners = connections[0]?.eventNames().map((name) => connections[0]?.listenerCount(name))
    await conversation(socket, ...Array.from({ length: 20 }, () => post))
    expect(connections).toHaveLength(1)
    expect(connections[0]?.eventNames().map((name) => connections[0]?.listenerCount(name))).toEqual(listeners)
  })

  it("goes to one who does answer it", async () => {
    const { server } = await live({
      declare: (server) => {
        declare(server)
        server.listener.on("upgrade", (_request, socket: Socket) => socket.write("HTTP/1.1 101 Fine\r\n\r\n{}"))
      }
    })
    expect(await conversation(connect(server.info.port as number, "127.0.0.1"), get)).toBe(
      "HTTP/1.1 101 Fine\r\n\r\n{}"
    )
  })
})

describe("a WebSocket for another path than the plugin's", () => {
  it("is an ordinary request where nobody else listens", async () => {
    const { url } = await live({
      nes: { path: "/nes" },
      declare: (server) => server.route({ method: "GET", path: "/page", handler: () => "page" })
    })
    await expect(firstWord(`${url}/page`)).rejects.toThrow("200")
    await expect(firstWord(`${url}/none`)).rejects.toThrow("404")
    await expect(firstWord(`${url}/nes/`)).rejects.toThrow("404")
    expect(await firstWord(`${url}/nes?x=/other`)).toContain("hello")
  })
})
