/**
 * Takes the upgrades of an HTTP server before anyone else does.
 *
 * A second listener beside the platform's will not do: the platform answers every upgrade it hears of, into the very
 * socket that the other listener has made a WebSocket of, and the connection ends with 1006.
 *
 * @since 0.1.0
 */
import type { IncomingMessage, Server } from "node:http"
import type { Server as SecureServer } from "node:https"
import type { Duplex } from "node:stream"

type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/**
 * Whether a request asks for a WebSocket.
 *
 * @since 0.1.0
 * @category guards
 */
export const isWebSocket = ({ headers }: IncomingMessage): boolean => headers.upgrade?.toLowerCase() === "websocket"

const notFound = "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

/**
 * Hands the upgrades that are ours to `upgrade`, all others to the server's own listeners; returns how to stop.
 *
 * @since 0.1.0
 * @category constructors
 */
export const take = (
  server: Server | SecureServer,
  isOurs: (request: IncomingMessage) => boolean,
  upgrade: Upgrade
): () => void => {
  const emitter = server as { emit: (event: string, ...args: Array<unknown>) => boolean }
  const own = Object.hasOwn(server, "emit")
  const before = emitter.emit
  let taking = true

  const emit = function(this: unknown, event: string, ...args: Array<unknown>): boolean {
    if (taking && event === "upgrade") {
      const [request, socket, head] = args as Parameters<Upgrade>
      if (isOurs(request)) {
        upgrade(request, socket, head)
        return true
      }
    }
    return before.call(server, event, ...args)
  }

  // Without any listener node takes upgrades for ordinary requests.
  const otherwise = (_request: IncomingMessage, socket: Duplex): void => {
    if (server.listenerCount("upgrade") === 1) {
      socket.end(notFound)
    }
  }

  emitter.emit = emit
  server.on("upgrade", otherwise)
  return () => {
    taking = false
    server.off("upgrade", otherwise)
    if (emitter.emit === emit) {
      if (own) {
        emitter.emit = before
      } else {
        Reflect.deleteProperty(server, "emit")
      }
    }
  }
}
