/**
 * The settings of a server without hapi, checked and with the defaults applied.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { UserError } from "../protocol/NesError.js"
import * as Limits from "../server/Limits.js"
import type { AuthSettings, Settings } from "../server/Settings.js"
import type { Authentication } from "./Authentication.js"
import { indexOf } from "./Hooks.js"

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
  readonly helloTimeout?: Duration.DurationInput | false | undefined
  /** How long authentication, and each verification of credentials, may take; 30 seconds by default. */
  readonly authTimeout?: Duration.DurationInput | false | undefined
  /** Subscriptions of a connection; 1000 by default. A further one is answered 403. */
  readonly maxSubscriptions?: number | false | undefined
  /** Messages of a connection that are being answered; 1024 by default. A further one is answered 429. */
  readonly maxInFlight?: number | false | undefined
  /** Messages a second; `false` by default. A second's worth may come at once, more closes the connection with 1008. */
  readonly maxMessagesPerSecond?: number | false | undefined
  /** Bytes that may wait for a client to read them; 16 MiB by default. With more, it is too slow. */
  readonly maxBufferedBytes?: number | false | undefined
  /**
   * `"close"` (the default) closes a client that is too slow with 1013; `"drop"` has publishes and broadcasts pass it by,
   * and closes it when twice as many bytes wait.
   */
  readonly slowClient?: "close" | "drop" | undefined
  /** Paths in a hello; 1000 by default. More are answered 400. */
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
    readonly interval: Duration.DurationInput
    readonly timeout: Duration.DurationInput
  } | undefined
  /** Simultaneous connections; without limit by default. */
  readonly maxConnections?: number | undefined
  /** What one connection may ask for. */
  readonly limits?: LimitOptions | undefined
  /** Origins that may connect, matched exactly; any by default. */
  readonly origin?: ReadonlyArray<string> | undefined
  /** Whether what is counted goes into Effect's metrics; `true` by default. */
  readonly metrics?: boolean | undefined
  /** How long messages that are being answered, and hooks, may take to finish when the scope closes; 5 seconds by default. */
  readonly gracePeriod?: Duration.DurationInput | undefined
}

const defaultGracePeriod = "5 seconds"
const defaultHeartbeat = { interval: 15_000, timeout: 5_000 }
const defaultHelloTimeout = 5_000

class Invalid extends Error {}

const check = (condition: boolean, complaint: string): void => {
  if (!condition) {
    throw new Invalid(`Invalid nes configuration: ${complaint}`)
  }
}

const count = (value: number | false | undefined, name: string): number | undefined => {
  check(
    value === undefined || value === false || value === Infinity || (Number.isSafeInteger(value) && value > 0),
    `${name} must be a positive integer`
  )
  return value || undefined
}

const millis = (value: Duration.DurationInput, name: string): number => {
  const duration = Duration.decodeUnknown(value)
  const ms = duration._tag === "Some" ? Duration.toMillis(duration.value) : 0
  check(ms > 0, `${name} must be a positive duration`)
  return ms
}

const heartbeatOf = ({ heartbeat }: ServerOptions): Settings["heartbeat"] => {
  if (!heartbeat) {
    return heartbeat ?? defaultHeartbeat
  }
  const interval = millis(heartbeat.interval, "heartbeat.interval")
  const timeout = millis(heartbeat.timeout, "heartbeat.timeout")
  check(timeout < interval, "heartbeat.timeout must be less than heartbeat.interval")
  return { interval, timeout }
}

const timeoutOf = (value: Duration.DurationInput | false | undefined, name: string, fallback: number | false) =>
  value === undefined ? fallback : value !== false && millis(value, name)

const limitsOf = (limits: LimitOptions = {}): Limits.Limits => {
  const { defaults } = Limits
  const limit = (name: Exclude<keyof LimitOptions, "slowClient" | "helloTimeout" | "authTimeout">): number => {
    const value = limits[name]
    return value === undefined ? defaults[name] : count(value, `limits.${name}`) ?? Infinity
  }
  const { slowClient = defaults.slowClient } = limits
  check(slowClient === "close" || slowClient === "drop", "limits.slowClient must be \"close\" or \"drop\"")
  return {
    maxFrameBytes: limit("maxFrameBytes"),
    helloTimeout: timeoutOf(limits.helloTimeout, "limits.helloTimeout", defaults.helloTimeout),
    authTimeout: timeoutOf(limits.authTimeout, "limits.authTimeout", defaults.authTimeout),
    maxSubscriptions: limit("maxSubscriptions"),
    maxInFlight: limit("maxInFlight"),
    maxMessagesPerSecond: limit("maxMessagesPerSecond"),
    maxBufferedBytes: limit("maxBufferedBytes"),
    slowClient,
    maxHelloSubs: limit("maxHelloSubs"),
    maxPathLength: limit("maxPathLength"),
    maxDepth: limit("maxDepth")
  }
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
    readonly settings: Partial<Settings>
    readonly gracePeriod: Duration.DurationInput
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
        metrics = true,
        origin,
        path
      } = options
      const heartbeat = heartbeatOf(options)
      check(path === undefined || path.startsWith("/"), "path must start with /")
      check(Duration.decodeUnknown(gracePeriod)._tag === "Some", "gracePeriod must be a duration")
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
          limits: limitsOf(limits),
          origin,
          metrics
        }
      }
    },
    catch: (cause) => new UserError({ message: cause instanceof Error ? cause.message : String(cause), cause })
  })
