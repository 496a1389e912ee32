/** What an authentication is held to where types do not hold it. */
import * as Effect from "effect/Effect"
import { choice, decoder, kind, optional, setting, struct, text } from "../server/SettingKinds.js"
import { authFields } from "../server/Settings.js"
import type { Authentication } from "./Authentication.js"
import { complaint, door, hook, object } from "./Setting.js"

const anything = kind("", (_): _ is unknown => true)

const given = decoder(struct(door, {
  ...authFields(door),
  type: setting(choice(door, "direct", "cookie", "token"), "direct"),
  mode: setting(choice(door, "required", "optional", "try"), "required"),
  authenticate: optional(kind("must be an Effect", Effect.isEffect)),
  verify: optional(hook),
  password: optional(anything),
  iron: optional(object),
  cookie: optional(text(door)),
  cookieOptions: optional(object),
  login: optional(anything),
  unseal: optional(anything),
  fault: optional(anything)
}))

/** Throws a `UserError` for what lets in others than it seems to. */
export const check = (auth: Authentication<never> | false): void => {
  if (auth === false) {
    return
  }
  if (!Effect.isEffect(Object(auth).authenticate) || !Effect.isEffect(Object(auth).login)) {
    throw complaint("auth", "must be what Authentication.make returns, or false")
  }
  given(auth, (place, text) => complaint(`auth.${place}`, text))
  if (auth.fault !== undefined) {
    throw complaint("auth.password", auth.fault)
  }
}
