/**
 * One socket's life, from opening to closing.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { Joiner } from "../protocol/Chunk.js"
import type * as Message from "../protocol/Message.js"
import { type NesError, ProtocolError } from "../protocol/NesError.js"
import { Heartbeat } from "./Heartbeat.js"
import type { Close, Listener, Open, Socket } from "./Transport.js"

/**
 * How a connection ended:
 * - `invalid`: the address cannot be opened at all (`error` is what was thrown)
 * - `timeout`: it did not open in time
 * - `error`: the socket failed
 * - `close`: the socket closed
 *
 * @since 0.1.0
 * @category models
 */
export interface End {
  readonly how: "invalid" | "timeout" | "error" | "close"
  readonly close: Close
  readonly error?: unknown
}

/**
 * What one connection asks of the client it belongs to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Owner {
  /** The socket is open: time to say hello. */
  opened(connection: Connection): void
  /** A whole text came. */
  received(text: string): void
  error(error: ProtocolError): void
  /** Nothing came for too long. The connection is closed next. */
  silent(connection: Connection): Effect.Effect<void>
}

/**
 * What a connection needs to know.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings {
  readonly url: string
  /** Options of the `ws` module. */
  readonly ws: object | undefined
  /** The longest message, in UTF-16 code units, that is put together from chunks. */
  readonly maxMessageChars: number
  readonly open: Open
  /** Ends when the network comes back. */
  readonly online: Effect.Effect<void>
  readonly clock: Clock.Clock
}

const unknownClose: Close = { code: undefined, reason: undefined, wasClean: false }
const abandoned: Close = { code: 1006, reason: "", wasClean: false }

// A peer that is gone never answers a closing handshake; ws alone would wait 30 seconds for it, a browser longer.
const closingGrace = Duration.seconds(5)

/**
 * A connection. Frames pass through it by plain calls; fibers wait only for time to pass.
 *
 * @since 0.1.0
 * @category models
 */
export class Connection implements Listener {
  /** Whether the socket has opened. */
  hasOpened = false
  /** When the server answered the hello, in nanoseconds of the clock. */
  since: bigint | undefined
  /** Why it will not be established; the first reason counts. */
  failure: NesError | undefined

  private readonly heartbeat: Heartbeat
  private socket: Socket | undefined
  private over = false
  private closing = false
  private readonly joiner: Joiner
  private readonly watchSignal = Latch.makeUnsafe(false)
  private readonly closeSignal = Latch.makeUnsafe(false)
  private resume: ((end: Effect.Effect<End>) => void) | undefined

  constructor(private readonly settings: Settings, private readonly owner: Owner) {
    this.heartbeat = new Heartbeat(settings.clock)
    this.joiner = new Joiner(settings.maxMessageChars)
  }

  /**
   * Opens the socket and ends when it is gone, with how it ended. `timeout` bounds the opening only (nes-api.txt,
   * `client.connect`). When the effect ends or is interrupted, nothing of the socket is left.
   */
  run(timeout: Duration.Duration | undefined): Effect.Effect<End> {
    const ends = [this.life, this.watch, this.grace]
    return Effect.ensuring(
      Effect.raceAllFirst(timeout === undefined ? ends : [...ends, this.opening(timeout)]),
      Effect.sync(() => this.drop())
    )
  }

  /** Whether messages can be sent. */
  get isOpen(): boolean {
    return this.socket !== undefined && this.socket.isOpen()
  }

  /** How long the server's hello has been answered. */
  get uptime(): Duration.Duration {
    return this.since === undefined
      ? Duration.zero
      : Duration.nanos(this.settings.clock.monotonicTimeNanosUnsafe() - this.since)
  }

  /** Sends a text. Throws what the socket throws. */
  send(text: string): void {
    this.socket?.send(text)
  }

  /** Starts closing the socket, once. A peer that does not answer is not waited for long. */
  close(code?: number, reason?: string): void {
    if (!this.closing && !this.over) {
      this.closing = true
      this.closeSignal.openUnsafe()
      this.socket?.close(code, reason)
    }
  }

  /** Watches over the server's heartbeat from now on. */
  watchOver(heartbeat: Message.Heartbeat | undefined): void {
    this.heartbeat.set(heartbeat)
    if (heartbeat) {
      this.watchSignal.openUnsafe()
    }
  }

  opened(): void {
    if (!this.over) {
      this.hasOpened = true
      this.owner.opened(this)
    }
  }

  received(text: string): void {
    if (this.over) {
      return
    }
    this.heartbeat.beat()
    try {
      this.take(text)
    } catch (cause) {
      // What a listener of the socket throws would end the process.
      this.owner.error(new ProtocolError({ message: "Received invalid message", cause }))
      this.close(1011)
    }
  }

  private take(text: string): void {
    if (this.joiner.idle && text.startsWith("{")) {
      this.owner.received(text)
      return
    }
    const joined = this.joiner.push(text)
    if (joined === undefined) {
      if (this.joiner.exceeded && !this.closing) {
        this.owner.error(new ProtocolError({ message: "Received message exceeds the maximum length" }))
        this.close(1009, "Message too big")
      }
      return
    }
    if (joined.interrupted) {
      this.owner.error(new ProtocolError({ message: "Received an incomplete message" }))
    }
    this.owner.received(joined.text)
  }

  receivedBinary(): void {
    if (!this.over) {
      this.heartbeat.beat()
      this.owner.error(new ProtocolError({ message: "Received invalid message" }))
    }
  }

  failed(error: unknown): void {
    this.finish({ how: "error", close: unknownClose, error })
  }

  closed(close: Close): void {
    this.finish({ how: "close", close })
  }

  // The ways a connection ends: the first of them is how.

  private readonly life = Effect.callback<End>((resume) => {
    this.resume = resume
    try {
      this.socket = this.settings.open(this.settings.url, this.settings.ws, this)
    } catch (error) {
      this.finish({ how: "invalid", close: unknownClose, error })
    }
  })

  private opening(timeout: Duration.Duration): Effect.Effect<End> {
    return Effect.flatMap(
      Effect.sleep(timeout),
      () => this.hasOpened ? Effect.never : Effect.succeed<End>({ how: "timeout", close: unknownClose })
    )
  }

  private get watch(): Effect.Effect<never> {
    return this.watchSignal.await.pipe(
      Effect.andThen(this.heartbeat.silence()),
      Effect.andThen((silent) =>
        silent ? Effect.andThen(this.owner.silent(this), Effect.sync(() => this.close())) : Effect.void
      ),
      Effect.andThen(Effect.never)
    )
  }

  private get grace(): Effect.Effect<End> {
    return this.closeSignal.await.pipe(
      Effect.andThen(Effect.sleep(closingGrace)),
      Effect.as<End>({ how: "close", close: abandoned })
    )
  }

  private finish(end: End): void {
    if (!this.over) {
      this.over = true
      this.resume?.(Effect.succeed(end))
    }
  }

  private drop(): void {
    this.over = true
    this.socket?.terminate()
  }
}
