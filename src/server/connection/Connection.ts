/** One client's connection: what is known of it, and the way out to it. */
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { IncomingMessage } from "node:http"
import type { Socket } from "node:net"
import type { WebSocket } from "ws"
import * as CloseCode from "../../protocol/CloseCode.js"
import type { Envelope, Refusal } from "../../protocol/Codec.js"
import * as ConsoleView from "../../protocol/ConsoleView.js"
import type { Id, Position } from "../../protocol/Message.js"
import type { Call, Owner } from "../Awaitable.js"
import type { Authentication, AuthState, UserKey } from "../conversation/Authentication.js"
import { errorAnswer } from "../conversation/ErrorAnswer.js"
import type { Exceeded, Limits } from "../LimitSettings.js"
import type { Fanouts } from "../subscription/Fanouts.js"
import { Subscribed, type Subscription } from "../subscription/Subscription.js"
import { pushed, type Totals } from "../telemetry/Metrics.js"
import { type Flush, Latch, PreparedMessage } from "../transport/Turns.js"
import * as Backlog from "./Backlog.js"

/** Where a connection comes from. */
export interface Info {
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly "x-forwarded-for": string | undefined
}

/** How far a connection's conversation has come. After a refused hello nothing more is processed. */
type Stage = "new" | "greeting" | "ready" | "refused"

/** A subscribe that waits for its `onSubscribe`; `cancelled` by an unsubscribe, a revoke or a close meanwhile. */
export interface PendingSubscribe {
  cancelled: boolean
  revoked: boolean
  outcome: Promise<Position | undefined>
}

export type Arrived = Envelope | Refusal

/** A text, a ping of the WebSocket protocol, or what is known of a text that is long or has been looked at. */
export type Received = string | Buffer | {
  readonly text: string
  readonly arrived: Arrived | undefined
  weight: number
  readonly isLate?: true
  /** Whether its verification is over, however soon the next is due. */
  readonly isVerified?: true
}

/** What a connection has sent that has not had its turn. */
export interface Inbox<M = Received> {
  /** In order; those before `next` have had their turn. */
  messages: Array<M>
  next: number
  length: number
  /** Whether nothing more is read for now. */
  full: boolean
  /** Whether it has its place among those whose turn comes. */
  queued: boolean
  /** Whether the connection has to give others time. */
  resting: boolean
  /** How many have been begun in the turn of this number. */
  begun: number
  turn: number
}

export type Declared = Subscription<Connection>

/** What stands before a connection's messages while it is decided who the client is. */
export interface Gate {
  /** What is to go out behind the answer to the hello, and how much that is (UTF-16 code units). */
  readonly withheld: Array<PreparedMessage>
  withheldLength: number
}

/** What may be done so often in a time, all of it at once: how much of that was left, and when (ms). */
interface Allowance {
  left: number
  at: number
}

/** Takes one of an allowance, if there is one; it fills up steadily, to `most` within a time (ms). */
export const take = (allowance: Allowance, most: number, within: number, now: number): boolean => {
  allowance.left = Math.min(most, allowance.left + Math.max(0, now - allowance.at) * most / within)
  allowance.at = now
  if (allowance.left < 1) {
    return false
  }
  allowance.left--
  return true
}

const rates = {
  messages: { limit: "maxMessagesPerSecond", within: 1_000, reason: "Too many messages" },
  errors: { limit: "maxErrors", within: 60_000, reason: "Too many errors" }
} as const

// What a write takes in memory while it waits, beside its bytes.
const perWrite = 256

const nobody: Readonly<AuthState> = Object.freeze({
  isAuthenticated: false,
  credentials: null,
  artifacts: null,
  strategy: undefined
})

// Most clients ask for the same host: one text does for all.
let lastHost: string | undefined
const sharedHost = (host: string | undefined): string | undefined => host === lastHost ? lastHost : lastHost = host

const text = (header: string | ReadonlyArray<string> | undefined): string | undefined =>
  typeof header === "string" ? header : header?.join(", ")

export interface Opening {
  bytes: number
  greeting: Promise<unknown> | undefined
  early: number
  saidHello: boolean
  /** Whether nothing more is read for now. */
  isStopped: boolean
}

export interface Shared {
  readonly node: string
  readonly leave: (connection: Connection, path: string) => Promise<void>
  readonly flush: Flush
  readonly fanouts: Fanouts<Connection>
  readonly metrics: { readonly totals: Totals }
  readonly settings: { readonly limits: Limits; readonly maxChunkChars: number; readonly compression: number }
  readonly wake: (connection: Connection) => void
  /** What tells writes shortly before a heartbeat from those long before it: its `phase` changes in between. */
  readonly pulse: { readonly phase: number }
  readonly exceed: (limit: keyof Exceeded, connection: Connection) => void
}

/** A connection. Application code sees it through the `Socket` of its door. */
export class Connection {
  readonly info: Info
  readonly raw: Socket
  private identity: AuthState | undefined
  readonly host: string | undefined
  /** The upgrade request's cookies, kept only where they may authenticate. */
  readonly cookies: string | undefined
  stage: Stage = "new"
  /** The paths this connection is subscribed to, in order. */
  readonly subscriptions = new Subscribed<Declared>()
  /** Subscribes that are not answered yet, because of a hook or a first message, by path. */
  pending: Map<string, PendingSubscribe> | undefined
  /** Those of them that were cancelled, and whose hook is still running. */
  cancelled: Set<PendingSubscribe> | undefined
  /** The user it is indexed by, as remembered at its authentication. */
  user: UserKey | undefined
  /** Present until its hello has been accepted. */
  opening: Opening | undefined = {
    bytes: 0,
    greeting: undefined,
    early: 0,
    saidHello: false,
    isStopped: false
  }
  /** Whether the socket has closed; hooks may still run. */
  departed = false
  /** The requests, hooks and verifications that wait for something; see `Owner`. */
  work: Owner["work"]
  private held: Scope.Closeable | undefined
  /** When its credentials are to be verified next, by the monotonic clock (ns). */
  verifyAt: number | undefined
  /** Present while messages wait for a hello, a reauthentication or a verification. */
  gate: Gate | undefined
  /** The extensions that both sides know; present where there are any. */
  extensions: ReadonlySet<string> | undefined
  /** What the client may take back, by the id of its message. */
  calls: Map<Id, Call> | undefined
  /** Calls that have been answered in part. */
  streams = 0
  /** How much memory these may take (bytes). */
  streaming = 0
  /** Messages being answered, and how much memory these may take (bytes). */
  processing = 0
  weight = 0
  /** What it has sent that has not had its turn. */
  inbox: Inbox | undefined
  /** Whether anything arrived, or was written, since the last heartbeat check; a new connection has one round of grace. */
  alive = true
  /** The phase of the pulse in which the client was last sent a message. */
  told = -1
  /** The number of the last fan-out that has reached it; see `Fanouts`. */
  reached = 0
  /** Present while the client is behind; see `Backlog`. */
  lag: Backlog.Lag | undefined
  /** What a door has made of this connection, so that it makes it once. */
  facade: object | undefined
  private latches: { closing?: Latch; ending?: Latch; resting?: Latch } | undefined
  private readonly compresses: boolean
  // Present when it has sent a message or caused an error, and there is a limit.
  private messages: Allowance | undefined
  private errors: Allowance | undefined
  // Whether what is written is being held back; see `Flush`.
  private corked = false
  // For how many reasons nothing is read.
  private stops = 0
  // What has been written since nothing waited.
  private writes = 0
  private written = 0

  constructor(
    /** Its place among the connections that this node has had. */
    readonly number: number,
    readonly ws: WebSocket,
    request: IncomingMessage,
    private readonly shared: Shared,
    keepCookies: boolean
  ) {
    this.raw = request.socket
    this.compresses = ws.extensions !== ""
    this.info = {
      remoteAddress: request.socket.remoteAddress,
      remotePort: request.socket.remotePort,
      "x-forwarded-for": text(request.headers["x-forwarded-for"])
    }
    this.host = sharedHost(request.headers.host)
    this.cookies = keepCookies ? request.headers.cookie : undefined
  }

  /** By which its client, and other nodes, know it. */
  get id(): string {
    return `${this.shared.node}:${this.number}`
  }

  /** Ends its subscription to a path by the server's word; ends when the hook has run. */
  unsubscribe(path: string): Promise<void> {
    return this.shared.leave(this, path)
  }

  get isOpen(): boolean {
    return this.ws.readyState === 1
  }

  get bufferedBytes(): number {
    return this.raw.writableLength
  }

  // What waits for the network, in memory: as many of the last writes as their bytes tell.
  private backlogBytes(): number {
    const { bufferedBytes } = this
    if (bufferedBytes === 0) {
      this.writes = 0
      this.written = 0
      return 0
    }
    return bufferedBytes + perWrite * this.writes * Math.min(1, bufferedBytes / this.written)
  }

  private wrote(bytes: number): void {
    this.shared.metrics.totals.bytesSent += bytes
    this.written += bytes
    this.writes++
  }

  outgoing(text: string): PreparedMessage {
    return new PreparedMessage(text, this.shared.settings.maxChunkChars)
  }

  /** Writes what the client did not ask for, or keeps it until its hello is answered. Returns whether it could. */
  write(message: PreparedMessage): boolean {
    return this.stage === "ready" ? this.answer(message) : this.withhold(message)
  }

  /** Writes an answer. It is a sign of life at once: if it cannot leave, the socket closes. Returns whether it could. */
  answer(message: PreparedMessage): boolean {
    if (!this.isReachable(false)) {
      return false
    }
    this.put(message)
    this.lag?.allow(message.text.length + perWrite)
    return true
  }

  /** Writes what a client that is too slow may not get, or keeps it as `write` does. Returns whether it could. */
  update(message: PreparedMessage): boolean {
    return this.stage === "ready" ? this.isReachable(true) && this.put(message) : this.withhold(message)
  }

  /** Writes an update of a path. Only one that it could not recover may a client miss: closed, it reconnects and does so. */
  push(message: PreparedMessage, mayMiss: boolean): undefined {
    if (mayMiss ? this.update(message) : this.write(message)) {
      const { totals } = this.shared.metrics
      totals.updatesDelivered++
      totals.sentPub++
    }
  }

  /** Ends when it has been sent, or is kept: the hello may be waiting for this call. Rejects if it cannot be. */
  send(type: keyof typeof pushed, text: string): Promise<void> {
    const ready = this.stage === "ready"
    const message = this.outgoing(text)
    if (!(ready ? this.isReachable(false) : this.withhold(message))) {
      return Promise.reject(errorAnswer("notOpen"))
    }
    this.shared.metrics.totals[pushed[type]]++
    return !ready ? Promise.resolve() : new Promise((resolve, reject) => {
      this.put(message, (error) => {
        if (error) {
          this.ws.terminate()
          reject(error)
        } else {
          resolve()
        }
      })
    })
  }

  /** Writes a heartbeat: unlike any other send, it is no sign of life. There is only one to a turn, and nothing to gather. */
  ping(message: PreparedMessage): void {
    if (!this.isOpen) {
      return
    }
    const frame = this.frameOf(message)
    this.shared.metrics.totals.bytesSent += frame.length
    this.raw.write(frame)
  }

  /** Ends when its last hooks have run, but for those that were running: one of them may be what waits here. */
  close(code?: number, reason?: string): Promise<void> {
    if (this.departed) {
      return Promise.resolve()
    }
    this.catchUp()
    this.ws.close(code, reason)
    // The client's answer is to be read.
    this.ws.resume()
    return this.latch("closing").wait
  }

  /** Who it speaks for, to be read: nobody's is shared. */
  get auth(): Readonly<AuthState> {
    return this.identity ?? nobody
  }

  /** The same, for the application to hold. */
  get ownAuth(): AuthState {
    return this.identity ??= { ...nobody }
  }

  identify({ artifacts, credentials, strategy }: Authentication): void {
    Object.assign(this.ownAuth, { isAuthenticated: true, credentials, artifacts, strategy })
  }

  /** To be called when the hello has been accepted or refused. */
  greeted(accepted: boolean): void {
    const { opening } = this
    if (accepted) {
      this.opening = undefined
    }
    if (opening?.isStopped) {
      opening.isStopped = false
      this.readOn()
    }
  }

  /** To be called when the answer to the hello has been written: what was kept for it follows. */
  release(): void {
    for (const message of this.gate?.withheld.splice(0) ?? []) {
      this.write(message)
    }
  }

  /** Counts a message, or an error that it caused; returns whether it was one too many: then the connection closes. */
  tooMany(what: keyof typeof rates): boolean {
    const { settings: { limits } } = this.shared
    const { limit, reason, within } = rates[what]
    const most = limits[limit]
    if (most === Infinity) {
      return false
    }
    const now = performance.now()
    return !take(this[what] ??= { left: most, at: now }, most, within, now) && this.breaks(limit, reason)
  }

  /** Closes it for a limit that it has crossed. */
  breaks(limit: keyof Exceeded, reason: string): true {
    if (this.isOpen) {
      this.shared.exceed(limit, this)
      this.abandon(CloseCode.policyViolation, reason)
    }
    return true
  }

  /** Closes with this code, and throws away what still comes, however fast: for those who broke a rule. */
  abandon(code: number, reason?: string): void {
    if (!this.departed) {
      this.raw.removeAllListeners("data")
      this.ws.close(code, reason)
      this.raw.end()
      this.raw.resume()
    }
  }

  /** Hears nothing more, and closes when the answer to the present message has been written. */
  refuse(): void {
    this.stage = "refused"
    setImmediate(() => void this.close())
  }

  /** Writes what has been published to it and is still on its way. */
  catchUp(): void {
    if (this.reached !== this.shared.fanouts.latest) {
      this.shared.fanouts.catchUp(this)
    }
  }

  /** Holds back what is written until `letGo`, unless it will be one message: what is held back costs a little more. */
  hold(isOne: boolean): void {
    if (!this.corked) {
      this.corked = true
      if (!isOne) {
        this.raw.cork()
      }
    }
  }

  letGo(): void {
    if (this.corked) {
      this.catchUp()
      this.corked = false
      this.raw.uncork()
    }
  }

  giveUp(limit: "maxBufferedBytes" | "stallTimeout"): void {
    this.shared.exceed(limit, this)
    void this.close(CloseCode.tryAgainLater, "Client reads too slowly")
  }

  stopReading(): void {
    if (this.stops++ === 0 && this.isOpen) {
      this.ws.pause()
    }
  }

  /** Reads again, unless there is another reason not to. */
  readOn(): void {
    if (--this.stops === 0) {
      this.ws.resume()
    }
  }

  /** To be called when nothing but hooks that were running already is left to wait for. */
  closed(): void {
    this.latches?.closing?.open()
  }

  /** Ends when the connection is gone and its last hooks have run. */
  get gone(): Promise<void> {
    return this.latch("ending").wait
  }

  ended(): void {
    this.latches?.closing?.open()
    this.latch("ending").open()
  }

  /** Whether no message is being answered, or waits for its turn. */
  get isIdle(): boolean {
    return this.processing === 0 && this.inbox === undefined
  }

  get idle(): Promise<void> {
    return this.isIdle ? Promise.resolve() : this.latch("resting").wait
  }

  began(weight: number): void {
    this.processing++
    this.weight += weight
  }

  answered(weight: number): void {
    this.processing--
    this.weight -= weight
    this.rest()
  }

  /** To be called when it may have become idle. */
  rest(): void {
    if (this.latches?.resting && this.isIdle) {
      this.latches.resting.open()
      delete this.latches.resting
    }
  }

  private latch(name: "closing" | "ending" | "resting"): Latch {
    const latches = this.latches ??= {}
    return latches[name] ??= new Latch()
  }

  /** What its hooks acquire in this scope is released after the last of them. */
  get scope(): Scope.Scope {
    return this.held ??= Scope.makeUnsafe()
  }

  /** Releases what its hooks have acquired, if anything. */
  get dispose(): Effect.Effect<void> | undefined {
    return this.held && Scope.close(this.held, Exit.void)
  }

  pong(data: Buffer): void {
    if (this.isReachable(false)) {
      this.gather()
      this.wrote(data.length)
      this.ws.pong(data)
    }
  }

  private withhold(message: PreparedMessage): boolean {
    const { gate } = this
    if (this.stage !== "greeting" || !gate || !this.isOpen) {
      return false
    }
    gate.withheldLength += message.text.length
    if (gate.withheldLength > 2 * this.shared.settings.limits.maxBufferedBytes) {
      this.giveUp("maxBufferedBytes")
      return false
    }
    gate.withheld.push(message)
    return true
  }

  private isReachable(isUpdate: boolean): boolean {
    return this.isOpen &&
      (this.backlogBytes() <= this.shared.settings.limits.maxBufferedBytes && this.lag === undefined ||
        this.isPatient(isUpdate))
  }

  // Whether a client that seems to be behind is to be written to.
  private isPatient(isUpdate: boolean): boolean {
    const { settings: { limits }, wake } = this.shared
    // What can leave leaves: the network may have room for it.
    this.letGo()
    const bytes = this.backlogBytes()
    if (bytes <= limits.maxBufferedBytes) {
      this.lag?.end()
      return true
    }
    this.lag ??= Backlog.begin(this, bytes, limits, wake)
    if (isUpdate && limits.slowClient === "drop") {
      this.shared.exceed("maxBufferedBytes", this)
      this.shared.metrics.totals.updatesDropped++
      return false
    }
    if (bytes > this.lag.most) {
      this.giveUp("maxBufferedBytes")
      return false
    }
    return true
  }

  private put(message: PreparedMessage, sent?: (error?: Error | null) => void): true {
    this.alive = true
    this.told = this.shared.pulse.phase
    this.catchUp()
    const frame = this.frameOf(message)
    this.gather()
    this.wrote(frame.length)
    this.raw.write(frame, sent)
    return true
  }

  private frameOf(message: PreparedMessage): Buffer {
    return this.compresses ? message.compressedFrame(this.shared.settings.compression) : message.frame
  }

  /** Holds back what is written until the end of the turn: it leaves together. */
  gather(): void {
    if (!this.corked) {
      this.hold(false)
      this.shared.flush.add(this)
    }
  }
}

export const pushing = (message: PreparedMessage, mayMiss: boolean) => (connection: Connection): undefined =>
  connection.push(message, mayMiss)

ConsoleView.as(
  Connection.prototype,
  "Connection",
  ({ id, info, stage, subscriptions }) => ({ id, stage, info, subscriptions: subscriptions.size })
)
