/** The authentication that a server without hapi is given, checked: it may be made by hand, or by JavaScript. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
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
    fault: optional(Setting.text)
  }).check(Schema.makeFilter(({ fault }) => fault === undefined || { path: ["password"], issue: fault })),
  "what Authentication.make returns, or false"
)

const given = Setting.decoder(struct({ auth: Given }))

/** Throws a `UserError` for what lets in others than it seems to. */
export const check = (auth: unknown): unknown => given({ auth })
