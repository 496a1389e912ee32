/** Messages to clients that offer compression, and to those that do not. */
import Hapi from "@hapi/hapi"
import { once } from "node:events"
import { connect } from "node:net"
import { describe, expect, it, onTestFinished } from "vitest"
import { type ClientOptions, WebSocket } from "ws"
import { Client } from "../../src/client.js"
import * as Nes from "../../src/hapi.js"

const host = async (options: Nes.PluginOptions) => {
  const server = Hapi.server({ port: 0, host: "127.0.0.1" })
  await server.register({
    plugin: Nes,
    options: { auth: false, onMessage: (_, message) => message, ...options }
  })
  server.subscription("/updates", {})
  await server.start()
  onTestFinished(() => server.stop())
  const url = server.info.uri.replace("http", "ws")
  return {
    server,
    url,
    bytesSent: () => server.plugins.nes.node.totals.bytesSent,
    /** A client with these offers, subscribed, and what it has heard. */
    subscriber: async (ws: ClientOptions) => {
      const client = new Client(url, { ws })
      onTestFinished(() => client.disconnect())
      const heard: Array<unknown> = []
      await client.connect({ reconnect: false })
      await client.subscribe("/updates", (message) => heard.push(message))
      return { client, heard }
    }
  }
}

const extensions = async (url: string, options: ClientOptions): Promise<string> => {
  const socket = new WebSocket(url, options)
  onTestFinished(() => socket.terminate())
  await once(socket, "open")
  return socket.extensions
}

/** What a server answers to an upgrade that offers these extensions. */
const accepted = async (url: string, offer: string): Promise<string> => {
  const socket = connect(Number(new URL(url).port), "127.0.0.1")
  onTestFinished(() => void socket.destroy())
  socket.write(
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
      `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Extensions: ${offer}\r\n\r\n`
  )
  const [head] = await once(socket, "data") as [Buffer]
  return /^sec-websocket-extensions: (.*)\r$/im.exec(String(head))?.[1] ?? ""
}

const long = { text: "so much alike ".repeat(1000), umlaut: "ä€😀".repeat(300) }

describe("compression", () => {
  it("is off by default", async () => {
    const { url } = await host({})
    expect(await extensions(url, { perMessageDeflate: true })).toBe("")
  })

  it("is agreed with who offers it, each message by itself, and not with who has no room for its window", async () => {
    const { url } = await host({ compression: true })
    expect(await accepted(url, "permessage-deflate; client_max_window_bits")).toMatch(
      /server_no_context_takeover.*client_no_context_takeover|client_no_context_takeover.*server_no_context_takeover/
    )
    expect(await accepted(url, "permessage-deflate; server_max_window_bits=9")).toBe("")
    expect(await extensions(url, { perMessageDeflate: false })).toBe("")
  })

  it("gives everybody the same messages in the same order, compressed or not, long and short, chunked too", async () => {
    for (const payload of [{}, { maxChunkChars: 700 }]) {
      const { server, subscriber } = await host({ compression: 600, payload })
      const [takes, declines] = [
        await subscriber({ perMessageDeflate: true }),
        await subscriber({ perMessageDeflate: false })
      ]
      const messages = Array.from({ length: 40 }, (_, n) => n % 3 === 0 ? { n, ...long } : n % 3 === 1 ? { n } : n)
      const asked = [takes, declines].map(({ client }) => client.message(long))
      for (const message of messages) {
        void server.publish("/updates", message)
      }
      expect((await Promise.all(asked)).map(({ payload }) => payload)).toEqual([long, long])
      await server.publish("/updates", "last")
      for (const { client, heard } of [takes, declines]) {
        await client.message("behind it")
        expect(heard).toEqual([...messages, "last"])
      }
    }
  })

  it("sends fewer bytes of long messages, and as many of short ones", async () => {
    const { bytesSent, server, subscriber } = await host({ compression: true })
    const sent = async (message: unknown): Promise<number> => {
      const before = bytesSent()
      await server.publish("/updates", message)
      return bytesSent() - before
    }
    const { client } = await subscriber({ perMessageDeflate: true })
    const compressed = [await sent(long), await sent("short")]
    await client.disconnect()
    await subscriber({ perMessageDeflate: false })
    const plain = [await sent(long), await sent("short")]
    expect(compressed[0]).toBeLessThan((plain[0] ?? 0) / 10)
    expect(compressed[1]).toBe(plain[1])
  })

  it("reads what clients compress, up to the limit of a frame", async () => {
    const { subscriber, url } = await host({ compression: true, limits: { maxFrameBytes: 200_000 } })
    const { client } = await subscriber({ perMessageDeflate: { threshold: 0 } })
    expect((await client.message(long)).payload).toEqual(long)
    const socket = new WebSocket(url, { perMessageDeflate: { threshold: 0 } })
    onTestFinished(() => socket.terminate())
    await once(socket, "open")
    socket.send(JSON.stringify({ type: "hello", id: 1, version: "2" }))
    await once(socket, "message")
    socket.send(JSON.stringify({ type: "message", id: 2, message: " ".repeat(10_000_000) }))
    const [code] = await once(socket, "close") as [number]
    expect(code).toBe(1009)
  })
})
