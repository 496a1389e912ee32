/** Who hears what happens to the client. */
import type * as Duration from "effect/Duration"
import type { NesError } from "../protocol/NesError.js"
import type { Status } from "./Status.js"

/**
 * How a connection was lost (nes-api.txt, `client.onDisconnect`; interop.md, "Client behaviour").
 *
 * @since 0.1.0
 * @category models
 */
export interface DisconnectLog {
  /** The RFC 6455 close code. Undefined where the socket failed without a close event. */
  readonly code: number | undefined
  /** The RFC 6455 name of the code. */
  readonly explanation: string
  /** The text of the close frame. */
  readonly reason: string | undefined
  /** `false` when the socket closed abnormally. */
  readonly wasClean: boolean
  readonly willReconnect: boolean
  /** Whether `disconnect` was called. */
  readonly wasRequested: boolean
}

/** Hears what happens to the client. None of the functions may throw. */
export interface Observer {
  /** `again` is whether a connection was lost before. */
  connected(id: string, again: boolean): void
  disconnected(willReconnect: boolean, log: DisconnectLog): void
  reconnecting(attempt: number, delay: Duration.Duration): void
  heartbeatTimeout(willReconnect: boolean): void
  update(message: unknown): void
  gap(path: string): void
  /** The server has ended the subscription to a path. */
  revoked(path: string): void
  /** An error that no call accounts for. */
  error(error: NesError): void
  changed(status: Status): void
}
