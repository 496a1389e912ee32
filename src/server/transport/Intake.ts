/** The way in: nobody has so much read, or begun, at once that others do not get their turn. */
import type { Socket } from "node:net"
import { WebSocket } from "ws"
import * as CloseCode from "../../protocol/CloseCode.js"
import type { Connection, Inbox, Opening, Received } from "../connection/Connection.js"
import type { Task, Turns } from "./Turns.js"

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

type Read = Socket & { [reader]?: Connection }

// As much as one read can bring: there is probably more.
const full = 65_536

// What takes no longer (ms) is no reason to wait for more than a turn.
const short = 1

// What ws says of a frame that is too long, for the limit or for JavaScript's numbers (both close with 1009), or that is
// in too many pieces (1008).
const tooLong = new Set<unknown>([
  "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
  "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH",
  "WS_ERR_TOO_MANY_BUFFERED_PARTS"
])

// As what a smaller read counts before the hello.
const leastRead = 64

interface Receiver {
  /** A text, or the data of a ping of the WebSocket protocol; returns what is to have its turn of it, if anything. */
  readonly receive: (connection: Connection, sent: string | Buffer) => Received | undefined
  readonly pong: (connection: Connection) => void
  /** With the code and reason of the close frame that came; 1005 for one without a code, 1006 for none. */
  readonly closed: (connection: Connection, code: number, reason: string) => void
  /** A frame was longer than this limit; the connection closes next, with 1009. */
  readonly tooLong: (connection: Connection, limit: "maxFrameBytes" | "maxHelloBytes") => void
  readonly failed: (connection: Connection, error: unknown) => void
}

/** After each full read a socket lets everything else have a turn, and twice the time that it took if it was long. */
export class Intake {
  // With which ws takes apart what was read.
  private parse: ((this: Socket, chunk: Buffer) => void) | undefined

  constructor(
    private readonly turns: Turns,
    private readonly maxHelloBytes: number,
    private readonly receiver: Receiver,
    private readonly messages: TurnLimiter<Received, Connection>
  ) {}

  take(ws: NesWebSocket, connection: Connection): void {
    ws.connection = connection
    ws.intake = this
    const raw: Read = connection.raw
    raw[reader] = connection
    // One listener takes less than two, at each read too. ws removes its own, as which this counts by its `listener`.
    const parse = this.parse ?? raw.listeners("data").find(({ name }) => name === "socketOnData")
    if (parse) {
      raw.off("data", parse as typeof this.onData)
      this.parse = this.onData.listener = parse as typeof this.onData
    }
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

  hear(connection: Connection, event: string | symbol, first: unknown, second: unknown): void {
    const { receiver } = this
    try {
      switch (event) {
        case "message":
          return this.message(connection, first as Buffer)
        case "ping":
          return this.receive(connection, first as Buffer)
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
    }
  }

  private message(connection: Connection, data: Buffer): void {
    if (connection.opening?.saidHello === false && data.length > this.maxHelloBytes) {
      this.tooMuch(connection)
    } else {
      this.receive(connection, data.toString())
    }
  }

  private receive(connection: Connection, sent: string | Buffer): void {
    const received = this.receiver.receive(connection, sent)
    if (received !== undefined) {
      this.messages.receive(connection, received)
    }
  }

  private readonly onData = this.dataListener((raw, connection, chunk) => {
    const isFull = chunk.length >= full
    const began = isFull ? performance.now() : 0
    this.parse?.call(raw, chunk)
    if (connection.opening) {
      this.guard(connection, connection.opening, chunk.length)
    }
    if (isFull) {
      this.rest(connection, performance.now() - began)
    }
  })

  private rest(connection: Connection, took: number): void {
    connection.stopReading()
    if (took > short) {
      setTimeout(() => connection.readOn(), 2 * took).unref()
    } else {
      void this.turns.next().then(() => connection.readOn())
    }
  }

  private dataListener(run: (raw: Socket, connection: Connection, chunk: Buffer) => void) {
    const listener: { (this: Read, chunk: Buffer): void; listener?: unknown } = function(chunk) {
      const connection = this[reader]
      if (connection) {
        run(this, connection, chunk)
      }
    }
    return listener
  }
}

export interface Sender<M> {
  inbox: Inbox<M> | undefined
  readonly stopReading: () => void
  readonly readOn: () => void
  readonly rest: () => void
}

// What may wait before nothing more is read: messages, and characters.
const maxMessages = 32
const maxLength = 65_536

// What has had its turn is forgotten in strides, even if something always waits; what is long at once.
const stride = 32

// How long the messages of one turn may take to begin (ms), and how many of them may begin as soon as they arrive.
const perTurn = 0.3
const atOncePerTurn = 16

// Messages of one connection that a turn begins.
const perSender = 8

// Whoever takes longer than this in one go (ms) gives others twice as long.
const long = 2

// But no longer than this (ms): it may have been the machine that took the time.
const mostRest = 100

export interface Rules<M, S> {
  readonly begin: (sender: S, message: M) => void
  /** Whether a message may be begun now; if not, `wake` is to be called when it may. */
  readonly mayBegin: (sender: S, message: M) => boolean
  /** In characters. */
  readonly lengthOf: (message: M) => number
  /** Whether more waits than may, for messages of the same connection that are being answered. */
  readonly isCrowded: (sender: S, waiting: number, length: number) => boolean
  /** Whether messages wait for such. */
  readonly isWaiting: (sender: S, message: M) => boolean
  readonly refuse: (sender: S, message: M) => void
  readonly failed: (sender: S, error: unknown) => void
}

/** What each connection has sent waits in an inbox of its own, and a few messages of each are begun in turn. */
export class TurnLimiter<M, S extends Sender<M>> implements Task {
  // Those whose turn comes, and those who have had theirs in this turn.
  private senders = new Set<S>()
  private late = new Set<S>()
  private last: S | undefined
  private changes = 0
  private changesAtRest = 0
  private turn = -1
  private atOnce = 0
  private busy = 0
  private started = false

  constructor(private readonly turns: Turns, private readonly rules: Rules<M, S>) {}

  receive(sender: S, message: M): void {
    const { rules } = this
    const length = rules.lengthOf(message)
    if (sender.inbox === undefined && length <= maxLength && rules.mayBegin(sender, message) && this.mayAtOnce()) {
      this.note(sender)
      rules.begin(sender, message)
      return
    }
    const inbox = this.inboxOf(sender)
    inbox.messages.push(message)
    inbox.length += length
    this.queue(sender, inbox)
    if (!inbox.full && this.isFull(sender, inbox)) {
      inbox.full = true
      sender.stopReading()
    }
  }

  /** Has a message begun before all others that wait. */
  putBack(sender: S, message: M): void {
    const inbox = this.inboxOf(sender)
    inbox.messages.splice(inbox.next, 0, message)
    inbox.length += this.rules.lengthOf(message)
  }

  /** The same, but not in this turn. */
  putOff(sender: S, message: M): void {
    this.putBack(sender, message)
    const inbox = this.inboxOf(sender)
    inbox.resting = true
    void this.turns.next().then(() => this.resume(sender, inbox))
  }

  /** To be called when a connection may have messages begun again. */
  wake(sender: S): void {
    const { inbox } = sender
    if (inbox) {
      this.queue(sender, inbox)
    }
  }

  forget(sender: S): ReadonlyArray<M> {
    const { inbox } = sender
    if (this.last === sender) {
      this.last = undefined
    }
    this.senders.delete(sender)
    this.late.delete(sender)
    this.close(sender)
    return inbox?.messages.slice(inbox.next) ?? []
  }

  step(): boolean {
    this.look()
    // In one go: what is written among others costs less. Only a long one goes by itself.
    while (this.busy < perTurn) {
      const [sender] = this.senders
      if (sender === undefined) {
        this.started = this.late.size > 0
        if (this.started) {
          this.turns.defer(this)
        }
        return false
      }
      // Several of one are begun together, and leave in one write.
      while (this.busy < perTurn && this.senders.delete(sender)) {
        if (this.beginNext(sender) > maxLength) {
          return true
        }
      }
    }
    this.turns.defer(this)
    return false
  }

  private beginNext(sender: S): number {
    const { inbox } = sender
    const message = inbox?.messages[inbox.next]
    if (!inbox || message === undefined) {
      return 0
    }
    inbox.queued = false
    if (!this.rules.mayBegin(sender, message)) {
      this.refuseLast(sender, inbox)
      return 0
    }
    if (inbox.turn !== this.turn) {
      inbox.turn = this.turn
      inbox.begun = 0
    }
    inbox.begun++
    const length = this.rules.lengthOf(message)
    inbox.next++
    inbox.length -= length
    if (inbox.next === inbox.messages.length) {
      this.close(sender)
    } else if (inbox.next >= stride || length > maxLength) {
      inbox.messages = inbox.messages.slice(inbox.next)
      inbox.next = 0
    }
    this.do(sender, message, "begin")
    this.wake(sender)
    return length
  }

  // What waits for others and is too much is refused from the end, so that the rest keeps its order.
  private refuseLast(sender: S, inbox: Inbox<M>): void {
    const last = this.isCrowded(sender, inbox) ? inbox.messages.pop() : undefined
    if (last !== undefined) {
      inbox.length -= this.rules.lengthOf(last)
      this.do(sender, last, "refuse")
      this.wake(sender)
    }
  }

  private do(sender: S, message: M, what: "begin" | "refuse"): void {
    const before = performance.now()
    this.note(sender)
    try {
      this.rules[what](sender, message)
    } catch (error) {
      // What a turn throws would end the process.
      this.rules.failed(sender, error)
    }
    const took = performance.now() - before
    this.busy += took
    if (took > long) {
      this.rest(sender, Math.min(2 * took, mostRest))
    }
  }

  private isCrowded(sender: S, { length, messages, next }: Inbox<M>): boolean {
    return this.rules.isCrowded(sender, messages.length - next, length)
  }

  // Whoever waits for their own earlier messages is read from until there are too many.
  private isFull(sender: S, inbox: Inbox<M>): boolean {
    const { length, messages, next } = inbox
    const first = messages[next]
    return first !== undefined && this.rules.isWaiting(sender, first)
      ? this.isCrowded(sender, inbox)
      : length >= maxLength || messages.length - next >= maxMessages
  }

  private note(sender: S): void {
    if (this.last !== sender) {
      this.last = sender
      this.changes++
    }
  }

  private inboxOf(sender: S): Inbox<M> {
    return sender.inbox ??= {
      messages: [],
      next: 0,
      length: 0,
      full: false,
      queued: false,
      resting: false,
      begun: 0,
      turn: 0
    }
  }

  private queue(sender: S, inbox: Inbox<M>): void {
    const first = inbox.messages[inbox.next]
    if (inbox.queued || inbox.resting) {
      return
    }
    if (first === undefined) {
      this.close(sender)
      return
    }
    if (inbox.full && !this.isFull(sender, inbox)) {
      inbox.full = false
      sender.readOn()
    }
    if (this.rules.mayBegin(sender, first) || this.isCrowded(sender, inbox)) {
      const hadTurn = inbox.turn === this.turn && inbox.begun >= perSender
      inbox.queued = true
      ;(hadTurn ? this.late : this.senders).add(sender)
      if (!this.started) {
        this.started = true
        this.turns.start(this)
      }
    }
  }

  private close(sender: S): void {
    const { inbox } = sender
    sender.inbox = undefined
    if (inbox?.full) {
      sender.readOn()
    }
    sender.rest()
  }

  // Nobody needs to rest who is alone.
  private rest(sender: S, ms: number): void {
    const isAlone = this.changes <= this.changesAtRest + 1
    this.changesAtRest = this.changes
    if (isAlone) {
      return
    }
    const inbox = this.inboxOf(sender)
    inbox.resting = true
    setTimeout(() => this.resume(sender, inbox), ms).unref()
  }

  private resume(sender: S, inbox: Inbox<M>): void {
    inbox.resting = false
    if (sender.inbox === inbox) {
      this.queue(sender, inbox)
    }
  }

  private mayAtOnce(): boolean {
    this.look()
    this.turns.schedule()
    return this.atOnce++ < atOncePerTurn
  }

  private look(): void {
    if (this.turn !== this.turns.count) {
      this.turn = this.turns.count
      this.atOnce = 0
      this.busy = 0
      const { late, senders } = this
      if (late.size > 0) {
        this.senders = senders.size > 0 ? new Set([...senders, ...late]) : late
        this.late = new Set()
      }
    }
  }
}
