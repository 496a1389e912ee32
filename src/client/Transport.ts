/** What carries the client's text frames: a WebSocket, or whatever a test puts in its place. */
import { load, online, open } from "#WebSocket"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Open } from "./Socket.js"

export interface Carrier {
  readonly open: Open
  /** Ends when the network comes back, where the platform tells: a wait for the next attempt ends with it. */
  readonly online: Effect.Effect<void>
  /** Run before a socket is opened. */
  readonly load?: Effect.Effect<void>
}

/** The platform's WebSocket unless another is provided. */
export const Transport = Context.Reference<Carrier>("effect-nes/client/Transport", {
  defaultValue: () => ({ open, online, load })
})
