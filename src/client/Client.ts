/** The plain client: `new Client(url)`, callbacks or Promises, in Node and in the browser. */
import * as Effect from "effect/Effect"
import * as ConsoleView from "../protocol/ConsoleView.js"
import type * as Message from "../protocol/Message.js"
import { type NesError, UserError } from "../protocol/NesError.js"
import * as Thrown from "../protocol/Thrown.js"
import * as Backoff from "./Backoff.js"
import type { SocketOptions } from "./Connection.js"
import type { Auth } from "./Credentials.js"
import type { DisconnectLog, Status } from "./Observer.js"
import { type Answered, none } from "./Pending.js"
import type { RequestOptions, Response } from "./Request.js"
import * as Request from "./Request.js"
import * as Session from "./Session.js"
import type { Flags, Listener, SubscribeOptions } from "./Subscriptions.js"

/**
 * Options of `new Client` (nes-api.txt, `new Client(url, [options])`).
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientOptions extends SocketOptions {
  /** How long to wait for the server's answer to each call, in milliseconds; `false` or 0 (the default) for no limit. */
  readonly timeout?: number | false | undefined
}

/**
 * Options of `client.connect` (nes-api.txt, `client.connect([options], callback)`).
 *
 * @since 0.1.0
 * @category models
 */
export interface ConnectOptions extends Backoff.Options<number> {
  /**
   * The credentials: the token of an authentication endpoint, or what the server's authentication scheme expects, such
   * as `{ headers: { authorization } }`. A function is called for each hello, and may answer with a Promise; after a
   * 401 on a reconnect it is called once more, with that error, and what it answers is tried once.
   */
  readonly auth?: Auth
  /** Whether to reconnect when the connection is lost. Default: `true`. */
  readonly reconnect?: boolean | undefined
  /** How long the socket may take to open, in milliseconds. Default: as long as the WebSocket implementation lets it. */
  readonly timeout?: number | false | undefined
  /** How long the server may take to answer the hello, in milliseconds. Default: no limit but the client's `timeout`. */
  readonly helloTimeout?: number | false | undefined
}

/**
 * The callback of `client.request`: on an error, too, it gets what the answer had.
 *
 * @since 0.1.0
 * @category models
 */
export type RequestCallback<A = unknown> = (
  error: NesError | null,
  payload: A,
  statusCode: number,
  headers: Readonly<Record<string, unknown>> | undefined
) => void

/**
 * The answer to a custom message.
 *
 * @since 0.1.0
 * @category models
 */
export interface MessageResponse<A = unknown> {
  readonly payload: A
}

/**
 * The callback of `client.message`.
 *
 * @since 0.1.0
 * @category models
 */
export type MessageCallback<A = unknown> = (error: NesError | null, message: A) => void

/**
 * A callback that gets an error, or nothing.
 *
 * @since 0.1.0
 * @category models
 */
export type Callback = (error?: NesError | null) => void

/**
 * The handler of a subscription's updates (nes-api.txt, `client.subscribe(path, handler, callback)`).
 *
 * @since 0.1.0
 * @category models
 */
export type Handler<A = unknown> = (message: A, flags: Flags) => void

/**
 * The handler of broadcasts and direct messages (nes-api.txt, `client.onUpdate`). It may name the type it expects.
 *
 * @since 0.1.0
 * @category models
 */
export type UpdateHandler = { handle(message: unknown): void }["handle"]

const ignore = (): void => {}

type Settle = (error?: NesError, answer?: Message.Answer) => void

// What is handed in may throw as soon as it is read.
const attempt = (start: (done: Settle) => void, done: Settle): void => {
  try {
    start(done)
  } catch (cause) {
    done(Thrown.toUserError(cause))
  }
}

const isMissing = (value: unknown): boolean => value === undefined || value === null

// JavaScript hands in texts too, as from the environment; what is no number of milliseconds stands for the default.
const millis = (option: unknown): number | undefined => Number(option) || undefined

// Only what the application's own function threw is printed with its stack: that leads to the fault.
const print = (error: NesError): void => {
  const { _tag, cause } = error
  const text = _tag === "WsError" && cause instanceof Error ? `${String(error)} (${cause.message})` : String(error)
  console.error(text, ...(_tag === "UserError" && cause !== undefined ? [cause] : []))
}

const reconnection = ({ delay, jitter, maxDelay, reconnect, retries }: ConnectOptions): Backoff.Policy | undefined =>
  reconnect === false ? undefined : Backoff.policy({
    delay: millis(delay),
    maxDelay: millis(maxDelay),
    retries: retries === 0 ? 0 : retries || Infinity,
    jitter
  })

/**
 * The client. `Reported` is what `onError` takes errors for besides, which the hapi door has wider.
 *
 * Every method that takes a callback returns a Promise where none is given. A Promise that nobody looks at never
 * becomes an unhandled rejection. Errors are of the six types of nes-api.txt, section "Errors". A callback, handler or
 * event property that throws disturbs nothing else: what it threw is the `cause` of an error of type `user` for
 * `onError`.
 */
export class Client<Reported = unknown> {
  /** Called with an error that no call accounts for. By default it is printed with `console.error`, in one line. */
  onError: ((error: NesError & Reported) => void) | null = print
  /** Called when a connection is established, for the first time or again. */
  onConnect: (() => void) | null = ignore
  /** Called when a connection is lost. */
  onDisconnect: ((willReconnect: boolean, log: DisconnectLog) => void) | null = ignore
  /** Called when the server was silent for too long, before the connection is closed for it. */
  onHeartbeatTimeout: ((willReconnect: boolean) => void) | null = ignore
  /** Called with what the server broadcasts, or sends to this client alone. */
  onUpdate: UpdateHandler | null = ignore

  /** Called when updates of a path with recovery are lost: too many, or too old, to be sent again. */
  onGap: ((path: string) => void) | null = ignore

  /** Called when the server has ended the subscription to a path, after the last update if there is one. */
  onRevoke: ((path: string) => void) | null = ignore

  private readonly session: Session.Session

  constructor(url: string | URL, options?: ClientOptions | null) {
    this.session = Effect.runSync(Session.make({
      url: String(url),
      ws: options?.ws,
      protocols: options?.protocols,
      timeout: millis(options?.timeout),
      maxMessageChars: options?.maxMessageChars
    }, {
      connected: () => this.call(() => this.onConnect?.()),
      disconnected: (willReconnect, log) => this.call(() => this.onDisconnect?.(willReconnect, log)),
      heartbeatTimeout: (willReconnect) => this.call(() => this.onHeartbeatTimeout?.(willReconnect)),
      update: (message) => {
        // As `call`, without a function for each update.
        try {
          this.onUpdate?.(message)
        } catch (cause) {
          this.report(Thrown.toUserError(cause))
        }
      },
      gap: (path) => this.call(() => this.onGap?.(path)),
      revoked: (path) => this.call(() => this.onRevoke?.(path)),
      error: (error) => this.report(error),
      reconnecting: ignore,
      changed: ignore
    }))
    ConsoleView.as(this, "Client", ({ id, session, status }) => ({
      url: session.address,
      status,
      id,
      subscriptions: session.subscriptions.length
    }))
  }

  /** The unique socket identifier assigned by the server: `null` while there is no connection. */
  get id(): string | null {
    return this.session.id
  }

  /** Whether the server has accepted this client, and neither side has begun to close the connection. */
  get isConnected(): boolean {
    return this.session.isConnected
  }

  /** What state the client is in: `reconnecting` while it waits for its next attempt. */
  get status(): "disconnected" | "connecting" | "connected" | "reconnecting" {
    return this.session.status._tag.toLowerCase() as Lowercase<Status["_tag"]>
  }

  /**
   * Connects, and reconnects from then on unless told not to. A first attempt that fails is reported here, and more
   * follow in the background; only a server that refuses the hello for good, or `disconnect`, ends them. A `disconnect`
   * that is under way comes to its end first.
   */
  connect(options?: ConnectOptions | null): Promise<void>
  connect(callback: Callback): void
  connect(options: ConnectOptions | null | undefined, callback: Callback): void
  connect(first?: ConnectOptions | Callback | null, second?: Callback): Promise<void> | undefined {
    const options = typeof first === "function" ? {} : first ?? {}
    const callback = typeof first === "function" ? first : second
    return this.settled(callback, (settle) =>
      this.session.connect({
        auth: options.auth,
        timeout: millis(options.timeout),
        helloTimeout: millis(options.helloTimeout),
        reconnect: reconnection(options)
      }, settle))
  }

  /** Disconnects from the server and stops future reconnects. */
  disconnect(): Promise<void>
  disconnect(callback: () => void): void
  disconnect(callback?: () => void): Promise<void> | undefined {
    return this.settled(callback && (() => callback()), (settle) => this.session.disconnect(settle))
  }

  /** Calls an endpoint of the server: by path or route id, or by options. */
  request<A = unknown>(options: string | RequestOptions): Promise<Response<A>>
  request<A = unknown>(options: string | RequestOptions, callback: RequestCallback<A>): void
  request<A>(options: string | RequestOptions, callback?: RequestCallback<A>): Promise<Response<A>> | undefined {
    return this.settled(
      callback &&
        ((error, { headers, payload, statusCode }) =>
          callback(error ?? null, payload as A, statusCode as number, headers)),
      (done) =>
        isMissing(options)
          ? done(new UserError({ message: "Invalid request" }))
          : this.session.send(Request.draft(options), done),
      Request.response as (answer: Message.Answer) => Response<A>
    )
  }

  /** Sends a custom message, to be answered by the server's `onMessage`. */
  message<A = unknown>(message: unknown): Promise<MessageResponse<A>>
  message<A = unknown>(message: unknown, callback: MessageCallback<A>): void
  message<A>(message: unknown, callback?: MessageCallback<A>): Promise<MessageResponse<A>> | undefined {
    return this.settled(
      callback && ((error, answer) => callback(error ?? null, answer.message as A)),
      (done) => this.session.send({ type: "message", message, id: 0 }, done),
      (answer) => ({ payload: answer.message as A })
    )
  }

  /**
   * Subscribes to a path. The subscription outlives connections. Before connecting, the path is only noted down: what
   * the server has against it comes through `connect`. Without a handler, the path is subscribed for what the server
   * makes of that alone. With `{ history: 10 }` the last ten updates come first, where the path has recovery.
   */
  subscribe<A = unknown>(path: string, handler?: Handler<A> | null): Promise<void>
  subscribe<A = unknown>(path: string, handler: Handler<A> | null | undefined, callback: Callback): void
  subscribe<A = unknown>(
    path: string,
    handler: Handler<A> | null | undefined,
    options: SubscribeOptions,
    callback?: Callback
  ): Promise<void>
  subscribe(
    path: string,
    handler?: Handler<never> | null,
    third?: SubscribeOptions | Callback | null,
    fourth?: Callback
  ): Promise<void> | undefined {
    const [options, callback] = typeof third === "object" && third !== null ? [third, fourth] : [{}, third ?? fourth]
    if (!isMissing(handler) && typeof handler !== "function") {
      return this.settled(callback, (settle) => settle(new UserError({ message: "Invalid handler" })))
    }
    const listener: Listener = { update: handler ?? ignore }
    return this.settled(callback, (settle) => this.session.subscribe(path, handler ?? null, listener, settle, options))
  }

  /** Says something else of this client to the others at a path that it is subscribed to: any JSON value. */
  present(path: string, value: unknown): Promise<void>
  present(path: string, value: unknown, callback: Callback): void
  present(path: string, value: unknown, callback?: Callback): Promise<void> | undefined {
    return this.settled(callback, (settle) => this.session.present(path, value, settle))
  }

  /** Removes a handler from a path or, with `null`, all its handlers. A path without handlers is unsubscribed. */
  unsubscribe(path: string, handler?: Handler<never> | null): Promise<void>
  unsubscribe(path: string, handler: Handler<never> | null | undefined, callback: Callback): void
  unsubscribe(path: string, handler?: Handler<never> | null, callback?: Callback): Promise<void> | undefined {
    return this.settled(callback, (settle) => this.session.unsubscribe(path, handler, settle))
  }

  /** The current subscription paths. */
  subscriptions(): Array<string> {
    return this.session.subscriptions
  }

  /**
   * Sets the credentials used when reconnecting. Returns whether reconnection is enabled; if not, the call is ignored.
   */
  overrideReconnectionAuth(auth: Auth): boolean {
    return this.session.overrideReconnectionAuth(auth)
  }

  /** Replaces the credentials of the open connection and, if the server accepts them, those used when reconnecting. */
  reauthenticate(auth: unknown): Promise<true>
  reauthenticate(auth: unknown, callback: Callback): void
  reauthenticate(auth: unknown, callback?: Callback): Promise<true> | undefined {
    return this.settled(
      callback && ((error) => callback(error ?? null)),
      (done) =>
        this.session.send({ type: "reauth", auth, id: 0 }, (error, answer) => {
          if (error === undefined) {
            this.session.overrideReconnectionAuth(auth)
          }
          done(error, answer)
        }),
      () => true as const
    )
  }

  // `null` stands for no callback, too. One never runs before the call it was given to has returned.
  private settled<A = void>(
    callback: Answered | undefined | null,
    start: (done: Settle) => void,
    read?: (answer: Message.Answer) => A
  ): Promise<A> | undefined {
    if (callback) {
      let hasReturned = false
      attempt(start, (error, answer = none) => {
        const run = (): void => this.call(() => read ? callback(error, answer) : (callback as Callback)(error))
        return hasReturned ? run() : queueMicrotask(run)
      })
      hasReturned = true
      return undefined
    }
    const promise = new Promise<A>((resolve, reject) =>
      attempt(start, (failure, answer = none) => {
        if (failure) {
          reject(failure)
          // Not before there is a Promise. There is one for every request: only those that fail pay for it.
          queueMicrotask(() => promise.catch(ignore))
        } else {
          resolve(read?.(answer) as A)
        }
      })
    )
    return promise
  }

  private call(f: () => void): void {
    try {
      f()
    } catch (cause) {
      this.report(Thrown.toUserError(cause))
    }
  }

  private report(error: NesError): void {
    try {
      this.onError?.(error as NesError & Reported)
    } catch (cause) {
      console.error(cause)
    }
  }
}
