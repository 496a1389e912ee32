/** One socket's life, from opening to closing. */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { Joiner } from "../protocol/Chunk.js"
import * as CloseCode from "../protocol/CloseCode.js"
import type * as Message from "../protocol/Message.js"
import { type NesError, ProtocolError } from "../protocol/NesError.js"
import * as Deadline from "./Deadline.js"
import { type Close, type Listener, type Socket, unknownClose } from "./Socket.js"
import type { Carrier } from "./Transport.js"

/**
 * How a connection ended:
 * - `invalid`: the address cannot be opened at all (`error` is what was thrown)
 * - `timeout`: it did not open, or the hello was not answered, in time
 * - `error`: the socket failed
 * - `close`: the socket closed
 */
export interface End {
  readonly how: "invalid" | "timeout" | "error" | "close"
  readonly close: Close
  readonly error?: unknown
}

/** What one connection asks of the client it belongs to. */
export interface Owner {
  /** The socket is open: time to say hello. */
  opened(connection: Connection): void
  readonly inbox: { receive(text: string): void }
  error(error: ProtocolError): void
  /** Nothing came for as long as the server may be silent: time to say something, and to wait as long once more. */
  ping(): void
  /** Nothing came since, either. The connection is closed next. */
  silent(connection: Connection): Effect.Effect<void>
}

/** How either client opens its sockets, and what it takes from them. */
export interface SocketOptions {
  /** Options of the `ws` module, passed on as they are; Node only. Unlike there, `maxPayload` is 0 (no limit) by default. */
  readonly ws?: object | undefined
  /** The subprotocols to offer to the server, most wanted first. Default: none. */
  readonly protocols?: string | ReadonlyArray<string> | undefined
  /**
   * The longest message that is put together from chunks, in UTF-16 code units. A longer one is a protocol error and
   * closes the connection. Default: no limit.
   */
  readonly maxMessageChars?: number | undefined
}

export interface Options extends SocketOptions {
  readonly url: string
  /** How long a call waits for its answer, in milliseconds. Without it, as long as the connection lasts. */
  readonly timeout?: number | undefined
  /** What the client knows beyond the protocol. */
  readonly extensions?: ReadonlyArray<string> | undefined
}

export interface Settings extends Options, Carrier {
  readonly clock: Clock.Clock
}

/** How long it may take to open the socket, to have the hello answered, and both. */
export interface Timeouts {
  readonly timeout?: Duration.Input | undefined
  readonly helloTimeout?: Duration.Input | undefined
  readonly connectTimeout?: Duration.Input | undefined
}

const abandoned: End = { how: "close", close: { code: CloseCode.abnormalClosure, reason: "", wasClean: false } }

// A peer that is gone never answers a closing handshake; ws alone would wait 30 seconds for it, a browser longer.
const closingGrace = Duration.seconds(5)

const ending = (how: End["how"], error?: unknown): End => ({ how, close: unknownClose, error })

/** A connection. Frames pass through it by plain calls; fibers wait only for time to pass. */
export class Connection implements Listener {
  /** When the server answered the hello, in nanoseconds of the clock. */
  since: bigint | undefined
  /** Subscriptions that the hello asks for. */
  paths: ReadonlyArray<string> = []
  /** Those that it had no room for. */
  unasked: ReadonlyArray<string> = []
  /** Why it will not be established; the first reason counts. */
  failure: NesError | undefined
  /** What the client has for credentials as it says hello: these, or a function, which gave `auth`. */
  asked: unknown
  auth: unknown

  /** How long the server may be silent, in nanoseconds; `undefined` where it has no heartbeat. */
  private patience: bigint | undefined
  /** When something last arrived: it costs one reading of the clock and no timer. */
  private last = 0n
  /** What `last` was when the server was found overdue. */
  private overdue: bigint | undefined
  private socket: Socket | undefined
  private over = false
  /** Present while a message comes in chunks. */
  private joiner: Joiner | undefined
  /** Here, as every object less that an update passes through is one less to be fetched from memory. */
  private readonly inbox: Owner["inbox"]
  private readonly openSignal = Latch.makeUnsafe(false)
  private readonly watchSignal = Latch.makeUnsafe(false)
  private readonly closeSignal = Latch.makeUnsafe(false)
  private resume: ((end: Effect.Effect<End>) => void) | undefined

  constructor(private readonly settings: Settings, private readonly owner: Owner) {
    this.inbox = owner.inbox
  }

  /** Opens the socket, once `prepared`, and ends with how it ended: then nothing of the socket is left. */
  run({ connectTimeout, helloTimeout, timeout }: Timeouts = {}, prepared = Effect.void): Effect.Effect<End> {
    const isAnswered = (): boolean => this.since !== undefined
    const lived = Effect.raceAllFirst([
      this.life,
      this.watch,
      this.grace,
      ...this.limit(timeout, () => this.hasOpened),
      ...this.limit(helloTimeout, isAnswered, this.openSignal.await),
      ...this.limit(connectTimeout, isAnswered)
    ])
    return Effect.raceFirst(prepared, this.closeSignal.await).pipe(
      Effect.andThen(Effect.suspend(() => this.isClosing ? Effect.succeed(ending("error")) : lived)),
      // Such as a `ws` that cannot be loaded: whoever connects would wait for ever.
      Effect.catchDefect((error) => Effect.succeed(ending("invalid", error))),
      Effect.ensuring(Effect.sync(() => {
        this.over = true
        this.socket?.terminate()
      }))
    )
  }

  get hasOpened(): boolean {
    return this.openSignal.isOpen()
  }

  private get isClosing(): boolean {
    return this.closeSignal.isOpen()
  }

  get isOpen(): boolean {
    return !!this.socket?.isOpen()
  }

  get uptime(): Duration.Duration {
    return this.since === undefined
      ? Duration.zero
      : Duration.nanos(this.settings.clock.monotonicTimeNanosUnsafe() - this.since)
  }

  send(text: string): void {
    this.socket?.send(text)
  }

  /** Starts closing the socket, once. A peer that does not answer is not waited for long. */
  close(code?: number, reason?: string): void {
    if (!this.isClosing && !this.over) {
      this.closeSignal.openUnsafe()
      this.socket?.close(code, reason)
    }
  }

  watchOver(heartbeat: Message.Heartbeat | undefined): void {
    this.patience = heartbeat ? BigInt(Math.ceil((heartbeat.interval + heartbeat.timeout) * 1e6)) : undefined
    this.beat()
    if (heartbeat) {
      this.watchSignal.openUnsafe()
    }
  }

  opened(): void {
    if (!this.over) {
      this.openSignal.openUnsafe()
      this.owner.opened(this)
    }
  }

  received(text: string): void {
    if (this.over) {
      return
    }
    this.beat()
    try {
      if (this.joiner === undefined && text.startsWith("{")) {
        this.inbox.receive(text)
      } else {
        this.join(text)
      }
    } catch (cause) {
      // What a listener of the socket throws would end the process.
      this.owner.error(new ProtocolError({ message: "Received invalid message", cause }))
      this.close(CloseCode.internalError)
    }
  }

  private join(text: string): void {
    const joiner = this.joiner ??= new Joiner(this.settings.maxMessageChars)
    const whole = joiner.push(text)
    if (whole === undefined) {
      if (joiner.exceeded && !this.isClosing) {
        this.owner.error(new ProtocolError({ message: "Received message exceeds the maximum length" }))
        this.close(CloseCode.messageTooBig, "Message too big")
      }
      return
    }
    this.joiner = undefined
    if (text.startsWith("{")) {
      this.owner.error(new ProtocolError({ message: "Received an incomplete message" }))
    }
    this.inbox.receive(whole)
  }

  receivedBinary(): void {
    if (!this.over) {
      this.beat()
      this.owner.error(new ProtocolError({ message: "Received invalid message" }))
    }
  }

  failed(error: unknown): void {
    this.finish(ending("error", error))
  }

  closed(close: Close): void {
    this.finish({ how: "close", close })
  }

  private readonly life = Effect.callback<End>((resume) => {
    this.resume = resume
    try {
      this.socket = this.settings.open(this.settings.url, this.settings.ws, this, this.settings.protocols)
    } catch (error) {
      this.finish(ending("invalid", error))
    }
  })

  private limit(
    timeout: Duration.Input | undefined,
    isDone: () => boolean,
    from: Effect.Effect<void> = Effect.void
  ): ReadonlyArray<Effect.Effect<End>> {
    return timeout === undefined ? [] : [from.pipe(
      Effect.andThen(Deadline.sleep(timeout)),
      Effect.andThen(Effect.suspend(() => isDone() ? Effect.never : Effect.succeed(ending("timeout"))))
    )]
  }

  private readonly due = (): bigint | undefined =>
    this.patience === undefined ? undefined : this.last + this.patience * (this.overdue === this.last ? 2n : 1n)

  // A process that stands still looks like a dead network; but a machine that knows nothing of the connection any more
  // refuses what is sent to it. A peer that says nothing will hardly answer a closing handshake: it is not waited for.
  private get watch(): Effect.Effect<End> {
    return Effect.gen({ self: this }, function*() {
      yield* this.watchSignal.await
      while (yield* Deadline.pass(this.settings.clock, this.due)) {
        if (this.overdue === this.last) {
          yield* this.owner.silent(this)
          this.close()
          return abandoned
        }
        this.overdue = this.last
        this.owner.ping()
      }
      return yield* Effect.never
    })
  }

  private get grace(): Effect.Effect<End> {
    return this.closeSignal.await.pipe(Effect.andThen(Effect.sleep(closingGrace)), Effect.as(abandoned))
  }

  private beat(): void {
    if (this.patience !== undefined) {
      this.last = this.settings.clock.monotonicTimeNanosUnsafe()
    }
  }

  private finish(end: End): void {
    if (!this.over) {
      this.over = true
      this.resume?.(Effect.succeed(end))
    }
  }
}
