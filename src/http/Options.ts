/**
 * The settings of a server without hapi, checked and with the defaults applied.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Server } from "node:http"
import type { Server as SecureServer } from "node:https"
import type { UserError } from "../protocol/NesError.js"
import * as Limits from "../server/connection/Limits.js"
import type { AuthSettings, Options as ServerSettings, Settings } from "../server/Settings.js"
import type { Authentication } from "./Authentication.js"
import { type Hooks, indexOf } from "./Hooks.js"
import type * as HttpApplication from "./HttpApplication.js"
import { check, count, millis, refused } from "./Setting.js"

/**
 * What one connection may ask for (docs/operations.md); `false` stands for no limit, what is absent for the default.
 *
 * @since 0.1.0
 * @category models
 */
export interface LimitOptions {
  /** The longest frame from a client, in bytes; 1 MiB and 64 KiB by default. A longer one closes the connection with 1009. */
  readonly maxFrameBytes?: number | false | undefined
  /** How long a connection may take to say hello, where `auth.timeout` does not apply; 30 seconds by default. */
  readonly helloTimeout?: Duration.Input | false | undefined
  /** How long authentication, and each verification of credentials, may take; 30 seconds by default. */
  readonly authTimeout?: Duration.Input | false | undefined
  /** How long a connection may last; without end by default. Then it closes with 1001, and clients connect anew. */
  readonly maxConnectionAge?: Duration.Input | false | undefined
  /** Subscriptions of a connection; 1000 by default. A further one is answered 403. */
  readonly maxSubscriptions?: number | false | undefined
  /** Messages of a connection that are being answered; 1024 by default. A further one is answered 429. */
  readonly maxInFlight?: number | false | undefined
  /** Messages a second; `false` by default. A second's worth may come at once, more closes the connection with 1008. */
  readonly maxMessagesPerSecond?: number | false | undefined
  /** Bytes that may wait for a client to read them; 16 MiB by default. With more, it is too slow. */
  readonly maxBufferedBytes?: number | false | undefined
  /** What becomes of a client that is too slow: `"close"` (the default; with 1013), or `"drop"`: updates pass it by. */
  readonly slowClient?: "close" | "drop" | undefined
  /** Paths in the `subs` of a hello; 1000 by default. More are answered 400. */
  readonly maxHelloSubs?: number | false | undefined
  /** The longest path, in UTF-16 code units; 8192 by default. A longer one is answered 414. */
  readonly maxPathLength?: number | false | undefined
  /** How deeply a message may be nested; 1000 by default. A deeper one is answered 400. */
  readonly maxDepth?: number | false | undefined
}

/**
 * What a server is told beside its code; all of it may come from Config.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServerOptions {
  /** The only path whose upgrades are taken; by default any, as nes has it. */
  readonly path?: string | undefined
  /** Response headers that clients get to see: a list, `"*"` for all, or none (the default). */
  readonly headers?: ReadonlyArray<string> | "*" | undefined
  /** The longest message sent in one piece, in UTF-16 code units of its JSON. */
  readonly maxChunkChars?: number | undefined
  /** `false` for none; every 15 seconds with a timeout of 5 by default. */
  readonly heartbeat?: false | {
    readonly interval: Duration.Input
    readonly timeout: Duration.Input
  } | undefined
  /** Simultaneous connections; without limit by default. */
  readonly maxConnections?: number | undefined
  /** Origins that may connect, matched exactly; any by default. */
  readonly origin?: ReadonlyArray<string> | undefined
  /** What one connection may ask for. */
  readonly limits?: LimitOptions | undefined
  /** The longest body that is put together from a stream, in bytes; 10 MiB by default. A longer one is answered 500. */
  readonly maxStreamBytes?: number | undefined
  /** Whether what is counted goes into Effect's metrics; `true` by default. */
  readonly metrics?: boolean | undefined
  /** How long messages that are being answered, and hooks, may take to finish when the scope closes; 5 seconds by default. */
  readonly gracePeriod?: Duration.Input | undefined
}

const defaultGracePeriod = "5 seconds"
const defaultHeartbeat = { interval: 15_000, timeout: 5_000 }
const defaultHelloTimeout = 5_000

/**
 * The code of a server: what cannot come from Config.
 *
 * @since 0.1.0
 * @category models
 */
export interface Code<R = never> extends Hooks<R>, HttpApplication.Options<R> {
  /**
   * The HTTP server that `NodeHttpServer.layer` gets too: its upgrades are taken before the platform sees them. Without
   * it, sockets come only by the route at which the application mounts `upgrade`.
   */
  readonly server?: Server | SecureServer | undefined
}

/**
 * All that a server can be told.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> extends Code<R>, ServerOptions {}

const heartbeatOf = ({ heartbeat }: ServerOptions): Settings["heartbeat"] => {
  if (!heartbeat) {
    return heartbeat ?? defaultHeartbeat
  }
  const interval = millis(heartbeat.interval, "heartbeat.interval")
  const timeout = millis(heartbeat.timeout, "heartbeat.timeout")
  check(timeout < interval, "heartbeat.timeout must be less than heartbeat.interval")
  return { interval, timeout }
}

const authOf = (auth: Authentication<never>, heartbeat: Settings["heartbeat"]): AuthSettings => {
  const index = indexOf(auth.index)
  const maxConnectionsPerUser = count(auth.maxConnectionsPerUser, "auth.maxConnectionsPerUser") ?? false
  check(maxConnectionsPerUser === false || index !== false, "auth.maxConnectionsPerUser requires auth.index")
  const { minAuthVerifyInterval, timeout } = auth
  const floor = heartbeat ? heartbeat.interval : defaultHeartbeat.interval
  const verifyInterval = minAuthVerifyInterval === undefined
    ? floor
    : minAuthVerifyInterval !== false && millis(minAuthVerifyInterval, "auth.minAuthVerifyInterval")
  check(
    verifyInterval === false || !heartbeat || verifyInterval >= heartbeat.interval,
    "auth.minAuthVerifyInterval must not be less than heartbeat.interval"
  )
  return {
    type: auth.type,
    index,
    timeout: timeout === undefined ? defaultHelloTimeout : timeout !== false && millis(timeout, "auth.timeout"),
    maxConnectionsPerUser,
    minAuthVerifyInterval: auth.verify ? verifyInterval : false
  }
}

const limitOf = (value: number | false | undefined, name: string, otherwise: number): number =>
  value === undefined ? otherwise : count(value, name) ?? Infinity

const timeoutOf = (
  value: Duration.Input | false | undefined,
  name: string,
  otherwise: number | false
): number | false => value === undefined ? otherwise : value !== false && millis(value, name)

const counted = [
  "maxSubscriptions",
  "maxInFlight",
  "maxMessagesPerSecond",
  "maxBufferedBytes",
  "maxHelloSubs",
  "maxPathLength",
  "maxDepth"
] as const

const limitsOf = (limits: LimitOptions = {}): Partial<Limits.Limits> => {
  const { defaults } = Limits
  const { authTimeout, helloTimeout, maxConnectionAge, maxFrameBytes, slowClient = defaults.slowClient } = limits
  check(slowClient === "close" || slowClient === "drop", "limits.slowClient must be \"close\" or \"drop\"")
  return {
    ...Object.fromEntries(counted.map((name) => [name, limitOf(limits[name], `limits.${name}`, defaults[name])])),
    ...(maxFrameBytes !== undefined && { maxFrameBytes: limitOf(maxFrameBytes, "limits.maxFrameBytes", Infinity) }),
    helloTimeout: timeoutOf(helloTimeout, "limits.helloTimeout", defaults.helloTimeout),
    authTimeout: timeoutOf(authTimeout, "limits.authTimeout", defaults.authTimeout),
    maxConnectionAge: timeoutOf(maxConnectionAge, "limits.maxConnectionAge", defaults.maxConnectionAge),
    slowClient
  }
}

/**
 * The options as the server takes them, without its hooks; how long it may take to close; and which upgrades are its own.
 * Fails with `UserError`, `Invalid nes configuration` and what is wrong.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (
  options: ServerOptions,
  auth: Authentication<never> | false
): Effect.Effect<
  {
    readonly settings: ServerSettings
    readonly gracePeriod: Duration.Input
    readonly path: string | undefined
  },
  UserError
> =>
  Effect.try({
    try: () => {
      const {
        gracePeriod = defaultGracePeriod,
        headers,
        limits,
        maxChunkChars,
        maxConnections,
        maxStreamBytes,
        metrics = true,
        origin,
        path
      } = options
      const heartbeat = heartbeatOf(options)
      count(maxStreamBytes, "maxStreamBytes")
      check(path === undefined || path.startsWith("/"), "path must start with /")
      check(Duration.fromInput(gracePeriod)._tag === "Some", "gracePeriod must be a duration")
      return {
        gracePeriod,
        path,
        settings: {
          auth: auth && authOf(auth, heartbeat),
          heartbeat,
          headers: headers === undefined
            ? null
            : headers === "*"
            ? headers
            : new Set(headers.map((name) => name.toLowerCase())),
          maxChunkChars: count(maxChunkChars, "maxChunkChars") ?? Infinity,
          maxConnections: count(maxConnections, "maxConnections") ?? Infinity,
          origin,
          metrics,
          limits: limitsOf(limits)
        }
      }
    },
    catch: refused
  })
