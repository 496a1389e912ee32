/** A hapi server on a real port with two real authentication schemes, and raw sockets to it. */
import Basic from "@hapi/basic"
import * as Boom from "@hapi/boom"
import * as Hapi from "@hapi/hapi"
import { once } from "node:events"
import { type IncomingMessage, request } from "node:http"
import { onTestFinished } from "vitest"
import { type ClientOptions, WebSocket } from "ws"
import * as Nes from "../../src/hapi.js"

/** Any JSON message, as far as tests look into it. */
export type Json = Readonly<Record<string, unknown>>

const users: Readonly<Record<string, Json>> = {
  john: { user: "john", name: "John", scope: ["a", "admin"] },
  jane: { user: "jane", name: "Jane", scope: ["b"] },
  robot: { app: "robot", scope: ["a"] }
}

export const basic = (name: string, password = "secret"): string =>
  `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`

/** The value that type `direct` expects of a client. */
export const direct = (authorization: string, headers: Json = {}): Json => ({ headers: { authorization, ...headers } })

/** What decides whether the credentials of the scheme `custom` still hold. */
export interface Authority {
  readonly revoked: Set<unknown>
  /** Whom `verify` was asked about, in order. */
  readonly asked: Array<unknown>
  /** Headers of each request that the scheme authenticated. */
  readonly seen: Array<Json>
}

/** `Authorization: Custom NAME`; it verifies again, by asking whether the user was revoked or the pass is over. */
const customScheme = ({ asked, revoked, seen }: Authority): Hapi.ServerAuthScheme => () => ({
  authenticate: (request, h) => {
    const { headers, headers: { authorization } } = request
    seen.push({
      ...headers,
      // Read as a scheme would: a prototype's counts.
      "x-forwarded-for": headers["x-forwarded-for"],
      remoteAddress: request.info.remoteAddress
    })
    const [, name = "", expires] = /^Custom (\w+)(?: (\d+))?$/.exec(String(authorization)) ?? []
    const credentials = users[name]
    if (!credentials || revoked.has(name)) {
      throw Boom.unauthorized(name === "" ? null : "Unknown user", "Custom")
    }
    return h.authenticated({
      credentials: credentials,
      artifacts: { name, expires: Number(expires ?? Infinity) }
    })
  },
  verify: (auth) => {
    const { expires, name } = auth.artifacts as { readonly name: string; readonly expires: number | null }
    asked.push(name)
    if (revoked.has(name) || Date.now() > (expires ?? Infinity)) {
      throw Boom.unauthorized("Not any more")
    }
    return Promise.resolve()
  }
})

export interface Options {
  /** The strategy behind the default; `false` for a server without a default. */
  readonly scheme?: "basic" | "custom" | false
  readonly mode?: "required" | "optional" | "try"
  readonly nes?: Nes.PluginOptions
  /** Declares more, before the server starts. */
  readonly declare?: (server: Hapi.Server) => void
  /** When the default strategy is set: before the plugin is registered, after it (the default), or not until asked to. */
  readonly register?: "first" | "last"
  readonly server?: Hapi.ServerOptions
  readonly prefix?: string
}

/** A running server, stopped when the test has finished. */
export class TestServer {
  readonly authority: Authority = { revoked: new Set(), asked: [], seen: [] }

  private constructor(readonly server: Hapi.Server) {}

  static async start(options: Options = {}): Promise<TestServer> {
    const test = new TestServer(Hapi.server({ port: 0, host: "127.0.0.1", debug: false, ...options.server }))
    const { server } = test
    const registration = { plugin: Nes.plugin, options: options.nes ?? {} }
    const register = (): Promise<unknown> =>
      options.prefix === undefined
        ? server.register(registration)
        : server.register(registration, { routes: { prefix: options.prefix } })
    if (options.register === "first") {
      await register()
    }
    await test.authenticate(options)
    if (options.register !== "first") {
      await register()
    }
    options.declare?.(server)
    await server.start()
    onTestFinished(() => server.stop({ timeout: 50 }))
    return test
  }

  get url(): string {
    return this.server.info.uri
  }

  private async authenticate({ mode = "required", scheme = "basic" }: Options): Promise<void> {
    const { server } = this
    await server.register(Basic)
    server.auth.strategy("basic", "basic", {
      validate: (_request: unknown, name: string, password: string) => ({
        isValid: password === "secret" && name in users,
        credentials: users[name]
      })
    })
    server.auth.scheme("custom", customScheme(this.authority))
    server.auth.strategy("custom", "custom")
    if (scheme) {
      server.auth.default({ strategy: scheme, mode })
    }
  }

  /** A raw socket; the test's end terminates it. */
  async open(options: ClientOptions = {}): Promise<RawSocket> {
    const socket = new RawSocket(this.url.replace("http", "ws"), options)
    await socket.opened
    return socket
  }

  /** A raw socket that has said hello, and what was answered. */
  async hello(fields: Json = {}, options: ClientOptions = {}): Promise<{ socket: RawSocket; answer: Json }> {
    const socket = await this.open(options)
    return { socket, answer: await socket.ask({ type: "hello", version: "2", ...fields }) }
  }

  /** A raw socket whose hello succeeded. */
  async welcome(fields: Json = {}, options: ClientOptions = {}): Promise<RawSocket> {
    const { answer, socket } = await this.hello(fields, options)
    if (answer.socket === undefined) {
      throw new Error(`hello was refused: ${JSON.stringify(answer)}`)
    }
    return socket
  }

  /** An ordinary HTTP request. */
  async http(
    path: string,
    headers: Readonly<Record<string, string>> = {},
    method = "GET"
  ): Promise<{ readonly status: number | undefined; readonly cookies: ReadonlyArray<string>; readonly body: Json }> {
    const outgoing = request(new URL(path, this.url), { method, headers, agent: false })
    outgoing.end()
    const [response] = await once(outgoing, "response") as [IncomingMessage]
    const body = (await response.setEncoding("utf8").toArray()).join("")
    return {
      status: response.statusCode,
      cookies: response.headers["set-cookie"] ?? [],
      body: body === "" ? {} : JSON.parse(body) as Json
    }
  }

  /** Logs in at the authentication endpoint: the token, or the cookie as a browser sends it back. */
  async login(authorization: string, path = "/nes/auth"): Promise<string> {
    const { body, cookies } = await this.http(path, { authorization })
    return typeof body.token === "string" ? body.token : cookies[0]?.split(";")[0] ?? ""
  }
}

/** A WebSocket without a client: what it is sent is asked for, message by message. */
export class RawSocket {
  readonly ws: WebSocket
  readonly opened: Promise<void>
  /** The close code. */
  readonly closed: Promise<number>
  /** Frames as they came, pings included. */
  readonly frames: Array<string> = []
  readonly #messages: Array<Json> = []
  readonly #waiting: Array<(message: Json) => void> = []
  #id = 0

  constructor(url: string, options: ClientOptions) {
    this.ws = new WebSocket(url, options)
    this.ws.on("message", (data: Buffer) => this.#receive(data.toString()))
    this.opened = once(this.ws, "open").then(() => {})
    this.closed = new Promise((resolve) => this.ws.on("close", resolve))
    onTestFinished(() => this.ws.terminate())
  }

  #receive(text: string): void {
    this.frames.push(text)
    if (!text.startsWith("{") || text === "{\"type\":\"ping\"}") {
      return
    }
    const message = JSON.parse(text) as Json
    const waiting = this.#waiting.shift()
    if (waiting) {
      waiting(message)
    } else {
      this.#messages.push(message)
    }
  }

  /** The next message that is no ping. */
  next(): Promise<Json> {
    const message = this.#messages.shift()
    return message ? Promise.resolve(message) : new Promise((resolve) => this.#waiting.push(resolve))
  }

  send(message: Json): void {
    this.ws.send(JSON.stringify({ id: ++this.#id, ...message }))
  }

  /** Sends a message and takes the next one that arrives for its answer. */
  ask(message: Json): Promise<Json> {
    const answer = this.next()
    this.send(message)
    return answer
  }

  /** Requests a path; the answer's status code and payload. */
  async get(path: string, fields: Json = {}): Promise<readonly [unknown, unknown]> {
    const { payload, statusCode } = await this.ask({ type: "request", method: "GET", path, ...fields })
    return [statusCode, payload]
  }
}

/** A route that tells who asks. */
export const whoami = (
  path = "/me",
  auth?: Hapi.RouteOptions["auth"]
): Hapi.ServerRoute => ({
  method: "GET",
  path,
  options: auth === undefined ? {} : { auth },
  handler: ({ auth: { artifacts, credentials, isAuthenticated, strategy } }) => ({
    isAuthenticated,
    credentials,
    artifacts,
    strategy
  })
})

const phrases: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  501: "Not Implemented",
  503: "Service Unavailable"
}

/** The part of an answer that reports an error made by the protocol. */
export const refusal = (statusCode: number, message: string): Json => ({
  statusCode,
  payload: { error: phrases[statusCode], message }
})
