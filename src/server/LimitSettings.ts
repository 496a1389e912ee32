/** The limits of one connection: what there are, of which kind, and their defaults. */
import * as Setting from "./SettingKinds.js"

/** The limits of every connection. `Infinity` (`false` for a timeout) stands for none; times are in ms. */
export interface Limits {
  /**
   * The longest frame from a client, in bytes: a longer one closes the connection with 1009, one in too many pieces with
   * 1008. A function is asked at each upgrade.
   */
  readonly maxFrameBytes: number | (() => number)
  /**
   * What a connection may send until its hello has been answered, in bytes: with more it is closed with 1009, or read
   * on when the hello has succeeded.
   */
  readonly maxHelloBytes: number
  /** Messages before the hello: a further one closes the connection with 1008. */
  readonly maxHelloMessages: number
  /** How long a connection may take to say hello: then it is closed with 1008. `auth.timeout` goes before it where it applies. */
  readonly helloTimeout: number | false
  /** How long the application may take to authenticate, or to verify credentials: then they are refused. */
  readonly authTimeout: number | false
  /**
   * How long a connection may last: then it is closed with 1001, when what it has asked has been answered or a second
   * has passed. A client that reconnects has to authenticate anew.
   */
  readonly maxConnectionAge: number | false
  /** Subscriptions, those under way included: a further one is answered 403. */
  readonly maxSubscriptions: number
  /**
   * Bytes of the paths that a connection is subscribed to, those of no more than 256 characters not counted: a further
   * one is answered 403.
   */
  readonly maxSubscriptionBytes: number
  /**
   * How many of a path's last updates a new subscriber gets at most that asks for them, however many it wants. What one
   * gets that gives a position is limited by the recovery of the subscription.
   */
  readonly maxHistory: number
  /** Bytes of what a client may say of itself where it is present: more is answered 400. */
  readonly maxPresenceBytes: number
  /** Messages being answered: a further one is answered 429. */
  readonly maxInFlight: number
  /**
   * Bytes that the messages being answered may take in memory, one of any size excepted. With more the next ones wait,
   * as texts; when these are as long, a further one is answered 429.
   */
  readonly maxInFlightBytes: number
  /** Messages in a second, of which a second's worth may come at once: a further one closes the connection with 1008. */
  readonly maxMessagesPerSecond: number
  /** Errors that a connection may cause in a minute: a further one closes it with 1008. */
  readonly maxErrors: number
  /**
   * Bytes that may wait for a client: with more it is behind, and nothing is read from it. When as much again waits, or
   * one message made it more than that and as much as this follows, it is closed with 1013.
   */
  readonly maxBufferedBytes: number
  /** How long a client that is behind may take nothing: then it is closed with 1013. */
  readonly stallTimeout: number | false
  /** Whether publishes and broadcasts pass by a client that is behind. */
  readonly slowClient: "close" | "drop"
  /** Paths in the `subs` of a hello: more are answered 400. */
  readonly maxHelloSubs: number
  /** The longest path of a request or subscription, in UTF-16 code units: a longer one is answered 414. */
  readonly maxPathLength: number
  /** How deeply a message may be nested, itself included: a deeper one is answered 400. */
  readonly maxDepth: number
}

/** What a message may be longer than the largest payload: its path, its headers, and the JSON around them (bytes). */
export const envelopeBytes = 65_536

/** What is longer ends at once where JavaScript counts it (ms). */
export const longestTimer = 2 ** 31 - 1

/** The limits as a door is told them, in its unit of time: `false` for none. */
export type LimitOptions<Time> = {
  readonly [K in keyof Limits]?: OptionOf<Limits[K], Time> | undefined
}

/** A setting as a door is told it. */
export type OptionOf<A, Time> = number extends A ? false | (false extends A ? Time : number)
  : string extends A ? boolean | string
  : A

type Limit<A> = readonly [kind: (time: Setting.Kind<number>) => Setting.Kind<A>, otherwise: A]

const count = (otherwise: number): Limit<number> => [() => Setting.count, otherwise]
const timeout = (otherwise: number | false): Limit<number | false> => [Setting.timeout, otherwise]

const table: { readonly [K in keyof Limits]: Limit<Exclude<Limits[K], () => number>> } = {
  maxFrameBytes: count(1_048_576 + envelopeBytes),
  maxHelloBytes: count(65_536),
  maxHelloMessages: count(16),
  helloTimeout: timeout(30_000),
  authTimeout: timeout(30_000),
  maxConnectionAge: timeout(false),
  maxSubscriptions: count(1_000),
  maxSubscriptionBytes: count(1_048_576),
  maxHistory: count(100),
  maxPresenceBytes: count(1_024),
  maxInFlight: count(1_024),
  maxInFlightBytes: count(16_777_216),
  maxMessagesPerSecond: count(10_000),
  maxErrors: count(1_000),
  maxBufferedBytes: count(16_777_216),
  stallTimeout: timeout(15_000),
  slowClient: [() => Setting.choice("close", "drop"), "close"],
  maxHelloSubs: count(1_000),
  maxPathLength: count(8_192),
  maxDepth: count(1_000)
}

const mapped = <B>(map: (limit: Limit<unknown>) => B): Record<keyof Limits, B> =>
  Object.fromEntries(Object.entries(table).map(([name, limit]) => [name, map(limit as Limit<unknown>)])) as Record<
    keyof Limits,
    B
  >

/** The defaults. A door that knows the application's largest payload derives `maxFrameBytes` from that. */
export const defaults = mapped(([, otherwise]) => otherwise) as unknown as Limits

/** The limits as settings, where `time` is how a door is told one. */
export const fields = (time: Setting.Kind<number>) =>
  mapped(([kind, otherwise]) => Setting.setting(kind(time), otherwise)) as unknown as {
    readonly [K in keyof Limits]: ReturnType<typeof Setting.setting<Exclude<Limits[K], () => number>>>
  }

/** How often each limit has been crossed since the server was made. */
export type Exceeded = Record<Exclude<keyof Limits, "slowClient">, number>

export const exceeded = (): Exceeded => {
  const { slowClient: _, ...counters } = mapped(() => 0)
  return counters
}
