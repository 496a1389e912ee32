/**
 * A WebSocket server that does nothing by itself: a session's script says how each connection attempt is met, what is
 * sent and when it closes. All that arrives is written down, connection by connection.
 */
import { createServer, type IncomingMessage, type Server } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { type WebSocket, WebSocketServer } from "ws"
import type { Patience } from "./Patience.js"
import { Queue } from "./Queue.js"
import { show } from "./Render.js"

/** A message a client sent. */
export interface Frame {
  readonly type: string
  readonly id: number
  readonly [key: string]: unknown
}

/** What becomes of the next connection attempt: an HTTP refusal, a dead socket, or no answer at all. */
export type Reception = "accept" | "hold" | "reset" | 401 | 503

/** Thrown when the script waits for something that a peer never does; it ends the session. */
export class NeverCame extends Error {}

/** One accepted connection, as the script holds it. */
export class Connection {
  private readonly frames: Queue<Frame>
  readonly closed: Promise<void>

  constructor(
    private readonly ws: WebSocket,
    readonly request: IncomingMessage,
    private readonly write: (line: string) => void,
    patience: Patience
  ) {
    this.frames = new Queue(patience)
    ws.on("message", (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as Frame
      write(`received ${show(frame)}`)
      this.frames.push(frame)
    })
    ws.on("error", () => {})
    this.closed = new Promise((resolve) => {
      ws.on("close", (code, reason) => {
        write(`closed ${code} ${show(reason.toString())}`)
        resolve()
      })
    })
  }

  /** Whether the client has sent a frame that was not taken yet. */
  get hasFrame(): boolean {
    return this.frames.length > 0
  }

  /** The next frame the client sends. */
  async next(): Promise<Frame> {
    const frame = await this.frames.take()
    if (frame === undefined) {
      this.write("no further frame came")
      throw new NeverCame()
    }
    return frame
  }

  /** Sends a message, or, when given a text or bytes, those as they are. */
  send(message: object | string): void {
    this.ws.send(typeof message === "string" || Buffer.isBuffer(message) ? message : JSON.stringify(message))
  }

  /** Sends an answer to a frame: of its type and id unless the fields say otherwise. */
  answer(frame: Frame, fields: object = {}): void {
    this.send({ type: frame.type, id: frame.id, ...fields })
  }

  /** Takes the next frame and answers it. */
  async reply(fields: object = {}): Promise<Frame> {
    const frame = await this.next()
    this.answer(frame, fields)
    return frame
  }

  /** Takes the hello and welcomes the client. */
  async welcome(fields: object = {}): Promise<Frame> {
    return await this.reply({ socket: "s1", heartbeat: false, ...fields })
  }

  /** Refuses the next frame with an error of the protocol. */
  async refuse(statusCode: number, message: string, fields: object = {}): Promise<Frame> {
    return await this.reply({ statusCode, payload: { error: "Refused", message }, ...fields })
  }

  /** Lets what is sent next leave in one piece, so that it arrives in one. */
  together(send: () => void): void {
    this.request.socket.cork()
    send()
    this.request.socket.uncork()
  }

  /** Stops reading what the client sends, its close frame included. */
  holdBack(): void {
    this.request.socket.pause()
  }

  /** Reads on. */
  readOn(): void {
    this.request.socket.resume()
  }

  /** Closes with a close frame; without a code it carries none. */
  close(code?: number, reason?: string): void {
    this.ws.close(code, reason)
  }

  /** Ends the connection without a close frame. */
  terminate(): void {
    this.ws.terminate()
  }

  /** Writes a close frame with a code that a well-behaved peer may not send. */
  closeUnlawfully(code: number): void {
    const body = Buffer.alloc(2)
    body.writeUInt16BE(code)
    this.request.socket.write(Buffer.concat([Buffer.from([0x88, 2]), body]))
  }
}

export class ScriptedServer {
  /** What each connection attempt brought, one list of lines an attempt. */
  readonly attempts: Array<Array<string>> = []
  private frozen = false
  private readonly connections: Queue<Connection>
  private readonly arrivals: Queue<number>
  private readonly receptions: Array<Reception> = []
  private readonly sockets = new Set<Socket>()
  private readonly open = new Set<Connection>()
  private readonly webSocketServer = new WebSocketServer({ noServer: true })

  private constructor(private readonly http: Server, private readonly patience: Patience) {
    this.connections = new Queue(patience)
    this.arrivals = new Queue(patience)
    http.on("connection", (socket) => {
      this.sockets.add(socket)
      socket.on("error", () => {})
      socket.on("close", () => this.sockets.delete(socket))
    })
    http.on("upgrade", (request, socket: Socket, head) => this.receive(request, socket, head))
  }

  static async start(patience: Patience): Promise<ScriptedServer> {
    const http = createServer()
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve))
    return new ScriptedServer(http, patience)
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.http.address() as AddressInfo).port}`
  }

  /** Says how the next attempts are met, one each; after them, attempts are accepted. */
  meet(...receptions: ReadonlyArray<Reception>): void {
    this.receptions.push(...receptions)
  }

  /** The next accepted connection. */
  async connection(): Promise<Connection> {
    const connection = await this.connections.take()
    if (connection === undefined) {
      this.note(["no further connection came"])
      throw new NeverCame()
    }
    return connection
  }

  /** Waits for the next connection attempt, accepted or not; gives the time it came, in milliseconds. */
  async arrival(): Promise<number> {
    const time = await this.arrivals.take()
    if (time === undefined) {
      this.note(["no further attempt came"])
      throw new NeverCame()
    }
    return time
  }

  /** Writes nothing more down, and not how connections ended: the client's process would be gone by then. */
  abandon(): void {
    this.frozen = true
    for (const lines of this.attempts) {
      lines.splice(0, lines.length, ...lines.filter((line) => !line.startsWith("closed ")))
    }
  }

  /** Waits until every connection is closed; ends those that still are not by force, and says so. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => {
      for (const connection of this.open) {
        connection.terminate()
      }
    }, 100)
    await Promise.all(Array.from(this.open, (connection) => connection.closed))
    clearTimeout(timer)
    for (const socket of this.sockets) {
      socket.destroy()
    }
    await new Promise((resolve) => this.http.close(resolve))
  }

  private note(lines: Array<string>): void {
    if (!this.frozen) {
      this.attempts.push(lines)
    }
  }

  private receive(request: IncomingMessage, socket: Socket, head: Buffer): void {
    this.arrivals.push(performance.now())
    const reception = this.receptions.shift() ?? "accept"
    const lines = [reception === "accept" ? "accepted" : `met with ${reception}`]
    this.note(lines)
    if (reception === "accept") {
      this.webSocketServer.handleUpgrade(request, socket, head, (ws) => {
        const write = (line: string) => {
          if (!this.frozen) {
            lines.push(line)
          }
        }
        const connection = new Connection(ws, request, write, this.patience)
        this.open.add(connection)
        void connection.closed.then(() => this.open.delete(connection))
        this.connections.push(connection)
      })
    } else if (reception === "reset") {
      socket.destroy()
    } else if (reception !== "hold") {
      socket.end(`HTTP/1.1 ${reception} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    }
  }
}
