/** Turns upgrade requests of an HTTP server into connections (RFC 6455, section 4.2). */
import { constants } from "node:buffer"
import type { IncomingMessage, Server } from "node:http"
import type { Server as SecureServer } from "node:https"
import type { Duplex } from "node:stream"
import { type WebSocket, WebSocketServer } from "ws"
import { isPromiseLike } from "../Awaitable.js"
import type { Connection } from "../connection/Connection.js"
import type { Settings } from "../Settings.js"
import type { Admission } from "./Admission.js"
import { type Intake, NesWebSocket } from "./Intake.js"
import type { Turns } from "./Turns.js"
import * as Upgrades from "./Upgrades.js"

// Each read, and each fragment, takes this much memory beside its bytes; so many of any size may make a message.
const perPiece = 256
const fewPieces = 1024

// A frame becomes a string, which has no more characters than the frame has bytes.
const maxPayload = ({ limits: { maxFrameBytes } }: Settings): number => {
  const bytes = typeof maxFrameBytes === "function" ? maxFrameBytes() : maxFrameBytes
  return Math.min(Math.ceil(bytes), constants.MAX_STRING_LENGTH)
}

const ignore = (): void => {}

// Each message by itself: only so can one be compressed once for all, and a connection needs no memory of its own for
// it. With a client that has no room for the usual window nothing is compressed.
const deflate = { serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: 15 }

export class Acceptor {
  private wss: WebSocketServer
  private maxPayload: number

  constructor(
    private readonly settings: Settings,
    private readonly turns: Turns,
    private readonly intake: Intake,
    private readonly admission: Admission,
    /** Makes the connection of a new socket; `undefined` refuses it. */
    private readonly open: (ws: WebSocket, request: IncomingMessage) => Connection | undefined
  ) {
    this.maxPayload = maxPayload(settings)
    this.wss = this.make()
  }

  /** Takes the upgrades of an HTTP server; returns how to stop. `answered` is that of `Upgrades.Taker`. */
  attach(server: Server | SecureServer, answered = false): () => void {
    return Upgrades.take(server, { path: this.settings.path, answered, upgrade: this.upgrade })
  }

  readonly upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const admitted = this.admission.admit(request)
    // After a restart everybody comes at once.
    const pause = this.turns.pause()
    if (!pause && !isPromiseLike(admitted)) {
      this.answer(request, socket, head, admitted)
      return
    }
    socket.on("error", ignore)
    void Promise.all([admitted, pause]).then(([status]) => {
      this.answer(request, socket, head, status)
      socket.off("error", ignore)
    })
  }

  private answer(request: IncomingMessage, socket: Duplex, head: Buffer, admitted: number | undefined): void {
    const refusal = admitted ?? this.admission.room(request)
    if (refusal !== undefined) {
      Upgrades.refuse(socket, refusal)
      return
    }
    const limit = maxPayload(this.settings)
    if (limit !== this.maxPayload) {
      this.maxPayload = limit
      this.wss = this.make()
    }
    // What one turn answers leaves together: a write among others takes half as long.
    socket.cork()
    this.wss.handleUpgrade(request, socket, head, (ws) => this.accept(ws, request))
    socket.uncork()
  }

  // One that serves no port holds nothing: another can take its place at any time.
  private make(): WebSocketServer {
    const pieces = Math.max(fewPieces, Math.ceil(this.maxPayload / perPiece))
    return new WebSocketServer({
      noServer: true,
      clientTracking: false,
      WebSocket: NesWebSocket,
      maxPayload: this.maxPayload,
      perMessageDeflate: this.settings.compression < Infinity && deflate,
      maxBufferedChunks: pieces,
      maxFragments: pieces,
      autoPong: false,
      ...{ closeTimeout: this.settings.closeTimeout }
    })
  }

  private accept(ws: WebSocket, request: IncomingMessage): void {
    const connection = this.open(ws, request)
    if (connection && ws instanceof NesWebSocket) {
      this.intake.take(ws, connection)
      connection.gather()
    } else {
      ws.on("error", ignore)
      ws.close()
    }
  }
}
