/**
 * The Effect client.
 *
 * ```ts
 * const program = Effect.gen(function*() {
 *   const nes = yield* NesClient.NesClient
 *   const { payload } = yield* nes.request("/item/5")
 *   yield* nes.subscribe("/item/5").pipe(Stream.runForEach((update) => Effect.log(update.message)))
 * }).pipe(Effect.provide(NesClient.layer({ url: "ws://localhost:8000" })))
 * ```
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as ConsoleView from "../protocol/ConsoleView.js"
import * as JsonCodec from "../protocol/JsonCodec.js"
import type * as Message from "../protocol/Message.js"
import { DisconnectError, type NesError, TimeoutError, UserError } from "../protocol/NesError.js"
import * as Secrets from "../protocol/Secrets.js"
import { carrying, rootless, withoutQuery } from "../protocol/Tracing.js"
import * as Backoff from "./Backoff.js"
import type { SocketOptions } from "./Connection.js"
import * as Credentials from "./Credentials.js"
import * as Deadline from "./Deadline.js"
import * as Metrics from "./Metrics.js"
import type { DisconnectLog, Status } from "./Observer.js"
import type { Draft } from "./Pending.js"
import * as Request from "./Request.js"
import * as Session from "./Session.js"
import type { Close } from "./Socket.js"
import {
  type Buffer,
  type Buffers,
  type OverflowError,
  shared,
  subscribe,
  subscribed,
  type SubscribeOptions,
  unbounded,
  type Update
} from "./StreamBuffer.js"

/** @since 0.1.0 */
export type { Options as BackoffOptions } from "./Backoff.js"
/** @since 0.1.0 */
export { type Buffer, OverflowError, type Update } from "./StreamBuffer.js"
/** @since 1.0.0 */
export type { SubscribeOptions } from "./StreamBuffer.js"
/** @since 0.1.0 */
export { type DisconnectLog, Status } from "./Observer.js"
/** @since 0.1.0 */
export type { Body, Response } from "./Request.js"
/** @since 1.0.0 */
export type { Attempt } from "./Credentials.js"
/** @since 1.0.0 */
export type { Close } from "./Socket.js"

/**
 * Credentials: an Effect of them that is run for each hello, or a function of what the hello is for that gives an
 * Effect, a Promise or a value, or a value. What is `Redacted` in them, wherever it is, is revealed.
 *
 * @since 1.0.0
 * @category models
 */
export type Auth<R = never> =
  | Credentials.Auth
  | Effect.Effect<unknown, unknown, R>
  | ((attempt: Credentials.Attempt) => Effect.Effect<unknown, unknown, R>)

/**
 * How to connect.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConnectOptions<R = never> {
  /**
   * The credentials sent with every hello; see `overrideReconnectionAuth`. After a 401 on a reconnect, an Effect is run
   * once more, and a function is called once more with that error: what comes of it is tried once.
   */
  readonly auth?: Auth<R>
  /** How long opening the socket and the hello may take together. Default: as long as the WebSocket implementation lets it. */
  readonly connectTimeout?: Duration.Input | undefined
  /** How long the server may take to answer the hello. Default: no limit but `timeout` and `connectTimeout`. */
  readonly helloTimeout?: Duration.Input | undefined
  /**
   * When to connect again after a connection was lost: `false` for never, the documented options (the default: waits of
   * 1, 2, 3, 4, 5, 5, … seconds without end), or any Schedule. Its input is the way the connection was closed.
   *
   * A connection that lasted longer than `maxDelay` (5 seconds where a Schedule is given) starts the Schedule anew.
   */
  readonly reconnect?: boolean | Backoff.Options | Schedule.Schedule<unknown, Close> | undefined
}

/**
 * What a client is made of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> extends ConnectOptions<R>, SocketOptions {
  /** The address: `ws:`, `wss:`, `http:` or `https:`. */
  readonly url: string
  /** How long every call waits for its answer. Default: as long as the connection lasts. */
  readonly timeout?: Duration.Input | undefined
  /**
   * Whether making the client connects it:
   * - `true` (the default): it waits for the first attempt. Where that fails and more follow, it logs a warning and
   *   leaves the client connecting in the background; where none follows, it fails.
   * - `"required"`: it fails whenever the first attempt does.
   * - `false`: `connect` is left to the application.
   */
  readonly connect?: boolean | "required" | undefined
}

/**
 * What a request asks for.
 *
 * @since 0.1.0
 * @category models
 */
export interface RequestOptions extends Request.RequestOptions {
  /**
   * Whether the answer is to be told as HTTP has it: `body` says what the payload is, the type of its content is among
   * the headers, and an error without a body has none. Only an effect-nes server without hapi tells.
   */
  readonly http?: boolean | undefined
}

/**
 * How to make one call.
 *
 * @since 0.1.0
 * @category models
 */
export interface CallOptions {
  /** How long this call waits for its answer. */
  readonly timeout?: Duration.Input | undefined
}

/**
 * An event in the client's life:
 * - `Connected`: the server accepted the hello, the first or a later one; `id` is the socket's id there
 * - `Disconnected`: a connection was lost, or could not be opened and will be tried again
 * - `Reconnecting`: the next attempt follows after `delay`; `attempt` counts those since the client was last connected
 * - `HeartbeatTimeout`: the server was silent for too long; the connection is closed next
 * - `Gap`: updates of a path with recovery are lost, too many or too old to be sent again
 * - `Error`: an error that no call accounts for
 *
 * @since 0.1.0
 * @category models
 */
export type ClientEvent = Data.TaggedEnum<{
  Connected: { readonly id: string }
  Disconnected: DisconnectLog
  Reconnecting: { readonly attempt: number; readonly delay: Duration.Duration }
  HeartbeatTimeout: { readonly willReconnect: boolean }
  Gap: { readonly path: string }
  Error: { readonly error: NesError }
}>

/**
 * Constructors and matchers of `ClientEvent`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ClientEvent = Data.taggedEnum<ClientEvent>()

/**
 * The service.
 *
 * Calls fail with a `DisconnectError` while there is no connection, also while one is being re-established: nothing is
 * queued. Interrupting a call, or its time-out, forgets it: a server of ours ends what it does for it, and a late answer
 * is no error.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Connects, and reconnects from then on unless told not to. `options` go before those the client was made with. It
   * fails with the first attempt, while more follow in the background as the Schedule has it. Interrupting it gives the
   * connection up.
   */
  readonly connect: <R = never>(options?: ConnectOptions<R>) => Effect.Effect<void, NesError, R>
  /** Disconnects, stops reconnecting, and ends when the socket is closed. */
  readonly disconnect: Effect.Effect<void>
  /** Calls an endpoint: by path or route id, or by options. Its payload is decoded by `schemaPayload`. */
  readonly request: (
    request: string | RequestOptions,
    options?: CallOptions
  ) => Effect.Effect<Request.Response, NesError>
  /** Sends a custom message, and returns what the server's `onMessage` answers, to be decoded by `schemaMessage`. */
  readonly message: (message: unknown, options?: CallOptions) => Effect.Effect<unknown, NesError>
  /**
   * The updates of a path, for as long as the Stream is consumed.
   *
   * All consumers of a path share one subscription of the server. It outlives connections: after a reconnect it goes on
   * (with what was published meanwhile only where the subscription has recovery). It ends when the server revokes it.
   * It fails with the server's refusal, and with a `DisconnectError` when the client is disconnected for good.
   * Unbounded buffering is the default. With `{ history: 10 }` it begins with the last ten updates, where the
   * subscription has recovery.
   */
  readonly subscribe: (path: string, options?: SubscribeOptions) => Stream.Stream<Update, NesError | OverflowError>
  /**
   * Subscribes to a path until the scope closes. It succeeds when the server has accepted the subscription, with the
   * Stream of all that has come since, for one consumer at a time; it fails with the server's refusal. Without a
   * connection it waits for one, and fails with a `DisconnectError` when the client gives up.
   */
  readonly subscribed: (
    path: string,
    options?: SubscribeOptions
  ) => Effect.Effect<Stream.Stream<Update, NesError | OverflowError>, NesError, Scope.Scope>
  /** Says something else of this client to the others at a path that it is subscribed to: any JSON value. */
  readonly present: (path: string, value: unknown) => Effect.Effect<void, NesError>
  /** The messages alone of `subscribe`. */
  readonly subscribeMessages: (
    path: string,
    options?: SubscribeOptions
  ) => Stream.Stream<unknown, NesError | OverflowError>
  /** What the server broadcasts, or sends to this client alone. It ends with the client. */
  readonly updates: Stream.Stream<unknown>
  /** `updates` with a buffer of one's own choice. */
  readonly updatesWith: (buffer: Buffer) => Stream.Stream<unknown, OverflowError>
  /** What happens to the client from now on. An `Error` that nobody listens for is logged. It ends with the client. */
  readonly events: Stream.Stream<ClientEvent>
  /** What state the client is in. */
  readonly status: Effect.Effect<Status>
  /** The current status and every later one. It ends with the client. */
  readonly statusChanges: Stream.Stream<Status>
  /** The paths subscribed to. */
  readonly subscriptions: Effect.Effect<ReadonlyArray<string>>
  /** Replaces the credentials of the open connection and, if the server accepts them, those used when reconnecting. */
  readonly reauthenticate: <R = never>(auth: Auth<R>, options?: CallOptions) => Effect.Effect<void, NesError, R>
  /** Sets the credentials used when reconnecting. Returns whether reconnection is enabled; if not, nothing is done. */
  readonly overrideReconnectionAuth: <R = never>(auth: Auth<R>) => Effect.Effect<boolean, never, R>
}

/**
 * The client's Tag.
 *
 * @since 0.1.0
 * @category services
 */
export class NesClient extends Context.Service<NesClient, Service>()("effect-nes/client/NesClient") {}

const isBody = (u: unknown): u is Request.Body => u === "json" || u === "text" || u === "none"

// Whoever gives an Effect has what it requires.
const reveal = <R>(auth: Auth<R>): Effect.Effect<Credentials.Auth, never, R> =>
  Effect.map(rootless<R>(), (context) => {
    const ask = Effect.isEffect(auth) ? () => auth : auth
    if (typeof ask === "function") {
      return (attempt) =>
        Effect.provideContext(Effect.map(Credentials.resolve(ask, attempt), (auth) => Secrets.reveal(auth)), context)
    }
    try {
      return Secrets.reveal(ask)
    } catch (error) {
      // What cannot be read fails what would send it, as a function that throws does.
      return () => Effect.fail(error)
    }
  })

const reconnection = (reconnect: ConnectOptions["reconnect"] = true): Backoff.Policy | undefined =>
  Schedule.isSchedule(reconnect)
    ? Backoff.custom(reconnect)
    : reconnect === false
    ? undefined
    : Backoff.policy(reconnect === true ? {} : reconnect)

/**
 * Makes a client that disconnects when its scope closes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <R = never>(options: Options<R>): Effect.Effect<Service, NesError, Scope.Scope | R> =>
  Effect.gen(function*() {
    const context = yield* rootless<R>()
    const log = Effect.runForkWith(context)
    Metrics.begin(context)
    const subscriptions: Buffers<Update, NesError> = new Set()
    const updates: Buffers<unknown> = new Set()
    const events: Buffers<ClientEvent> = new Set()
    const statuses: Buffers<Status> = new Set()
    const tell = (event: ClientEvent): void => events.forEach((buffer) => buffer.offer(event))
    const disconnected = (): void => subscriptions.forEach((buffer) => buffer.fail(ended()))
    // Whoever still holds the service when its scope is closed must neither wait for ever nor open what nobody closes.
    let over = false

    const session = yield* Effect.acquireRelease(
      Session.make({
        ...options,
        timeout: options.timeout === undefined ? undefined : Duration.toMillis(options.timeout),
        extensions: ["cancel", "http", "rpc", "trace"]
      }, {
        connected: (id, again) => {
          if (again) {
            Metrics.reconnects.updateUnsafe(1, context)
          }
          tell(ClientEvent.Connected({ id }))
        },
        disconnected: (_, log) => tell(ClientEvent.Disconnected(log)),
        reconnecting: (attempt, delay) => tell(ClientEvent.Reconnecting({ attempt, delay })),
        heartbeatTimeout: (willReconnect) => {
          Metrics.heartbeatsMissed.updateUnsafe(1, context)
          tell(ClientEvent.HeartbeatTimeout({ willReconnect }))
        },
        gap: (path) => tell(ClientEvent.Gap({ path })),
        // The path's Streams end.
        revoked: () => {},
        update: (message) => updates.forEach((buffer) => buffer.offer(message)),
        error: (error) => {
          if (events.size === 0) {
            log(Effect.logWarning("nes client", error))
          }
          tell(ClientEvent.Error({ error }))
        },
        changed: (status) => {
          statuses.forEach((buffer) => buffer.offer(status))
          if (status._tag === "Disconnected") {
            disconnected()
          }
        }
      }).pipe(Effect.updateContext((_: Context.Context<never>) => context)),
      (session) =>
        Effect.gen(function*() {
          over = true
          yield* disconnect(session)
          disconnected()
          ;[updates, events, statuses].forEach((buffers) => buffers.forEach((buffer) => buffer.end()))
        })
    )

    const connect: Service["connect"] = (overrides = {}) =>
      carrying("nes.connect", "client", { "nes.url": options.url }, (traceparent) => {
        const { connectTimeout, helloTimeout, reconnect } = { ...options, ...overrides }
        const own = "auth" in overrides ? reveal(overrides.auth) : Effect.provideContext(reveal(options.auth), context)
        return Effect.flatMap(own, (auth) =>
          Effect.callback<void, NesError>((resume) => {
            if (over) {
              return resume(
                Effect.fail(new UserError({ message: "Cannot connect after the client's scope is closed" }))
              )
            }
            const how = { auth, connectTimeout, helloTimeout, reconnect: reconnection(reconnect), traceparent }
            session.connect(how, settle(resume))
            return disconnect(session)
          }))
      })

    // A call, in a span of its own.
    const call = <A>(
      name: string,
      attributes: Readonly<Record<string, unknown>>,
      { timeout }: CallOptions = {},
      makeDraft: (traceparent: string | undefined) => Draft,
      read: (answer: Message.Answer) => A
    ): Effect.Effect<A, NesError> =>
      carrying(name, "client", attributes, (traceparent) => {
        const answer = Effect.callback<A, NesError>((resume) => {
          // An open socket is not enough: a server that still authenticates the client takes it for anybody.
          if (session.status._tag !== "Connected") {
            return resume(Effect.fail(new DisconnectError({ message: "Failed to send message - server disconnected" })))
          }
          const draft = makeDraft(traceparent)
          // The server ends what it does for it, if it can.
          const cancel = (): void => session.offers("cancel") ? session.say("cancel", Number(draft.id)) : undefined
          session.send(draft, (error, answer) => {
            if (error === undefined) {
              resume(Effect.succeed(read(answer)))
              return
            }
            if (error._tag === "TimeoutError") {
              cancel()
            }
            if (isBody(answer.body)) {
              Object.assign(error, { body: answer.body })
            }
            resume(Effect.fail(error))
          })
          return Effect.sync(() => {
            session.forget(draft.id)
            cancel()
          })
        })
        return timeout === undefined ? answer : Effect.raceFirst(
          answer,
          Effect.andThen(Deadline.sleep(timeout), Effect.fail(new TimeoutError({ message: "Request timed out" })))
        )
      })

    // A span is not told to a server that would not know what to do with it.
    const traced = (traceparent: string | undefined) => session.offers("trace") ? { traceparent } : undefined

    const alive = <A, E>(stream: Stream.Stream<A, E>, after: Stream.Stream<A, E> = Stream.empty): Stream.Stream<A, E> =>
      Stream.suspend(() => over ? after : stream)

    const updatesOf: Service["subscribe"] = (path, options = unbounded) =>
      alive(subscribe(session, subscriptions, path, options), Stream.suspend(() => Stream.fail(ended())))

    const service: Service = {
      connect,
      disconnect: disconnect(session),
      request: (options, how) => {
        const request = typeof options === "string" ? { path: options } : options
        const { headers, http, method = "GET", path } = request
        return call(
          `nes.request ${method}`,
          { "nes.path": withoutQuery(path), "http.request.method": method },
          how,
          (traceparent) => ({
            ...Request.draft(traceparent ? { ...request, headers: { ...headers, traceparent } } : request),
            // How an answer is told is not said to a server that does not know.
            ...(http === true && session.offers("http") && { http })
          }),
          (answer) => ({ ...Request.response(answer), ...(isBody(answer.body) && { body: answer.body }) })
        )
      },
      message: (message, how) =>
        call(
          "nes.message",
          {},
          how,
          (traceparent) => ({ type: "message", message, ...traced(traceparent), id: 0 }),
          (answer) => answer.message
        ),
      subscribe: updatesOf,
      subscribed: (path, options = unbounded) =>
        carrying(
          "nes.subscribe",
          "client",
          { "nes.path": path },
          () => Effect.suspend(() => over ? Effect.fail(ended()) : subscribed(session, subscriptions, path, options))
        ),
      present: (path, value) => Effect.callback((resume) => session.present(path, value, settle(resume))),
      subscribeMessages: (path, options) => Stream.map(updatesOf(path, options), (update) => update.message),
      updates: endless(alive(shared(updates, unbounded))),
      updatesWith: (buffer) => alive(shared(updates, buffer)),
      events: endless(alive(shared(events, unbounded))),
      status: Effect.sync(() => session.status),
      statusChanges: endless(
        alive(shared(statuses, unbounded, () => session.status), Stream.sync(() => session.status))
      ),
      subscriptions: Effect.sync(() => session.subscriptions),
      reauthenticate: (auth, how) =>
        Effect.flatMap(
          reveal(auth),
          (next) =>
            Effect.flatMap(Credentials.resolve(next, { attempt: 0, error: undefined }), (now) =>
              call(
                "nes.reauthenticate",
                {},
                how,
                (traceparent) => ({ type: "reauth", auth: now, ...traced(traceparent), id: 0 }),
                () => void session.overrideReconnectionAuth(next)
              ))
        ),
      overrideReconnectionAuth: (auth) => Effect.map(reveal(auth), (next) => session.overrideReconnectionAuth(next))
    }

    Session.keep(service, session)
    ConsoleView.as(
      service,
      "NesClient",
      () => ({ url: session.address, status: session.status, subscriptions: session.subscriptions.length })
    )
    if (options.connect !== false) {
      yield* Effect.catch(connect(), (error) =>
        options.connect === "required" || session.status._tag === "Disconnected"
          ? Effect.fail(error)
          : Effect.logWarning("nes client: not connected yet", error))
    }
    return service
  })

/**
 * A client as a Layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <R = never>(options: Options<R>): Layer.Layer<NesClient, NesError, Exclude<R, Scope.Scope>> =>
  Layer.effect(NesClient, make(options))

/**
 * A client as a Layer, with options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<NesClient, NesError | Config.ConfigError> =>
  Layer.effect(NesClient, Effect.flatMap(Config.unwrap(options), make))

/**
 * Decodes the payload of a response.
 *
 * ```ts
 * const item = nes.request("/item/5").pipe(Effect.flatMap(NesClient.schemaPayload(Item)))
 * ```
 *
 * @since 1.0.0
 * @category schemas
 */
export const schemaPayload = <S extends Schema.Constraint>(
  schema: S
): (response: Request.Response) => Effect.Effect<S["Type"], Schema.SchemaError, S["DecodingServices"]> => {
  const { decode } = JsonCodec.of(schema)
  return ({ payload }) => decode(payload)
}

/**
 * Decodes what a message was answered with.
 *
 * @since 1.0.0
 * @category schemas
 */
export const schemaMessage = <S extends Schema.Constraint>(
  schema: S
): (answer: unknown) => Effect.Effect<S["Type"], Schema.SchemaError, S["DecodingServices"]> =>
  JsonCodec.of(schema).decode

const disconnect = (session: Session.Session): Effect.Effect<void> =>
  Effect.callback((resume) => session.disconnect(() => resume(Effect.void)))

const settle = (resume: (effect: Effect.Effect<void, NesError>) => void) => (error?: NesError): void =>
  resume(error === undefined ? Effect.void : Effect.fail(error))

const ended = (): DisconnectError => new DisconnectError({ message: "Subscription ended - client disconnected" })

// An unbounded buffer does not overflow.
const endless = <A>(stream: Stream.Stream<A, OverflowError>): Stream.Stream<A> => stream as Stream.Stream<A>
