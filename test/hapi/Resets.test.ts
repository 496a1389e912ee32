/** Connections that are reset while they open: at every byte, wherever the socket is by then. */
import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { describe, expect, it } from "vitest"
import { frame, handshake } from "../harness/RawPeer.js"
import { type Live, live, type Options } from "./LiveServer.js"

const hello = frame(JSON.stringify({ type: "hello", id: 1, version: "2" }))
const h2c = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"

/** Sends so many bytes and resets the connection: at once, and once more when the server has read them. */
const reset = async ({ server: { info, listener } }: Live, bytes: Buffer, length: number): Promise<void> => {
  for (const patient of [false, true]) {
    const accepted = once(listener, "connection")
    const socket = connect(info.port as number, "127.0.0.1")
    socket.on("error", () => {})
    await once(socket, "connect")
    await accepted
    socket.write(bytes.subarray(0, length))
    if (patient) {
      await new Promise(setImmediate)
      await new Promise(setImmediate)
    }
    socket.resetAndDestroy()
    await once(socket, "close")
  }
}

const ignoring: Options["declare"] = (server) => server.listener.on("upgrade", () => {})

const taking: Options["declare"] = (server) =>
  server.listener.on("upgrade", (_request, socket: Socket) => socket.write("HTTP/1.1 101 Fine\r\n\r\n"))

describe("a connection that is reset", () => {
  it.each<[string, Options, string]>([
    ["as it becomes a WebSocket", {}, handshake()],
    ["while verifyUpgrade decides", {
      nes: { verifyUpgrade: () => new Promise((resolve) => setTimeout(resolve, 5, true)) }
    }, handshake()],
    ["while verifyUpgrade refuses", {
      nes: { verifyUpgrade: () => new Promise((resolve) => setTimeout(resolve, 5, false)) }
    }, handshake()],
    ["as its origin is refused", { nes: { origin: "https://our.example" } }, handshake()],
    ["as an ordinary request", { nes: { path: "/nes" } }, handshake()],
    ["as an h2c request", {}, h2c],
    ["with others who ignore it", { nes: { path: "/nes" }, declare: ignoring }, handshake()],
    ["with others who ignore it, but not the plugin", { declare: ignoring }, handshake()],
    ["as an h2c request that others ignore", { declare: ignoring }, h2c],
    ["as an h2c request that others take", { declare: taking }, h2c]
  ])("%s: nothing happens", async (_, options, head) => {
    const host = await live(options)
    const bytes = Buffer.concat([Buffer.from(head), hello])
    for (let length = 1; length <= bytes.length; length++) {
      await reset(host, bytes, length)
    }
    const { node } = host.server.plugins.nes
    while (node.hub.connections.size > 0) {
      await new Promise(setImmediate)
    }
    expect(node.totals.connections).toBe(0)
  })
})
