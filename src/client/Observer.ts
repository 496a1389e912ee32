/** Who hears what happens to the client, and what state it is in. */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type { NesError } from "../protocol/NesError.js"

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

/**
 * The client's state:
 * - `Disconnected`: not connected, and not about to be
 * - `Connecting`: opening a socket or saying hello; `attempt` is 0 for `connect`, then counts the attempts to reconnect
 * - `Connected`: the server accepted the hello; `id` is the socket's id there
 * - `Reconnecting`: waiting `delay` before the next attempt, which has the number `attempt`
 */
export type Status = Data.TaggedEnum<{
  Disconnected: {}
  Connecting: { readonly attempt: number }
  Connected: { readonly id: string }
  Reconnecting: { readonly attempt: number; readonly delay: Duration.Duration }
}>

/** Constructors and matchers of `Status`. */
export const Status = Data.taggedEnum<Status>()

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
