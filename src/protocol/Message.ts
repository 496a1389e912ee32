/**
 * Every message of the nes wire protocol, version `'2'` (2.4), as a Schema with its type.
 *
 * The Schemas are the definition; `Codec` holds plain decoders equal to them for the hot path and the browser.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The protocol version that a hello announces.
 *
 * @since 0.1.0
 * @category models
 */
export const version = "2"

/**
 * Identifies a client's message and the answer to it: a number or a string, unique per client. Falsy ids (`0`, `""`)
 * count as missing.
 *
 * @since 0.1.0
 * @category models
 */
export const Id = Schema.Union([Schema.Finite.check(Schema.makeFilter((id) => id !== 0)), Schema.NonEmptyString])
export type Id = typeof Id.Type

// Whoever copies a record key by key would set a prototype with this one.
const Name = Schema.String.check(Schema.makeFilter((name) => name !== "__proto__"))

/**
 * Request headers. The server takes texts for values, and numbers and booleans for their text; `null` is absent, and
 * everything else is refused. A header named `__proto__` is dropped.
 *
 * @since 0.1.0
 * @category models
 */
export const RequestHeaders = Schema.Record(Name, Schema.Unknown)
export type RequestHeaders = typeof RequestHeaders.Type

/**
 * The place of an update among those of its path: offsets count up by one within an epoch, and say nothing about those
 * of another epoch. An extension of ours; see docs/protocol.md.
 *
 * @since 0.1.0
 * @category models
 */
export const Position = Schema.Struct({
  epoch: Schema.String,
  offset: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
})
export type Position = typeof Position.Type

/**
 * Positions by path. One of `__proto__`, which is no path, is dropped.
 *
 * @since 0.1.0
 * @category models
 */
export const Positions = Schema.Record(Name, Position)
export type Positions = typeof Positions.Type

const Count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))

/**
 * Numbers by path.
 *
 * @since 1.0.0
 * @category models
 */
export const Counts = Schema.Record(Name, Count)
export type Counts = typeof Counts.Type

// Extension `trace`: the client's span, as W3C Trace Context has it; what is none is ignored.
const Traceparent = Schema.optional(Schema.Unknown)

/**
 * Opens the conversation: protocol version, optional credentials, and the paths to subscribe to.
 *
 * @since 0.1.0
 * @category client messages
 */
export const Hello = Schema.Struct({
  type: Schema.Literal("hello"),
  id: Id,
  version: Schema.Literal(version),
  auth: Schema.optional(Schema.Unknown),
  subs: Schema.optional(Schema.NullOr(Schema.Array(Schema.String))),
  /** Extension: how far the client got on paths of `subs`. */
  recover: Schema.optional(Schema.NullOr(Positions)),
  /** Extension: what the client knows beyond the protocol. */
  extensions: Schema.optional(Schema.NullOr(Schema.Array(Schema.String))),
  /** Extension: how many of the last updates it wants of paths of `subs`. */
  history: Schema.optional(Schema.NullOr(Counts)),
  /** Extension: what the client says of itself where it is present, by path. */
  presence: Schema.optional(Schema.NullOr(Schema.Record(Name, Schema.Unknown))),
  traceparent: Traceparent
})
export type Hello = typeof Hello.Type

/**
 * Replaces the credentials of an open connection (2.4; unknown to nes 6).
 *
 * @since 0.1.0
 * @category client messages
 */
export const Reauth = Schema.Struct({
  type: Schema.Literal("reauth"),
  id: Id,
  auth: Schema.optional(Schema.Unknown),
  traceparent: Traceparent
})
export type Reauth = typeof Reauth.Type

/**
 * Calls a route: `path` is an HTTP path (starts with `/`) or a route id.
 *
 * @since 0.1.0
 * @category client messages
 */
export const Request = Schema.Struct({
  type: Schema.Literal("request"),
  id: Id,
  method: Schema.NonEmptyString,
  path: Schema.NonEmptyString,
  headers: Schema.optional(Schema.NullOr(RequestHeaders)),
  payload: Schema.optional(Schema.Unknown),
  /** Extension `http`: whether the answer is to be told as HTTP has it. */
  http: Schema.optional(Schema.NullOr(Schema.Boolean))
})
export type Request = typeof Request.Type

/**
 * Subscribes to a path.
 *
 * @since 0.1.0
 * @category client messages
 */
export const Sub = Schema.Struct({
  type: Schema.Literal("sub"),
  id: Id,
  path: Schema.String,
  /** Extension: how far the client got on this path. */
  recover: Schema.optional(Schema.NullOr(Position)),
  /** Extension: how many of the last updates the client wants, where it has got none yet. */
  history: Schema.optional(Schema.NullOr(Count)),
  /** Extension: what the client says of itself where it is present; of a path it is subscribed to, from now on. */
  presence: Schema.optional(Schema.Unknown),
  traceparent: Traceparent
})
export type Sub = typeof Sub.Type

/**
 * Gives a subscription up.
 *
 * @since 0.1.0
 * @category client messages
 */
export const Unsub = Schema.Struct({ type: Schema.Literal("unsub"), id: Id, path: Schema.String })
export type Unsub = typeof Unsub.Type

/**
 * A custom message for the server's `onMessage`: any JSON value.
 *
 * @since 0.1.0
 * @category client messages
 */
export const Custom = Schema.Struct({
  type: Schema.Literal("message"),
  id: Id,
  message: Schema.optional(Schema.Unknown),
  traceparent: Traceparent
})
export type Custom = typeof Custom.Type

/**
 * Answers the server's ping.
 *
 * @since 0.1.0
 * @category client messages
 */
export const Pong = Schema.Struct({ type: Schema.Literal("ping"), id: Id })
export type Pong = typeof Pong.Type

/**
 * Extension `cancel`: the client waits no more for the answer to its message with this id.
 *
 * @since 1.0.0
 * @category client messages
 */
export const Cancel = Schema.Struct({ type: Schema.Literal("cancel"), id: Id })
export type Cancel = typeof Cancel.Type

/**
 * Extension `rpc`: calls a procedure by its tag. The names are those of `effect/rpc`.
 *
 * @since 1.0.0
 * @category client messages
 */
export const Rpc = Schema.Struct({
  type: Schema.Literal("rpc"),
  id: Id,
  tag: Schema.NonEmptyString,
  payload: Schema.optional(Schema.Unknown),
  headers: Schema.optional(Schema.NullOr(Schema.Array(Schema.Tuple([Schema.String, Schema.String])))),
  traceId: Schema.optional(Schema.NullOr(Schema.String)),
  spanId: Schema.optional(Schema.NullOr(Schema.String)),
  sampled: Schema.optional(Schema.NullOr(Schema.Boolean)),
  discard: Schema.optional(Schema.NullOr(Schema.Boolean))
})
export type Rpc = typeof Rpc.Type

/**
 * Extension `rpc`: the client has taken what came last of the call with this id, and is ready for more.
 *
 * @since 1.0.0
 * @category client messages
 */
export const Ack = Schema.Struct({ type: Schema.Literal("ack"), id: Id })
export type Ack = typeof Ack.Type

/**
 * Any message a client sends.
 *
 * @since 0.1.0
 * @category client messages
 */
export const ClientMessage = Schema.Union([Hello, Reauth, Request, Sub, Unsub, Custom, Pong, Cancel, Rpc, Ack])
export type ClientMessage = typeof ClientMessage.Type

const Period = Schema.Finite.check(Schema.isGreaterThan(0))

/**
 * Heartbeat of a connection, in milliseconds: `false` where the server has none.
 *
 * @since 0.1.0
 * @category models
 */
export const Heartbeat = Schema.Union([
  Schema.Literal(false),
  Schema.Struct({ interval: Period, timeout: Period })
])
export type Heartbeat = typeof Heartbeat.Type

/**
 * The server's heartbeat.
 *
 * @since 0.1.0
 * @category server messages
 */
export const Ping = Schema.Struct({
  type: Schema.Literal("ping"),
  /** Extension: updates of these paths were lost; what follows is after these positions. */
  gaps: Schema.optional(Positions)
})
export type Ping = typeof Ping.Type

/**
 * A broadcast, or a message to this socket alone.
 *
 * @since 0.1.0
 * @category server messages
 */
export const Update = Schema.Struct({ type: Schema.Literal("update"), message: Schema.optional(Schema.Unknown) })
export type Update = typeof Update.Type

/**
 * A subscription update; `path` is the published path.
 *
 * @since 0.1.0
 * @category server messages
 */
export const Pub = Schema.Struct({
  type: Schema.Literal("pub"),
  path: Schema.String,
  message: Schema.optional(Schema.Unknown),
  /** Extension: the update's place, on paths with recovery. */
  position: Schema.optional(Position),
  /** Extension: the message is how things stand, from which the next updates go on. */
  snapshot: Schema.optional(Schema.Literal(true))
})
export type Pub = typeof Pub.Type

/**
 * The server ended the subscription; `message`, when present (falsy values included), is the last update.
 *
 * @since 0.1.0
 * @category server messages
 */
export const Revoke = Schema.Struct({
  type: Schema.Literal("revoke"),
  path: Schema.String,
  message: Schema.optional(Schema.Unknown)
})
export type Revoke = typeof Revoke.Type

/**
 * The answer to a client's message, successful or not: `statusCode` of 400 and more marks an error. Which of the other
 * fields are present depends on `type`. An error about a message that could not be parsed has neither `type` nor `id`.
 *
 * @since 0.1.0
 * @category server messages
 */
export const Answer = Schema.Struct({
  type: Schema.optional(Schema.String.check(
    Schema.makeFilter((type) => type !== "ping" && type !== "update" && type !== "pub" && type !== "revoke")
  )),
  id: Schema.optional(Schema.Unknown),
  statusCode: Schema.optional(Schema.Number),
  payload: Schema.optional(Schema.Unknown),
  headers: Schema.optional(Schema.Record(Schema.String, Schema.Unknown)),
  path: Schema.optional(Schema.String),
  message: Schema.optional(Schema.Unknown),
  heartbeat: Schema.optional(Heartbeat),
  socket: Schema.optional(Schema.String),
  /** Extension, to a sub: where the path stands. */
  position: Schema.optional(Position),
  /** Extension, to a hello: where the paths of `subs` stand that have recovery. */
  positions: Schema.optional(Positions),
  // Whoever knows an extension looks whether its fields are what they should be.
  /** Extension, to a hello: those of the client's extensions that the server has, a list of texts. */
  extensions: Schema.optional(Schema.Unknown),
  /** Extension `http`, to a request: what the payload is, `"json"`, `"text"` or `"none"`. */
  body: Schema.optional(Schema.Unknown),
  /** Extension `rpc`: a list of what a call yields, some of it at a time. */
  values: Schema.optional(Schema.Unknown),
  /** Extension `rpc`: how a call ended. */
  exit: Schema.optional(Schema.Unknown),
  /** Extension `rpc`: the fault that ended this call and all others of the connection. */
  defect: Schema.optional(Schema.Unknown)
})
export type Answer = typeof Answer.Type

/**
 * Any message a server sends.
 *
 * @since 0.1.0
 * @category server messages
 */
export const ServerMessage = Schema.Union([Ping, Update, Pub, Revoke, Answer])
export type ServerMessage = typeof ServerMessage.Type
