/**
 * What a server is told once, decoded and with the defaults applied. Durations are in milliseconds, lengths in UTF-16
 * code units.
 *
 * @since 0.1.0
 */
import type { IncomingHttpHeaders } from "node:http"
import type * as Message from "../protocol/Message.js"
import type { Awaitable } from "./Awaitable.js"
import type { Connection } from "./connection/Connection.js"
import * as Limits from "./connection/Limits.js"

/**
 * A request to upgrade, as far as whoever lets it in or not has to know it.
 *
 * @since 1.0.0
 * @category models
 */
export interface UpgradeRequest {
  /** Where the connection comes from: behind a proxy, that is the proxy. */
  readonly address: string | undefined
  readonly headers: IncomingHttpHeaders
  /** Path and query. */
  readonly url: string
}

/**
 * What the application does at the turns of a connection's life. Each may answer with a value, a Promise or an Effect.
 *
 * @since 0.1.0
 * @category models
 */
export interface Hooks {
  /**
   * Before a WebSocket is made of an upgrade request: `true` lets it in, `false` refuses it with 403, a number with that
   * HTTP status, a failure with its own.
   */
  readonly verifyUpgrade?: ((request: UpgradeRequest) => Awaitable<boolean | number>) | undefined
  /** At hello, after authentication and before the subscriptions of the hello; a failure refuses the hello. */
  readonly onConnection?: ((connection: Connection) => Awaitable<unknown>) | undefined
  /** Once for every connection, after its `onUnsubscribe`s. */
  readonly onDisconnection?: ((connection: Connection) => Awaitable<unknown>) | undefined
  /** A custom message; the result is the answer. Without this hook a custom message is answered 501. */
  readonly onMessage?: ((connection: Connection, message: unknown) => Awaitable<unknown>) | undefined
}

/**
 * Authentication, as far as it is not the application's.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuthSettings {
  /** Only `cookie` reads the upgrade request's cookies. */
  readonly type: "direct" | "cookie" | "token"
  /** The property of the credentials that names the user, or `false` for no index. */
  readonly index: string | false
  /** How long a connection may take to say hello where authentication is required (ms). */
  readonly timeout: number | false
  /** Connections one user may have. Needs `index`. */
  readonly maxConnectionsPerUser: number | false
  /** The shortest time between two verifications of a connection's credentials (ms). */
  readonly minAuthVerifyInterval: number | false
}

/**
 * The settings of a server.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings {
  readonly hooks: Hooks
  readonly auth: AuthSettings | false
  /** Response headers that clients get to see, in lower case: none, all, or these. */
  readonly headers: null | "*" | ReadonlySet<string>
  /** Longest text sent unchunked; `Infinity` for no limit. */
  readonly maxChunkChars: number
  readonly heartbeat: Message.Heartbeat
  /** Simultaneous connections; `Infinity` for no limit. */
  readonly maxConnections: number
  /** Simultaneous connections of one address; `Infinity` for no limit. */
  readonly maxConnectionsPerAddress: number
  /** The only path whose upgrades are taken; `undefined` for any. */
  readonly path: string | undefined
  /** Origins that may connect; `undefined` for any. */
  readonly origin: ReadonlyArray<string> | undefined
  /** Whether what is counted goes into Effect's metrics. */
  readonly metrics: boolean
  /**
   * Whether what happens to connections goes into Effect's log, at the levels it listens to when the server is made; or
   * what was refused, into that of the application.
   */
  readonly log: boolean | "application"
  /** How long a peer may take to answer a close before the socket is destroyed (ms). */
  readonly closeTimeout: number
  readonly limits: Limits.Limits
}

/**
 * What of the settings is given; the rest is as `defaults` has it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Partial<Omit<Settings, "limits">> {
  readonly limits?: Partial<Limits.Limits>
}

/**
 * The documented defaults (nes-api.txt, "Registration").
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults: Settings = {
  hooks: {},
  auth: false,
  headers: null,
  maxChunkChars: Infinity,
  heartbeat: { interval: 15_000, timeout: 5_000 },
  maxConnections: Infinity,
  maxConnectionsPerAddress: Infinity,
  path: undefined,
  origin: undefined,
  metrics: true,
  log: true,
  closeTimeout: 3_000,
  limits: Limits.defaults
}

/**
 * Lays options over the defaults.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Settings => ({
  ...defaults,
  ...options,
  limits: { ...Limits.defaults, ...options.limits }
})
