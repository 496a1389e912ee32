/** Shares the upgrades of an HTTP server: each goes to the one it is for, and no socket is left without an owner. */
import * as Boom from "@hapi/boom"
import type { IncomingMessage, Server } from "node:http"
import type { Server as SecureServer } from "node:https"
import type { Duplex } from "node:stream"

type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

export interface Taker {
  /** The only path it takes; without one it takes every path that no other listener answers at once. */
  readonly path: string | undefined
  /** Whether another listener of the server answers every upgrade that it hears of, as that of Effect's HTTP server does. */
  readonly answered: boolean
  readonly upgrade: Upgrade
}

export const isWebSocket = ({ headers }: IncomingMessage): boolean => headers.upgrade?.toLowerCase() === "websocket"

// How long another listener may take to answer an upgrade at all (ms).
const patience = 30_000

const ignore = (): void => {}

/** Answers an upgrade request with the status of an error, and nothing more. */
export const refuse = (socket: Duplex, status: number): void => {
  const text = new Boom.Boom("", { statusCode: status }).output.payload.error
  socket.on("error", ignore)
  socket.once("finish", () => socket.destroy())
  socket.end(
    `HTTP/1.1 ${status} ${text}\r\nConnection: close\r\nContent-Type: text/html\r\n` +
      `Content-Length: ${text.length}\r\n\r\n${text}`
  )
}

const hopByHop = new Set(["upgrade", "http2-settings"])

const ordinaryHead = ({ httpVersion, method, rawHeaders, url }: IncomingMessage): string => {
  let head = `${method} ${url} HTTP/${httpVersion}\r\n`
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = "", value = ""] = rawHeaders.slice(i, i + 2)
    const rest = name.toLowerCase() === "connection"
      ? value.split(",").filter((token) => !hopByHop.has(token.trim().toLowerCase())).join(",")
      : value
    if (!hopByHop.has(name.toLowerCase()) && rest.trim() !== "") {
      head += `${name}: ${rest}\r\n`
    }
  }
  return `${head}\r\n`
}

// Node has taken its parser off the socket; given to the server anew, the request is read once more.
const serve = (server: Server | SecureServer, request: IncomingMessage, socket: Duplex, head: Buffer): void => {
  if (server.listenerCount("request") === 0) {
    refuse(socket, 404)
  } else if (!socket.destroyed) {
    socket.unshift(Buffer.concat([Buffer.from(ordinaryHead(request), "latin1"), head]))
    const event = "encrypted" in socket ? "secureConnection" : "connection"
    // Others have heard of this connection already.
    const parse = server.listeners(event).find(({ name }) => name === "connectionListener")
    if (parse) {
      Reflect.apply(parse, server, [socket])
    } else {
      server.emit(event, socket)
    }
  }
}

// Whoever of the others takes the socket may not listen to its errors, and nobody may take it.
const adopt = ({ socket }: IncomingMessage): void => {
  const { bytesWritten } = socket
  const expiry = setTimeout(() => {
    if (socket.bytesWritten === bytesWritten) {
      socket.destroy()
    }
  }, patience)
  socket.on("error", ignore)
  socket.once("close", () => clearTimeout(expiry))
}

// What those say who know neither path, method nor protocol, and those who hang up: it was not for them.
const declines = (data: unknown): boolean =>
  data === undefined || /^HTTP\/1\.1 (?:400|404|405|426)\b/.test(String(data))

const gone: Readonly<Record<PropertyKey, boolean>> = { readable: false, writable: false, destroyed: true, closed: true }

/** Offers a socket that is theirs if they write at once; returns whether they did. What they do later does nothing. */
const offer = (socket: Duplex, listeners: (socket: Duplex) => void): boolean => {
  let open = true
  let claimed = false
  const decline = (): Duplex => standIn
  const nothing = (): null => null
  const standIn: Duplex = new Proxy(socket, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key)
      if (claimed) {
        return value
      }
      if (!open) {
        // A stream that flows reads until there is nothing more.
        return key === "read" ? nothing : typeof value === "function" ? decline : gone[key] ?? value
      }
      switch (key) {
        case "end":
        case "write":
          return (...args: ReadonlyArray<unknown>) => {
            claimed = key === "write" || !declines(args[0])
            return claimed ? Reflect.apply(value as () => unknown, target, args) : standIn
          }
        case "destroy":
        case "destroySoon":
          return decline
        default:
          return value
      }
    }
  })
  listeners(standIn)
  open = false
  return claimed
}

class Upgrades {
  readonly takers: Array<Taker> = []
  private readonly restore: () => void

  // A listener beside the others' would not do: whoever hears of an upgrade answers it, into the very socket that the
  // other has made a WebSocket of. Without any listener, on the other hand, Node takes upgrades for ordinary requests.
  constructor(private readonly server: Server | SecureServer) {
    const emitter = server as { emit: (event: string, ...args: Array<unknown>) => boolean }
    const own = Object.hasOwn(server, "emit")
    const before = emitter.emit
    const emit = (event: string, ...args: Array<unknown>): boolean => {
      if (event !== "upgrade" || this.takers.length === 0) {
        return before.call(server, event, ...args)
      }
      const [request, socket, head] = args as Parameters<Upgrade>
      this.route(request, socket, head, (socket) => void before.call(server, "upgrade", request, socket, head))
      return true
    }
    emitter.emit = emit
    server.on("upgrade", ignore)
    this.restore = () => {
      server.off("upgrade", ignore)
      if (emitter.emit === emit) {
        if (own) {
          emitter.emit = before
        } else {
          Reflect.deleteProperty(server, "emit")
        }
      }
    }
  }

  remove(taker: Taker): void {
    this.takers.splice(this.takers.indexOf(taker), 1)
    if (this.takers.length === 0) {
      this.restore()
      shared.delete(this.server)
    }
  }

  private route(request: IncomingMessage, socket: Duplex, head: Buffer, others: (socket: Duplex) => void): void {
    const taker = this.takerOf(request)
    const alone = this.server.listenerCount("upgrade") === 1
    if (taker && (alone || taker.path !== undefined || this.answered)) {
      taker.upgrade(request, socket, head)
    } else if (alone) {
      serve(this.server, request, socket, head)
    } else if (this.answered) {
      socket.on("error", ignore)
      others(socket)
    } else if (!taker && isWebSocket(request)) {
      adopt(request)
      others(socket)
    } else if (offer(socket, others)) {
      socket.on("error", ignore)
    } else if (taker) {
      taker.upgrade(request, socket, head)
    } else {
      serve(this.server, request, socket, head)
    }
  }

  private get answered(): boolean {
    return this.takers.some(({ answered }) => answered)
  }

  private takerOf(request: IncomingMessage): Taker | undefined {
    if (!isWebSocket(request)) {
      return undefined
    }
    const path = request.url?.split("?", 1)[0]
    return this.takers.find((taker) => taker.path === path) ?? this.takers.find((taker) => taker.path === undefined)
  }
}

const shared = new WeakMap<Server | SecureServer, Upgrades>()

/** Gives a taker its upgrades until what is returned is called; one that nobody answers is served as a request. */
export const take = (server: Server | SecureServer, taker: Taker): () => void => {
  const upgrades = shared.get(server) ?? new Upgrades(server)
  shared.set(server, upgrades)
  upgrades.takers.push(taker)
  return () => upgrades.remove(taker)
}
