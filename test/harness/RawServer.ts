/** A bare WebSocket server whose every word is scripted by the test. */
import { once } from "node:events"
import type { IncomingHttpHeaders } from "node:http"
import type { AddressInfo } from "node:net"
import { type WebSocket, WebSocketServer } from "ws"
import type { Sent } from "../client/FakeServer.js"

/** One connection, seen from the server. */
export class RawSocket {
  readonly sent: Array<Sent> = []
  readonly closed: Promise<unknown>
  private readonly waiting = new Set<() => void>()

  constructor(readonly socket: WebSocket, readonly headers: IncomingHttpHeaders) {
    socket.on("message", (data) => {
      this.sent.push(JSON.parse(String(data)) as Sent)
      for (const wake of [...this.waiting]) {
        wake()
      }
    })
    this.closed = new Promise((resolve) => socket.once("close", resolve))
  }

  /** The next message of a type that nobody has taken yet. */
  next(type: string): Promise<Sent> {
    return new Promise((resolve) => {
      const wake = (): void => {
        const index = this.sent.findIndex((message) => message.type === type)
        const message = this.sent[index]
        if (message !== undefined) {
          this.sent.splice(index, 1)
          this.waiting.delete(wake)
          resolve(message)
        }
      }
      this.waiting.add(wake)
      wake()
    })
  }

  say(message: object): void {
    this.text(JSON.stringify(message))
  }

  text(text: string): void {
    this.socket.send(text)
  }

  /** Answers the next message of a type. */
  async answer(type: string, fields: object = {}): Promise<Sent> {
    const message = await this.next(type)
    this.say({ type, id: message.id, ...fields })
    return message
  }

  /** Accepts the hello. */
  accept(fields: object = {}): Promise<Sent> {
    return this.answer("hello", { heartbeat: false, socket: "raw", ...fields })
  }

  /** Cuts the connection without a word. */
  cut(): void {
    this.socket.terminate()
  }
}

/** The server. */
export class RawServer {
  readonly sockets: Array<RawSocket> = []
  private readonly waiting: Array<(socket: RawSocket) => void> = []

  private constructor(private readonly server: WebSocketServer) {
    server.on("connection", (socket, { headers }) => {
      const raw = new RawSocket(socket, headers)
      this.sockets.push(raw)
      this.waiting.shift()?.(raw)
    })
  }

  static async start(port = 0): Promise<RawServer> {
    const server = new WebSocketServer({ port, host: "127.0.0.1" })
    await once(server, "listening")
    return new RawServer(server)
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`
  }

  /** The next connection from now on. */
  next(): Promise<RawSocket> {
    return new Promise((resolve) => this.waiting.push(resolve))
  }

  /** Stops listening and cuts every connection. */
  async stop(): Promise<void> {
    for (const { socket } of this.sockets) {
      socket.terminate()
    }
    await new Promise((resolve) => this.server.close(resolve))
  }
}
