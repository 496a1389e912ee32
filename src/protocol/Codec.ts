/**
 * Turns text into decoded messages and back: plain functions, for the hot path and the browser bundle, held equal to
 * the Schemas of `Message` by a property test.
 */
import * as Result from "effect/Result"
import { answers, type Row, textOf } from "./Answers.js"
import type * as Message from "./Message.js"
import { ProtocolError, type UserError } from "./NesError.js"
import * as Thrown from "./Thrown.js"

// As `Message.version` has it, which would bring Schemas along.
const supported = "2"

type Json = Readonly<Record<string, unknown>>

/**
 * What every client message has, decoded first: the server's order of checks (interop.md) looks at the connection's
 * state between the envelope and the fields.
 */
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

// What has no value is written as null in many languages.
const isAbsent = (u: unknown): u is null | undefined => u === undefined || u === null

// JSON can spell infinity (1e999) but not answer it: such an id would come back as null.
const isId = (u: unknown): u is Message.Id =>
  (typeof u === "number" && u !== 0 && Number.isFinite(u)) || (typeof u === "string" && u !== "")

const refuse = ([, message]: Row, fields?: Json): Result.Result<never, Refusal> =>
  Result.fail({
    error: new ProtocolError({ message }),
    type: typeof fields?.type === "string" ? fields.type : undefined,
    id: isId(fields?.id) ? fields.id : undefined
  })

/** Decodes the envelope of a client's message. The texts are those of interop.md, "Server answers". */
export const decodeEnvelope = (text: string): Result.Result<Envelope, Refusal> => {
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
  if (!type) {
    return refuse(answers.unreadable, fields)
  }
  if (typeof type !== "string") {
    return refuse(answers.typeNoText, fields)
  }
  if (!id) {
    return refuse(answers.idMissing, fields)
  }
  if (!isId(id)) {
    return refuse(answers.idInvalid, fields)
  }
  return Result.succeed({ type, id, fields })
}

const invalid = (answer: Row, ...named: ReadonlyArray<string>): Result.Result<never, ProtocolError> =>
  Result.fail(new ProtocolError({ message: textOf(answer, ...named) }))

// A header named `__proto__` is dropped, not refused: whoever copies headers key by key would set a prototype with it.
const decodeHeaders = (headers: Json): Message.RequestHeaders => {
  if (!Object.hasOwn(headers, "__proto__")) {
    return headers
  }
  const { ["__proto__"]: _, ...rest } = headers
  return rest
}

const isPosition = (u: unknown): u is Message.Position =>
  isObject(u) && typeof u.epoch === "string" && Number.isSafeInteger(u.offset) && Number(u.offset) >= 0

// Nothing but its two fields, whatever else is there.
const decodePosition = (u: unknown): Message.Position | undefined =>
  isPosition(u) ? { epoch: u.epoch, offset: u.offset } : undefined

const decodePositions = (u: unknown): Message.Positions | undefined =>
  isPositions(u)
    ? Object.fromEntries(named(u).map(([path, { epoch, offset }]) => [path, { epoch, offset }]))
    : undefined

const isPositions = (u: unknown): u is Message.Positions =>
  isObject(u) && named(u).every(([, value]) => isPosition(value))

// As with headers, `__proto__` is no name.
const isCountOrZero = (u: unknown): u is number => Number.isSafeInteger(u) && Number(u) >= 0

const decodeCounts = (u: unknown): Message.Counts | undefined =>
  isObject(u) && named(u).every(([, value]) => isCountOrZero(value))
    ? Object.fromEntries(named(u)) as Message.Counts
    : undefined

const named = <A>(record: Readonly<Record<string, A>>): ReadonlyArray<readonly [string, A]> =>
  Object.entries(record).filter(([name]) => name !== "__proto__")

const isTexts = (u: unknown): u is ReadonlyArray<string> =>
  Array.isArray(u) && u.every((each) => typeof each === "string")

const decodeHello = ({ fields, id }: Envelope): Result.Result<Message.Hello, ProtocolError> => {
  const { auth, extensions, subs, version } = fields
  if (version !== supported) {
    return invalid(answers.wrongVersion, supported, quote(version))
  }
  if (!isAbsent(subs) && !isTexts(subs)) {
    return invalid(answers.subsInvalid)
  }
  if (!isAbsent(extensions) && !isTexts(extensions)) {
    return invalid(answers.extensionsInvalid)
  }
  const recover = isAbsent(fields.recover) ? fields.recover : decodePositions(fields.recover)
  if (recover === undefined && fields.recover !== undefined) {
    return invalid(answers.helloRecoverInvalid)
  }
  const history = isAbsent(fields.history) ? fields.history : decodeCounts(fields.history)
  if (history === undefined && fields.history !== undefined) {
    return invalid(answers.helloHistoryInvalid)
  }
  const { presence } = fields
  if (!isAbsent(presence) && !isObject(presence)) {
    return invalid(answers.helloPresenceInvalid)
  }
  return Result.succeed({
    type: "hello",
    id,
    version,
    ...(auth === undefined ? undefined : { auth }),
    ...(subs === undefined ? undefined : { subs }),
    ...(recover === undefined ? undefined : { recover }),
    ...(history === undefined ? undefined : { history }),
    ...(presence === undefined ? undefined : { presence: presence && Object.fromEntries(named(presence)) }),
    ...(extensions === undefined ? undefined : { extensions }),
    ...(fields.traceparent === undefined ? undefined : { traceparent: fields.traceparent })
  })
}

// Whether it is one is looked at by whoever traces.
const traced = <M extends Message.ClientMessage>(message: M, { traceparent }: Json): M =>
  traceparent === undefined ? message : { ...message, traceparent }

// What a client sent for a version may be any JSON value of any size, and nested deeper than JSON.stringify can go.
const quote = (value: unknown): string => {
  if (!value) {
    return "none"
  }
  const text = typeof value === "object" ? `[object ${Array.isArray(value) ? "Array" : "Object"}]` : String(value)
  return text.length > 32 ? `${text.slice(0, 32)}…` : text
}

const decodeRequest = ({ fields, id }: Envelope): Result.Result<Message.Request, ProtocolError> => {
  const { headers, http, method, path, payload } = fields
  if (!method) {
    return invalid(answers.methodMissing)
  }
  if (typeof method !== "string") {
    return invalid(answers.methodNoText)
  }
  if (!path) {
    return invalid(answers.pathMissing)
  }
  if (typeof path !== "string") {
    return invalid(answers.pathNoText)
  }
  if (!isAbsent(http) && typeof http !== "boolean") {
    return invalid(answers.httpInvalid)
  }
  const mode = http === undefined ? undefined : { http }
  if (headers === undefined) {
    return Result.succeed({ type: "request", id, method, path, payload, ...mode })
  }
  if (headers !== null && !isObject(headers)) {
    return invalid(answers.headersInvalid)
  }
  const given = headers && decodeHeaders(headers)
  return Result.succeed({ type: "request", id, method, path, headers: given, payload, ...mode })
}

const isPairs = (u: unknown): u is ReadonlyArray<readonly [string, string]> =>
  Array.isArray(u) && u.every((pair) => isTexts(pair) && pair.length === 2)

const decodeRpc = ({ fields, id }: Envelope): Result.Result<Message.Rpc, ProtocolError> => {
  const { discard, headers, payload, sampled, spanId, tag, traceId } = fields
  if (!tag) {
    return invalid(answers.tagMissing)
  }
  if (typeof tag !== "string") {
    return invalid(answers.tagNoText)
  }
  if (!isAbsent(headers) && !isPairs(headers)) {
    return invalid(answers.rpcHeadersInvalid)
  }
  if (!isAbsent(traceId) && typeof traceId !== "string") {
    return invalid(answers.traceIdNoText)
  }
  if (!isAbsent(spanId) && typeof spanId !== "string") {
    return invalid(answers.spanIdNoText)
  }
  if (!isAbsent(sampled) && typeof sampled !== "boolean") {
    return invalid(answers.sampledInvalid)
  }
  if (!isAbsent(discard) && typeof discard !== "boolean") {
    return invalid(answers.discardInvalid)
  }
  return Result.succeed({ type: "rpc", id, tag, payload, headers, traceId, spanId, sampled, discard })
}

const decodeSub = (envelope: Envelope): Result.Result<Message.Sub, ProtocolError> => {
  const { history, presence, recover: given, traceparent } = envelope.fields
  const sub = decodePath("sub", envelope)
  if (given === undefined && history === undefined && presence === undefined && traceparent === undefined) {
    return sub
  }
  const recover = isAbsent(given) ? given : decodePosition(given)
  if (recover === undefined && given !== undefined) {
    return invalid(answers.recoverInvalid)
  }
  if (!isAbsent(history) && !isCountOrZero(history)) {
    return invalid(answers.historyInvalid)
  }
  return Result.map(sub, (sub) => ({
    ...sub,
    ...(recover === undefined ? undefined : { recover }),
    ...(history === undefined ? undefined : { history }),
    ...(presence === undefined ? undefined : { presence }),
    ...(traceparent === undefined ? undefined : { traceparent })
  }))
}

const decodePath = <Type extends "sub" | "unsub">(
  type: Type,
  { fields, id }: Envelope
): Result.Result<{ readonly type: Type; readonly id: Message.Id; readonly path: string }, ProtocolError> =>
  typeof fields.path === "string"
    ? Result.succeed({ type, id, path: fields.path })
    : invalid(fields.path === undefined ? answers.pathMissing : answers.pathNoText)

/** Decodes the fields of a client's message, by its type. */
export const decodeFields = (envelope: Envelope): Result.Result<Message.ClientMessage, ProtocolError> => {
  const { fields, id } = envelope
  switch (envelope.type) {
    case "ping":
      return Result.succeed({ type: "ping", id })
    case "hello":
      return decodeHello(envelope)
    case "reauth":
      return Result.succeed(
        traced("auth" in fields ? { type: "reauth", id, auth: fields.auth } : { type: "reauth", id }, fields)
      )
    case "request":
      return decodeRequest(envelope)
    case "message":
      return Result.succeed(
        traced("message" in fields ? { type: "message", id, message: fields.message } : { type: "message", id }, fields)
      )
    case "sub":
      return decodeSub(envelope)
    case "unsub":
      return decodePath("unsub", envelope)
    case "cancel":
      return Result.succeed({ type: "cancel", id })
    case "rpc":
      return decodeRpc(envelope)
    case "ack":
      return Result.succeed({ type: "ack", id })
    default:
      return invalid(answers.typeUnknown)
  }
}

/** Decodes a client's message whole. */
export const decodeClientMessage = (text: string): Result.Result<Message.ClientMessage, Refusal> =>
  Result.flatMap(
    decodeEnvelope(text),
    (envelope) => Result.mapError(decodeFields(envelope), (error) => ({ error, type: envelope.type, id: envelope.id }))
  )

const isPositive = (u: unknown): u is number => typeof u === "number" && u > 0 && Number.isFinite(u)

const isHeartbeat = (u: unknown): u is Message.Heartbeat =>
  u === false || (isObject(u) && isPositive(u.interval) && isPositive(u.timeout))

const isOptional = (u: unknown, type: "string" | "number"): boolean => u === undefined || typeof u === type

const isAnswer = (fields: Json): fields is Message.Answer =>
  isOptional(fields.type, "string") && isOptional(fields.statusCode, "number") && isOptional(fields.path, "string") &&
  isOptional(fields.socket, "string") && (fields.headers === undefined || isObject(fields.headers)) &&
  (fields.heartbeat === undefined || isHeartbeat(fields.heartbeat)) &&
  (fields.position === undefined || isPosition(fields.position)) &&
  (fields.positions === undefined || isPositions(fields.positions))

const isServerMessage = (fields: Json): fields is Message.ServerMessage => {
  switch (fields.type) {
    case "ping":
      return fields.gaps === undefined || isPositions(fields.gaps)
    case "update":
      return true
    case "pub":
      return typeof fields.path === "string" && (fields.position === undefined || isPosition(fields.position)) &&
        (fields.snapshot === undefined || fields.snapshot === true)
    case "revoke":
      return typeof fields.path === "string"
    default:
      return isAnswer(fields)
  }
}

/**
 * Decodes a server's message (a whole text; see `Chunk` for one that came in pieces). On text that is not JSON the
 * error carries `JSON.parse`'s own message; on an object that is no message, the `id` it had, so that the call it
 * answers can be ended. The parsed object is returned as it is, without a copy: fields that the message's type does not
 * name may be present.
 */
export const decodeServerMessage = (text: string): Result.Result<Message.ServerMessage, ProtocolError> => {
  let fields: unknown
  try {
    fields = JSON.parse(text)
  } catch (cause) {
    return Result.fail(new ProtocolError({ message: Thrown.text(cause), cause }))
  }
  if (!isObject(fields)) {
    return Result.fail(new ProtocolError({ message: "Received invalid message" }))
  }
  if (isServerMessage(fields)) {
    return Result.succeed(fields)
  }
  return Result.fail(
    new ProtocolError({ message: "Received invalid message", ...(isId(fields.id) ? { id: fields.id } : undefined) })
  )
}

/** How an update of a path begins where a server writes type, path and message in this order, as all known ones do. */
export const pubHead = (path: string): string => `{"type":"pub","path":${JSON.stringify(path)},"message":`

/** Encodes a message. Fails with a `UserError` that carries `JSON.stringify`'s own message, as for a circular value. */
export const encode = (
  message: Message.ClientMessage | Message.ServerMessage
): Result.Result<string, UserError> => {
  try {
    return Result.succeed(JSON.stringify(message))
  } catch (cause) {
    return Result.fail(Thrown.toUserError(cause))
  }
}
