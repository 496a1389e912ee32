/**
 * Registration and subscription options (nes-api.txt, "Registration" and "server.subscription"), decoded.
 *
 * @since 0.1.0
 */
import type { AuthCredentials, RouteOptions } from "@hapi/hapi"
import type * as Iron from "@hapi/iron"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type { Password } from "../server/Seal.js"
import type { HookAnswer } from "./Callback.js"
import type { Socket } from "./Socket.js"

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
  /** Origins that may connect, matched exactly. */
  readonly origin?: string | ReadonlyArray<string> | undefined
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
  /** Settings of iron, over its defaults. */
  readonly iron?: Partial<Iron.SealOptions> | undefined
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

/** @since 0.1.0 */
export type { Password } from "../server/Seal.js"

/**
 * What a filter may know of the subscriber.
 *
 * @since 0.1.0
 * @category models
 */
export interface FilterOptions {
  readonly socket: Socket
  readonly credentials: AuthCredentials | null
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

const Positive = Schema.Int.pipe(Schema.greaterThanOrEqualTo(1))
const PositiveOrFalse = Schema.Union(Positive, Schema.Literal(false))
const Hook = Schema.declare((u): u is (...args: ReadonlyArray<never>) => unknown => typeof u === "function", {
  identifier: "function"
})
const StringList = Schema.Union(Schema.String, Schema.NonEmptyArray(Schema.String))
const Dictionary = Schema.declare(
  (u): u is { readonly [key: string]: unknown } => typeof u === "object" && u !== null && !Array.isArray(u),
  { identifier: "object" }
)

const Auth = Schema.Struct({
  type: Schema.Literal("direct", "cookie", "token"),
  endpoint: Schema.String,
  id: Schema.String,
  route: Schema.optional(Schema.Union(Schema.Literal(false), Schema.String, Dictionary)),
  password: Schema.optional(Schema.Union(Schema.String, Schema.instanceOf(Buffer), Dictionary)),
  iron: Schema.optional(Dictionary),
  cookie: Schema.String,
  isSecure: Schema.Boolean,
  isHttpOnly: Schema.Boolean,
  isSameSite: Schema.Literal("Strict", "Lax", false),
  path: Schema.NullOr(Schema.String),
  domain: Schema.optional(Schema.NullOr(Schema.String)),
  ttl: Schema.optional(Schema.NullOr(Schema.Number)),
  index: Schema.Union(Schema.Boolean, Schema.NonEmptyString),
  timeout: PositiveOrFalse,
  maxConnectionsPerUser: PositiveOrFalse,
  minAuthVerifyInterval: PositiveOrFalse
}).pipe(
  Schema.filter((auth) =>
    auth.maxConnectionsPerUser === false || auth.index !== false ||
    "auth.maxConnectionsPerUser requires auth.index"
  )
)

const Heartbeat = Schema.Struct({ interval: Positive, timeout: Positive }).pipe(
  Schema.filter(({ interval, timeout }) =>
    timeout < interval || "heartbeat.timeout must be less than heartbeat.interval"
  )
)

const Plugin = Schema.Struct({
  onConnection: Schema.optional(Hook),
  onDisconnection: Schema.optional(Hook),
  onMessage: Schema.optional(Hook),
  auth: Schema.Union(Schema.Literal(false), Auth),
  headers: Schema.NullOr(Schema.Union(Schema.Literal("*"), Schema.NonEmptyArray(Schema.String))),
  payload: Schema.Struct({ maxChunkChars: PositiveOrFalse }),
  heartbeat: Schema.Union(Schema.Literal(false), Heartbeat),
  maxConnections: PositiveOrFalse,
  origin: Schema.optional(StringList)
}).pipe(
  Schema.filter(({ auth, heartbeat }) =>
    !auth || auth.minAuthVerifyInterval === false || !heartbeat || auth.minAuthVerifyInterval >= heartbeat.interval ||
    "auth.minAuthVerifyInterval must not be less than heartbeat.interval"
  )
)

const Subscription = Schema.Struct({
  filter: Schema.optional(Hook),
  onSubscribe: Schema.optional(Hook),
  onUnsubscribe: Schema.optional(Hook),
  auth: Schema.optional(Schema.Union(
    Schema.Literal(false),
    Schema.Struct({
      mode: Schema.optional(Schema.Literal("required", "optional")),
      scope: Schema.optional(StringList),
      entity: Schema.optional(Schema.Literal("user", "app", "any")),
      index: Schema.optional(Schema.Union(Schema.Boolean, Schema.NonEmptyString))
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

const isObject = (u: unknown): u is { readonly [key: string]: unknown } =>
  typeof u === "object" && u !== null && !Array.isArray(u)

const defined = (options: { readonly [key: string]: unknown }): { readonly [key: string]: unknown } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null))

// An object is laid over the defaults; anything else is left for the Schema to judge.
const over = (defaults: { readonly [key: string]: unknown }, given: unknown): unknown =>
  given === undefined || given === null ? defaults : isObject(given) ? { ...defaults, ...defined(given) } : given

const fill = (options: { readonly [key: string]: unknown }): unknown => {
  const heartbeat = over(defaultHeartbeat, options.heartbeat)
  const interval = isObject(heartbeat) ? heartbeat.interval : defaultHeartbeat.interval
  return {
    ...defined(options),
    auth: over({ ...defaultAuth, minAuthVerifyInterval: interval }, options.auth),
    headers: options.headers ?? null,
    payload: over({ maxChunkChars: false }, options.payload),
    heartbeat,
    maxConnections: options.maxConnections ?? false
  }
}

const decode = <A, I>(schema: Schema.Schema<A, I>, input: unknown, failure: string): A => {
  const decoded = Schema.decodeUnknownEither(schema, { onExcessProperty: "error" })(input)
  if (Either.isLeft(decoded)) {
    const issues = ParseResult.ArrayFormatter.formatErrorSync(decoded.left)
    // Only the place and the complaint: a value may be a password.
    const [issue] = issues
    const place = issue && issue.path.length > 0 ? `${issue.path.join(".")}: ` : ""
    throw new Error(`${failure}: ${place}${issue ? complaint(issue.message) : "invalid"}`)
  }
  return decoded.right
}

const complaint = (message: string): string => message.replace(/, actual [\s\S]*$/, "")

/**
 * Decodes the options of the plugin. Throws an error that starts `Invalid nes configuration` and names the place.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodePlugin = (options: PluginOptions): Configuration =>
  decode(Plugin, isObject(options) ? fill(options) : options, "Invalid nes configuration")

/**
 * Decodes the options of a subscription. Throws an error that starts `Invalid subscription options: PATH`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeSubscription = (path: string, options: SubscriptionOptions): typeof Subscription.Type =>
  decode(Subscription, options, `Invalid subscription options: ${path}`)
