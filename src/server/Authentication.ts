/**
 * Who a connection speaks for.
 *
 * @since 0.1.0
 */

/**
 * Credentials as hapi has them: any properties, of which the server itself reads `scope` and `user`, and the one named
 * by the index.
 *
 * @since 0.1.0
 * @category models
 */
export interface Credentials {
  readonly [key: string]: unknown
}

/**
 * A successful authentication.
 *
 * @since 0.1.0
 * @category models
 */
export interface Authentication {
  readonly credentials: Credentials
  readonly artifacts: unknown
  readonly strategy: string | undefined
}

/**
 * The authentication state of a connection, the `socket.auth` of nes-api.txt.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuthState {
  isAuthenticated: boolean
  credentials: Credentials | null
  artifacts: unknown
  strategy: string | undefined
}

/**
 * A user as the key of an index: primitives by their text (so that `5` and `"5"` are one user), objects by identity.
 *
 * @since 0.1.0
 * @category models
 */
export type UserKey = string | object

/**
 * The key of a user; `undefined` where there is none (falsy values name nobody).
 *
 * @since 0.1.0
 * @category utilities
 */
export const userKey = (user: unknown): UserKey | undefined => {
  if (!user) {
    return undefined
  }
  return typeof user === "object" || typeof user === "function" ? user : String(user)
}
