/**
 * The password of sealed cookies and tokens.
 *
 * @since 0.1.0
 */
import type * as Iron from "@hapi/iron"
import { randomBytes } from "node:crypto"
import type { AuthConfiguration } from "./Options.js"

type Secret = Exclude<AuthConfiguration["password"], undefined>

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
export const forIron = (password: Secret): IronPassword => {
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
