/** Registration and subscription options (nes-api.txt, "Registration" and "server.subscription"), decoded. */
import type { RouteOptions } from "@hapi/hapi"
import * as Iron from "@hapi/iron"
import * as Schema from "effect/Schema"
import type * as Tracer from "effect/Tracer"
import { isObject } from "../protocol/Codec.js"
import type { Awaitable } from "../server/Awaitable.js"
import type * as Broker from "../server/Broker.js"
import type { Connection } from "../server/connection/Connection.js"
import * as Password from "../server/conversation/Password.js"
import * as ResponseBody from "../server/conversation/ResponseBody.js"
import type * as LimitSettings from "../server/LimitSettings.js"
import * as Setting from "../server/SettingKinds.js"
import { choice, kind, nested, optional, setting, struct } from "../server/SettingKinds.js"
import * as Settings from "../server/Settings.js"
import type { ApiOptions } from "./Api.js"
import type { Socket, SocketCredentials } from "./Socket.js"

/**
 * The options of the plugin. Times are in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface PluginOptions extends Settings.SettingOptions<number> {
  /** Called at each hello, before its subscriptions; an error refuses the connection. */
  readonly onConnection?: ((socket: Socket) => Awaitable<unknown>) | undefined
  /** Called once for each connection that has ended. */
  readonly onDisconnection?: ((socket: Socket) => Awaitable<unknown>) | undefined
  /** Receives custom messages; answers through `next(data)`, or by its result. */
  readonly onMessage?:
    | ((socket: Socket, message: unknown, next: (data?: unknown) => void) => Awaitable<unknown>)
    | undefined
  /** Before a WebSocket is made of an upgrade request: `true` lets it in; `false` (401) or a status refuses it. */
  readonly verifyUpgrade?: ((request: Settings.UpgradeRequest) => Awaitable<boolean | number>) | undefined
  /** Authentication; `false` for none. */
  readonly auth?: false | AuthOptions | undefined
  readonly payload?: {
    /** The longest message sent in one piece, in characters; `false` (the default) for no limit. */
    readonly maxChunkChars?: number | false | undefined
    /** The longest body put together from a stream (bytes). A longer one is answered 500. Default: 10 MiB. */
    readonly maxStreamBytes?: number | false | undefined
  } | undefined
  /** Routes through which other programs publish, ask and disconnect (docs/api.md); `false` (the default) for none. */
  readonly api?: false | ApiOptions | undefined
  /** How this server shares what it publishes with others, such as `redis()` of effect-nes/redis; by default with none. */
  readonly broker?: Broker.Service | undefined
  /** What makes the spans of this server (docs/telemetry.md), such as Effect's `OtlpTracer.make`; by default there are none. */
  readonly tracer?: Tracer.Tracer | undefined
}

/**
 * The limits of every connection; `false` stands for none. Times are in milliseconds. By default `maxFrameBytes` is the
 * largest `payload.maxBytes` of all routes (at least 1 MiB) and 64 KiB for the message around the payload.
 *
 * @since 0.1.0
 * @category models
 */
export type LimitOptions = LimitSettings.LimitOptions<number>

/**
 * Authentication options.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuthOptions extends Settings.AuthSettingOptions<number> {
  /** `'direct'` (the default), `'cookie'` or `'token'`. */
  readonly type?: "direct" | "cookie" | "token" | undefined
  /** Path of the authentication endpoint; `'/nes/auth'` by default. */
  readonly endpoint?: string | undefined
  /** Route id of the authentication endpoint; `'nes.auth'` by default. */
  readonly id?: string | undefined
  /** hapi's route `auth` settings of the endpoint; the server's default strategy by default. */
  readonly route?: RouteOptions["auth"] | undefined
  /** Password of the sealed cookie or token; generated at each start by default. */
  readonly password?: Password.Password | undefined
  /** Settings of iron, laid over its defaults, those of each step too. */
  readonly iron?: Password.IronOptions | undefined
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
 * The options of a subscription. Each hook answers through the `next` it declares, or by its result. `Message` is what
 * the application publishes to its paths.
 *
 * @since 0.1.0
 * @category models
 */
export interface SubscriptionOptions<Message = unknown> extends Settings.SubscriptionSettingOptions<number, Socket> {
  readonly filter?:
    | ((
      path: string,
      message: Message,
      options: FilterOptions,
      next: (isMatch: boolean, override?: unknown) => void
    ) => Awaitable<FilterAnswer | void>)
    | undefined
  readonly onSubscribe?: PathHook<[next: (error?: unknown) => void]> | undefined
  /** How things stand: what it answers is sent to a new subscriber first, as an update (docs/history.md). */
  readonly snapshot?: PathHook<[]> | undefined
  readonly onUnsubscribe?: PathHook<[next: () => void]> | undefined
}

type PathHook<Next extends ReadonlyArray<unknown>> = (
  socket: Socket,
  path: string,
  params: Readonly<Record<string, string>>,
  ...next: Next
) => Awaitable<unknown>

const { flag, hook, text } = Setting

const finite = kind("a number", (u): u is number => Number.isFinite(u))

const lifetime = kind("a number, not less than 0", (u): u is number => Number.isFinite(u) && Number(u) >= 0)

/** hapi's route `auth` settings: there is no default. */
export const routeAuth = kind(
  "false or a non-empty string or an object",
  (u): u is ApiOptions["auth"] => u === false || Setting.isText(u) || isObject(u)
)

const isSecret = (u: unknown): u is string | Buffer => Setting.isText(u) || Buffer.isBuffer(u)

// An empty string is none: the password is generated.
const password = kind(
  "a string or Buffer or an object with `secret`, or `encryption` and `integrity`, and an `id` of word characters",
  (u): u is Password.Password =>
    typeof u === "string" || Buffer.isBuffer(u) ||
    (isObject(u) && (isSecret(u.secret) || (isSecret(u.encryption) && isSecret(u.integrity))) &&
      (u.id === undefined || (typeof u.id === "string" && /^\w+$/.test(u.id))))
)

const ironStep = ({ algorithm, iterations, minPasswordlength, saltBits }: Iron.SealOptions["encryption"]) =>
  nested(
    struct({
      saltBits: setting(finite, saltBits),
      algorithm: setting(choice("aes-128-ctr", "aes-256-cbc", "sha256"), algorithm),
      iterations: setting(finite, iterations),
      minPasswordlength: setting(finite, minPasswordlength)
    }),
    Setting.orDefaults
  )

const iron = ({ encryption, integrity, localtimeOffsetMsec, timestampSkewSec, ttl }: Iron.SealOptions) =>
  nested(
    struct({
      encryption: ironStep(encryption),
      integrity: ironStep(integrity),
      ttl: setting(lifetime, ttl),
      timestampSkewSec: setting(finite, timestampSkewSec),
      localtimeOffsetMsec: setting(finite, localtimeOffsetMsec)
    }),
    Setting.orDefaults
  )

const Auth = struct({
  type: setting(choice("direct", "cookie", "token"), "direct"),
  endpoint: setting(Setting.path, "/nes/auth"),
  id: setting(text, "nes.auth"),
  route: optional(routeAuth),
  password: optional(password),
  iron: iron(Iron.defaults),
  cookie: setting(text, "nes"),
  isSecure: setting(flag, true),
  isHttpOnly: setting(flag, true),
  isSameSite: setting(choice("Strict", "Lax", false), "Strict"),
  path: setting(text, "/"),
  domain: optional(text),
  ttl: optional(Setting.integer),
  ...Settings.authFields(Setting.integer)
}).check(Schema.makeFilter(({ iron, password, type }) => {
  const fault = password && type !== "direct" ? Password.fault(Password.forIron(password), iron) : undefined
  return fault === undefined || { path: ["password"], issue: fault }
}))

const Plugin = struct({
  onConnection: optional(hook),
  onDisconnection: optional(hook),
  onMessage: optional(hook),
  verifyUpgrade: optional(hook),
  ...Settings.fields(Setting.integer),
  auth: nested(Setting.falseOr(Auth), Setting.orDefaults),
  api: nested(
    Setting.falseOr(struct({ path: setting(Setting.path, "/nes/api"), auth: Setting.required(routeAuth) })),
    (given) => given ?? false
  ),
  payload: nested(
    struct({
      maxChunkChars: setting(Setting.count, Infinity),
      maxStreamBytes: setting(Setting.count, ResponseBody.defaultMaxStreamBytes)
    }),
    Setting.orDefaults
  ),
  broker: optional(
    kind(
      "a broker, such as redis(url) of effect-nes/redis",
      (u): u is Broker.Service => isObject(u) && typeof u.join === "function"
    )
  ),
  tracer: optional(kind("a tracer", (u): u is Tracer.Tracer => isObject(u) && typeof u.span === "function"))
}).check(Settings.consistent)

export type AuthConfiguration = typeof Auth.Type

export const toError = (message: string): Error => new Error(message)

const plugin = Setting.decoder(Plugin, toError)
const subscription = Setting.decoder(Settings.Subscription(Setting.integer), toError)

/** Decodes the options of the plugin, but for the hooks. Throws `Invalid nes configuration` and the place. */
export const decodePlugin = (options: PluginOptions) => plugin(options)

/** Decodes the options of a subscription. Throws an error that starts `Invalid subscription options: PATH`. */
export const decodeSubscription = (
  path: string,
  options: SubscriptionOptions,
  socketOf: (connection: Connection) => Socket
) => Settings.subscription(subscription(options, `Invalid subscription options: ${path}`), socketOf)
