/** The head of a request over a socket, as Node's HTTP parser would have let it through. */
import type * as Boom from "@hapi/boom"
import { isObject } from "../../protocol/Codec.js"
import { errorAnswer } from "./ErrorAnswer.js"

export type Headers = Readonly<Record<string, string>>

/** What the upgrade request of a connection said, which no request on it can change. */
export interface Upgrade {
  readonly host: string | undefined
  readonly info: { readonly "x-forwarded-for": string | undefined }
}

export interface RequestHead {
  readonly method: string
  readonly path: string
  readonly headers: Headers
}

// Node's own limits: `server.maxHeadersCount` and `http.maxHeaderSize`.
const maxHeaders = 2_000
const maxHeaderBytes = 16_384

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
// A value's bytes, read as Latin-1.
const value = /^[\t\x20-\x7e\x80-\xff]*$/
const target = /^[!-~]*$/
const control = /\p{Cc}/u

// What says how a message travels, and how its answer does, is for HTTP to say. Where a connection comes from and which
// host it asked for is what its upgrade request said.
const dropped = new Set([
  "accept-encoding",
  "connection",
  "content-length",
  "expect",
  "host",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-forwarded-for"
])

// Of these Node takes the first where there are several; it joins all others.
const single = new Set(
  `age authorization content-type etag expires from if-modified-since if-unmodified-since last-modified
  location max-forwards proxy-authorization referer retry-after server user-agent`.split(/\s+/)
)

const quote = (name: string): string => JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name)

const refuse = (name: string, reason: string): Boom.Boom => errorAnswer("headerInvalid", quote(name), reason)

// Without the blanks around it, as the parser has it.
const trim = (text: string): string => text.replace(/^[ \t]+|(?<![ \t])[ \t]+$/g, "")

const textOf = (name: string, given: unknown): string => {
  if (typeof given !== "string" && typeof given !== "number" && typeof given !== "boolean") {
    throw refuse(name, "must be text, a number or a boolean")
  }
  return String(given)
}

const add = (headers: Record<string, string>, name: string, text: string): void => {
  if (!Object.hasOwn(headers, name)) {
    headers[name] = text
  } else if (!single.has(name)) {
    headers[name] += `${name === "cookie" ? "; " : ", "}${text}`
  }
}

// Whoever copies headers key by key would set a prototype with `__proto__`: Node has no header of that name either.
const addAll = (headers: Record<string, string>, given: Iterable<readonly [name: string, value: unknown]>): void => {
  let count = 0
  let bytes = 0
  for (const [name, each] of given) {
    const lower = name.toLowerCase()
    if (each === null || lower === "__proto__") {
      continue
    }
    const text = textOf(name, each)
    bytes += name.length + text.length
    if (++count > maxHeaders) {
      throw refuse(name, `is one too many: there may be ${maxHeaders}`)
    }
    if (bytes > maxHeaderBytes) {
      throw refuse(name, `is too much: headers may have ${maxHeaderBytes} bytes`)
    }
    if (!token.test(name)) {
      throw refuse(name, "has no valid name")
    }
    if (!value.test(text)) {
      throw refuse(name, "has a value with an invalid character")
    }
    if (!dropped.has(lower)) {
      add(headers, lower, trim(text))
    }
  }
}

/** Headers, with those of the upgrade request that a client cannot change; throws a 400 that names a wrong one. */
export const headersOf = (
  { host, info: { "x-forwarded-for": forwarded } }: Upgrade,
  given: Readonly<Record<string, unknown>> | ReadonlyArray<readonly [name: string, value: unknown]> | null | undefined
): Headers => {
  const headers: Record<string, string> = {}
  if (host !== undefined) {
    headers.host = host
  }
  if (forwarded !== undefined) {
    headers["x-forwarded-for"] = forwarded
  }
  if (given) {
    addAll(headers, Array.isArray(given) ? given : Object.entries(given))
  }
  return headers
}

/** The headers of what a hello, or a reauthentication, authenticates with: those in its `headers`. */
export const headersOfAuth = (upgrade: Upgrade, given: unknown): Headers =>
  headersOf(upgrade, isObject(given) && isObject(given.headers) ? given.headers : undefined)

// Those of Node's parser, but for the one that no request handler gets. hapi takes them in any case, and so do its
// clients. An import would have Node load undici.
const { METHODS } = process.getBuiltinModule("node:http")
const methods = new RegExp(`^(?:${METHODS.filter((name) => name !== "CONNECT").join("|")})$`, "i")

/** A method that a client gives; throws a 400 where HTTP has none of that name. */
export const methodOf = (given: string): string => {
  if (!methods.test(given)) {
    throw errorAnswer("methodInvalid")
  }
  return given
}

// What every HTTP client encodes is encoded; what none can send is refused.
const pathOf = (given: string): string => {
  if (target.test(given)) {
    return given
  }
  try {
    if (!control.test(given)) {
      return given.replace(/[^!-~]+/g, encodeURIComponent)
    }
  } catch {
    // Half a surrogate pair.
  }
  throw errorAnswer("pathInvalid")
}

/** The head of a request with a method of `methodOf` or a route's; throws a 400 that names what HTTP would have refused. */
export const make = (
  upgrade: Upgrade,
  method: string,
  path: string,
  headers: Readonly<Record<string, unknown>> | null | undefined
): RequestHead => ({ method, path: pathOf(path), headers: headersOf(upgrade, headers) })
