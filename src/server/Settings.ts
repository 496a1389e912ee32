/** What a server is told once: what there is, how it is checked, and what it is where it is not said. */
import { identity } from "effect/Function"
import * as Schema from "effect/Schema"
import type { IncomingHttpHeaders } from "node:http"
import type * as Message from "../protocol/Message.js"
import type { Awaitable } from "./Awaitable.js"
import type { Connection } from "./connection/Connection.js"
import * as LimitSettings from "./LimitSettings.js"
import { type Bounds, defaultBounds, defaultStateAge, stateBounds } from "./recovery/Bounds.js"
import * as Setting from "./SettingKinds.js"
import { nested, optional, setting, struct } from "./SettingKinds.js"
import type { Access } from "./subscription/Access.js"
import type { Options as SubscriptionOptions, PresenceOptions } from "./subscription/Subscription.js"

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

/** What the application does at the turns of a connection's life: it answers with a value, a Promise or an Effect. */
export interface Hooks {
  /**
   * Before a WebSocket is made of an upgrade request: `true` lets it in, `false` refuses it with 401, a number with
   * that HTTP status, a failure with its own.
   */
  readonly verifyUpgrade?: ((request: UpgradeRequest) => Awaitable<boolean | number>) | undefined
  /** At hello, after authentication and before the subscriptions of the hello; a failure refuses the hello. */
  readonly onConnection?: ((connection: Connection) => Awaitable<unknown>) | undefined
  /** Once for every connection, after its `onUnsubscribe`s. */
  readonly onDisconnection?: ((connection: Connection) => Awaitable<unknown>) | undefined
  /** A custom message; the result is the answer. Without this hook a custom message is answered 501. */
  readonly onMessage?: ((connection: Connection, message: unknown) => Awaitable<unknown>) | undefined
}

/** Authentication, as far as it is not the application's. */
export interface AuthSettings {
  /** Only `cookie` reads the upgrade request's cookies. */
  readonly type: "direct" | "cookie" | "token"
  /** Index connections by this property of the credentials (options: `true` for `user`), for broadcasts to one user. */
  readonly index: string | false
  /** How long a connection may take to say hello where authentication is required; 5 seconds by default. */
  readonly timeout: number | false
  /** Connections one user may have; no limit by default. Needs `index`. */
  readonly maxConnectionsPerUser: number
  /** The shortest time between verifications of the credentials; the heartbeat's interval by default. */
  readonly minAuthVerifyInterval: number | false
  /** Whether what is sealed is sealed with a password that no other node has. */
  readonly isPasswordOwn?: boolean
}

/** The settings of a server, as `SettingOptions` has them: `Infinity` is no limit, times are in ms. */
export interface Settings {
  readonly hooks: Hooks
  readonly auth: AuthSettings | false
  /** In lower case. */
  readonly headers: null | "*" | ReadonlySet<string>
  /** Longest text sent unchunked; `Infinity` for no limit. */
  readonly maxChunkChars: number
  readonly compression: number
  readonly heartbeat: Message.Heartbeat
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  readonly path: string | undefined
  readonly origin: ReadonlyArray<string> | undefined
  readonly metrics: boolean
  /** Whether Effect's log, by its levels, hears of connections; or the application's of what was refused. */
  readonly log: boolean | "application"
  /** How long a peer may take to answer a close before the socket is destroyed (ms). */
  readonly closeTimeout: number
  readonly limits: LimitSettings.Limits
}

/** The settings of a server as both doors are told them. `Time` is the door's unit of time. */
export interface SettingOptions<Time> {
  /** The only path whose WebSockets are the server's; by default all that no one else on the HTTP server answers at once. */
  readonly path?: string | undefined
  /** Response headers that clients get to see: a list, `"*"` for all, or none (the default). */
  readonly headers?: ReadonlyArray<string> | "*" | null | undefined
  /**
   * Compresses messages for clients that offer `permessage-deflate`: those of at least 1,024 bytes (`true`), or of at
   * least so many; `false` (the default) for none (docs/operations.md).
   */
  readonly compression?: boolean | number | undefined
  /** `false` for none; every 15 seconds with a timeout of 5 by default. */
  readonly heartbeat?: false | {
    readonly interval?: Time | undefined
    readonly timeout?: Time | undefined
  } | undefined
  /** Simultaneous connections; `false` (the default) for no limit. */
  readonly maxConnections?: number | false | undefined
  /**
   * Simultaneous connections of one address (an IPv6 network of 64 bits counts as one; behind a proxy, all are the
   * proxy's); `false` (the default) for no limit. One more is refused with 429.
   */
  readonly maxConnectionsPerAddress?: number | false | undefined
  /** Origins that may connect, matched exactly; any by default. */
  readonly origin?: string | ReadonlyArray<string> | undefined
  /** Whether what is counted goes into Effect's metrics; `true` by default. */
  readonly metrics?: boolean | undefined
  /** What one connection may ask for (docs/operations.md). */
  readonly limits?: LimitSettings.LimitOptions<Time> | undefined
}

/** The settings of authentication as both doors are told them. */
export type AuthSettingOptions<Time> = {
  readonly [K in Exclude<keyof AuthSettings, "type" | "isPasswordOwn">]?:
    | LimitSettings.OptionOf<AuthSettings[K], Time>
    | undefined
}

/** How a path tells who is subscribed to another (docs/presence.md). `S` is what the door has for a socket. */
export interface PresenceSettingOptions<Time = number, S = never> {
  /** Where; by default at the path and `/presence`. It may have parameters of the path. */
  readonly path?: string | undefined
  /** Whether it tells who (the default), or only how many, for paths with many subscribers. */
  readonly list?: boolean | undefined
  /** How long one who has gone counts as present, and may come back unnoticed; 10 seconds by default. */
  readonly grace?: Time | false | undefined
  /** Who may know; by default who may subscribe to the path itself. */
  readonly auth?: AccessSettingOptions | false | undefined
  /** Who a socket is: by default its user, or itself where there is none. Who is nobody is not told of. */
  readonly identify?: ((socket: S, path: string, params: Readonly<Record<string, string>>) => unknown) | undefined
}

/** Who may subscribe. */
export interface AccessSettingOptions {
  readonly mode?: "required" | "optional" | undefined
  /** As in hapi: any of these, all `+required`, no `!forbidden`; `{params.x}` stands for a path parameter. */
  readonly scope?: string | ReadonlyArray<string> | undefined
  readonly entity?: "user" | "app" | "any" | undefined
}

/** The settings of a subscription as both doors are told them. */
export interface SubscriptionSettingOptions<Time, S = never> {
  /** Whether a path tells who is subscribed to another, and how (docs/presence.md). */
  readonly presence?: boolean | PresenceSettingOptions<Time, S> | undefined
  /**
   * Keeps what is published for those who missed it (docs/protocol.md): at most `size` updates of a path (1000 by
   * default), none older than `age` (5 minutes). `true` for the defaults.
   */
  readonly recovery?: boolean | { readonly size?: number | undefined; readonly age?: Time | undefined } | undefined
  /**
   * Keeps the last message of each path, and sends it first to whoever subscribes (docs/history.md): for 30 days, or as
   * long as `age` says. It is not that of publishes with `user`.
   */
  readonly state?: boolean | { readonly age?: Time | undefined } | undefined
  /** Who may subscribe; as the server's authentication has it by default. */
  readonly auth?:
    | false
    | AccessSettingOptions & {
      /** Index subscribers by this property of the credentials (`true`: by `user`), for publishes to one user. */
      readonly index?: boolean | string | undefined
    }
    | undefined
}

const beat = { interval: 15_000, timeout: 5_000 }

const headers: Setting.Kind<Settings["headers"]> = {
  what: "\"*\" or a list of non-empty strings or null",
  read: (u) =>
    u === "*"
      ? u
      : Array.isArray(u) && u.length > 0 && u.every(Setting.isText)
      ? new Set(u.map((name) => name.toLowerCase()))
      : undefined
}

// Below that, compressing saves nothing.
const defaultThreshold = 1024

const compression: Setting.Kind<number> = {
  what: "a boolean or a positive integer",
  read: (u) => u === true ? defaultThreshold : u === false ? Infinity : Setting.integer.read(u)
}

/** The settings of both doors, as Schemas, where `time` is how one is told a time; in the order they are checked in. */
export const fields = (time: Setting.Kind<number>) => ({
  path: optional(Setting.requestPath),
  heartbeat: nested(
    Setting.falseOr(
      struct({ interval: setting(time, beat.interval), timeout: setting(time, beat.timeout) }).check(
        Schema.makeFilter(({ interval, timeout }) =>
          timeout >= interval
            ? { path: ["timeout"], issue: "must be less than heartbeat.interval" }
            : interval + timeout <= LimitSettings.longestTimer ||
              { path: ["interval"], issue: "is longer than the timers of clients, which last 24 days" }
        )
      )
    ),
    Setting.orDefaults
  ),
  headers: setting(headers, null),
  compression: setting(compression, Infinity),
  maxConnections: setting(Setting.count, Infinity),
  maxConnectionsPerAddress: setting(Setting.count, Infinity),
  origin: optional(Setting.origins),
  metrics: setting(Setting.flag, true),
  limits: nested(struct(LimitSettings.fields(time)), Setting.orDefaults)
} satisfies Record<keyof SettingOptions<unknown>, Schema.Constraint>)

export const authFields = (time: Setting.Kind<number>) => ({
  index: setting(Setting.index, false),
  timeout: setting(Setting.timeout(time), 5_000),
  maxConnectionsPerUser: setting(Setting.count, Infinity),
  minAuthVerifyInterval: optional(Setting.timeout(time))
} satisfies Record<keyof AuthSettingOptions<unknown>, Schema.Constraint>)

type GivenAuth = Schema.Struct<ReturnType<typeof authFields>>["Type"]

/** What must hold between the settings of authentication and the others, besides what each must be. */
export const consistent = Schema.makeFilter((
  { auth, heartbeat }: { readonly auth: GivenAuth | false; readonly heartbeat: Message.Heartbeat }
) => {
  if (auth && auth.maxConnectionsPerUser < Infinity && auth.index === false) {
    return { path: ["auth", "maxConnectionsPerUser"], issue: "requires auth.index" }
  }
  const shortest = (auth && auth.minAuthVerifyInterval) || Infinity
  return !heartbeat || shortest >= heartbeat.interval ||
    { path: ["auth", "minAuthVerifyInterval"], issue: "must not be less than heartbeat.interval" }
})

/** The settings of authentication, of which one takes its default from the heartbeat. */
export const authSettings = (
  { index, maxConnectionsPerUser, minAuthVerifyInterval, password, timeout, type }:
    & GivenAuth
    & Pick<AuthSettings, "type">
    & { readonly password?: unknown },
  heartbeat: Message.Heartbeat
): AuthSettings => ({
  type,
  index,
  timeout,
  maxConnectionsPerUser,
  minAuthVerifyInterval: minAuthVerifyInterval ?? (heartbeat || beat).interval,
  isPasswordOwn: type !== "direct" && !password
})

const access = {
  mode: setting(Setting.choice("required", "optional"), "required"),
  scope: optional(Setting.texts),
  entity: optional(Setting.choice("user", "app", "any"))
}

// Where nothing is said, it is as the application has it.
const accessOr = <S extends Schema.Constraint>(schema: S) =>
  nested(
    Schema.Union([Schema.Undefined, Setting.falseOr(schema)]).annotate({ message: "expected false or an object" }),
    identity
  )

/** The settings of a subscription of both doors, as Schemas; `null` is none, as it is none in `@hapi/nes`. */
export const Subscription = (time: Setting.Kind<number>) =>
  struct({
    filter: optional(Setting.hook),
    onSubscribe: optional(Setting.hook),
    onUnsubscribe: optional(Setting.hook),
    snapshot: optional(Setting.hook),
    ...({
      recovery: Setting.switched(
        struct({ size: setting(Setting.integer, defaultBounds.size), age: setting(time, defaultBounds.age) })
      ),
      presence: Setting.switched(
        struct({
          path: optional(Setting.path),
          list: setting(Setting.flag, true),
          grace: setting(Setting.timeout(time), 10_000),
          auth: accessOr(struct(access)),
          identify: optional(Setting.hook)
        })
      ),
      state: Setting.switched(struct({ age: setting(time, defaultStateAge) })),
      auth: accessOr(struct({ ...access, index: setting(Setting.index, false) }))
    } satisfies Record<keyof SubscriptionSettingOptions<unknown>, Schema.Constraint>)
  })

type GivenSubscription = ReturnType<typeof Subscription>["Type"]

const boundsOf = (recovery: Bounds | false, state: GivenSubscription["state"]): Bounds | undefined =>
  state ? { ...recovery || stateBounds, state: state.age } : recovery || undefined

const accessOf = (
  auth: Schema.Struct<typeof access>["Type"] | false | undefined
): Access | false | undefined => auth && { mode: auth.mode, rules: [{ scope: auth.scope, entity: auth.entity }] }

const presenceOf = <C>(
  given: GivenSubscription["presence"],
  socketOf: (connection: C) => unknown
): PresenceOptions<C> | undefined => {
  if (!given) {
    return undefined
  }
  const { auth, grace, identify, list, path } = given
  const ask = identify as PresenceSettingOptions<never, unknown>["identify"]
  return {
    path,
    list,
    grace: grace || 0,
    access: accessOf(auth),
    identify: ask && ((connection, path, params) => ask(socketOf(connection), path, params))
  }
}

/** A subscription as the server keeps it, without its hooks. */
export const subscription = <C>(
  { auth, presence, recovery, state }: GivenSubscription,
  socketOf: (connection: C) => unknown
): Pick<SubscriptionOptions<C>, "access" | "presence" | "index" | "recovery" | "state"> => ({
  access: accessOf(auth),
  presence: presenceOf(presence, socketOf),
  index: auth ? auth.index : false,
  recovery: boundsOf(recovery, state),
  state: state ? true : undefined
})

/** What of the settings is given; the rest is as `defaults` has it. */
export interface Options extends Partial<Omit<Settings, "limits">> {
  readonly limits?: Partial<LimitSettings.Limits>
}

/** The documented defaults (nes-api.txt, "Registration"). */
export const defaults: Settings = {
  hooks: {},
  auth: false,
  headers: null,
  maxChunkChars: Infinity,
  compression: Infinity,
  heartbeat: beat,
  maxConnections: Infinity,
  maxConnectionsPerAddress: Infinity,
  path: undefined,
  origin: undefined,
  metrics: true,
  log: true,
  closeTimeout: 3_000,
  limits: LimitSettings.defaults
}

/** Lays options over the defaults. */
export const make = (options: Options): Settings => ({
  ...defaults,
  ...options,
  limits: { ...LimitSettings.defaults, ...options.limits }
})
