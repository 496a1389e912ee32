/** The `ws` module as the client's transport, for Node. */
import * as Effect from "effect/Effect"
import type { WebSocket as Ws } from "ws"
import { longest } from "../protocol/Chunk.js"
import { type Open, UpgradeError } from "./Socket.js"
import * as TextFrames from "./TextFrames.js"
import { openWith } from "./WebSocket.browser.js"

let WebSocket: typeof Ws | undefined

/** Loads `ws`, by an import that bundlers find: a process that only might connect starts without. */
export const load = Effect.suspend(() =>
  WebSocket === undefined
    ? Effect.promise(async () => {
      ;({ WebSocket } = await import("ws"))
    })
    : Effect.void
)

/** Node does not tell when the network comes back. */
export const online: Effect.Effect<void> = Effect.never

// What is longer is no text. For ws 0 is no limit.
const maxPayload = (options: object | undefined): number => {
  const bytes = Number(Reflect.get(options ?? {}, "maxPayload"))
  return Math.min(bytes > 0 ? bytes : Infinity, longest)
}

/** Opens a socket with `ws`; its options are passed on, but for `maxPayload` and `onread` (nes-api.txt, `Client`). */
export const open: Open = (url, options, listener, protocols) => {
  const most = maxPayload(options)
  const { onread, take } = TextFrames.reader(most, listener)
  const given = { ...options, maxPayload: most, onread }
  const construct = (url: string, protocols: string | Array<string>): Ws => {
    if (WebSocket === undefined) {
      throw new Error("ws has not been loaded")
    }
    const socket = new WebSocket(url, protocols, given)
    // It takes several messages of one read in one go.
    if (Reflect.get(options ?? {}, "allowSynchronousEvents") !== false) {
      socket.on("open", take)
    }
    return socket.on("unexpected-response", (request, { statusCode }) => {
      request.destroy()
      listener.failed(new UpgradeError(statusCode))
    })
  }
  return openWith(construct, () => true)(url, options, listener, protocols)
}
