/** Generators of what travels on the wire, valid, nearly valid and not at all. */
import * as fc from "../harness/Property.js"

/** UTF-16 code units of every kind: surrogates in and out of order are as likely as ordinary letters. */
const unit = fc.oneof(
  fc.integer({ min: 0x20, max: 0x7e }),
  fc.integer({ min: 0xd800, max: 0xdbff }),
  fc.integer({ min: 0xdc00, max: 0xdfff }),
  fc.integer({ min: 0, max: 0xffff })
)

/** Any string JavaScript can hold: astral characters and lone surrogates included. */
export const text = fc.oneof(
  fc.array(unit, { maxLength: 40 }).map((units) => String.fromCharCode(...units)),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("", "__proto__", "constructor", "toString", "{", "}", "+", "!", "\ud83d\ude00", "\ud83d", "\ude00")
)

/** Any JSON value, whatever its keys. */
export const json: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    text,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 6 }),
    fc.array(fc.tuple(text, tie("value")), { maxLength: 6 }).map((entries) => Object.fromEntries(entries))
  )
})).value

type Fields = Readonly<Record<string, unknown>>

const id = fc.oneof(
  fc.integer().filter((n) => n !== 0),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => n !== 0),
  text.filter((s) => s !== "")
)

const record = (
  required: Record<string, fc.Arbitrary<unknown>>,
  optional: Record<string, fc.Arbitrary<unknown>> = {}
) => fc.record({ ...required, ...optional }, { requiredKeys: Object.keys(required), noNullPrototype: true })

const nonEmpty = text.filter((s) => s !== "")

/** `__proto__` is dropped from a request's headers. */
const headerName = text.filter((name) => name !== "__proto__")
const headers = fc.dictionary(
  headerName,
  fc.oneof(text, fc.integer(), fc.boolean(), fc.array(text, { maxLength: 3 })),
  { maxKeys: 4, noNullPrototype: true }
)

const position = record({ epoch: text, offset: fc.nat() })
const positions = fc.dictionary(headerName, position, { maxKeys: 3, noNullPrototype: true })

/** What a client may send, as it is before it becomes text. */
export const clientMessage: fc.Arbitrary<Fields> = fc.oneof(
  record({ type: fc.constant("hello"), id, version: fc.constant("2") }, {
    auth: json,
    subs: fc.array(text, { maxLength: 4 }),
    recover: positions,
    history: fc.dictionary(headerName, fc.nat(), { maxKeys: 3, noNullPrototype: true }),
    presence: fc.dictionary(headerName, json, { maxKeys: 3, noNullPrototype: true }),
    extensions: fc.option(fc.array(text, { maxLength: 3 })),
    traceparent: json
  }),
  record({ type: fc.constant("reauth"), id }, { auth: json, traceparent: json }),
  record({ type: fc.constant("request"), id, method: nonEmpty, path: nonEmpty }, {
    headers: fc.option(headers),
    payload: json,
    http: fc.option(fc.boolean())
  }),
  record({ type: fc.constant("rpc"), id, tag: nonEmpty }, {
    payload: json,
    headers: fc.option(fc.array(fc.tuple(text, text), { maxLength: 3 })),
    traceId: fc.option(text),
    spanId: fc.option(text),
    sampled: fc.option(fc.boolean()),
    discard: fc.option(fc.boolean())
  }),
  record({ type: fc.constantFrom("cancel", "ack"), id }),
  record({ type: fc.constant("sub"), id, path: text }, {
    recover: position,
    history: fc.nat(),
    presence: json,
    traceparent: json
  }),
  record({ type: fc.constant("unsub"), id, path: text }),
  record({ type: fc.constant("message"), id }, { message: json, traceparent: json }),
  record({ type: fc.constant("ping"), id })
)

const period = fc.double({ min: 0, minExcluded: true, noNaN: true, noDefaultInfinity: true })
const heartbeat = fc.oneof(fc.constant(false), record({ interval: period, timeout: period }))

/** What a server may send, as it is before it becomes text. */
export const serverMessage: fc.Arbitrary<Fields> = fc.oneof(
  record({ type: fc.constant("ping") }, { gaps: positions }),
  record({ type: fc.constant("update") }, { message: json }),
  record({ type: fc.constant("pub"), path: text }, { message: json, position, snapshot: fc.constant(true) }),
  record({ type: fc.constant("revoke"), path: text }, { message: json }),
  record({}, {
    type: fc.oneof(fc.constantFrom("hello", "reauth", "request", "sub", "unsub", "message"), text),
    id: fc.oneof(id, json),
    statusCode: fc.integer({ min: 100, max: 599 }),
    payload: json,
    headers: fc.dictionary(headerName, json, { maxKeys: 4, noNullPrototype: true }),
    path: text,
    message: json,
    heartbeat,
    socket: text,
    position,
    positions,
    extensions: json,
    body: json,
    values: json,
    exit: json,
    defect: json
  })
)

const names = [
  "__proto__",
  "type",
  "id",
  "version",
  "auth",
  "subs",
  "method",
  "path",
  "headers",
  "payload",
  "message",
  "statusCode",
  "heartbeat",
  "socket",
  "recover",
  "history",
  "presence",
  "snapshot",
  "gaps",
  "position",
  "positions",
  "extensions",
  "http",
  "tag",
  "traceId",
  "spanId",
  "sampled",
  "discard",
  "body",
  "values",
  "exit",
  "defect"
]

const types = [
  "hello",
  "reauth",
  "request",
  "sub",
  "unsub",
  "message",
  "ping",
  "update",
  "pub",
  "revoke",
  "cancel",
  "rpc",
  "ack"
]

/** One thing wrong, or oddly right, with a message's fields. */
const change: fc.Arbitrary<(fields: Fields) => Fields> = fc.oneof(
  fc.constantFrom(...names).map((name) => ({ [name]: _, ...rest }: Fields) => rest),
  fc.tuple(fc.constantFrom(...names), json).map(([name, value]) => (fields: Fields) => ({ ...fields, [name]: value })),
  fc.constantFrom(...types).map((type) => (fields: Fields) => ({ ...fields, type })),
  fc.tuple(headerName, json).map(([name, value]) => (fields: Fields) => ({ ...fields, [name]: value })),
  fc.tuple(text, json).map(([name, value]) => (fields: Fields) => ({ ...fields, headers: { [name]: value } })),
  fc.array(json, { maxLength: 3 }).map((subs) => (fields: Fields) => ({ ...fields, subs })),
  fc.tuple(fc.constantFrom("recover", "position"), json, json).map(([name, epoch, offset]) => (fields: Fields) => ({
    ...fields,
    [name]: { epoch, offset }
  })),
  fc.tuple(text, text, fc.nat(), json).map(([path, epoch, offset, more]) => (fields: Fields) => ({
    ...fields,
    recover: { [path]: { epoch, offset, more } },
    gaps: { [path]: more }
  })),
  fc.tuple(json, json).map(([interval, timeout]) => (fields: Fields) => ({
    ...fields,
    heartbeat: { interval, timeout }
  }))
)

/** A message with up to three changes: some are still valid, most are not. */
export const near = (message: fc.Arbitrary<Fields>): fc.Arbitrary<Fields> =>
  fc.tuple(message, fc.array(change, { maxLength: 3 })).map(([fields, changes]) =>
    changes.reduce((changed, apply) => apply(changed), fields)
  )

/** Text that is no message: noise, JSON of another shape, and messages cut or spliced in the middle. */
export const garbage: fc.Arbitrary<string> = fc.oneof(
  text,
  json.map((value) => JSON.stringify(value)),
  fc.tuple(fc.oneof(clientMessage, serverMessage), fc.nat(), fc.nat(), text).map(([message, a, b, noise]) => {
    const whole = JSON.stringify(message)
    const from = a % (whole.length + 1)
    const to = from + b % (whole.length - from + 1)
    return whole.slice(0, from) + noise + whole.slice(to)
  }),
  fc.integer({ min: 1, max: 5000 }).map((depth) => "[".repeat(depth) + "]".repeat(depth))
)
