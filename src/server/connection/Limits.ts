/**
 * What one connection may ask for. The defaults are far above what applications need and far below what ends a server.
 *
 * @since 0.1.0
 */

/**
 * The limits of every connection. `Infinity` (`false` for a timeout) stands for none; durations are in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limits {
  /** The longest frame from a client, in bytes: a longer one closes the connection with 1009. A function is asked at each upgrade. */
  readonly maxFrameBytes: number | (() => number)
  /**
   * What a connection may send until its hello has been answered, in bytes: with more it is closed with 1009, or read on
   * when the hello has succeeded.
   */
  readonly maxHelloBytes: number
  /** Messages before the hello: a further one closes the connection with 1008. */
  readonly maxHelloMessages: number
  /** How long a connection may take to say hello: then it is closed with 1008. `auth.timeout` goes before it where it applies. */
  readonly helloTimeout: number | false
  /** How long the application may take to authenticate, or to verify credentials: then they are refused. */
  readonly authTimeout: number | false
  /**
   * How long a connection may last: then it is closed with 1001, when what it has asked has been answered or a second has
   * passed. A client that reconnects has to authenticate anew.
   */
  readonly maxConnectionAge: number | false
  /** Subscriptions, those under way included: a further one is answered 403. */
  readonly maxSubscriptions: number
  /** Messages being answered, or waiting for their turn: a further one is answered 429. */
  readonly maxInFlight: number
  /** Messages in a second, of which a second's worth may come at once: a further one closes the connection with 1008. */
  readonly maxMessagesPerSecond: number
  /** Errors that a connection may cause in a minute: a further one closes it with 1008. */
  readonly maxErrors: number
  /** Bytes that earlier turns have left unsent: with more, the client is too slow. */
  readonly maxBufferedBytes: number
  /**
   * What becomes of a client that is too slow: it is closed with 1013; or publishes and broadcasts pass it by, and it is
   * closed when answers and direct messages have come to as much again.
   */
  readonly slowClient: "close" | "drop"
  /** Paths in the `subs` of a hello: more are answered 400. */
  readonly maxHelloSubs: number
  /** The longest path of a request or subscription, in UTF-16 code units: a longer one is answered 414. */
  readonly maxPathLength: number
  /** How deeply a message may be nested, itself included: a deeper one is answered 400. */
  readonly maxDepth: number
}

/**
 * What a message may be longer than the largest payload: its path, its headers, and the JSON around them (bytes).
 *
 * @since 0.1.0
 * @category defaults
 */
export const envelopeBytes = 65_536

/**
 * The defaults. A door that knows the application's largest payload derives `maxFrameBytes` from that.
 *
 * @since 0.1.0
 * @category defaults
 */
export const defaults: Limits = {
  maxFrameBytes: 1_048_576 + envelopeBytes,
  maxHelloBytes: 65_536,
  maxHelloMessages: 16,
  helloTimeout: 30_000,
  authTimeout: 30_000,
  maxConnectionAge: false,
  maxSubscriptions: 1_000,
  maxInFlight: 1_024,
  maxMessagesPerSecond: 10_000,
  maxErrors: 1_000,
  maxBufferedBytes: 16_777_216,
  slowClient: "close",
  maxHelloSubs: 1_000,
  maxPathLength: 8_192,
  maxDepth: 1_000
}

/**
 * How often each limit has been crossed since the server was made.
 *
 * @since 0.1.0
 * @category models
 */
export type Exceeded = Record<Exclude<keyof Limits, "slowClient">, number>

/**
 * Counters that have counted nothing yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const exceeded = (): Exceeded => ({
  maxFrameBytes: 0,
  maxHelloBytes: 0,
  maxHelloMessages: 0,
  helloTimeout: 0,
  authTimeout: 0,
  maxConnectionAge: 0,
  maxSubscriptions: 0,
  maxInFlight: 0,
  maxMessagesPerSecond: 0,
  maxErrors: 0,
  maxBufferedBytes: 0,
  maxHelloSubs: 0,
  maxPathLength: 0,
  maxDepth: 0
})
