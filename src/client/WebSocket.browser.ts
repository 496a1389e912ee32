/** The browser's WebSocket as the client's transport. */
import * as Effect from "effect/Effect"
import type { WebSocketLike } from "effect/socket/Socket"
import * as CloseCode from "../protocol/CloseCode.js"
import type { Open } from "./Socket.js"

// A page may close with 1000 or an application's own code only.
const isOfPages = (code: number): boolean => code === 1000 || (code >= 3000 && code <= 4999)

// What connects to its own machine needs no network.
const isLocal = (url: string): boolean => /^(?:(?:.+\.)?localhost|127\..+|\[::1\])$/.test(new URL(url).hostname)

// Pages and workers have both; other platforms with a WebSocket may have neither.
const listen = (type: "online" | "offline", heard: () => void): () => void => {
  globalThis.addEventListener?.(type, heard)
  return () => globalThis.removeEventListener?.(type, heard)
}

/** The browser has its WebSocket. */
export const load = Effect.void

export const online: Effect.Effect<void> = Effect.callback((resume) => {
  const deafen = listen("online", () => {
    deafen()
    resume(Effect.void)
  })
  return Effect.sync(deafen)
})

// That of `ws` has `terminate`: it would wait half a minute for a peer that is gone.
type Like = WebSocketLike & { readonly url?: string; readonly terminate?: () => void }

/**
 * Opens a socket with the browser's own WebSocket, or what is like it. Older browsers do not take `http:` for `ws:` by
 * themselves. One that goes offline says nothing on its sockets: the connection is taken for lost then.
 */
export const openWith = (
  construct: (url: string, protocols: string | Array<string>, options: object | undefined) => Like,
  isAllowed = isOfPages
): Open =>
(given, options, listener, protocols = []) => {
  const url = given.replace(/^http(?=s?:)/i, "ws")
  const socket = construct(url, protocols as string | Array<string>, options)
  const deafen = isLocal(socket.url ?? url)
    ? () => {}
    : listen("offline", () => listener.closed({ code: CloseCode.abnormalClosure, reason: "", wasClean: false }))
  socket.addEventListener("open", () => listener.opened())
  socket.addEventListener("message", ({ data }) => {
    if (typeof data === "string") {
      listener.received(data)
    } else {
      listener.receivedBinary()
    }
  })
  socket.addEventListener("error", (event) => listener.failed(Reflect.get(event, "error") ?? event))
  socket.addEventListener("close", (event) => {
    const { code, reason } = event
    listener.closed({ code, reason, wasClean: Reflect.get(event, "wasClean") === true })
  })
  return {
    isOpen: () => socket.readyState === 1,
    send: (text) => socket.send(text),
    close: (code, reason) => (code !== undefined && isAllowed(code) ? socket.close(code, reason) : socket.close()),
    terminate: () => {
      deafen()
      return socket.terminate ? socket.terminate() : socket.close()
    }
  }
}

export const open: Open = openWith((url, protocols) => new WebSocket(url, protocols))
