/** The browser's WebSocket as the client's transport. */
import * as Effect from "effect/Effect"
import * as CloseCode from "../protocol/CloseCode.js"
import type { Open } from "./Socket.js"

// A page may close with 1000 or an application's own code only.
const allowed = (code: number | undefined): code is number =>
  code !== undefined && (code === 1000 || (code >= 3000 && code <= 4999))

// What connects to its own machine needs no network.
const isLocal = (url: string): boolean => /^(?:(?:.+\.)?localhost|127\..+|\[::1\])$/.test(new URL(url).hostname)

// Pages and workers have both; other platforms with a WebSocket may have neither.
const listen = (type: "online" | "offline", heard: () => void): () => void => {
  globalThis.addEventListener?.(type, heard)
  return () => globalThis.removeEventListener?.(type, heard)
}

/** The browser has its WebSocket. */
export const load = (): Effect.Effect<void> | undefined => undefined

/** Ends when the browser says that the network is back. */
export const online: Effect.Effect<void> = Effect.callback((resume) => {
  const deafen = listen("online", () => {
    deafen()
    resume(Effect.void)
  })
  return Effect.sync(deafen)
})

/**
 * Opens a socket with the browser's own WebSocket. An `http:` or `https:` address stands for its `ws:` or `wss:`
 * counterpart, which older browsers do not do by themselves. The options of `ws` mean nothing here.
 *
 * A browser that goes offline says nothing on its sockets: the connection is taken for lost then, long before the
 * heartbeat would miss anything.
 */
export const open: Open = (url, _options, listener, protocols = []) => {
  const socket = new WebSocket(url.replace(/^http(?=s?:)/i, "ws"), protocols as string | Array<string>)
  const deafen = isLocal(socket.url)
    ? () => {}
    : listen("offline", () => listener.closed({ code: CloseCode.abnormalClosure, reason: "", wasClean: false }))
  socket.addEventListener("open", () => listener.opened())
  socket.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
    if (typeof data === "string") {
      listener.received(data)
    } else {
      listener.receivedBinary()
    }
  })
  socket.addEventListener("error", (event) => listener.failed(event))
  socket.addEventListener("close", ({ code, reason, wasClean }) => listener.closed({ code, reason, wasClean }))
  return {
    isOpen: () => socket.readyState === WebSocket.OPEN,
    send: (text) => socket.send(text),
    close: (code, reason) => (allowed(code) ? socket.close(code, reason) : socket.close()),
    terminate: () => {
      deafen()
      socket.close()
    }
  }
}
