/** What state the client is in. */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"

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
