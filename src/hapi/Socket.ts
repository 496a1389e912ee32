/** The documented `Socket` of a client connection (nes-api.txt, "Socket"). */
import type { AuthArtifacts, AuthCredentials, Server } from "@hapi/hapi"
import * as ConsoleView from "../protocol/ConsoleView.js"
import type * as Message from "../protocol/Message.js"
import type { Service } from "../server/Application.js"
import type { Connection, Info } from "../server/connection/Connection.js"
import { requirePath } from "../server/subscription/Subscription.js"

/**
 * Application state of a socket; extend it by augmentation of the module `effect-nes/hapi`.
 *
 * @since 0.1.0
 * @category models
 */
export interface SocketApplicationState {
  [key: string]: unknown
}

/**
 * hapi's credentials, whose `UserCredentials` and `AppCredentials` can be extended by module augmentation, and whatever
 * else the authentication scheme has put there.
 *
 * @since 0.1.0
 * @category models
 */
export type SocketCredentials = AuthCredentials & { readonly [property: string]: unknown }

/**
 * The authentication state of a socket, like that of a request.
 *
 * @since 0.1.0
 * @category models
 */
export interface SocketAuth {
  isAuthenticated: boolean
  credentials: SocketCredentials | null
  artifacts: AuthArtifacts | null
  readonly strategy: string | undefined
}

/**
 * Options of `socket.revoke()`.
 *
 * @since 0.1.0
 * @category models
 */
export interface RevokeOptions {
  /** Succeed silently if the socket is no longer open. */
  readonly ignoreClosed?: boolean | undefined
  /** The same, by the name `@hapi/nes` has for it. */
  readonly ignoreClose?: boolean | undefined
}

type Callback = (error?: Error) => void

export interface Host {
  readonly server: Server
  readonly socketOf: (connection: Connection) => Socket
  /** Takes note of what has no caller to go to. */
  readonly log: Service["log"]
}

/**
 * Hands the outcome of a Promise to a callback, outside of the Promise, or the Promise back if there is none. One that
 * nobody looks at never becomes an unhandled rejection.
 */
const nodeify = <A>(
  promise: Promise<A>,
  callback: ((error?: Error) => void) | undefined
): Promise<A> | undefined => {
  if (typeof callback === "function") {
    promise.then(() => setImmediate(callback), (error) => setImmediate(callback, error))
    return undefined
  }
  promise.catch(() => {})
  return promise
}

/**
 * A client connection. Every method that takes a callback returns a Promise where none is given.
 *
 * @since 0.1.0
 * @category models
 */
export class Socket {
  /** Application state of this socket: a namespace that conflicts with nothing of its own. */
  app: SocketApplicationState = {}
  readonly #connection: Connection
  readonly #host: Host

  constructor(connection: Connection, host: Host) {
    this.#connection = connection
    this.#host = host
  }

  /** The unique identifier of the socket; the client knows it as `client.id`. */
  get id(): string {
    return this.#connection.id
  }

  /** The authentication state: `isAuthenticated`, `credentials`, `artifacts` and `strategy`. */
  get auth(): SocketAuth {
    return this.#connection.ownAuth as SocketAuth
  }

  /** The hapi server that owns the connection. */
  get server(): Server {
    return this.#host.server
  }

  /** The same as `server`: hapi has had no connections of their own since version 17. */
  get connection(): Server {
    return this.#host.server
  }

  /** Where the connection comes from: `remoteAddress`, `remotePort`, `x-forwarded-for`. */
  get info(): Info {
    return this.#connection.info
  }

  /** Whether messages can be sent. */
  isOpen(): boolean {
    return this.#connection.isOpen
  }

  /** Closes the connection; ends when it is fully closed. */
  disconnect(): Promise<void>
  disconnect(callback: () => void): void
  disconnect(callback?: () => void): Promise<void> | undefined {
    return nodeify(this.#connection.close(), callback)
  }

  /** Sends a custom message, which the client gets as an update. Rejects if the socket is not open. */
  send(message: unknown): Promise<void>
  send(message: unknown, callback: Callback): void
  send(message: unknown, callback?: Callback): Promise<void> | undefined {
    return nodeify(this.#send({ type: "update", message }), callback)
  }

  /** Sends a subscription update to this client alone, which ignores it if it is not subscribed to the path. */
  publish(path: string, message: unknown): Promise<void>
  publish(path: string, message: unknown, callback: Callback): void
  publish(path: string, message: unknown, callback?: Callback): Promise<void> | undefined {
    return nodeify(this.#publish(path, message), callback)
  }

  /** Revokes a subscription, with a last update unless `message` is `null`. Rejects if the socket is not open. */
  revoke(path: string, message?: unknown, options?: RevokeOptions): Promise<void>
  revoke(path: string, message: unknown, callback: Callback): void
  revoke(path: string, message: unknown, options: RevokeOptions | null | undefined, callback: Callback): void
  revoke(
    path: string,
    message?: unknown,
    optionsOrCallback?: RevokeOptions | Callback | null,
    callback?: Callback
  ): Promise<void> | undefined {
    const [options, done] = typeof optionsOrCallback === "function"
      ? [{}, optionsOrCallback]
      : [optionsOrCallback ?? {}, callback]
    return nodeify(this.#revoke(path, message, options), done)
  }

  async #publish(path: string, message: unknown): Promise<void> {
    requirePath(path)
    await this.#send({ type: "pub", path, message })
  }

  async #revoke(path: string, message: unknown, options: RevokeOptions): Promise<void> {
    requirePath(path)
    const left = this.#connection.unsubscribe(path)
    // At once: a client that subscribes again while the hook runs must not take it for the new subscription's.
    const sent = (options.ignoreClosed || options.ignoreClose) && !this.isOpen()
      ? undefined
      : this.#send(message === null ? { type: "revoke", path } : { type: "revoke", path, message })
    await Promise.all([left, sent])
  }

  #send(message: Message.Update | Message.Pub | Message.Revoke): Promise<void> {
    try {
      return this.#connection.send(message.type, JSON.stringify(message))
    } catch (error) {
      this.#host.log(["nes", "serialization", "error"], message.type, this.#connection)
      return Promise.reject(error)
    }
  }
}

ConsoleView.as(Socket.prototype, "Socket", (socket) => {
  const { app, auth: { isAuthenticated, strategy }, id, info } = socket
  return { id, isOpen: socket.isOpen(), info, auth: { isAuthenticated, strategy }, app }
})

/** The one socket of a connection. */
export const of = (connection: Connection, host: Host): Socket => {
  const { facade } = connection
  return facade instanceof Socket ? facade : connection.facade = new Socket(connection, host)
}
