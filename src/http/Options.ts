/** The settings of a server without hapi, checked and with the defaults applied. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Server } from "node:http"
import type { Server as SecureServer } from "node:https"
import type { UserError } from "../protocol/NesError.js"
import * as Thrown from "../protocol/Thrown.js"
import type * as LimitSettings from "../server/LimitSettings.js"
import * as Setting from "../server/SettingKinds.js"
import { optional, setting } from "../server/SettingKinds.js"
import type { SettingOptions } from "../server/Settings.js"
import * as Settings from "../server/Settings.js"
import * as GivenAuthentication from "./GivenAuthentication.js"
import type { Hooks } from "./Hooks.js"
import type * as HttpApplication from "./HttpApplication.js"

/** What one connection may ask for (docs/operations.md); `false` is no limit, what is absent the default. */
export type LimitOptions = LimitSettings.LimitOptions<Duration.Input>

/** What a server is told beside its code; all of it may come from Config. */
export interface ServerOptions extends SettingOptions<Duration.Input> {
  /** The longest message sent in one piece, in UTF-16 code units of its JSON. */
  readonly maxChunkChars?: number | false | undefined
  /** The longest body that is put together from a stream, in bytes; 10 MiB by default. A longer one is answered 500. */
  readonly maxStreamBytes?: number | undefined
  /** How long messages that are being answered, and hooks, may take to finish when the scope closes; 5 seconds by default. */
  readonly gracePeriod?: Duration.Input | undefined
}

/** The code of a server: what cannot come from Config. */
export interface Code<RU = never, RC = RU, RD = RU, RM = RU, RA = RU, RV = RU>
  extends Hooks<RU, RC, RD, RM>, HttpApplication.Options<RA, RV>
{
  /** The HTTP server that `NodeHttpServer.layer` gets too. Without it, sockets come only by a route: `upgrade`. */
  readonly server?: Server | SecureServer | undefined
}

/** All that a server can be told. Each hook, and each part of the authentication, has requirements of its own. */
export interface Options<RU = never, RC = RU, RD = RU, RM = RU, RA = RU, RV = RU>
  extends Code<RU, RC, RD, RM, RA, RV>, ServerOptions
{}

const duration = Setting.kind(
  "a duration",
  (u): u is Duration.Input => Option.isSome(Duration.fromInput(u as Duration.Input))
)

const all = Setting.decoder(
  Setting.struct({
    onConnection: optional(Setting.hook),
    onDisconnection: optional(Setting.hook),
    onMessage: optional(Setting.hook),
    verifyUpgrade: optional(Setting.hook),
    middleware: optional(Setting.hook),
    ids: optional(Setting.object),
    server: optional(Setting.object),
    ...Settings.fields(Setting.duration),
    auth: GivenAuthentication.Given,
    maxChunkChars: setting(Setting.count, Infinity),
    maxStreamBytes: optional(Setting.count),
    gracePeriod: setting<Duration.Input>(duration, "5 seconds")
  }).check(Settings.consistent)
)

export const decode = (
  options: ServerOptions,
  auth: unknown
): Effect.Effect<
  { readonly settings: Settings.Options; readonly gracePeriod: Duration.Input },
  UserError
> =>
  Effect.gen(function*() {
    const decoded = yield* Effect.try({ try: () => all({ ...options, auth }), catch: Thrown.asUserError })
    const { auth: given, gracePeriod, ...settings } = decoded
    yield* GivenAuthentication.rehearse(given)
    return {
      gracePeriod,
      settings: {
        ...settings,
        auth: given && {
          ...Settings.authSettings(given, settings.heartbeat),
          ...(!given.verify && { minAuthVerifyInterval: false as const })
        }
      }
    }
  })
