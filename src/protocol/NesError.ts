/**
 * The six typed errors of the nes protocol, one per source (nes-api.txt, section "Errors").
 *
 * Each is an `Error`, an Effect failure (`Effect.catchTag`), and carries the documented `type` and `isNes: true`.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

// Effect prints its errors as data. These are printed as errors, with their stack, as whoever does not know Effect expects.
const TaggedError: typeof Data.TaggedError = (tag) => {
  const Base = Data.TaggedError(tag)
  Object.defineProperties(Base.prototype, {
    [Symbol.for("nodejs.util.inspect.custom")]: { value: undefined },
    // As in nes, so that `String(error)` is "Error: …"; the tag stands beside it.
    name: { value: "Error", writable: true, configurable: true }
  })
  return Base
}

/**
 * The socket disconnected before the call completed, or was not open when it was made.
 *
 * @since 0.1.0
 * @category errors
 */
export class DisconnectError extends TaggedError("DisconnectError")<{ readonly message: string }> {
  readonly type = "disconnect"
  readonly isNes = true
}

/**
 * The peer sent something that violates the protocol. Where that was an answer, and the id of the call could still be
 * read from it, `id` is that id.
 *
 * @since 0.1.0
 * @category errors
 */
export class ProtocolError extends TaggedError("ProtocolError")<
  { readonly message: string; readonly cause?: unknown; readonly id?: number | string }
> {
  readonly type = "protocol"
  readonly isNes = true
}

/**
 * The server answered with an error: `statusCode` (4xx or 5xx), `data` (the answer's payload), `headers` (as the server
 * lets them through) and `path` (for subscriptions).
 *
 * @since 0.1.0
 * @category errors
 */
export class ServerError extends TaggedError("ServerError")<{
  readonly message: string
  readonly statusCode: number
  readonly data: unknown
  readonly headers: Readonly<Record<string, unknown>> | undefined
  readonly path: string | undefined
  /** What `data` is, `"json"`, `"text"` or `"none"`, where a request of `NesClient` asked for that and the server tells. */
  readonly body?: "json" | "text" | "none" | undefined
}> {
  readonly type = "server"
  readonly isNes = true
}

/**
 * A deadline passed: opening the connection, a call, or the server's heartbeat.
 *
 * @since 0.1.0
 * @category errors
 */
export class TimeoutError extends TaggedError("TimeoutError")<{ readonly message: string }> {
  readonly type = "timeout"
  readonly isNes = true
}

/**
 * The API was used incorrectly, or a function handed to it threw (the original is the `cause`).
 *
 * @since 0.1.0
 * @category errors
 */
export class UserError extends TaggedError("UserError")<{ readonly message: string; readonly cause?: unknown }> {
  readonly type = "user"
  readonly isNes = true
}

/**
 * The WebSocket itself failed. Where the server refused the upgrade, `statusCode` is what HTTP status it gave; a
 * browser does not tell.
 *
 * @since 0.1.0
 * @category errors
 */
export class WsError extends TaggedError("WsError")<
  { readonly message: string; readonly cause?: unknown; readonly statusCode?: number | undefined }
> {
  readonly type = "ws"
  readonly isNes = true
}

/**
 * Any error of the nes protocol.
 *
 * @since 0.1.0
 * @category errors
 */
export type NesError = DisconnectError | ProtocolError | ServerError | TimeoutError | UserError | WsError

/**
 * Whether a value is one of the six errors.
 *
 * @since 0.1.0
 * @category guards
 */
export const isNesError = (u: unknown): u is NesError =>
  u instanceof DisconnectError || u instanceof ProtocolError || u instanceof ServerError ||
  u instanceof TimeoutError || u instanceof UserError || u instanceof WsError
