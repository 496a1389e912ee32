/** Text to messages and back: plain functions for the hot path and the browser, held equal to the Schemas by a test. */
import * as Result from "effect/Result"
import { answers, type Row, textOf } from "./ErrorTexts.js"
import type * as Message from "./Message.js"
import { ProtocolError, type UserError } from "./NesError.js"
import * as Thrown from "./Thrown.js"

// As `Message.version` has it, which would bring Schemas along.
const supported = "2"

type Json = Readonly<Record<string, unknown>>

/** What every client message has, decoded first: the server then looks at the state of the connection. */
export interface Envelope {
  readonly type: string
  readonly id: Message.Id
  readonly fields: Json
}

/** A refused text: the error, and what the answer to it can still quote. */
export interface Refusal {
  readonly error: ProtocolError
  readonly type: string | undefined
  readonly id: Message.Id | undefined
}

/** Whether a decoded value is an object that is no list. */
export const isObject = (u: unknown): u is Json => typeof u === "object" && u !== null && !Array.isArray(u)

// JSON can spell infinity (1e999) but not answer it: such an id would come back as null.
const isId = (u: unknown): u is Message.Id =>
  (typeof u === "number" && u !== 0 && Number.isFinite(u)) || (typeof u === "string" && u !== "")

const refuse = ([, message]: Row, fields?: Json): Refusal => ({
  error: new ProtocolError({ message }),
  type: typeof fields?.type === "string" ? fields.type : undefined,
  id: isId(fields?.id) ? fields.id : undefined
})

/** Decodes the envelope of a client's message. The texts are those of interop.md, "Server answers". */
export const decodeEnvelope = (text: string): Envelope | Refusal => {
  let fields: unknown
  try {
    fields = JSON.parse(text)
  } catch {
    return refuse(answers.unreadable)
  }
  if (!isObject(fields)) {
    return refuse(answers.unreadable)
  }
  const { id, type } = fields
  if (typeof type !== "string" || type === "") {
    return refuse(type ? answers.typeNoText : answers.unreadable, fields)
  }
  return isId(id) ? { type, id, fields } : refuse(id ? answers.idInvalid : answers.idMissing, fields)
}

const named = <A>(record: Readonly<Record<string, A>>): ReadonlyArray<readonly [string, A]> =>
  Object.entries(record).filter(([name]) => name !== "__proto__")

// A header named `__proto__` is dropped, not refused: whoever copies headers key by key would set a prototype with it.
const cleaned = (record: Json): Json => Object.hasOwn(record, "__proto__") ? Object.fromEntries(named(record)) : record

const isText = (u: unknown): u is string => typeof u === "string"

const isBoolean = (u: unknown): u is boolean => typeof u === "boolean"

const isTexts = (u: unknown): u is ReadonlyArray<string> => Array.isArray(u) && u.every(isText)

const isPairs = (u: unknown): boolean => Array.isArray(u) && u.every((pair) => isTexts(pair) && pair.length === 2)

const isCount = (u: unknown): u is number => Number.isSafeInteger(u) && Number(u) >= 0

const isPosition = (u: unknown): u is Message.Position => isObject(u) && isText(u.epoch) && isCount(u.offset)

const isRecordOf = (is: (u: unknown) => boolean) => (u: unknown): u is Json =>
  isObject(u) && named(u).every(([, value]) => is(value))

const isPositions = isRecordOf(isPosition)

// What has no value is written as null in many languages.
const orAbsent = (is: (u: unknown) => boolean) => (u: unknown): boolean => u === undefined || u === null || is(u)

// Nothing but its two fields, whatever else is there.
const position = ({ epoch, offset }: Json): Json => ({ epoch, offset })

const positions = (record: Json): Json =>
  Object.fromEntries(named(record as Message.Positions).map(([path, each]) => [path, position(each)]))

/** A field, what it must be, the answer where it is not, and what is kept of an object. */
type Rule = readonly [field: string, is: (u: unknown) => boolean, otherwise: Row, keep?: (record: Json) => Json]

// In the order in which the server names what is wrong. A function, as the bundle of a client does without.
const makeRules = (): Readonly<Record<string, ReadonlyArray<Rule>>> => ({
  ping: [],
  hello: [
    ["version", (u) => u === supported, answers.wrongVersion],
    ["subs", orAbsent(isTexts), answers.subsInvalid],
    ["extensions", orAbsent(isTexts), answers.extensionsInvalid],
    ["recover", orAbsent(isPositions), answers.helloRecoverInvalid, positions],
    ["history", orAbsent(isRecordOf(isCount)), answers.helloHistoryInvalid, cleaned],
    ["presence", orAbsent(isObject), answers.helloPresenceInvalid, cleaned]
  ],
  reauth: [],
  request: [
    ["method", Boolean, answers.methodMissing],
    ["method", isText, answers.methodNoText],
    ["path", Boolean, answers.pathMissing],
    ["path", isText, answers.pathNoText],
    ["http", orAbsent(isBoolean), answers.httpInvalid],
    ["headers", orAbsent(isObject), answers.headersInvalid, cleaned]
  ],
  message: [],
  sub: [
    ["recover", orAbsent(isPosition), answers.recoverInvalid, position],
    ["history", orAbsent(isCount), answers.historyInvalid],
    ["path", (u) => u !== undefined, answers.pathMissing],
    ["path", isText, answers.pathNoText]
  ],
  unsub: [
    ["path", (u) => u !== undefined, answers.pathMissing],
    ["path", isText, answers.pathNoText]
  ],
  cancel: [],
  rpc: [
    ["tag", Boolean, answers.tagMissing],
    ["tag", isText, answers.tagNoText],
    ["headers", orAbsent(isPairs), answers.rpcHeadersInvalid],
    ["traceId", orAbsent(isText), answers.traceIdNoText],
    ["spanId", orAbsent(isText), answers.spanIdNoText],
    ["sampled", orAbsent(isBoolean), answers.sampledInvalid],
    ["discard", orAbsent(isBoolean), answers.discardInvalid]
  ],
  ack: []
})

let rules: ReturnType<typeof makeRules> | undefined

// What a client sent for a version may be any JSON value of any size, and nested deeper than JSON.stringify can go.
const quote = (value: unknown): string => {
  if (!value) {
    return "none"
  }
  const text = typeof value === "object" ? `[object ${Array.isArray(value) ? "Array" : "Object"}]` : String(value)
  return text.length > 32 ? `${text.slice(0, 32)}…` : text
}

const invalid = (answer: Row, ...named: ReadonlyArray<string>): Result.Result<never, ProtocolError> =>
  Result.fail(new ProtocolError({ message: textOf(answer, ...named) }))

/** Decodes the fields of a client's message, by its type: the parsed object, which may have other fields, too. */
export const decodeFields = ({ fields, type }: Envelope): Result.Result<Message.ClientMessage, ProtocolError> => {
  rules ??= makeRules()
  const own = Object.hasOwn(rules, type) ? rules[type] : undefined
  if (own === undefined) {
    return invalid(answers.typeUnknown)
  }
  let message = fields
  for (const [field, is, otherwise, keep] of own) {
    const value = fields[field]
    if (!is(value)) {
      return invalid(otherwise, supported, quote(value))
    }
    const kept = keep && isObject(value) ? keep(value) : value
    if (kept !== value) {
      message = { ...message, [field]: kept }
    }
  }
  return Result.succeed(message as Message.ClientMessage)
}

const isNumber = (u: unknown): boolean => typeof u === "number"

const isPositive = (u: unknown): u is number => typeof u === "number" && u > 0 && Number.isFinite(u)

const isHeartbeat = (u: unknown): u is Message.Heartbeat =>
  u === false || (isObject(u) && isPositive(u.interval) && isPositive(u.timeout))

const isOptional = (u: unknown, is: (u: unknown) => boolean): boolean => u === undefined || is(u)

const isServerMessage = (fields: Json): fields is Message.ServerMessage => {
  switch (fields.type) {
    case "ping":
      return isOptional(fields.gaps, isPositions)
    case "update":
      return true
    case "pub":
      return isText(fields.path) && isOptional(fields.position, isPosition) &&
        (fields.snapshot === undefined || fields.snapshot === true)
    case "revoke":
      return typeof fields.path === "string"
    default:
      return isOptional(fields.type, isText) && isOptional(fields.statusCode, isNumber) &&
        isOptional(fields.path, isText) && isOptional(fields.socket, isText) && isOptional(fields.headers, isObject) &&
        isOptional(fields.heartbeat, isHeartbeat) && isOptional(fields.position, isPosition) &&
        isOptional(fields.positions, isPositions)
  }
}

/**
 * Decodes a whole text of a server: the parsed object, which may have other fields, too. On an object that is no
 * message, the error carries the `id` it had, so that the call it answers can be ended.
 */
export const decodeServerMessage = (text: string): Result.Result<Message.ServerMessage, ProtocolError> => {
  let fields: unknown
  try {
    fields = JSON.parse(text)
  } catch (cause) {
    return Result.fail(new ProtocolError({ message: Thrown.text(cause), cause }))
  }
  if (isObject(fields) && isServerMessage(fields)) {
    return Result.succeed(fields)
  }
  const { id } = Object(fields) as Json
  return Result.fail(new ProtocolError({ message: "Received invalid message", ...(isId(id) && { id }) }))
}

/** How an update of a path begins where a server writes type, path and message in this order, as all known ones do. */
export const pubHead = (path: string): string => `{"type":"pub","path":${JSON.stringify(path)},"message":`

/** Encodes a message. Fails with a `UserError` that carries `JSON.stringify`'s own message, as for a circular value. */
export const encode = (message: Message.ClientMessage | Message.ServerMessage): Result.Result<string, UserError> =>
  Result.try({ try: () => JSON.stringify(message), catch: Thrown.toUserError })

/** What JSON makes of a value, whatever becomes of that later. It fails as `encode` does. */
export const copy = <A>(value: A): Result.Result<A, UserError> =>
  Result.try({
    try: () => (JSON.parse(JSON.stringify({ value })) as { readonly value: A }).value,
    catch: Thrown.toUserError
  })
