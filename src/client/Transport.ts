/** What carries the client's text frames: a WebSocket, or whatever a test puts in its place. */
import { load, online, open } from "#WebSocket"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Open } from "./Socket.js"

/**
 * The way to open sockets: the platform's WebSocket unless another is provided. `online` ends when the network comes
 * back, where the platform tells: a wait for the next attempt to reconnect ends with it. `load` is run before a socket is
 * opened, where it gives something to run.
 */
export const Transport = Context.Reference<{
  readonly open: Open
  readonly online: Effect.Effect<void>
  readonly load?: () => Effect.Effect<void> | undefined
}>("effect-nes/client/Transport", { defaultValue: () => ({ open, online, load }) })
