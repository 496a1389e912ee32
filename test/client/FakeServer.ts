/**
 * A scripted server behind a fake transport: no socket, no timer. Time belongs to the test's clock, and the test says
 * what the server does and when.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import type { Listener, Open, Socket } from "../../src/client/Socket.js"
import { Transport } from "../../src/client/Transport.js"

/** A client's message, parsed. */
export interface Sent {
  readonly type: string
  readonly id: number
  readonly [field: string]: unknown
}

/** One socket, seen from the server's side. */
export class FakeSocket implements Socket {
  state: "connecting" | "open" | "closing" | "closed" = "connecting"
  readonly sent: Array<Sent> = []
  closedWith: ReadonlyArray<unknown> | undefined
  terminated = false
  /** Makes the next sends throw. */
  broken: Error | undefined
  /** Whether the server takes part in the closing handshake. */
  answersClose = true

  constructor(readonly url: string, readonly options: object | undefined, private readonly listener: Listener) {}

  // The client's side

  isOpen(): boolean {
    return this.state === "open"
  }

  send(text: string): void {
    if (this.broken !== undefined) {
      throw this.broken
    }
    this.sent.push(JSON.parse(text) as Sent)
  }

  close(code?: number, reason?: string): void {
    this.closedWith ??= [code, reason]
    if (this.state === "connecting") {
      this.state = "closing"
      queueMicrotask(() => this.fail(new Error("WebSocket was closed before the connection was established")))
    } else if (this.state === "open") {
      this.state = "closing"
      if (this.answersClose) {
        queueMicrotask(() => this.end(code ?? 1005, reason ?? ""))
      }
    }
  }

  terminate(): void {
    this.terminated = true
    this.state = "closed"
  }

  // The server's side

  open(): void {
    this.state = "open"
    this.listener.opened()
  }

  say(message: object): void {
    this.text(JSON.stringify(message))
  }

  text(text: string): void {
    this.listener.received(text)
  }

  binary(): void {
    this.listener.receivedBinary()
  }

  fail(error: Error): void {
    this.state = "closed"
    this.listener.failed(error)
    this.listener.closed({ code: 1006, reason: "", wasClean: false })
  }

  end(code: number, reason = "", wasClean = code !== 1006): void {
    this.state = "closed"
    this.listener.closed({ code, reason, wasClean })
  }

  /** The last message of a type. */
  last(type: string): Sent {
    const message = this.sent.filter((message) => message.type === type).at(-1)
    if (message === undefined) {
      throw new Error(`no ${type} among ${JSON.stringify(this.sent)}`)
    }
    return message
  }

  /** Answers the last message of a type. */
  answer(type: string, fields: object = {}): void {
    this.say({ type, id: this.last(type).id, ...fields })
  }

  /** Opens and accepts the hello. */
  accept(fields: object = {}): void {
    this.open()
    this.answer("hello", { heartbeat: false, socket: `socket-${FakeSocket.accepted++}`, ...fields })
  }

  private static accepted = 1
}

/** All sockets the clients of one test opened. */
export class FakeServer {
  readonly sockets: Array<FakeSocket> = []
  /** Done to every new socket, at once. */
  onConnection: (socket: FakeSocket) => void = () => {}

  readonly open: Open = (url, options, listener) => {
    const socket = new FakeSocket(url, options, listener)
    this.sockets.push(socket)
    this.onConnection(socket)
    return socket
  }

  /** What is run before a socket is opened. */
  load = Effect.void

  /** Opened when the network comes back. */
  readonly network = Latch.makeUnsafe(false)

  readonly layer = Layer.succeed(Transport, {
    open: this.open,
    online: this.network.await,
    load: Effect.suspend(() => this.load)
  })

  /** The newest socket. */
  get socket(): FakeSocket {
    const socket = this.sockets.at(-1)
    if (socket === undefined) {
      throw new Error("no client has connected")
    }
    return socket
  }

  /** Accepts every connection from now on, a turn after it was asked for. */
  acceptAll(fields: object = {}): void {
    this.onConnection = (socket) => queueMicrotask(() => socket.accept(fields))
  }
}

/** Lets everything happen that waits for nothing but its turn. */
export const turn: Effect.Effect<void> = Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
