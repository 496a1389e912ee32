/**
 * Registration and subscription options (nes-api.txt, "Registration" and "server.subscription"), decoded.
 *
 * @since 0.1.0
 */
import type { RouteOptions } from "@hapi/hapi"
import * as Iron from "@hapi/iron"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import type * as Broker from "../server/Broker.js"
import * as Defaults from "../server/connection/Limits.js"
import type { IronOptions, Password } from "../server/conversation/Seal.js"
import type { UpgradeRequest } from "../server/Settings.js"
import type { HookAnswer } from "./Callback.js"
import type { Socket, SocketCredentials } from "./Socket.js"

/**
 * The options of the plugin. Durations are in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface PluginOptions {
  /** Called at each hello, before its subscriptions; an error refuses the connection. */
  readonly onConnection?: ((socket: Socket) => HookAnswer<unknown>) | undefined
  /** Called once for each connection that has ended. */
  readonly onDisconnection?: ((socket: Socket) => HookAnswer<unknown>) | undefined
  /** Receives custom messages; answers through `next(data)`, or by its result. */
  readonly onMessage?:
    | ((socket: Socket, message: unknown, next: (data?: unknown) => void) => HookAnswer<unknown>)
    | undefined
  /** Authentication; `false` for none. */
  readonly auth?: false | AuthOptions | undefined
  /** Response headers that clients get to see: a list, `'*'` for all, or none (the default). */
  readonly headers?: ReadonlyArray<string> | "*" | null | undefined
  readonly payload?: {
    /** The longest message sent in one piece, in characters; `false` (the default) for no limit. */
    readonly maxChunkChars?: number | false | undefined
  } | undefined
  /** `false` for none; `interval` 15000 and `timeout` 5000 by default. */
  readonly heartbeat?: false | {
    readonly interval?: number | undefined
    readonly timeout?: number | undefined
  } | undefined
  /** Simultaneous connections; `false` (the default) for no limit. */
  readonly maxConnections?: number | false | undefined
  /** Simultaneous connections of one address (behind a proxy, that is the proxy's); `false` (the default) for no limit. */
  readonly maxConnectionsPerAddress?: number | false | undefined
  /** The only path whose WebSockets are the plugin's; by default all that no one else on the listener answers at once. */
  readonly path?: string | undefined
  /**
   * Asked before a WebSocket is made of an upgrade request: `true` lets it in, `false` refuses it with 403, a number with
   * that HTTP status, an error with its own.
   */
  readonly verifyUpgrade?: ((request: UpgradeRequest) => HookAnswer<boolean | number>) | undefined
  /** Origins that may connect, matched exactly. */
  readonly origin?: string | ReadonlyArray<string> | undefined
  /** Whether what is counted goes into Effect's metrics; `true` by default. */
  readonly metrics?: boolean | undefined
  /** How this server shares what it publishes with others, such as `redis()` of effect-nes/redis; by default with none. */
  readonly broker?: Broker.Service | undefined
  /** What one connection may ask for (docs/operations.md). */
  readonly limits?: LimitOptions | undefined
}

/**
 * The limits of every connection; `false` stands for none. Durations are in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface LimitOptions {
  /**
   * The longest frame from a client, in bytes: a longer one closes the connection with 1009. By default the largest
   * `payload.maxBytes` of all routes (at least 1 MiB) and 64 KiB for the message around the payload.
   */
  readonly maxFrameBytes?: number | false | undefined
  /**
   * What a connection may send until its hello has been answered, in bytes; 64 KiB by default. More closes the connection
   * with 1009, or waits until the hello has succeeded.
   */
  readonly maxHelloBytes?: number | false | undefined
  /** Messages before the hello; 16 by default. A further one closes the connection with 1008. */
  readonly maxHelloMessages?: number | false | undefined
  /** How long a connection may take to say hello, where `auth.timeout` does not apply; 30000 by default. */
  readonly helloTimeout?: number | false | undefined
  /** How long authentication, and each verification of credentials, may take; 30000 by default. */
  readonly authTimeout?: number | false | undefined
  /** How long a connection may last; without end by default. Then it closes with 1001, and clients connect anew. */
  readonly maxConnectionAge?: number | false | undefined
  /** Subscriptions of a connection; 1000 by default. A further one is answered 403. */
  readonly maxSubscriptions?: number | false | undefined
  /** Messages of a connection that are being answered; 1024 by default. A further one is answered 429. */
  readonly maxInFlight?: number | false | undefined
  /** Messages a second; 10000 by default. A second's worth may come at once, more closes the connection with 1008. */
  readonly maxMessagesPerSecond?: number | false | undefined
  /** Errors that a connection may cause in a minute; 1000 by default. A further one closes the connection with 1008. */
  readonly maxErrors?: number | false | undefined
  /** Bytes that may wait for a client to read them; 16 MiB by default. With more, it is too slow. */
  readonly maxBufferedBytes?: number | false | undefined
  /**
   * `'close'` (the default) closes a client that is too slow with 1013; `'drop'` has publishes and broadcasts pass it by,
   * and closes it when twice as many bytes wait.
   */
  readonly slowClient?: "close" | "drop" | undefined
  /** Paths in a hello; 1000 by default. More are answered 400. */
  readonly maxHelloSubs?: number | false | undefined
  /** The longest path, in characters; 8192 by default. A longer one is answered 414. */
  readonly maxPathLength?: number | false | undefined
  /** How deeply a message may be nested; 1000 by default. A deeper one is answered 400. */
  readonly maxDepth?: number | false | undefined
}

/**
 * Authentication options.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuthOptions {
  /** `'direct'` (the default), `'cookie'` or `'token'`. */
  readonly type?: "direct" | "cookie" | "token" | undefined
  /** Path of the authentication endpoint; `'/nes/auth'` by default. */
  readonly endpoint?: string | undefined
  /** Route id of the authentication endpoint; `'nes.auth'` by default. */
  readonly id?: string | undefined
  /** hapi's route `auth` settings of the endpoint; the server's default strategy by default. */
  readonly route?: RouteOptions["auth"] | undefined
  /** Password of the sealed cookie or token; generated at each start by default. */
  readonly password?: Password | undefined
  /** Settings of iron, laid over its defaults, those of each step too. */
  readonly iron?: IronOptions | undefined
  /** Cookie name; `'nes'` by default. */
  readonly cookie?: string | undefined
  readonly isSecure?: boolean | undefined
  readonly isHttpOnly?: boolean | undefined
  readonly isSameSite?: "Strict" | "Lax" | false | undefined
  /** Cookie path; `'/'` by default. */
  readonly path?: string | null | undefined
  readonly domain?: string | null | undefined
  /** Cookie lifetime; the browser's session by default. */
  readonly ttl?: number | null | undefined
  /** Index connections by this property of the credentials (`true`: by `user`), for `server.broadcast()`. */
  readonly index?: boolean | string | undefined
  /** How long a connection may take to say hello where authentication is required; 5000 by default. */
  readonly timeout?: number | false | undefined
  /** Connections one user may have; needs `index`. */
  readonly maxConnectionsPerUser?: number | false | undefined
  /** The shortest time between verifications of the credentials; the heartbeat's interval by default. */
  readonly minAuthVerifyInterval?: number | false | undefined
}

/**
 * What a filter may know of the subscriber.
 *
 * @since 0.1.0
 * @category models
 */
export interface FilterOptions {
  readonly socket: Socket
  readonly credentials: SocketCredentials | null
  readonly params: Readonly<Record<string, string>>
  /** The publish's `internal` data. */
  readonly internal: unknown
}

/**
 * A filter's answer: whether the socket gets the update, or what it gets instead.
 *
 * @since 0.1.0
 * @category models
 */
export type FilterAnswer = boolean | { readonly override?: unknown }

/**
 * The options of a subscription. Each hook answers through the `next` it declares, or by its result.
 *
 * @since 0.1.0
 * @category models
 */
export interface SubscriptionOptions {
  readonly filter?:
    | ((
      path: string,
      message: unknown,
      options: FilterOptions,
      next: (isMatch: boolean, override?: unknown) => void
    ) => HookAnswer<FilterAnswer | void>)
    | undefined
  readonly auth?: false | {
    readonly mode?: "required" | "optional" | undefined
    readonly scope?: string | ReadonlyArray<string> | undefined
    readonly entity?: "user" | "app" | "any" | undefined
    readonly index?: boolean | string | undefined
  } | undefined
  /**
   * Keeps the last updates of each path, for clients that come back: at most `size` (1000 by default), none older than
   * `age` milliseconds (5 minutes by default). `true` for the defaults.
   */
  readonly recovery?: boolean | { readonly size?: number | undefined; readonly age?: number | undefined } | undefined
  readonly onSubscribe?:
    | ((
      socket: Socket,
      path: string,
      params: Readonly<Record<string, string>>,
      next: (error?: unknown) => void
    ) => HookAnswer<unknown>)
    | undefined
  readonly onUnsubscribe?:
    | ((
      socket: Socket,
      path: string,
      params: Readonly<Record<string, string>>,
      next: () => void
    ) => HookAnswer<unknown>)
    | undefined
}

const kind = <A>(what: string, is: (u: unknown) => u is A) => Schema.declare(is, { message: `expected ${what}` })

const isText = (u: unknown): u is string => typeof u === "string" && u !== ""
const isPositiveInt = (u: unknown): u is number => Number.isSafeInteger(u) && Number(u) > 0
const isTextList = (u: unknown): u is readonly [string, ...Array<string>] =>
  Array.isArray(u) && u.length > 0 && u.every(isText)
const isObject = (u: unknown): u is { readonly [key: string]: unknown } =>
  typeof u === "object" && u !== null && !Array.isArray(u)

const Text = kind("a non-empty string", isText)
const Texts = kind(
  "a non-empty string or a list of non-empty strings",
  (u): u is string | readonly [string, ...Array<string>] => isText(u) || isTextList(u)
)
const Flag = kind("a boolean", (u) => typeof u === "boolean")
const Finite = kind("a number", (u): u is number => Number.isFinite(u))
const Positive = kind("a positive integer", isPositiveInt)
const PositiveOrFalse = kind(
  "false or a positive integer",
  (u): u is number | false => u === false || isPositiveInt(u)
)
const Index = kind("a boolean or a non-empty string", (u) => typeof u === "boolean" || isText(u))
const Hook = kind("a function", (u): u is (...args: ReadonlyArray<never>) => unknown => typeof u === "function")

const oneOf = <const Values extends ReadonlyArray<string | false>>(...values: Values) =>
  Schema.Literals(values).annotate({ message: `expected ${values.map((value) => JSON.stringify(value)).join(" or ")}` })

// What is no object at all is told so; what is one, which of its fields is wrong.
const struct = <const Fields extends Schema.Struct.Fields>(fields: Fields) =>
  Schema.Struct(fields).annotate({ message: "expected an object", messageUnexpectedKey: "is unexpected" })

const or = <const Members extends ReadonlyArray<Schema.Constraint>>(what: string, ...members: Members) =>
  Schema.Union(members).annotate({ message: `expected ${what}` })

// That an option may be left out goes without saying.
const optional = <S extends Schema.Constraint>(schema: S) =>
  Schema.optional(schema).annotate({ message: Schema.resolveAnnotations(schema)?.message })

const isSecret = (u: unknown): u is string | Buffer => (typeof u === "string" && u !== "") || Buffer.isBuffer(u)

// An empty string is none: the password is generated.
const isPassword = (u: unknown): u is Password =>
  typeof u === "string" || Buffer.isBuffer(u) ||
  (isObject(u) && (isSecret(u.secret) || (isSecret(u.encryption) && isSecret(u.integrity))) &&
    (u.id === undefined || (typeof u.id === "string" && /^\w+$/.test(u.id))))

const Password = kind(
  "a string or Buffer or an object with `secret`, or `encryption` and `integrity`, and an `id` of word characters",
  isPassword
)

const IronStep = struct({
  saltBits: Finite,
  algorithm: oneOf("aes-128-ctr", "aes-256-cbc", "sha256"),
  iterations: Finite,
  minPasswordlength: Finite
})

const IronSettings = struct({
  encryption: IronStep,
  integrity: IronStep,
  ttl: Finite,
  timestampSkewSec: Finite,
  localtimeOffsetMsec: Finite
})

const AbsolutePath = kind("a path that begins with /", (u): u is string => typeof u === "string" && u.startsWith("/"))

const Auth = struct({
  type: oneOf("direct", "cookie", "token"),
  endpoint: AbsolutePath,
  id: Text,
  route: optional(kind("false or a non-empty string or an object", (u) => u === false || isText(u) || isObject(u))),
  password: optional(Password),
  iron: IronSettings,
  cookie: Text,
  isSecure: Flag,
  isHttpOnly: Flag,
  isSameSite: oneOf("Strict", "Lax", false),
  path: Text,
  domain: optional(Text),
  ttl: optional(Finite),
  index: Index,
  timeout: PositiveOrFalse,
  maxConnectionsPerUser: PositiveOrFalse,
  minAuthVerifyInterval: PositiveOrFalse
}).check(
  Schema.makeFilter((auth) =>
    auth.maxConnectionsPerUser === false || auth.index !== false ||
    { path: ["maxConnectionsPerUser"], issue: "requires auth.index" }
  )
)

const Heartbeat = struct({ interval: Positive, timeout: Positive }).check(
  Schema.makeFilter(({ interval, timeout }) =>
    timeout < interval || { path: ["timeout"], issue: "must be less than heartbeat.interval" }
  )
)

const Limits = struct({
  maxFrameBytes: optional(PositiveOrFalse),
  maxHelloBytes: PositiveOrFalse,
  maxHelloMessages: PositiveOrFalse,
  helloTimeout: PositiveOrFalse,
  authTimeout: PositiveOrFalse,
  maxConnectionAge: PositiveOrFalse,
  maxSubscriptions: PositiveOrFalse,
  maxInFlight: PositiveOrFalse,
  maxMessagesPerSecond: PositiveOrFalse,
  maxErrors: PositiveOrFalse,
  maxBufferedBytes: PositiveOrFalse,
  slowClient: oneOf("close", "drop"),
  maxHelloSubs: PositiveOrFalse,
  maxPathLength: PositiveOrFalse,
  maxDepth: PositiveOrFalse
})

// The heartbeat comes before `auth`, which takes a default from it: of two places the one at fault is named.
const Plugin = struct({
  onConnection: optional(Hook),
  onDisconnection: optional(Hook),
  onMessage: optional(Hook),
  heartbeat: or("false or an object", Schema.Literal(false), Heartbeat),
  auth: or("false or an object", Schema.Literal(false), Auth),
  headers: kind(
    "\"*\" or a list of non-empty strings or null",
    (u): u is "*" | readonly [string, ...Array<string>] | null => u === "*" || isTextList(u) || u === null
  ),
  payload: struct({ maxChunkChars: PositiveOrFalse }),
  maxConnections: PositiveOrFalse,
  maxConnectionsPerAddress: PositiveOrFalse,
  path: optional(AbsolutePath),
  verifyUpgrade: optional(Hook),
  origin: optional(Texts),
  metrics: optional(Flag),
  broker: optional(kind("a broker", (u): u is Broker.Service => isObject(u) && typeof u.join === "function")),
  limits: Limits
}).check(
  Schema.makeFilter(({ auth, heartbeat }) =>
    !auth || auth.minAuthVerifyInterval === false || !heartbeat || auth.minAuthVerifyInterval >= heartbeat.interval ||
    { path: ["auth", "minAuthVerifyInterval"], issue: "must not be less than heartbeat.interval" }
  )
)

const Subscription = struct({
  filter: optional(Hook),
  onSubscribe: optional(Hook),
  onUnsubscribe: optional(Hook),
  recovery: optional(or(
    "a boolean or an object",
    Schema.Boolean,
    struct({ size: optional(Positive), age: optional(Positive) })
  )),
  auth: optional(or(
    "false or an object",
    Schema.Literal(false),
    struct({
      mode: optional(oneOf("required", "optional")),
      scope: optional(Texts),
      entity: optional(oneOf("user", "app", "any")),
      index: optional(Index)
    })
  ))
})

/**
 * Decoded plugin options, defaults applied; the hooks stay with the options they came with.
 *
 * @since 0.1.0
 * @category models
 */
export type Configuration = typeof Plugin.Type

/**
 * Decoded authentication options.
 *
 * @since 0.1.0
 * @category models
 */
export type AuthConfiguration = typeof Auth.Type

// How long a frame may be depends on the application's routes.
const { maxFrameBytes: _, ...defaultLimits } = Defaults.defaults

const defaultHeartbeat = { interval: 15_000, timeout: 5_000 }

const defaultAuth = {
  type: "direct",
  endpoint: "/nes/auth",
  id: "nes.auth",
  cookie: "nes",
  isSecure: true,
  isHttpOnly: true,
  isSameSite: "Strict",
  path: "/",
  index: false,
  timeout: 5_000,
  maxConnectionsPerUser: false
}

const defined = (options: { readonly [key: string]: unknown }): { readonly [key: string]: unknown } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null))

// An object is laid over the defaults; anything else is left for the Schema to judge.
const over = (defaults: { readonly [key: string]: unknown }, given: unknown): unknown =>
  given === undefined || given === null ? defaults : isObject(given) ? { ...defaults, ...defined(given) } : given

const fillIron = (given: unknown): unknown => {
  const { encryption, integrity, ...rest } = Iron.defaults
  return over(
    rest,
    isObject(given) || given === undefined || given === null
      ? {
        ...given,
        encryption: over({ ...encryption }, given?.encryption),
        integrity: over({ ...integrity }, given?.integrity)
      }
      : given
  )
}

const fillAuth = (given: unknown, interval: unknown): unknown => {
  const auth = over({ ...defaultAuth, minAuthVerifyInterval: interval }, given)
  return isObject(auth) ? { ...auth, iron: fillIron(auth.iron) } : auth
}

const fill = (options: { readonly [key: string]: unknown }): unknown => {
  const heartbeat = over(defaultHeartbeat, options.heartbeat)
  const interval = isObject(heartbeat) ? heartbeat.interval : defaultHeartbeat.interval
  return {
    ...defined(options),
    auth: fillAuth(options.auth, interval),
    headers: options.headers ?? null,
    payload: over({ maxChunkChars: false }, options.payload),
    heartbeat,
    maxConnections: options.maxConnections ?? false,
    maxConnectionsPerAddress: options.maxConnectionsPerAddress ?? false,
    limits: over(defaultLimits, options.limits)
  }
}

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

// Only the place and the complaint are told: a value may be a password.
const decoder = <A>(schema: Schema.Codec<A>) => {
  const decode = Schema.decodeUnknownResult(schema, { onExcessProperty: "error" })
  return (input: unknown, failure: string): A => {
    const decoded = decode(input)
    if (Result.isSuccess(decoded)) {
      return decoded.success
    }
    const [issue] = issuesOf(decoded.failure.issue).issues
    const place = issue?.path?.join(".")
    throw new Error(`${failure}: ${place ? `${place}: ` : ""}${issue?.message}`)
  }
}

const plugin = decoder(Plugin)
const subscription = decoder(Subscription)

/**
 * Decodes the options of the plugin. Throws an error that starts `Invalid nes configuration` and names the place.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodePlugin = (options: PluginOptions): Configuration =>
  plugin(isObject(options) ? fill(options) : options, "Invalid nes configuration")

/**
 * Decodes the options of a subscription. Throws an error that starts `Invalid subscription options: PATH`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeSubscription = (path: string, options: SubscriptionOptions): typeof Subscription.Type =>
  subscription(options, `Invalid subscription options: ${path}`)
