/**
 * A client's connection as an Effect program sees it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Codec from "../protocol/Codec.js"
import * as ConsoleView from "../protocol/ConsoleView.js"
import { answers } from "../protocol/ErrorTexts.js"
import { DisconnectError, type UserError } from "../protocol/NesError.js"
import * as Thrown from "../protocol/Thrown.js"
import type { Connection, Info } from "../server/connection/Connection.js"
import type { AuthState, Credentials } from "../server/conversation/Authentication.js"
import * as MessageText from "../server/MessageText.js"
import { NesServer } from "../server/NesServer.js"
import type { EachOptions } from "../server/subscription/Delivery.js"
import * as Refusal from "./Refusal.js"

/** @since 0.1.0 */
export type { AuthState, Credentials } from "../server/conversation/Authentication.js"
/** @since 0.1.0 */
export type { Connection, Info } from "../server/connection/Connection.js"
/** @since 1.0.0 */
export type { EachOptions } from "../server/subscription/Delivery.js"

/**
 * A socket. It can be kept: operations on one that has closed fail with `DisconnectError`.
 *
 * @since 0.1.0
 * @category models
 */
export class Socket {
  /** What the application keeps with this socket. */
  readonly app: Record<string, unknown> = {}
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** The unique identifier of the socket; the client knows it as `client.id`. */
  get id(): string {
    return this.#connection.id
  }

  /** The authentication state: `isAuthenticated`, `credentials`, `artifacts`, `strategy`. */
  get auth(): Readonly<AuthState> {
    return this.#connection.ownAuth
  }

  /** Where the connection comes from. */
  get info(): Info {
    return this.#connection.info
  }

  /** Whether messages can be sent. */
  get isOpen(): boolean {
    return this.#connection.isOpen
  }

  /** The paths it is subscribed to, in order. */
  get subscriptions(): ReadonlyArray<string> {
    return Array.from(this.#connection.subscriptions.keys())
  }

  /** Sends a message, which the client gets as an update. */
  send(message: unknown): Effect.Effect<void, DisconnectError | UserError> {
    return this.#send("update", () => `{"type":"update","message":${MessageText.of(message)}}`)
  }

  /** Sends a subscription update to this client alone, which ignores it if it is not subscribed to the path. */
  publish(path: string, message: unknown): Effect.Effect<void, DisconnectError | UserError> {
    return this.#send("pub", () => `${Codec.pubHead(path)}${MessageText.of(message)}}`)
  }

  /** Ends a subscription, with a last update if there is a `message`; any value but `undefined` is one. */
  revoke(
    path: string,
    options: { readonly message?: unknown } = {}
  ): Effect.Effect<void, DisconnectError | UserError> {
    return this.#send(
      "revoke",
      () => JSON.stringify({ type: "revoke", path, ...options }),
      () => this.#connection.unsubscribe(path)
    )
  }

  /** Closes the connection, with a close code (1000 or 3000 to 4999) if one is given; ends when it is gone. */
  disconnect(code?: number, reason?: string): Effect.Effect<void, UserError> {
    return Effect.tryPromise({ try: () => this.#connection.close(code, reason), catch: Thrown.asUserError })
  }

  #send(
    type: "update" | "pub" | "revoke",
    makeText: () => string,
    also?: () => Promise<void>
  ): Effect.Effect<void, DisconnectError | UserError> {
    return Effect.flatMap(
      Effect.try({ try: makeText, catch: Thrown.asUserError }),
      (text) =>
        Effect.tryPromise({
          try: async () => {
            await Promise.all([also?.(), this.#connection.send(type, text)])
          },
          catch: (cause) => new DisconnectError({ message: Thrown.text(cause) })
        })
    )
  }
}

ConsoleView.as(
  Socket.prototype,
  "Socket",
  ({ app, auth: { isAuthenticated, strategy }, id, info, isOpen, subscriptions }) => ({
    id,
    isOpen,
    info,
    auth: { isAuthenticated, strategy },
    subscriptions: subscriptions.length,
    app
  })
)

/**
 * The one socket of a connection.
 *
 * @since 0.1.0
 * @category conversions
 */
export const of = (connection: Connection): Socket => {
  const { facade } = connection
  return facade instanceof Socket ? facade : connection.facade = new Socket(connection)
}

/**
 * The sockets that have said hello, in the order they came; only the subscribers of a path, or of a path and a user, if
 * given. Fails with `UserError` for a user without a path, or of a subscription without an index.
 *
 * @since 0.1.0
 * @category accessors
 */
export const all = (options: EachOptions = {}): Effect.Effect<ReadonlyArray<Socket>, UserError, NesServer> =>
  Effect.flatMap(NesServer, ({ node }) =>
    Effect.tryPromise({
      try: async () => {
        const sockets: Array<Socket> = []
        await node.each((connection) => void sockets.push(of(connection)), options)
        return sockets
      },
      catch: Thrown.asUserError
    }))

/**
 * The socket that a request came over, or that a hook or filter is about; none for an ordinary HTTP request. A
 * `Reference`: reading it requires nothing, so that one handler serves both.
 *
 * @since 0.1.0
 * @category references
 */
export const CurrentSocket: Context.Reference<Option.Option<Socket>> = Context.Reference(
  "effect-nes/http/Socket/CurrentSocket",
  { defaultValue: () => Option.none() }
)

/**
 * Who a request comes from, or a hook or filter is about: the credentials of the socket, or what a middleware has found
 * out about an ordinary HTTP request (see `Authentication.middleware`).
 *
 * @since 0.1.0
 * @category references
 */
export const CurrentCredentials: Context.Reference<Option.Option<Credentials>> = Context.Reference(
  "effect-nes/http/Socket/CurrentCredentials",
  { defaultValue: () => Option.none() }
)

/** What tells who a connection is: the references above, with its socket and its present credentials. */
export const contextOf = (connection: Connection): Context.Context<never> =>
  Context.make(CurrentSocket, Option.some(of(connection))).pipe(
    Context.add(CurrentCredentials, Option.fromNullOr(connection.auth.credentials))
  )

/**
 * The socket of the request, message or update; fails with 400 where it is an ordinary HTTP request.
 *
 * @since 1.0.0
 * @category accessors
 */
export const current: Effect.Effect<Socket, Refusal.Refusal> = Effect.flatMap(
  CurrentSocket,
  Effect.fromOption(() => Refusal.badRequest(answers.overHttp[1]))
)

/**
 * The credentials of the request, or of whoever a hook or filter is about; fails with 401 where there are none.
 *
 * @since 0.1.0
 * @category accessors
 */
export const credentials: Effect.Effect<Credentials, Refusal.Refusal> = Effect.flatMap(
  CurrentCredentials,
  Effect.fromOption(() => Refusal.unauthorized(answers.credentialsMissing[1]))
)
