/**
 * The application of the interop tests, as far as it does not depend on the framework: its routes' answers and its
 * users. Each framework's module declares it in its own words.
 *
 * - `GET /` (route id `hello`): `"world!"`
 * - `POST /echo` (route id `echo`): `{ payload, custom }`, `custom` being the request's header `x-custom`
 * - `GET /item/{id}`: `{ id }`
 * - `GET /long`: a long text
 * - `GET /empty`: 204
 * - `GET /fail`: 403 `no`, through the framework's error
 * - `GET /headers`: `{ ok: true }` with `x-answer: yes`, the one header that is passed on to clients
 * - `GET /me`: the credentials, where there is authentication
 * - `onMessage` answers `{ echo: message }`, but fails with 400 `bad` when asked to by the message `"fail"`
 * - subscriptions `/o` and `/item/{id}`; the latter's filter drops `{ hidden: true }` and overrides `{ replace: x }` by x
 */
export const hello = "world!"

/** Long enough to be cut into many chunks. */
export const long = "0123456789 äöü ".repeat(400)

/** Long enough to be cut inside surrogate pairs by a server that does not look where it cuts. */
export const wide = "0123456789 😀 ".repeat(400)

/** `authorization: Custom NAME` logs in any of them. */
export const users: Readonly<Record<string, { readonly user: string; readonly scope: ReadonlyArray<string> }>> = {
  john: { user: "john", scope: ["a"] },
  jane: { user: "jane", scope: ["b"] }
}

/** Who an Authorization header is, if anyone. */
export const userOf = (authorization: unknown): (typeof users)[string] | undefined =>
  typeof authorization === "string" && authorization.startsWith("Custom ") ? users[authorization.slice(7)] : undefined

export const password = "a password that is longer than thirty-two characters"

/** The subscription's filter, in the form of both styles' results. */
export const judge = (message: unknown): { readonly isMatch: boolean; readonly override?: unknown } => {
  const { hidden, replace } = (typeof message === "object" && message !== null ? message : {}) as {
    readonly hidden?: unknown
    readonly replace?: unknown
  }
  return hidden === true
    ? { isMatch: false }
    : replace === undefined
    ? { isMatch: true }
    : { isMatch: true, override: replace }
}
