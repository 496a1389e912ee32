/** The client at listener level: one connection after another, and what outlives each of them. */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as CloseCode from "../protocol/CloseCode.js"
import * as Codec from "../protocol/Codec.js"
import type * as Message from "../protocol/Message.js"
import {
  DisconnectError,
  type NesError,
  ProtocolError,
  type ServerError,
  TimeoutError,
  UserError,
  WsError
} from "../protocol/NesError.js"
import * as Thrown from "../protocol/Thrown.js"
import { Backoff, type Policy } from "./Backoff.js"
import { Connection, type End, type Options, type Owner, type Settings, type Timeouts } from "./Connection.js"
import * as Credentials from "./Credentials.js"
import { Inbox } from "./Inbox.js"
import { type Observer, Status } from "./Observer.js"
import { type Answered, type Call, type Draft, none, Pending } from "./Pending.js"
import { unknownClose, UpgradeError } from "./Socket.js"
import { type Listener, type SubscribeOptions, Subscriptions, type Topic } from "./Subscriptions.js"
import { Transport } from "./Transport.js"

export type { Options } from "./Connection.js"

export interface ConnectOptions extends Timeouts {
  /** Sent with the hello unless falsy; a function is asked before each (see `Credentials`). */
  readonly auth?: unknown
  /** When to try again after a connection is lost. */
  readonly reconnect?: Policy | undefined
  /** The span of whoever connects, told with the first hello. */
  readonly traceparent?: string | undefined
}

type Retry = Omit<Extract<Status, { readonly _tag: "Reconnecting" }>, "_tag">

type Settle = (error?: NesError) => void

// Servers bound what they read before they know who says it, ours to 64 KiB: the rest is asked for afterwards.
const maxHelloBytes = 49_152

// Times beyond what clocks count in are no times.
const isBearable = (heartbeat: Message.Heartbeat | undefined): boolean =>
  !heartbeat || heartbeat.interval + heartbeat.timeout <= Number.MAX_SAFE_INTEGER

const unsent = (): DisconnectError => new DisconnectError({ message: "Failed to send message - server disconnected" })

const cutOff = (): DisconnectError => new DisconnectError({ message: "Request failed - server disconnected" })

const invalidPath = (): UserError => new UserError({ message: "Invalid path" })

const mayBeRepeated = ({ draft: { type } }: Call): boolean => type === "request" || type === "message"

export class Session implements Owner {
  /** The server's id of this client's socket, while connected. */
  id: string | null = null
  status: Status = Status.Disconnected()

  private readonly subscribed = new Subscriptions()
  readonly pending: Pending
  readonly inbox: Inbox
  private ids = 0
  private connection: Connection | undefined
  /** Present from `connect` until no further attempt will be made. */
  private backoff: Backoff | undefined
  private settle: Settle | undefined
  private traceparent: string | undefined
  private auth: unknown
  /** Whether a function was asked once more after a 401. */
  private refreshed = false
  /** The paths that were refused since the client was last connected. */
  private readonly refusedPaths = new Set<string>()
  private leaving: Array<() => void> = []
  /** A `connect` that waits for the end of a `disconnect`. */
  private waiting: { readonly options: ConnectOptions; readonly settle: Settle } | undefined
  /** What is to be sent when the hello that is under way has been answered. */
  private held: Array<() => void> = []
  /** Calls that a node which sent its clients away had not begun: still pending, they are asked again of the next. */
  private unbegun = new Set<number>()
  private heartbeat: Message.Heartbeat | undefined
  /** What of the client's extensions the server had that answered the last hello. */
  private extensions: unknown

  constructor(
    private readonly settings: Settings,
    private readonly context: Context.Context<never>,
    private readonly observer: Observer
  ) {
    this.pending = new Pending(settings.clock, settings.timeout)
    this.inbox = new Inbox(this.pending, this.subscribed, observer, this)
  }

  /** Whether the server has accepted the hello, and neither side has begun to close. */
  get isConnected(): boolean {
    return this.connection?.since !== undefined && this.connection.isOpen && !this.isLeaving
  }

  /** Where it connects to, without what may be secret. */
  get address(): string {
    return this.settings.url.replace(/\/\/[^/]*@/, "//").replace(/[?#].*/, "")
  }

  offers(name: string): boolean {
    return Array.isArray(this.extensions) && this.extensions.includes(name)
  }

  get subscriptions(): Array<string> {
    return Array.from(this.subscribed.topics.keys())
  }

  /** Connects, after a `disconnect` that is under way; `settle` is called once, after the first attempt. */
  connect(options: ConnectOptions, settle: Settle): void {
    if (this.backoff !== undefined || this.waiting !== undefined) {
      settle(new UserError({ message: "Cannot connect while client attempts to reconnect" }))
    } else if (this.isLeaving) {
      this.waiting = { options, settle }
    } else if (this.connection !== undefined) {
      settle(new UserError({ message: "Already connected" }))
    } else {
      this.settle = settle
      this.traceparent = options.traceparent
      this.backoff = options.reconnect &&
        new Backoff(options.reconnect, (defect) => this.observer.error(Thrown.toUserError(defect)))
      this.auth = options.auth
      Effect.runForkWith(this.context)(Effect.raceFirst(this.live(options), this.pending.watch()))
    }
  }

  /** Disconnects and gives up reconnecting; `done` is called once, when the socket is closed. */
  disconnect(done: () => void): void {
    const { waiting } = this
    this.waiting = undefined
    waiting?.settle(new WsError({ message: "Socket error" }))
    this.stopReconnecting()
    if (this.connection === undefined) {
      this.change(Status.Disconnected())
      done()
    } else {
      this.leaving.push(done)
      this.inbox.isLate = true
      this.connection.close()
    }
  }

  /** Sets the credentials of later hellos; returns whether there may be any. */
  overrideReconnectionAuth(auth: unknown): boolean {
    const { waiting } = this
    if (waiting?.options.reconnect !== undefined) {
      this.waiting = { ...waiting, options: { ...waiting.options, auth } }
      return true
    }
    this.auth = this.backoff === undefined ? this.auth : auth
    return this.backoff !== undefined
  }

  /** Sends a message under a new id, written into it; `answered` is called once. */
  send(draft: Draft, answered: Answered): void {
    this.give({ draft, answered })
  }

  private give(call: Call): void {
    const { connection } = this
    const { draft } = call
    const isOpen = connection?.isOpen === true
    // A peer that is closing the connection has not said yet whether it sends its clients away.
    if (!isOpen && (connection?.since === undefined || this.isLeaving || !mayBeRepeated(call))) {
      return call.answered(unsent(), none)
    }
    draft.id = ++this.ids
    const encoded = Codec.encode(call.text === undefined ? draft : { ...JSON.parse(call.text) as Draft, id: draft.id })
    if (Result.isFailure(encoded)) {
      return call.answered(encoded.failure, none)
    }
    if (mayBeRepeated(call)) {
      call.text = encoded.success
    }
    this.pending.add(draft.id, call)
    if (!isOpen) {
      return void this.unbegun.add(draft.id)
    }
    try {
      connection.send(encoded.success)
    } catch (cause) {
      this.pending.take(draft.id)
      call.answered(new WsError({ message: Thrown.text(cause), cause }), none)
    }
  }

  forget(id: Message.Id): void {
    this.pending.forget(Number(id))
  }

  /**
   * Adds a listener to a path, once per `key`. The path's first listener subscribes: now, after the hello that is being
   * answered, or with the next. `done` is called once, when the server has answered or nothing needs to be asked. If
   * the request fails, the path is dropped with all its listeners. `traceparent` is the span that it is part of.
   */
  subscribe(
    path: string,
    key: unknown,
    listener: Listener,
    done: Settle,
    options: SubscribeOptions = {},
    traceparent?: string
  ): void {
    if (!isPath(path)) {
      return done(invalidPath())
    }
    const known = this.subscribed.topics.get(path)
    if (known !== undefined) {
      if (!known.listeners.has(key)) {
        known.listeners.set(key, listener)
      }
      if (known.acceptedBy !== undefined && known.acceptedBy === this.connection) {
        listener.accepted?.()
      }
      return known.waiting === undefined ? done() : void known.waiting.push(done)
    }
    // It is said again with every hello, whatever becomes of it.
    const wishes = Codec.copy(options)
    if (Result.isFailure(wishes)) {
      return done(wishes.failure)
    }
    const topic = this.subscribed.create(path, wishes.success)
    topic.listeners.set(key, listener)
    topic.waiting = this.connection?.isOpen ? [done] : undefined
    this.afterHello(done, () =>
      this.ask(path, topic, (error) => {
        if (error) {
          this.subscribed.drop(path, error, topic)
        }
        topic.answer(error)
      }, this.offers("trace") ? { traceparent } : undefined))
  }

  present(path: string, value: unknown, done: Settle): void {
    const topic = this.subscribed.topics.get(path)
    if (topic === undefined) {
      return done(new UserError({ message: "Not subscribed" }))
    }
    const copy = Codec.copy(value)
    if (Result.isFailure(copy)) {
      return done(copy.failure)
    }
    const presence = copy.success
    // What a server refuses is not said again after a reconnect, where it would end the subscription.
    const said = (error?: NesError): void => {
      if (error?._tag !== "ServerError") {
        topic.presence = presence
      }
      done(error)
    }
    this.afterHello(said, () => this.ask(path, topic, said, { presence }))
  }

  private ask(path: string, topic: Topic, done: Settle, more?: Pick<Message.Sub, "presence" | "traceparent">): void {
    this.send({ type: "sub", path, ...topic.wishes, ...more, id: 0 }, (error, { position }) => {
      if (error === undefined) {
        this.subscribed.locate(path, position)
        topic.accept(this.connection)
      }
      done(error)
    })
  }

  // What the hello had no room for; a server that refuses it says what it would have said at the hello.
  private resubscribe(path: string): void {
    const topic = this.subscribed.topics.get(path)
    if (topic !== undefined) {
      topic.waiting = []
      this.ask(path, topic, (error) => {
        const refusal = error?._tag === "ServerError" ? error : undefined
        if (refusal !== undefined) {
          this.subscribed.drop(path, refusal, topic)
          this.observer.error(refusal)
        }
        topic.answer(refusal)
      })
    }
  }

  /** Removes the listener of `key`, or all where it is falsy; a path without listeners is unsubscribed. */
  unsubscribe(path: string, key: unknown, done: Settle): void {
    if (!isPath(path)) {
      return done(invalidPath())
    }
    const gone = key ? this.subscribed.remove(path, key) : this.subscribed.clear(path)
    return gone ? this.afterHello(done, () => this.send({ type: "unsub", path, id: 0 }, done)) : done()
  }

  // A server that still authenticates the client refuses what needs it, and would keep a path that the hello asks for.
  // Without a connection there is nothing to ask.
  private afterHello(done: Settle, send: () => void): void {
    if (!this.connection?.isOpen) {
      done()
    } else if (this.connection.since === undefined) {
      this.held.push(send)
    } else {
      send()
    }
  }

  private release(): void {
    this.held.splice(0).forEach((send) => send())
  }

  private live(options: ConnectOptions): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      let attempt = 0
      let error: NesError | undefined
      while (true) {
        const connection = new Connection(this.settings, this)
        this.connection = connection
        this.change(Status.Connecting({ attempt }))
        const end = yield* connection.run(options, this.prepare(connection, { attempt, error }))
        const { backoff } = this
        const delay = end.how === "invalid"
          ? undefined
          : yield* backoff?.next(end.close, connection.uptime) ?? Effect.undefined
        attempt = connection.since === undefined ? attempt + 1 : 1
        const next = delay === undefined || this.backoff !== backoff ? undefined : { attempt, delay }
        this.lost(connection, end, next)
        if (next === undefined || backoff === undefined || this.backoff !== backoff) {
          return
        }
        error = connection.failure
        this.observer.reconnecting(attempt, next.delay)
        yield* Effect.raceAllFirst([Effect.sleep(next.delay), this.settings.online, backoff.over.await])
        if (this.backoff !== backoff) {
          return
        }
      }
    })
  }

  // The newest credentials count: those that are set while a function is asked are newer than its answer.
  private prepare(connection: Connection, attempt: Credentials.Attempt): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      yield* this.settings.load ?? Effect.void
      let asked: unknown
      do {
        asked = this.auth
        connection.auth = yield* Credentials.resolve(asked, attempt)
      } while (asked !== this.auth)
    }).pipe(Effect.catch((error) =>
      Effect.sync(() => {
        connection.failure = error
        connection.close()
      })
    ))
  }

  private established(connection: Connection, { extensions, heartbeat, positions, socket }: Message.Answer): void {
    const { settle } = this
    if (this.isLeaving) {
      connection.failure ??= cutOff()
      return
    }
    this.refreshed = false
    this.refusedPaths.clear()
    for (const [path, position] of Object.entries(positions ?? {})) {
      this.subscribed.locate(path, position)
    }
    this.settle = undefined
    connection.since = this.settings.clock.monotonicTimeNanosUnsafe()
    this.heartbeat = heartbeat
    this.extensions = extensions
    connection.watchOver(heartbeat)
    this.id = socket ?? null
    this.change(Status.Connected({ id: socket ?? "" }))
    this.subscribed.helloAccepted(connection, connection.unasked)
    this.release()
    this.takeUnbegun().forEach((call) => this.give(call))
    connection.unasked.forEach((path) => this.resubscribe(path))
    this.observer.connected(socket ?? "", settle === undefined)
    settle?.()
  }

  // Only the server's word, unless it says "for the moment", or a hello that cannot be sent at all, is final.
  private refused(connection: Connection, error: NesError): void {
    connection.failure ??= error
    if (error._tag === "ServerError") {
      const { path } = error
      const isAgain = this.settle === undefined
      const ofPath = isAgain && path !== undefined && connection.paths.includes(path)
      // Whether there is a hello to be tried that differs from the refused one. Who subscribes again to what is refused
      // is not let loose on the server.
      const hasOther = ofPath ? !this.refusedPaths.has(path) : isAgain && this.hasOther(connection, error)
      if (ofPath) {
        this.refusedPaths.add(path)
      }
      if (path !== undefined) {
        this.subscribed.drop(path, error)
      }
      if (hasOther) {
        this.backoff?.prompt()
      } else if (!ofPath && !isTemporary(error)) {
        this.stopReconnecting()
      }
    } else if (error._tag === "UserError") {
      this.stopReconnecting()
    }
    // A protocol error with a cause is a message that makes no sense.
    connection.close(error._tag === "ProtocolError" && error.cause !== undefined ? CloseCode.protocolError : undefined)
  }

  private hasOther(connection: Connection, { statusCode }: ServerError): boolean {
    if (statusCode !== 401 || connection.asked !== this.auth) {
      return statusCode === 401
    }
    const isFirst = typeof this.auth === "function" && !this.refreshed
    this.refreshed = true
    return isFirst
  }

  private lost(connection: Connection, end: End, next: Retry | undefined): void {
    const { backoff, leaving, settle, unbegun } = this
    const calls = this.pending.clear()
    const willReconnect = next !== undefined
    const wasConnected = connection.since !== undefined
    const wasRequested = this.isLeaving
    this.connection = undefined
    this.settle = undefined
    this.leaving = []
    this.inbox.isLate = false
    this.id = null
    if (!willReconnect) {
      this.backoff = undefined
    }
    this.change(willReconnect ? Status.Reconnecting(next) : Status.Disconnected())

    const loss = lossOf(connection, end, willReconnect)
    if (!wasConnected) {
      connection.failure ??= loss
    }
    // Whoever waits for connect hears of it after onDisconnect, onError before.
    const isReported = loss !== undefined && (wasConnected || (settle === undefined && connection.failure === loss))
    if (isReported && !wasRequested) {
      this.observer.error(loss)
    }
    // Not told where the socket did not open in time, or never will.
    if (connection.hasOpened || end.how === "close" || (end.how === "error" && willReconnect)) {
      const { code, ...close } = end.close
      const log = { code, explanation: CloseCode.explain(code), ...close, willReconnect, wasRequested }
      this.observer.disconnected(willReconnect, log)
    }
    // The application may have given up meanwhile.
    const again = willReconnect && this.backoff === backoff && wasConnected &&
      end.close.code === CloseCode.serviceRestart
    const kept = new Map(again ? calls.filter(([, call]) => mayBeRepeated(call)) : [])
    this.unbegun = new Set(kept.keys())
    kept.forEach((call, id) => this.pending.add(id, call))
    for (const [id, call] of calls) {
      if (!kept.has(id)) {
        call.answered(unbegun.has(id) ? unsent() : cutOff(), none)
      }
    }
    this.release()
    if (connection.failure !== undefined && !isReported) {
      if (settle !== undefined) {
        settle(connection.failure)
      } else if (!wasRequested) {
        this.observer.error(connection.failure)
      }
    }
    leaving.forEach((done) => done())
    const { waiting } = this
    this.waiting = undefined
    if (waiting !== undefined) {
      this.connect(waiting.options, waiting.settle)
    }
  }

  private get isLeaving(): boolean {
    return this.leaving.length > 0
  }

  // Without those whose time is over, or that nobody waits for any more.
  private takeUnbegun(): ReadonlyArray<Call> {
    const { unbegun } = this
    this.unbegun = new Set()
    return Array.from(unbegun).flatMap((id) => this.pending.take(id) ?? [])
  }

  private stopReconnecting(): void {
    this.takeUnbegun().forEach((call) => call.answered(unsent(), none))
    const { backoff } = this
    this.backoff = undefined
    backoff?.over.openUnsafe()
  }

  private change(status: Status): void {
    if (status._tag !== "Disconnected" || this.status._tag !== "Disconnected") {
      this.status = status
      this.observer.changed(status)
    }
  }

  opened(connection: Connection): void {
    // A server that is silent before it answers this hello is known by the heartbeat it had when it answered the last.
    connection.watchOver(this.heartbeat)
    connection.asked = this.auth
    const auth = typeof this.auth === "function" ? connection.auth : this.auth
    const { rest, ...subscriptions } = this.subscribed.hello(maxHelloBytes)
    connection.paths = subscriptions.subs ?? []
    connection.unasked = rest
    this.send({
      type: "hello",
      version: "2",
      auth: auth || undefined,
      ...subscriptions,
      extensions: this.settings.extensions,
      traceparent: this.settle && this.traceparent,
      id: 0
    }, (error, answer) => {
      if (error !== undefined) {
        this.refused(connection, error)
      } else if (isBearable(answer.heartbeat)) {
        this.established(connection, answer)
      } else {
        this.refused(connection, new ProtocolError({ message: "Received invalid response", cause: answer.heartbeat }))
      }
    })
  }

  silent(connection: Connection): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      if (this.isLeaving) {
        return
      }
      const willReconnect = this.backoff !== undefined &&
        (yield* this.backoff.willRetry(unknownClose, connection.uptime))
      this.observer.error(new TimeoutError({ message: "Disconnecting due to heartbeat timeout" }))
      this.observer.heartbeatTimeout(willReconnect)
    })
  }

  error(error: NesError): void {
    if (!this.isLeaving) {
      this.observer.error(error)
    }
  }

  ping(): void {
    this.say("ping", ++this.ids)
  }

  /** Says what is not answered. */
  say(type: "ping" | "cancel" | "ack", id: number): void {
    const { connection } = this
    if (connection?.isOpen) {
      try {
        connection.send(`{"type":"${type}","id":${id}}`)
      } catch {
        // Nobody waits for it: a socket that cannot send is about to close, and says so then.
      }
    }
  }
}

// The error in the end of a connection, if it is one (interop.md, "Client errors").
const lossOf = ({ hasOpened }: Connection, { error, how }: End, willReconnect: boolean): NesError | undefined => {
  if (how === "invalid") {
    return Thrown.toUserError(error)
  }
  if (how === "timeout") {
    return new TimeoutError({ message: "Connection timed out" })
  }
  const isError = how === "error" && !willReconnect
  return hasOpened && !isError ? undefined : new WsError({
    message: isError ? "Socket error" : "Connection terminated while waiting to connect",
    ...(error !== undefined && { cause: error }),
    ...(error instanceof UpgradeError && { statusCode: error.statusCode })
  })
}

const isTemporary = ({ statusCode }: ServerError): boolean =>
  statusCode === 429 || (statusCode >= 500 && statusCode < 600)

const isPath = (path: unknown): path is string => typeof path === "string" && path.startsWith("/")

/** Makes a session that belongs to the fiber it is made in: its clock, its random numbers, its transport. */
export const make = (options: Options, observer: Observer): Effect.Effect<Session> =>
  Effect.gen(function*() {
    const context = yield* Effect.context()
    return new Session({ ...options, ...yield* Transport, clock: yield* Clock.Clock }, context, observer)
  })

const sessions = new WeakMap<object, Session>()

/** Keeps what a client is made of, for what is built on more of it than its calls. */
export const keep = (client: object, session: Session): void => void sessions.set(client, session)

export const of = (client: object): Session => {
  const session = sessions.get(client)
  if (session === undefined) {
    throw new Error("This NesClient was not made by `NesClient.make` or one of its Layers")
  }
  return session
}
