/** Turns upgrade requests of an HTTP server into connections (RFC 6455, section 4.2). */
import { constants } from "node:buffer"
import type { IncomingMessage, Server } from "node:http"
import type { Server as SecureServer } from "node:https"
import type { Duplex } from "node:stream"
import { type RawData, WebSocket, WebSocketServer } from "ws"
import { isPromiseLike } from "../Awaitable.js"
import type { Connection } from "../connection/Connection.js"
import type { Settings } from "../Settings.js"
import type { Intake } from "./Intake.js"
import * as Upgrades from "./Upgrades.js"

// ws makes the sockets; this is where each remembers its connection, so that all share the same listeners.
class NesWebSocket extends WebSocket {
  connection: Connection | undefined
}

const decode = (data: RawData): string =>
  Array.isArray(data)
    ? Buffer.concat(data).toString()
    : Buffer.isBuffer(data)
    ? data.toString()
    : Buffer.from(data).toString()

const lengthOf = (data: RawData): number =>
  Array.isArray(data) ? data.reduce((sum, { length }) => sum + length, 0) : data.byteLength

// What ws says of a frame that is too long: for the limit, or for JavaScript's numbers. Both close with 1009.
const tooLong = new Set<unknown>(["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH"])

// A frame becomes a string, which has no more characters than the frame has bytes.
const maxPayload = ({ limits: { maxFrameBytes } }: Settings): number => {
  const bytes = typeof maxFrameBytes === "function" ? maxFrameBytes() : maxFrameBytes
  return Math.min(Math.ceil(bytes), constants.MAX_STRING_LENGTH)
}

const ignore = (): void => {}

/** What becomes of an accepted socket. */
export interface Handlers {
  /** Whether an upgrade goes on: `undefined`, or the HTTP status that refuses it. Does not fail. */
  readonly admit: (request: IncomingMessage) => number | undefined | Promise<number | undefined>
  /** The same, asked as the last thing before `open`. */
  readonly room: (request: IncomingMessage) => number | undefined
  /** Makes the connection of a new socket; `undefined` refuses it. */
  readonly open: (ws: WebSocket, request: IncomingMessage) => Connection | undefined
  readonly receive: (connection: Connection, text: string) => void
  /** A ping of the WebSocket protocol, to be answered with a pong. */
  readonly ping: (connection: Connection, data: Buffer) => void
  /** A pong of the WebSocket protocol. */
  readonly pong: (connection: Connection) => void
  /** With the code and reason of the close frame that came; 1005 for one without a code, 1006 for none. */
  readonly closed: (connection: Connection, code: number, reason: string) => void
  /** A frame was longer than this limit; the connection closes next, with 1009. */
  readonly tooLong: (connection: Connection, limit: "maxFrameBytes" | "maxHelloBytes") => void
  /** Something threw that should not have; the connection closes next, with 1011. */
  readonly failed: (connection: Connection, error: unknown) => void
}

/** Accepts WebSockets. */
export class Acceptor {
  private wss: WebSocketServer
  private maxPayload: number

  constructor(
    private readonly settings: Settings,
    private readonly intake: Intake,
    private readonly handlers: Handlers
  ) {
    this.maxPayload = maxPayload(settings)
    this.wss = this.make()
  }

  /** Takes the upgrades of an HTTP server; returns how to stop. `answered` is that of `Upgrades.Taker`. */
  attach(server: Server | SecureServer, answered = false): () => void {
    return Upgrades.take(server, {
      path: this.settings.path,
      answered,
      upgrade: (request, socket, head) => this.upgrade(request, socket, head)
    })
  }

  /** Answers one upgrade request. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const admitted = this.handlers.admit(request)
    if (!isPromiseLike(admitted)) {
      this.answer(request, socket, head, admitted)
      return
    }
    socket.on("error", ignore)
    void admitted.then((status) => {
      this.answer(request, socket, head, status)
      socket.off("error", ignore)
    })
  }

  private answer(request: IncomingMessage, socket: Duplex, head: Buffer, admitted: number | undefined): void {
    const refusal = admitted ?? this.handlers.room(request)
    if (refusal !== undefined) {
      Upgrades.refuse(socket, refusal)
      return
    }
    const limit = maxPayload(this.settings)
    if (limit !== this.maxPayload) {
      this.maxPayload = limit
      this.wss = this.make()
    }
    this.wss.handleUpgrade(request, socket, head, (ws) => this.accept(ws, request))
  }

  // One that serves no port holds nothing: another can take its place at any time.
  private make(): WebSocketServer {
    return new WebSocketServer({
      noServer: true,
      clientTracking: false,
      WebSocket: NesWebSocket,
      maxPayload: this.maxPayload,
      autoPong: false,
      ...{ closeTimeout: this.settings.closeTimeout }
    })
  }

  private accept(ws: WebSocket, request: IncomingMessage): void {
    ws.on("error", this.onError)
    const connection = this.handlers.open(ws, request)
    if (!connection || !(ws instanceof NesWebSocket)) {
      ws.close()
      return
    }
    ws.connection = connection
    ws.on("message", this.onMessage)
    ws.on("ping", this.onPing)
    ws.on("pong", this.onPong)
    ws.on("close", this.onClose)
    this.guard(connection)
    this.intake.watch(connection)
  }

  // Until its hello has succeeded, a connection has sent no more than a hello may be long. What it sends while the hello
  // is looked at is read when the hello has succeeded.
  private guard(connection: Connection): void {
    const { raw } = connection
    let bytes = 0
    let stopped = false
    const count = (chunk: Buffer): void => {
      bytes += chunk.length
      if (bytes > this.settings.limits.maxHelloBytes) {
        if (connection.saidHello && connection.stage !== "refused") {
          if (!stopped) {
            stopped = true
            connection.stopReading()
          }
        } else {
          this.tooMuch(connection)
        }
      }
    }
    raw.on("data", count)
    connection.onGreeted = (accepted) => {
      if (accepted) {
        raw.off("data", count)
      }
      if (stopped) {
        stopped = false
        connection.readOn()
      }
    }
  }

  private tooMuch(connection: Connection): void {
    if (connection.isOpen) {
      this.handlers.tooLong(connection, "maxHelloBytes")
      connection.abandon(1009)
    }
  }

  // ws ends the connection by itself after an error, and says so with `close`.
  private readonly onError = this.listener((connection, error: Error) => {
    if ("code" in error && tooLong.has(error.code)) {
      this.handlers.tooLong(connection, "maxFrameBytes")
    }
  })

  private readonly onMessage = this.listener((connection, data: RawData) => {
    if (!connection.saidHello && lengthOf(data) > this.settings.limits.maxHelloBytes) {
      this.tooMuch(connection)
    } else {
      this.handlers.receive(connection, decode(data))
    }
  })

  private readonly onPing = this.listener((connection, data: Buffer) => this.handlers.ping(connection, data))

  private readonly onPong = this.listener((connection) => this.handlers.pong(connection))

  private readonly onClose = this.listener((connection, code: number, reason: Buffer) => {
    this.handlers.closed(connection, code, reason.toString())
  })

  // What a listener of ws throws would end the process.
  private listener<Args extends ReadonlyArray<unknown>>(run: (connection: Connection, ...args: Args) => void) {
    const failed = (connection: Connection, error: unknown): void => {
      this.handlers.failed(connection, error)
      connection.abandon(1011)
    }
    return function(this: WebSocket, ...args: Args): void {
      if (this instanceof NesWebSocket && this.connection) {
        try {
          run(this.connection, ...args)
        } catch (error) {
          failed(this.connection, error)
        }
      }
    }
  }
}
