/** Who a connection speaks for. */

/** Credentials as hapi has them: of any properties the server reads `scope`, `user` and that of the index. */
export interface Credentials {
  readonly [key: string]: unknown
}

/** A successful authentication. */
export interface Authentication {
  readonly credentials: Credentials
  readonly artifacts: unknown
  readonly strategy: string | undefined
}

/** The authentication state of a connection, the `socket.auth` of nes-api.txt. */
export interface AuthState {
  isAuthenticated: boolean
  credentials: Credentials | null
  artifacts: unknown
  strategy: string | undefined
}

/** A user as the key of an index: by its text, so that `5` and `"5"` are one, or by what the object holds. */
export type UserKey = string | object

const sorted = (_: string, value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : 1))
    : value

// What cannot be written down, such as an object that holds itself, is only itself.
const contents = (user: object): UserKey => {
  try {
    return `\0${JSON.stringify(user, sorted)}`
  } catch {
    return user
  }
}

/** The key of a user; `undefined` where there is none (falsy values name nobody). */
export const userKey = (user: unknown): UserKey | undefined => {
  if (!user) {
    return undefined
  }
  return typeof user === "object" ? contents(user) : String(user)
}
