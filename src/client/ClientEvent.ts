/** What happens to the client. */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type { NesError } from "../protocol/NesError.js"
import type { DisconnectLog } from "./Observer.js"

/**
 * An event in the client's life:
 * - `Connected`: the server accepted the hello, the first or a later one; `id` is the socket's id there
 * - `Disconnected`: a connection was lost, or could not be opened and will be tried again
 * - `Reconnecting`: the next attempt follows after `delay`; `attempt` counts those since the client was last connected
 * - `HeartbeatTimeout`: the server was silent for too long; the connection is closed next
 * - `Gap`: updates of a path with recovery are lost, too many or too old to be sent again
 * - `Error`: an error that no call accounts for
 */
export type ClientEvent = Data.TaggedEnum<{
  Connected: { readonly id: string }
  Disconnected: DisconnectLog
  Reconnecting: { readonly attempt: number; readonly delay: Duration.Duration }
  HeartbeatTimeout: { readonly willReconnect: boolean }
  Gap: { readonly path: string }
  Error: { readonly error: NesError }
}>

/** Constructors and matchers of `ClientEvent`. */
export const ClientEvent = Data.taggedEnum<ClientEvent>()
