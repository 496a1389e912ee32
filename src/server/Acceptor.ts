/**
 * Turns upgrade requests of an HTTP server into connections (RFC 6455, section 4.2).
 *
 * @since 0.1.0
 */
import type { IncomingMessage, Server } from "node:http"
import type { Server as SecureServer } from "node:https"
import type { Duplex } from "node:stream"
import { type RawData, WebSocket, WebSocketServer } from "ws"
import type { Connection } from "./Connection.js"
import type { Settings } from "./Settings.js"

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
  readonly closed: (connection: Connection) => void
}

/**
 * Accepts WebSockets.
 *
 * @since 0.1.0
 * @category models
 */
export class Acceptor {
  private readonly wss: WebSocketServer

  constructor(settings: Settings, private readonly handlers: Handlers) {
    const { closeTimeout, origin } = settings
    this.wss = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      WebSocket: NesWebSocket,
      ...{ closeTimeout },
      ...(origin && { verifyClient: (info: { readonly origin: string }) => origin.includes(info.origin) })
    })
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
    this.wss.handleUpgrade(request, socket, head, (ws) => this.accept(ws, request))
  }

  private accept(ws: WebSocket, request: IncomingMessage): void {
    ws.on("error", onError)
    const connection = this.handlers.open(ws, request)
    if (!connection || !(ws instanceof NesWebSocket)) {
      ws.close()
      return
    }
    ws.connection = connection
    ws.on("message", this.onMessage)
    ws.on("close", this.onClose)
  }

  private readonly onMessage = listener((connection, data: RawData) => {
    this.handlers.receive(connection, decode(data))
  })

  private readonly onClose = listener((connection) => {
    this.handlers.closed(connection)
  })
}

// ws ends the connection by itself after an error, and says so with `close`.
function onError(): void {}

function listener<Args extends ReadonlyArray<unknown>>(run: (connection: Connection, ...args: Args) => void) {
  return function(this: WebSocket, ...args: Args): void {
    if (this instanceof NesWebSocket && this.connection) {
      run(this.connection, ...args)
    }
  }
}
