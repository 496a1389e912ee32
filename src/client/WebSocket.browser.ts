/**
 * The browser's WebSocket as the client's transport.
 *
 * @since 0.1.0
 */
import type { Open } from "./Transport.js"

// A page may close with 1000 or an application's own code only.
const allowed = (code: number | undefined): code is number =>
  code !== undefined && (code === 1000 || (code >= 3000 && code <= 4999))

/**
 * Opens a socket with the browser's own WebSocket. An `http:` or `https:` address stands for its `ws:` or `wss:`
 * counterpart, which older browsers do not do by themselves. The options of `ws` mean nothing here.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open: Open = (url, _options, listener) => {
  const socket = new WebSocket(url.replace(/^http(?=s?:)/i, "ws"))
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
    terminate: () => socket.close()
  }
}
