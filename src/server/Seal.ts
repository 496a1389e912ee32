/**
 * Authentications, sealed by iron in cookies and tokens.
 *
 * @since 0.1.0
 */
import * as Iron from "@hapi/iron"
import { randomBytes } from "node:crypto"
import type { Authentication } from "./Authentication.js"

/**
 * A password, or several by id for rotation: new values are sealed with `secret` under `id`, old ones unsealed with the
 * property that their id names.
 *
 * @since 0.1.0
 * @category models
 */
export type Password = string | Buffer | { readonly [id: string]: unknown }

/**
 * A password that changes with every start of the process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const generate = (): string => randomBytes(32).toString("hex")

/**
 * A password that seals and unseals: iron seals with a rotation object's `secret`, but looks for it under its `id` when
 * it unseals.
 *
 * @since 0.1.0
 * @category conversions
 */
export const forIron = (password: Password): IronPassword => {
  if (typeof password === "string" || Buffer.isBuffer(password)) {
    return password
  }
  const { id } = password
  return (typeof id === "string" ? { ...password, [id]: password } : password) as unknown as Iron.password.Secret
}

/**
 * What iron takes, to seal and to unseal.
 *
 * @since 0.1.0
 * @category models
 */
export type IronPassword = string | Buffer | Iron.password.Secret

/**
 * Iron's settings: its defaults, and over them what the application has set.
 *
 * @since 0.1.0
 * @category conversions
 */
export const ironOptions = (given: Partial<Iron.SealOptions> | undefined): Iron.SealOptions => ({
  ...Iron.defaults,
  ...given
})

const isObject = (u: unknown): u is { readonly [key: string]: unknown } =>
  typeof u === "object" && u !== null && !Array.isArray(u)

/**
 * An authentication, if that is what a value is.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeAuthentication = (u: unknown): Authentication | undefined =>
  isObject(u) && isObject(u.credentials)
    ? {
      credentials: u.credentials,
      artifacts: u.artifacts,
      strategy: typeof u.strategy === "string" ? u.strategy : undefined
    }
    : undefined

/**
 * Seals an authentication.
 *
 * @since 0.1.0
 * @category encoding
 */
export const seal = (
  authentication: Authentication,
  password: IronPassword,
  options: Iron.SealOptions
): Promise<string> => Iron.seal(authentication, password, options)

/**
 * Unseals an authentication; `undefined` if it was not sealed with this password, has expired or is something else: which
 * of the checks a forged one fails is nobody's business.
 *
 * @since 0.1.0
 * @category decoding
 */
export const unseal = async (
  sealed: unknown,
  password: IronPassword,
  options: Iron.SealOptions
): Promise<Authentication | undefined> => {
  try {
    return typeof sealed === "string"
      ? decodeAuthentication(await Iron.unseal(sealed, password as Iron.Password, options))
      : undefined
  } catch {
    return undefined
  }
}
