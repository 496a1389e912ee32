/** A request over a socket and its answer, as hapi has them: over when the client has gone, and collected up to a limit. */
import type { Request } from "@hapi/hapi"
import type { Readable } from "node:stream"
import type { Connection } from "../server/connection/Connection.js"
import * as ResponseBody from "../server/conversation/ResponseBody.js"
import type { Socket } from "./Socket.js"

/** What a request over a socket carries in `request.plugins.nes`. */
export class Exchange {
  /** Set when the request reached what sockets may not reach. */
  refused = false
  /** Why the answer cannot be sent. */
  fault: string | undefined
  /** Whether nobody waits for the answer any more. */
  isOver = false
  private request: Request | undefined

  constructor(
    /** `null` for a request that authenticates its connection: it is the server's. */
    readonly socket: Socket | null,
    private readonly maxStreamBytes: number
  ) {}

  /** To be called when hapi has made a request of it, before anything else happens. */
  begin(request: Request): void {
    this.request = request
    // hapi pipes streams, and writes all else at once.
    request.raw.res.on("pipe", (body: Readable) => this.collect(request, body))
  }

  /** Ends it as Node ends a request whose connection has gone. */
  abort(): void {
    this.isOver = true
    if (this.request) {
      const { req, res } = this.request.raw
      Object.assign(req, { aborted: true })
      req.emit("aborted")
      req.destroy()
      res.destroy()
    }
  }

  private collect({ response }: Request, body: Readable): void {
    if (!("variety" in response) || response.variety !== "stream") {
      return
    }
    if (ResponseBody.isEndless(response.headers["content-type"])) {
      this.fail(ResponseBody.endless)
      return
    }
    let size = 0
    body.on("data", (chunk: string | Uint8Array) => {
      size += Buffer.byteLength(chunk)
      if (size > this.maxStreamBytes && !this.isOver) {
        this.fail(ResponseBody.tooLong(this.maxStreamBytes))
      }
    })
  }

  private fail(fault: string): void {
    this.fault = fault
    this.abort()
  }
}

/** Begins the exchange of a request that hapi has just made; its socket. */
export const socketOf = (request: Request): Socket | null => {
  const { nes } = request.plugins
  nes?.begin(request)
  return nes?.socket ?? null
}

/** The exchanges that are under way, by their connection. */
export class Exchanges {
  private readonly underWay = new Map<Connection, Set<Exchange>>()

  add(connection: Connection, exchange: Exchange): void {
    const own = this.underWay.get(connection)
    if (own) {
      own.add(exchange)
    } else {
      this.underWay.set(connection, new Set([exchange]))
    }
  }

  remove(connection: Connection, exchange: Exchange): void {
    const own = this.underWay.get(connection)
    if (own?.delete(exchange) && own.size === 0) {
      this.underWay.delete(connection)
    }
  }

  /** Ends what a connection has asked for. */
  abort(connection: Connection): void {
    for (const exchange of this.underWay.get(connection) ?? []) {
      exchange.abort()
    }
  }
}
