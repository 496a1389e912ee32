/** The passwords and settings with which iron seals cookies and tokens, and what it will refuse. */
import * as Iron from "@hapi/iron"
import { randomBytes } from "node:crypto"
import { isObject } from "../../protocol/Codec.js"

/**
 * Settings of iron (`@hapi/iron`).
 *
 * @since 0.1.0
 * @category models
 */
export interface IronOptions extends Partial<Omit<Iron.SealOptions, "encryption" | "integrity">> {
  readonly encryption?: Partial<Iron.SealOptionsSub> | undefined
  readonly integrity?: Partial<Iron.SealOptionsSub> | undefined
}

/**
 * A secret, or one for each of iron's two steps.
 *
 * @since 0.1.0
 * @category models
 */
export type Secret<Text = string | Buffer> =
  | { readonly secret: Text }
  | { readonly encryption: Text; readonly integrity: Text }

/**
 * A password, or a rotation of several: values are sealed with the secret under `id`, and unsealed with it or with the
 * older secret that has their id as its name (`default` for what was sealed with a plain password).
 *
 * @since 0.1.0
 * @category models
 */
export type Password<Text = string | Buffer> =
  | Text
  | (Secret<Text> & { readonly id?: string } & { readonly [olderId: string]: unknown })

/** What iron takes: one to seal with, and one, or several by id, to unseal with. */
export interface Passwords {
  readonly seal: Iron.Password | Iron.password.Secret | Iron.password.Specific
  readonly unseal: Iron.Password | Iron.password.Hash
}

export const generate = (): string => randomBytes(32).toString("hex")

// The id under which iron looks for what was sealed without one.
const noId = "default"

/** A password in iron's two forms: what it unseals with has no `id`, which every sealed value shows, for a password. */
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

export const ironOptions = ({ encryption, integrity, ...given }: IronOptions = {}): Iron.SealOptions => ({
  ...Iron.defaults,
  ...given,
  encryption: { ...Iron.defaults.encryption, ...encryption },
  integrity: { ...Iron.defaults.integrity, ...integrity }
})

const keyFault = (password: unknown, { algorithm, minPasswordlength }: Iron.SealOptionsSub): string | undefined => {
  if (Buffer.isBuffer(password)) {
    const { keyBits, ...cipher } = Iron.algorithms[algorithm]
    const bytes = keyBits / 8
    // Iron takes the bytes for the key: that of a cipher has one length.
    const fits = "ivBits" in cipher ? password.length === bytes : password.length >= bytes
    return fits ? undefined : `must have ${bytes} bytes`
  }
  const shortest = Math.max(minPasswordlength, 1)
  return typeof password !== "string" || password.length < shortest
    ? `must have at least ${shortest} characters`
    : undefined
}

/** Why iron will refuse to seal with a password, or to unseal with one of its older ones; `undefined` if it will not. */
export const fault = ({ seal, unseal }: Passwords, options: Iron.SealOptions): string | undefined => {
  const older = isObject(unseal) && !Buffer.isBuffer(unseal) ? Object.values(unseal) : []
  for (const password of [seal, ...older]) {
    const steps = isObject(password) && !Buffer.isBuffer(password)
      ? { encryption: password.secret ?? password.encryption, integrity: password.secret ?? password.integrity }
      : { encryption: password, integrity: password }
    const complaint = keyFault(steps.encryption, options.encryption) ?? keyFault(steps.integrity, options.integrity)
    if (complaint !== undefined) {
      return complaint
    }
  }
  return undefined
}
