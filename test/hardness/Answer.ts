/** Whether what a server says is a message of the protocol. */
const types = new Set(["hello", "reauth", "request", "message", "sub", "unsub", "rpc"])

const isObject = (u: unknown): u is Readonly<Record<string, unknown>> =>
  typeof u === "object" && u !== null && !Array.isArray(u)

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isStatus = (u: unknown): boolean => typeof u === "number" && Number.isInteger(u) && u >= 100 && u < 1000

/** What is wrong with a server's text; `undefined` if it is well-formed. */
export const complaint = (text: string): string | undefined => {
  const message = parse(text)
  if (!isObject(message)) {
    return "no JSON object"
  }
  const { headers, heartbeat, id, path, payload, socket, statusCode, type } = message
  switch (type) {
    case "ping":
    case "update":
      return undefined
    case "pub":
    case "revoke":
      return typeof path === "string" ? undefined : "no path"
  }
  if (id !== undefined && typeof id !== "string" && typeof id !== "number") {
    return "an id that cannot be"
  }
  if (headers !== undefined && !isObject(headers)) {
    return "headers that are no object"
  }
  if (statusCode !== undefined && !isStatus(statusCode)) {
    return "no status code"
  }
  if (typeof statusCode === "number" && statusCode >= 400) {
    const ours = type === "request" || (isObject(payload) && typeof payload.message === "string")
    return ours ? undefined : "an error without a message"
  }
  if (typeof type !== "string" || !types.has(type)) {
    return `an unknown type`
  }
  if (id === undefined) {
    return "an answer without id"
  }
  if (type === "hello") {
    return typeof socket === "string" && (heartbeat === false || isObject(heartbeat)) ? undefined : "half a hello"
  }
  return type === "request" && statusCode === undefined ? "a response without status" : undefined
}

/**
 * Whether a server owes an answer to this text, on a connection that it hears: to all but a heartbeat and, where both
 * know the extensions, what those have that is not answered.
 */
export const isOwed = (text: string, extended = false): boolean => {
  const message = parse(text)
  const isSilent = isObject(message) &&
    (message.type === "ping" || (extended && (message.type === "cancel" || message.type === "ack")))
  return !isObject(message) || !isSilent ||
    !(typeof message.id === "string" ? message.id !== "" : Number.isFinite(message.id) && message.id !== 0)
}

const unasked = /^\{"type":"(?:ping|pub|update|revoke)"/

/** Whether a server's text is an answer, or ends one that came in pieces. */
export const isAnswer = (text: string): boolean => !text.startsWith("+") && !unasked.test(text)
