/**
 * The password of sealed cookies and tokens.
 *
 * @since 0.1.0
 */
import type * as Iron from "@hapi/iron"
import { randomBytes } from "node:crypto"
import type { Password } from "./Options.js"

/**
 * What iron takes: one to seal with, and one, or several by id, to unseal with.
 *
 * @since 0.1.0
 * @category models
 */
export interface Passwords {
  readonly seal: Iron.Password | Iron.password.Secret | Iron.password.Specific
  readonly unseal: Iron.Password | Iron.password.Hash
}

/**
 * A password that changes with every start of the process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const generate = (): string => randomBytes(32).toString("hex")

// The id under which iron looks for what was sealed without one.
const noId = "default"

/**
 * A password in iron's two forms. They are kept apart: iron takes any property of what it unseals with for a password,
 * so that the `id`, which every sealed value shows, would be one.
 *
 * @since 0.1.0
 * @category conversions
 */
export const forIron = (password: Password): Passwords => {
  if (typeof password === "string" || Buffer.isBuffer(password)) {
    return { seal: password, unseal: password }
  }
  const { encryption, id, integrity, secret, ...older } = password
  const current = (secret === undefined ? { encryption, integrity } : { secret }) as Iron.password.Secret
  return {
    seal: id === undefined ? current : { id, ...current },
    unseal: { ...older as Iron.password.Hash, [id ?? noId]: current }
  }
}
