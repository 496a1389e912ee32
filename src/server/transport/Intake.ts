/** The way in: what comes on sockets, read from nobody so fast that others do not get their turn. */
import type { Socket } from "node:net"
import { type RawData, WebSocket } from "ws"
import * as CloseCode from "../../protocol/CloseCode.js"
import type { Connection, Opening } from "../connection/Connection.js"
import type { Turns } from "./Turns.js"

/** ws makes the sockets; each tells its intake what comes for its connection, and needs no listeners of its own. */
export class NesWebSocket extends WebSocket {
  connection: Connection | undefined
  intake: Intake | undefined

  override emit(event: string | symbol, first?: unknown, second?: unknown): boolean {
    if (this.intake && this.connection) {
      this.intake.hear(this.connection, event, first, second)
      // An error that nobody listens to would be thrown.
      return event === "error" || super.emit(event, first, second)
    }
    return super.emit(event, first, second)
  }
}

const reader = Symbol("effect-nes/reader")
const isTimed = Symbol("effect-nes/isTimed")

type Read = Socket & { [reader]?: Connection; [isTimed]?: true }

// As much as one read can bring: there is probably more.
const full = 65_536

// What takes no longer (ms) is no reason to wait for more than a turn.
const short = 1

const decode = (data: RawData): string =>
  Array.isArray(data)
    ? Buffer.concat(data).toString()
    : Buffer.isBuffer(data)
    ? data.toString()
    : Buffer.from(data).toString()

const lengthOf = (data: RawData): number =>
  Array.isArray(data) ? data.reduce((sum, { length }) => sum + length, 0) : data.byteLength

// What ws says of a frame that is too long, for the limit or for JavaScript's numbers (both close with 1009), or that is
// in too many pieces (1008).
const tooLong = new Set<unknown>([
  "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
  "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH",
  "WS_ERR_TOO_MANY_BUFFERED_PARTS"
])

// As what a smaller read counts before the hello.
const leastRead = 64

/** Who is told of what comes. */
interface Receiver {
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

/**
 * Takes what comes on sockets. After each full read a socket lets everything else have a turn, and if it took long to
 * take apart, twice that time. All sockets share these listeners.
 */
export class Intake {
  private began = 0

  constructor(
    private readonly turns: Turns,
    private readonly maxHelloBytes: number,
    private readonly receiver: Receiver
  ) {}

  /** Begins with a socket. */
  take(ws: NesWebSocket, connection: Connection): void {
    ws.connection = connection
    ws.intake = this
    const raw: Read = connection.raw
    raw[reader] = connection
    raw.on("data", this.onData)
  }

  // Until its hello has succeeded, a connection has sent no more than a hello may be long. What it sends while the
  // hello is looked at is read when the hello has succeeded.
  private guard(connection: Connection, opening: Opening, length: number): void {
    opening.bytes += Math.max(length, leastRead)
    if (opening.bytes > this.maxHelloBytes) {
      if (!opening.saidHello || connection.stage === "refused") {
        this.tooMuch(connection)
      } else if (!opening.isStopped) {
        opening.isStopped = true
        connection.stopReading()
      }
    }
  }

  private tooMuch(connection: Connection): void {
    if (connection.isOpen) {
      this.receiver.tooLong(connection, "maxHelloBytes")
      connection.abandon(CloseCode.messageTooBig)
    }
  }

  /** Takes an event of ws. */
  hear(connection: Connection, event: string | symbol, first: unknown, second: unknown): void {
    const { receiver } = this
    try {
      switch (event) {
        case "message":
          return this.message(connection, first as RawData)
        case "ping":
          return receiver.ping(connection, first as Buffer)
        case "pong":
          return receiver.pong(connection)
        case "close":
          return receiver.closed(connection, first as number, String(second))
        // ws ends the connection by itself after an error, and says so with `close`.
        case "error":
          return first instanceof Error && "code" in first && tooLong.has(first.code)
            ? receiver.tooLong(connection, "maxFrameBytes")
            : undefined
      }
    } catch (error) {
      // What is thrown to ws would end the process.
      receiver.failed(connection, error)
      connection.abandon(CloseCode.internalError)
    }
  }

  private message(connection: Connection, data: RawData): void {
    if (connection.opening?.saidHello === false && lengthOf(data) > this.maxHelloBytes) {
      this.tooMuch(connection)
    } else {
      this.receiver.receive(connection, decode(data))
    }
  }

  private readonly before = (): void => {
    this.began = performance.now()
  }

  // After whoever takes it apart.
  private readonly onData = this.dataListener((raw, connection, { length }) => {
    if (connection.opening) {
      this.guard(connection, connection.opening, length)
    }
    if (length >= full) {
      this.rest(raw, connection)
    }
  })

  private rest(raw: Read, connection: Connection): void {
    const took = raw[isTimed] ? performance.now() - this.began : 0
    if (!raw[isTimed]) {
      raw[isTimed] = true
      raw.prependListener("data", this.before)
    }
    connection.stopReading()
    if (took > short) {
      setTimeout(() => connection.readOn(), 2 * took).unref()
    } else {
      void this.turns.next().then(() => connection.readOn())
    }
  }

  private dataListener(run: (raw: Read, connection: Connection, chunk: Buffer) => void) {
    return function(this: Read, chunk: Buffer): void {
      const connection = this[reader]
      if (connection) {
        run(this, connection, chunk)
      }
    }
  }
}
