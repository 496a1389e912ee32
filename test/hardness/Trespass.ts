/** What a server says to one whom it has not let in, or says to nobody. */

export interface Expected {
  /** The names a session has gone by: what is said of a user is said of one of these. */
  readonly users: ReadonlySet<unknown>
  /** Whether its hello may succeed. */
  readonly welcome: boolean
}

type Json = Readonly<Record<string, unknown>>

const isObject = (u: unknown): u is Json => typeof u === "object" && u !== null && !Array.isArray(u)

/** Messages that came whole or in pieces; what is no JSON is somebody else's complaint. */
const messages = (texts: ReadonlyArray<string>): ReadonlyArray<Json> => {
  let parts = ""
  return texts.flatMap((text) => {
    if (text.startsWith("+")) {
      parts += text.slice(1)
      return []
    }
    const whole = text.startsWith("!") ? parts + text.slice(1) : text
    parts = ""
    try {
      const message: unknown = JSON.parse(whole)
      return isObject(message) ? [message] : []
    } catch {
      return []
    }
  })
}

const isRefusal = ({ statusCode }: Json): boolean => typeof statusCode === "number" && statusCode >= 400

/** What is wrong with a message, be it said to whomever. */
const betrayal = ({ path, payload, type }: Json, { users }: Expected): string | undefined => {
  if (type === "pub" && path === "/vault") {
    return "an update of a path that is for nobody"
  }
  if (type !== "request" || !isObject(payload)) {
    return undefined
  }
  if (payload.status === "authenticated") {
    return "the answer of the authentication endpoint"
  }
  return "me" in payload && !users.has(payload.me) ? `that it is ${JSON.stringify(payload.me)}` : undefined
}

/** What a session was told and should not have been. */
export const trespasses = (texts: ReadonlyArray<string>, expected: Expected): ReadonlyArray<string> => {
  let welcome = false
  return messages(texts).flatMap((message) => {
    const { type } = message
    if (type === "hello" && !isRefusal(message)) {
      welcome = true
      return expected.welcome ? [] : ["was let in with credentials that are none"]
    }
    const told = !welcome && type !== "ping" && !isRefusal(message)
      ? `${String(type)} before its hello`
      : betrayal(message, expected)
    return told === undefined ? [] : [`was told ${told}`]
  })
}
