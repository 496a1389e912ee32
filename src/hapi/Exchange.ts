/** A request over a socket and its answer, as hapi has them: over when the client has gone, and collected up to a limit. */
import type { AuthArtifacts, AuthCredentials, Request, ServerInjectOptions, ServerInjectResponse } from "@hapi/hapi"
import type { Readable } from "node:stream"
import { isObject } from "../protocol/Codec.js"
import type { Call, Request as SocketRequest, Response } from "../server/Application.js"
import type { Connection } from "../server/connection/Connection.js"
import type { Credentials } from "../server/conversation/Authentication.js"
import { errorAnswer } from "../server/conversation/ErrorAnswer.js"
import type { Headers } from "../server/conversation/RequestHead.js"
import * as ResponseBody from "../server/conversation/ResponseBody.js"
import type { Host, Socket } from "./Socket.js"

// Where a request has its exchange: what `request.plugins.nes` holds is the application's to read.
const key = Symbol("effect-nes/exchange")

/** The exchange of a request, if it came over a socket. */
export const exchangeOf = ({ plugins }: Request): Exchange | undefined =>
  (plugins as { readonly [key]?: Exchange })[key]

/** What the server does for a request over a socket. */
export class Exchange {
  /** Set when the request reached what sockets may not reach. */
  refused = false
  /** Why the answer cannot be sent. */
  fault: string | undefined
  /** Whether nobody waits for the answer any more. */
  isOver = false
  private request: Request | undefined

  constructor(
    private readonly host: Host,
    private readonly connection: Connection,
    /** `null` for a request that authenticates its connection: it is the server's. */
    readonly socket: Socket | null,
    private readonly maxStreamBytes: number
  ) {}

  /** Has hapi answer it; it ends with its connection. */
  async inject(options: ServerInjectOptions): Promise<ServerInjectResponse<unknown>> {
    const { connection, socket } = this
    const { remoteAddress } = connection.info
    const work = connection.work ??= new Set()
    work.add(this)
    try {
      return await this.host.server.inject({
        ...options,
        validate: false,
        plugins: Object.assign({ [key]: this }, socket && { nes: { socket } }),
        ...(remoteAddress === undefined ? undefined : { remoteAddress })
      })
    } finally {
      if (work.delete(this) && work.size === 0 && connection.work === work) {
        connection.work = undefined
      }
    }
  }

  /** To be called when hapi has made a request of it, before anything else happens. */
  begin(request: Request): void {
    this.request = request
    // hapi pipes streams, and writes all else at once.
    request.raw.res.on("pipe", (body: Readable) => this.collect(request, body))
    if (request.method !== "get") {
      guardPipes(request.raw.req)
    }
    if (this.isOver) {
      // Taken back before hapi had begun: it listens as soon as this has returned.
      queueMicrotask(() => this.end(request))
    }
  }

  interruptUnsafe(): void {
    if (!this.isOver) {
      this.isOver = true
      if (this.request) {
        this.end(this.request)
      }
    }
  }

  private collect(request: Request, body: Readable): void {
    // What is no stream is piped too where somebody peeks at it; what a plugin such as inert answers has a name of its own.
    const variety = varietyOf(request)
    if (variety === undefined || variety === "plain" || variety === "buffer") {
      return
    }
    if (ResponseBody.isEndless(request.raw.res.getHeader("content-type"))) {
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
    this.interruptUnsafe()
  }

  // As Node ends a request whose connection has gone.
  private end({ raw: { req, res } }: Request): void {
    Object.assign(req, { aborted: true })
    try {
      req.emit("aborted")
    } catch (error) {
      // What a listener throws must not keep the connection, and its other requests, from ending.
      this.host.log(["nes", "request", "error"], error, this.connection)
    }
    req.destroy()
    res.destroy()
  }
}

// hapi hands a route a stream that decodes the body, whose errors end the process where the route does not listen.
const guardPipes = (body: Readable): void => {
  const pipe = body.pipe.bind(body)
  body.pipe = (to, options) => {
    to.on("error", () => {})
    return pipe(to, options)
  }
}

/** Begins the exchange of a request that hapi has just made; its socket. */
export const socketOf = (request: Request): Socket | null => {
  const exchange = exchangeOf(request)
  exchange?.begin(request)
  return exchange?.socket ?? null
}

// Where a route answers by itself, hapi has no request in the end, no response before it says so (`h.abandon`), and a
// symbol after that; an error has no variety.
const varietyOf = (request: Request | undefined): unknown => {
  const response: unknown = request?.response
  return isObject(response) ? response.variety : "raw"
}

const isJson = (contentType: unknown): boolean =>
  typeof contentType === "string" && contentType.startsWith("application/json")

// Settings under which hapi's body and the result's own JSON are different texts.
const reshapesJson = (request: Request): boolean => {
  const { json } = request.route.settings
  // hapi's types leave the encoding out.
  const settings: { readonly stringify?: unknown; readonly encoding?: string } = "settings" in request.response
    ? request.response.settings
    : {}
  return Boolean(json && (json.replacer || json.space || json.suffix || json.escape)) ||
    Boolean(settings.stringify) || (settings.encoding ?? "utf8") !== "utf8"
}

// The JSON text that can be sent for a result as it is, so that it is not serialised twice.
const jsonOf = ({ headers, payload, request, result }: ServerInjectResponse<unknown>): string | undefined => {
  if (!isJson(headers["content-type"])) {
    return undefined
  }
  if (typeof result === "string") {
    return ResponseBody.isJson(result) ? result : undefined
  }
  return isObject(result) && payload !== "" && request.method !== "head" &&
      headers["content-encoding"] === undefined && headers["content-range"] === undefined && !reshapesJson(request)
    ? payload
    : undefined
}

// A result that is no value of JavaScript is the text of the body, where that is text.
const unreadable = (
  { headers, rawPayload, request }: ServerInjectResponse<unknown>
): string | undefined => {
  const variety = varietyOf(request)
  return variety === undefined || variety === "plain"
    ? undefined
    : ResponseBody.refuse(rawPayload, headers["content-encoding"])
}

// `url.parse`, which hapi's inject begins with, takes a backslash for a slash, and what is before an @ for a user.
const urlOf = (path: string): string => {
  const url = path.includes("\\") ? path.replaceAll("\\", "%5C") : path
  return url.startsWith("//") ? url.replaceAll("@", "%40") : url
}

// Shot takes these two for no payload.
const isDropped = (payload: unknown): boolean => payload === 0 || payload === false

const injectAuth = (
  { auth: { artifacts, credentials, isAuthenticated, strategy } }: Connection
): Exclude<ServerInjectOptions["auth"], undefined> | undefined =>
  isAuthenticated && credentials && strategy !== undefined
    ? { credentials: listed(credentials), artifacts: artifacts as AuthArtifacts, strategy }
    : undefined

// hapi ends the process over a scope that it cannot go through: one that is no text and no list grants nothing.
const listed = (credentials: Credentials): AuthCredentials =>
  !credentials.scope || Symbol.iterator in Object(credentials.scope) ? credentials : { ...credentials, scope: [] }

/** Runs the requests of sockets by `server.inject`; `endpointId` is the route id of the authentication endpoint. */
export const requests = (host: Host, endpointId: string | undefined, maxStreamBytes: number) => {
  const endpoint = (): string | undefined => endpointId === undefined ? undefined : host.server.lookup(endpointId)?.path
  return {
    /** Answers a request, with the credentials of its connection. */
    request: async (
      connection: Connection,
      { headers, method, path, payload }: SocketRequest,
      call?: Call
    ): Promise<Response> => {
      if (path === endpoint()) {
        throw errorAnswer("routeUnknown")
      }
      const auth = injectAuth(connection)
      const socket = connection.facade as Socket | undefined ?? host.socketOf(connection)
      const exchange = new Exchange(host, connection, socket, maxStreamBytes)
      if (call) {
        call.onCancel = () => exchange.interruptUnsafe()
      }
      try {
        const response = await exchange.inject({
          method,
          url: urlOf(path),
          headers: isDropped(payload) ? { "content-type": "application/json", ...headers } : headers,
          ...(payload === undefined
            ? undefined
            : { payload: isDropped(payload) ? String(payload) : payload as object }),
          ...(auth && { auth })
        })
        if (exchange.refused) {
          throw errorAnswer("routeUnknown")
        }
        if (!exchange.isOver) {
          // A route that closes (`h.close`) has no head, whatever hapi's types say.
          response.headers ??= {}
          exchange.fault = unreadable(response)
          if (exchange.fault === undefined) {
            const { headers, result, statusCode } = response
            return { statusCode, headers, payload: result, json: jsonOf(response) }
          }
        }
      } catch (error) {
        if (!exchange.isOver) {
          throw error
        }
      }
      // Its answer cannot be sent, or its client has gone.
      const { fault } = exchange
      if (fault === undefined) {
        return { statusCode: 499, headers: {}, payload: null }
      }
      host.log(["nes", "response", "error"], fault, connection)
      return ResponseBody.unsent(fault)
    },

    /** Asks the internal authentication endpoint who a connection is. */
    authenticate: (connection: Connection, headers: Headers): Promise<ServerInjectResponse<unknown>> =>
      new Exchange(host, connection, null, maxStreamBytes)
        .inject({ method: "auth", url: endpoint() ?? "/", headers, allowInternals: true })
  }
}
