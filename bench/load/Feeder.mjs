/**
 * A raw server for the measured clients: it shakes hands, says yes to hello and sub, answers requests with one prepared
 * payload, and pours updates as fast as the client takes them.
 */
import { createHash } from "node:crypto"
import { once } from "node:events"
import { createServer } from "node:net"
import { Parser, serverFrame } from "./Frame.mjs"

const accept = (key) => createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64")

const perWrite = 256

// Numbers of one length make messages of one length.
const firstNumber = 100_000

const answers = {
  hello: (id) => JSON.stringify({ type: "hello", id, heartbeat: false, socket: "feeder" }),
  sub: (id, path) => JSON.stringify({ type: "sub", id, path }),
  request: (id) => `{"type":"request","id":${id},"statusCode":200,"payload":{"id":5,"status":"complete"}}`
}

const update = (path, seq, body) =>
  serverFrame(JSON.stringify({ type: "pub", path, message: { seq: firstNumber + seq, body } }))

export class Feeder {
  /** @type {Array<import("node:net").Socket>} */
  #clients = []
  #arrived = () => undefined
  #server = createServer({ noDelay: true }, (socket) => this.#serve(socket))
  /** Where the measured process says with one byte that a round has arrived. */
  #control = createServer((socket) => {
    socket.on("data", () => this.#arrived())
    socket.on("error", () => undefined)
  })

  async listen() {
    const [port, control] = await Promise.all([this.#server, this.#control].map(async (server) => {
      await once(server.listen(0, "127.0.0.1"), "listening")
      return server.address().port
    }))
    return { port, control }
  }

  #serve(socket) {
    socket.on("error", () => undefined)
    let head = ""
    const onHead = (chunk) => {
      head += chunk.toString("latin1")
      if (!head.endsWith("\r\n\r\n")) return
      socket.off("data", onHead)
      const key = /^sec-websocket-key: *(.+?)\r$/im.exec(head)[1]
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
          `Sec-WebSocket-Accept: ${accept(key)}\r\n\r\n`
      )
      this.#clients.push(socket)
      const parser = new Parser()
      parser.text = (text) => this.#answer(socket, JSON.parse(text))
      socket.on("data", (chunk) => parser.push(chunk))
    }
    socket.on("data", onHead)
  }

  #answer(socket, { id, path, type }) {
    socket.write(serverFrame(answers[type](id, path)))
  }

  /** Pours `count` updates to `path` at the one client, numbered from `from`, as fast as it takes them. */
  async pour({ body, count, from, path }) {
    const [client] = this.#clients
    const end = from + count
    const frame = update(path, 0, body)
    const digits = frame.indexOf(String(firstNumber))
    for (let at = from; at < end; at += perWrite) {
      // Only the numbers differ: the feeder must be quicker than any client.
      const frames = Buffer.allocUnsafe(frame.length * Math.min(perWrite, end - at))
      for (let i = 0, seq = at; i < frames.length; i += frame.length, seq++) {
        frame.copy(frames, i)
        frames.latin1Write(String(firstNumber + seq), i + digits)
      }
      if (!client.write(frames)) await once(client, "drain")
    }
  }

  /** Sends every client `count` updates, each when all have the one before: so each is read by itself. */
  async drip({ body, count, from, path }) {
    for (let seq = from; seq < from + count; seq++) {
      const frame = update(path, seq, body)
      const arrived = new Promise((resolve) => (this.#arrived = resolve))
      for (const client of this.#clients) client.write(frame)
      await arrived
    }
  }

  close() {
    for (const client of this.#clients) client.destroy()
    this.#server.close()
    this.#control.close()
  }
}
