/** The authentication that a server without hapi is given, checked: it may be made by hand, or by JavaScript. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { UserError } from "../protocol/NesError.js"
import * as Thrown from "../protocol/Thrown.js"
import * as Setting from "../server/SettingKinds.js"
import { choice, kind, optional, required, setting, struct } from "../server/SettingKinds.js"
import { authFields } from "../server/Settings.js"

const anything = kind("anything", (_): _ is unknown => true)
const effect = kind("an Effect", Effect.isEffect)

export const Given = Setting.falseOr(
  struct({
    ...authFields(Setting.duration),
    type: setting(choice("direct", "cookie", "token"), "direct"),
    mode: setting(choice("required", "optional", "try"), "required"),
    authenticate: required(effect),
    verify: optional(Setting.hook),
    password: optional(anything),
    iron: optional(Setting.object),
    cookie: optional(Setting.text),
    cookieOptions: optional(Setting.object),
    login: required(effect),
    unseal: optional(anything),
    fault: optional(Setting.text),
    rehearse: optional(effect)
  }).check(Schema.makeFilter(({ fault }) => fault === undefined || { path: ["password"], issue: fault })),
  "what Authentication.make returns, or false"
)

const given = Setting.decoder(struct({ auth: Given }))

/** Fails for what would let nobody in. */
export const rehearse = (auth: typeof Given.Type): Effect.Effect<unknown, UserError> =>
  auth && auth.rehearse
    ? Effect.catchDefect(auth.rehearse as Effect.Effect<unknown>, (defect) =>
      new UserError({ message: `Invalid nes configuration: auth: ${Thrown.text(defect)}`, cause: defect }))
    : Effect.void

/** Fails for what lets in others than it seems to, too. */
export const check = (auth: unknown): Effect.Effect<unknown, UserError> =>
  Effect.flatMap(Effect.try({ try: () => given({ auth }).auth, catch: Thrown.asUserError }), rehearse)
