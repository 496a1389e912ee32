/**
 * Turns upgrade requests of an HTTP server into connections (RFC 6455, section 4.2).
 *
 * @since 0.1.0
 */
import type { IncomingMessage, Server } from "node:http"
import type { Server as SecureServer } from "node:https"
import type { Duplex } from "node:stream"
import { type RawData, WebSocket, WebSocketServer } from "ws"
import type { Connection } from "../connection/Connection.js"
import type { Settings } from "../Settings.js"

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

// What ws says of a frame that is too long: for the limit, or for JavaScript's numbers. Both close with 1009.
const tooLong = new Set<unknown>(["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH"])

// ws keeps its limit as a 32-bit integer, in which 0 is none.
const maxPayload = ({ limits: { maxFrameBytes } }: Settings): number => {
  const bytes = typeof maxFrameBytes === "function" ? maxFrameBytes() : maxFrameBytes
  return bytes === Infinity ? 0 : Math.min(Math.ceil(bytes), 0x7fffffff)
}

/**
 * What becomes of an accepted socket.
 *
 * @since 0.1.0
 * @category models
 */
export interface Handlers {
  /** Makes the connection of a new socket; `undefined` refuses it. */
  readonly open: (ws: WebSocket, request: IncomingMessage) => Connection | undefined
  readonly receive: (connection: Connection, text: string) => void
  /** With the code and reason of the close frame that came; 1005 for one without a code, 1006 for none. */
  readonly closed: (connection: Connection, code: number, reason: string) => void
  /** A frame was longer than is allowed; the connection closes next, with 1009. */
  readonly tooLong: (connection: Connection) => void
}

/**
 * Accepts WebSockets.
 *
 * @since 0.1.0
 * @category models
 */
export class Acceptor {
  private wss: WebSocketServer
  private maxPayload: number

  constructor(private readonly settings: Settings, private readonly handlers: Handlers) {
    this.maxPayload = maxPayload(settings)
    this.wss = this.make()
  }

  /** Listens for upgrades; returns how to stop. */
  attach(server: Server | SecureServer): () => void {
    const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void =>
      this.upgrade(request, socket, head)
    server.on("upgrade", upgrade)
    return () => server.off("upgrade", upgrade)
  }

  /** Answers one upgrade request. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const limit = maxPayload(this.settings)
    if (limit !== this.maxPayload) {
      this.maxPayload = limit
      this.wss = this.make()
    }
    this.wss.handleUpgrade(request, socket, head, (ws) => this.accept(ws, request))
  }

  // One that serves no port holds nothing: another can take its place at any time.
  private make(): WebSocketServer {
    const { closeTimeout, origin } = this.settings
    return new WebSocketServer({
      noServer: true,
      clientTracking: false,
      WebSocket: NesWebSocket,
      maxPayload: this.maxPayload,
      ...{ closeTimeout },
      ...(origin && { verifyClient: (info: { readonly origin: string }) => origin.includes(info.origin) })
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
    ws.on("close", this.onClose)
  }

  // ws ends the connection by itself after an error, and says so with `close`.
  private readonly onError = listener((connection, error: Error) => {
    if ("code" in error && tooLong.has(error.code)) {
      this.handlers.tooLong(connection)
    }
  })

  private readonly onMessage = listener((connection, data: RawData) => {
    this.handlers.receive(connection, decode(data))
  })

  private readonly onClose = listener((connection, code: number, reason: Buffer) => {
    this.handlers.closed(connection, code, reason.toString())
  })
}

function listener<Args extends ReadonlyArray<unknown>>(run: (connection: Connection, ...args: Args) => void) {
  return function(this: WebSocket, ...args: Args): void {
    if (this instanceof NesWebSocket && this.connection) {
      run(this.connection, ...args)
    }
  }
}
