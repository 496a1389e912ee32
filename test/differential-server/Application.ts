/**
 * The application that both implementations are fed: every kind of route result, hook result and subscription that the
 * scripts exercise. It knows nothing of which plugin it runs on. What its hooks see goes to `record`, in order.
 */
import Basic from "@hapi/basic"
import Boom from "@hapi/boom"
import * as Hapi from "@hapi/hapi"
import type { ServerResponse } from "node:http"
import { Readable } from "node:stream"
import { decorations, type Socket, socketOf } from "../interop/peers/Plugin.js"
import { registerSubscriptions } from "./Subscriptions.js"

/** How a hook of the application behaves; absent: there is no such hook. */
export type Behaviour = "record" | "throw" | "boom" | "reject" | "hang" | "send" | "slow" | "gate"

/** What a script may ask of the application. Plain data: it travels between processes. */
export interface ApplicationOptions {
  /** Registration options of the plugin, hooks excluded, given as they are. */
  readonly nes?: Readonly<Record<string, unknown>>
  readonly onConnection?: Behaviour
  readonly onDisconnection?: Behaviour
  readonly onMessage?: true
  /** The scheme behind the strategy `default`; absent: the server has no authentication. */
  readonly scheme?: "basic" | "custom"
  /** Mode of the default auth; absent: there is a strategy, but no default. */
  readonly mode?: "required" | "optional" | "try"
  /** Scope of the default auth. */
  readonly scope?: ReadonlyArray<string>
  /** Records the log entries of failed hooks and filters too: other scripts are about the answers to them. */
  readonly traces?: true
  /** Decorates the server with a method of this name before the plugin does. */
  readonly decorated?: string
  /** Registers the plugin after the strategies instead of before them. */
  readonly pluginLast?: true
}

/** A running application. */
export interface Application {
  readonly server: Hapi.Server
  readonly url: string
  readonly control: (name: string, args: ReadonlyArray<unknown>) => unknown
}

export type Recorder = (event: string, ...data: ReadonlyArray<unknown>) => void

/** A door that hooks wait at until a script opens it. */
export class Gate {
  #open: () => void = () => {}
  readonly opened = new Promise<void>((resolve) => {
    this.#open = resolve
  })

  open(): void {
    this.#open()
  }
}

interface User {
  readonly password: string
  readonly credentials: Readonly<Record<string, unknown>>
}

const users: Readonly<Record<string, User>> = {
  john: { password: "secret", credentials: { user: "john", scope: ["a", "admin"], name: "John" } },
  jane: { password: "secret", credentials: { user: "jane", scope: "b" } },
  robot: { password: "secret", credentials: { app: "robot", scope: ["a"] } },
  plain: { password: "secret", credentials: { user: "plain" } },
  joe: { password: "secret", credentials: { user: "joe", scope: ["item-5", "b"] } }
}

const failWith = (behaviour: Behaviour): unknown => {
  switch (behaviour) {
    case "throw":
      throw new Error("the hook failed")
    case "boom":
      throw Boom.paymentRequired("the hook wants money", { price: 5 })
    case "reject":
      return Promise.reject(new Error("the hook rejected"))
    case "hang":
      return new Promise(() => {})
    default:
      return undefined
  }
}

const hook = (name: string, behaviour: Behaviour, record: Recorder, gate: Gate) => (socket: Socket): unknown => {
  record(name, socket.id, { isAuthenticated: socket.auth.isAuthenticated, credentials: socket.auth.credentials })
  if (behaviour === "send") {
    return socket.send({ hook: name })
  }
  if (behaviour === "gate") {
    return gate.opened
  }
  if (behaviour === "slow") {
    return new Promise((resolve) => setImmediate(resolve))
  }
  return failWith(behaviour)
}

const circular = (): object => {
  const value: Record<string, unknown> = { a: 1 }
  value.self = value
  return value
}

/** The answers of `onMessage`, by the message's `do`. */
const answerMessage = (gate: Gate) => (socket: Socket, message: unknown, ...more: ReadonlyArray<unknown>): unknown => {
  const { do: what, value } = (typeof message === "object" && message !== null ? message : { do: message }) as {
    readonly do?: unknown
    readonly value?: unknown
  }
  switch (what) {
    case "echo":
      return value
    case "count more arguments":
      return more.length
    case "later":
      return new Promise((resolve) => setImmediate(() => resolve(value)))
    case "gate":
      return gate.opened.then(() => value)
    case "undefined":
      return undefined
    case "buffer":
      return Buffer.from("bytes")
    case "date":
      return new Date(0)
    case "function":
      return () => 1
    case "circular":
      return circular()
    case "bigint":
      return 1n
    case "throw":
      throw new Error("a secret of the server")
    case "reject":
      return Promise.reject(new Error("a secret of the server"))
    case "throw string":
      throw "not an Error"
    case "type error":
      return (value as { readonly missing: { readonly deep: string } }).missing.deep
    case "boom":
      throw Boom.forbidden("no", { data: 1 })
    case "boom 503":
      throw Boom.serverUnavailable("later")
    case "boom unauthorized":
      throw Boom.unauthorized("who", "Basic", { realm: "x" })
    case "boom payload": {
      const error = Boom.badRequest("shaped")
      error.output.payload.extra = { a: 1 }
      error.output.headers["x-extra"] = "1"
      throw error
    }
    case "boom with another payload": {
      const error = Boom.badRequest("shaped")
      Object.assign(error.output, { payload: value })
      throw error
    }
    case "boom with a circular payload": {
      const error = Boom.badRequest("shaped")
      error.output.payload.itself = circular()
      throw error
    }
    case "boom with a path":
      throw Object.assign(Boom.notFound("no file"), { path: "/etc/file" })
    case "boom 500":
      throw Boom.internal("hidden")
    case "return error":
      return new Error("returned, not thrown")
    case "send first":
      return socket.send({ before: true }).then(() => "after")
    case "disconnect":
      void socket.disconnect()
      return "never"
    case "hang":
      return new Promise(() => {})
    default:
      return { received: message ?? null }
  }
}

const authenticated = (request: Hapi.Request): object => ({
  isAuthenticated: request.auth.isAuthenticated,
  credentials: request.auth.credentials,
  artifacts: request.auth.artifacts ?? null,
  strategy: request.auth.strategy,
  mode: request.auth.mode
})

const routes = (record: Recorder, gate: Gate): Array<Hapi.ServerRoute> => [
  { method: "GET", path: "/", options: { id: "hello" }, handler: () => "hello" },
  { method: "POST", path: "/", options: { id: "post" }, handler: (request) => ({ payload: request.payload ?? null }) },
  { method: "PUT", path: "/item/{id}", handler: (request) => ({ ...request.params, payload: request.payload }) },
  { method: "PATCH", path: "/item/{id}", handler: () => ({ method: "patch" }) },
  { method: "DELETE", path: "/item/{id}", handler: (_, h) => h.response().code(204) },
  {
    method: "GET",
    path: "/item/{id}",
    options: { id: "item" },
    handler: (request) => ({ ...request.params, query: { ...request.query } })
  },
  { method: "GET", path: "/files/{path*}", handler: (request) => ({ path: request.params.path ?? null }) },
  { method: "*", path: "/any", options: { id: "any" }, handler: (request) => ({ method: request.method }) },
  { method: "OPTIONS", path: "/options", handler: () => ({ options: true }) },
  {
    method: "custom" as Hapi.RouteDefMethods,
    path: "/custom",
    options: { id: "custom" },
    handler: () => ({ custom: true })
  },
  { method: "GET", path: "/object", handler: () => ({ a: 1, nested: { b: [1, "two", null, true] } }) },
  { method: "GET", path: "/array", handler: () => [1, 2, 3] },
  { method: "GET", path: "/null", handler: () => null },
  { method: "GET", path: "/empty", handler: () => "" },
  { method: "GET", path: "/null-200", handler: (_, h) => h.response().code(200) },
  { method: "GET", path: "/null-object-200", handler: (_, h) => h.response(undefined).code(200).type("text/plain") },
  { method: "GET", path: "/number", handler: (_, h) => h.response(5 as unknown as object) },
  { method: "GET", path: "/boolean", handler: (_, h) => h.response(false as unknown as object) },
  { method: "GET", path: "/text", handler: (_, h) => h.response("ünï😀").type("text/plain") },
  { method: "GET", path: "/buffer", handler: () => Buffer.from("bytes") },
  { method: "GET", path: "/binary", handler: () => Buffer.from([0x89, 0x50, 0xff]) },
  {
    method: "GET",
    path: "/stream",
    handler: () => Readable.from([Buffer.from("one "), Buffer.from("two")], { objectMode: false })
  },
  {
    method: "GET",
    path: "/events",
    handler: (_, h) => h.response(Readable.from(["data: 1\n\n"], { objectMode: false })).type("text/event-stream")
  },
  {
    method: "GET",
    path: "/watch",
    handler: (request) => {
      request.events.on({ name: "disconnect" } as never, () => record("left", request.active()))
      record("hanging")
      return new Promise(() => {})
    }
  },
  ...([
    ["ended", (res) => {
      res.writeHead(202, { "content-type": "text/plain", "x-other": "1" })
      res.write("in ")
      res.end("parts")
    }],
    ["JSON", (res) => void res.writeHead(203, { "content-type": "application/json" }).end("{\"a\":1}")],
    ["piped", (res) => void Readable.from(["text"], { objectMode: false }).pipe(res)],
    ["piped later", (res) => void setImmediate(() => Readable.from(["text"], { objectMode: false }).pipe(res))]
  ] satisfies ReadonlyArray<readonly [string, (res: ServerResponse) => void]>).map(
    ([name, write]): Hapi.ServerRoute => ({
      method: "GET",
      path: `/abandoned/${name.replace(" ", "-")}`,
      handler: ({ raw }, h) => {
        write(raw.res)
        return h.abandon
      }
    })
  ),
  { method: "GET", path: "/closed", handler: (_, h) => h.close },
  { method: "GET", path: "/object-stream", handler: () => Readable.from([{ a: 1 }]) },
  {
    method: "GET",
    path: "/json-string",
    handler: (_, h) => h.response("{\"a\":1,\"b\":\"$1 $$\"}").type("application/json")
  },
  {
    method: "GET",
    path: "/json-string-charset",
    handler: (_, h) => h.response("[1,2]").type("application/json; charset=utf-8")
  },
  { method: "GET", path: "/json-text", handler: (_, h) => h.response("\"text\"").type("application/json") },
  { method: "GET", path: "/json-broken", handler: (_, h) => h.response("{not json").type("application/json") },
  { method: "GET", path: "/json-empty", handler: (_, h) => h.response("").type("application/json") },
  { method: "GET", path: "/json-problem", handler: (_, h) => h.response("{\"a\":1}").type("application/problem+json") },
  { method: "GET", path: "/date", handler: () => ({ at: new Date(0), undefined, nan: Number.NaN }) },
  { method: "GET", path: "/to-json", handler: () => ({ toJSON: () => ({ shaped: true }) }) },
  { method: "GET", path: "/to-json-key", handler: () => ({ toJSON: (key: string) => ({ key }) }) },
  { method: "GET", path: "/circular", handler: () => circular() },
  {
    method: "GET",
    path: "/json-settings",
    options: { json: { space: 2, suffix: "\n", escape: true } },
    handler: () => ({ html: "<b>&</b>" })
  },
  { method: "GET", path: "/bigint", handler: () => ({ big: 1n }) },
  { method: "GET", path: "/no-content", handler: (_, h) => h.response().code(204) },
  { method: "POST", path: "/created", handler: (_, h) => h.response({ id: 1 }).created("/item/1") },
  { method: "GET", path: "/redirect", handler: (_, h) => h.redirect("/object") },
  { method: "GET", path: "/redirect-permanent", handler: (_, h) => h.redirect("/object").permanent() },
  { method: "GET", path: "/teapot", handler: (_, h) => h.response({ short: true }).code(418) },
  { method: "GET", path: "/error-string", handler: (_, h) => h.response("no luck").code(400) },
  { method: "GET", path: "/error-null", handler: (_, h) => h.response().code(500) },
  {
    method: "GET",
    path: "/headers",
    handler: (_, h) =>
      h.response({ ok: true }).header("X-Custom", "custom").header("x-other", "other").header("etag", "\"e\"")
        .header("x-list", "a").header("x-list", "b", { append: true }).state("cookie", "value")
  },
  { method: "GET", path: "/not-modified", handler: (_, h) => h.response({ ok: true }).etag("e") },
  {
    method: "GET",
    path: "/throw",
    handler: () => {
      throw new Error("a secret of the server")
    }
  },
  {
    method: "GET",
    path: "/boom",
    handler: () => {
      throw Boom.conflict("taken", { data: 1 })
    }
  },
  {
    method: "GET",
    path: "/boom-circular",
    handler: () => {
      const error = Boom.badRequest("shaped")
      error.output.payload.itself = circular()
      throw error
    }
  },
  {
    method: "GET",
    path: "/boom-unauthorized",
    handler: () => {
      throw Boom.unauthorized("who", "Basic", { realm: "x" })
    }
  },
  {
    method: "GET",
    path: "/boom-shaped",
    handler: () => {
      const error = Boom.badRequest("shaped")
      Object.assign(error.output, { payload: { custom: "body" }, headers: { "X-Boom": "1", "x-other": "2" } })
      throw error
    }
  },
  { method: "GET", path: "/undefined", handler: () => undefined as unknown as object },
  {
    method: "POST",
    path: "/validated",
    options: {
      validate: {
        payload: (value: unknown) => {
          if (typeof value !== "object" || value === null || !("name" in value)) {
            throw Boom.badRequest("name is required")
          }
          return value
        }
      }
    },
    handler: (request) => ({ valid: request.payload })
  },
  { method: "POST", path: "/echo", handler: (request) => ({ payload: request.payload, type: typeof request.payload }) },
  {
    method: "POST",
    path: "/limited",
    options: { payload: { maxBytes: 10 } },
    handler: (request) => ({ payload: request.payload })
  },
  {
    method: "GET",
    path: "/request-headers",
    handler: (request) => {
      const { host: _host, ...headers } = request.headers
      return headers
    }
  },
  {
    method: "GET",
    path: "/host",
    handler: ({ headers, info }) => ({ host: info.hostname, forwarded: headers["x-forwarded-for"] ?? null })
  },
  {
    method: "GET",
    path: "/info",
    handler: (request) => ({
      remoteAddress: typeof request.info.remoteAddress,
      socket: socketOf(request)?.id ?? null,
      method: request.method,
      path: request.path,
      plugins: Object.entries(request.plugins).map(([name, state]) => [name, Object.keys(state)])
    })
  },
  {
    method: "GET",
    path: "/app",
    handler: (request) => {
      const socket = socketOf(request)
      if (socket === null) {
        return { socket: null }
      }
      socket.app.count = Number(socket.app.count ?? 0) + 1
      return { count: socket.app.count }
    }
  },
  {
    method: "GET",
    path: "/publish-first",
    handler: async (request) => {
      await decorations(request.server).publish("/o", { before: true })
      return { after: true }
    }
  },
  { method: "GET", path: "/gate", handler: () => gate.opened.then(() => ({ opened: true })) },
  {
    method: "GET",
    path: "/disconnect",
    handler: (request) => {
      void socketOf(request)?.disconnect()
      return "never"
    }
  },
  {
    method: "GET",
    path: "/hang",
    handler: () => {
      record("hanging")
      return new Promise(() => {})
    }
  },
  { method: "GET", path: "/internal", options: { isInternal: true, id: "internal" }, handler: () => "internal" },
  { method: "GET", path: "/long/{length}", handler: (request) => "x".repeat(Number(request.params.length)) },
  { method: "GET", path: "/wide", handler: () => ({ text: "😀".repeat(40) }) }
]

const authRoutes: Array<Hapi.ServerRoute> = [
  { method: "GET", path: "/me", options: { auth: "default" }, handler: authenticated },
  {
    method: "GET",
    path: "/me-optional",
    options: { auth: { strategy: "default", mode: "optional" } },
    handler: authenticated
  },
  { method: "GET", path: "/me-try", options: { auth: { strategy: "default", mode: "try" } }, handler: authenticated },
  { method: "GET", path: "/me-none", options: { auth: false }, handler: authenticated },
  {
    method: "GET",
    path: "/scope-a",
    options: { auth: { strategy: "default", access: { scope: ["a"] } } },
    handler: () => "in scope"
  },
  {
    method: "GET",
    path: "/entity-user",
    options: { auth: { strategy: "default", access: { entity: "user" } } },
    handler: () => "a user"
  },
  {
    method: "GET",
    path: "/entity-app",
    options: { auth: { strategy: "default", access: { entity: "app" } } },
    handler: () => "an app"
  }
]

/** Who may no longer be verified; a custom scheme asks it. */
const customScheme = (record: Recorder, revoked: Set<string>): Hapi.ServerAuthScheme => () => ({
  authenticate: (request, h) => {
    const [scheme, name = "", flag] = String(request.headers.authorization ?? "").split(" ")
    if (scheme !== "Custom") {
      throw Boom.unauthorized(null, "Custom")
    }
    if (name === "broken") {
      throw Boom.serverUnavailable("No database")
    }
    const user = users[name]
    if (user === undefined || revoked.has(name)) {
      return h.unauthenticated(Boom.unauthorized("Unknown user", "Custom"))
    }
    const { hostname } = request.info
    const elsewhere = hostname === "127.0.0.1" ? [] : [hostname]
    // One that authenticates a connection is no socket's.
    const plugins = socketOf(request) === null ? Object.keys(request.plugins) : []
    record("authenticate", name, request.headers["x-forwarded-for"] ?? null, request.method, ...elsewhere, ...plugins)
    return h.authenticated({
      credentials: user.credentials,
      artifacts: flag === undefined ? { from: "custom" } : { flag }
    })
  },
  verify: (auth) => {
    const name = String(auth.credentials.user ?? auth.credentials.app)
    record("verify", name, auth.artifacts ?? null)
    if (revoked.has(name)) {
      throw Boom.unauthorized("Revoked")
    }
    return Promise.resolve()
  }
})

const declareAuth = async (
  server: Hapi.Server,
  options: ApplicationOptions,
  record: Recorder,
  revoked: Set<string>
): Promise<void> => {
  if (options.scheme === "basic") {
    await server.register(Basic)
    server.auth.strategy("default", "basic", {
      validate: (_request: Hapi.Request, name: string, password: string) => {
        const user = users[name]
        return Promise.resolve({
          isValid: user?.password === password,
          credentials: user?.credentials ?? null
        })
      }
    })
  }
  if (options.scheme === "custom") {
    server.auth.scheme("custom", customScheme(record, revoked))
    server.auth.strategy("default", "custom")
  }
  if (options.mode !== undefined) {
    server.auth.default({
      strategy: "default",
      mode: options.mode,
      ...(options.scope === undefined ? undefined : { access: { scope: [...options.scope] } })
    })
  }
}

/** What became of a call: its result, or how it failed. */
const outcome = async (call: () => unknown): Promise<unknown> => {
  let result: unknown
  try {
    result = call()
  } catch (error) {
    return { throws: error instanceof Error ? error.message : String(error) }
  }
  try {
    await result
    return "done"
  } catch (error) {
    return { rejects: error instanceof Error ? error.message : String(error) }
  }
}

const controls = (server: Hapi.Server, revoked: Set<string>, gate: Gate) => {
  const nes = decorations(server)
  const sockets = new Map<string, Socket>()
  const find = async (id: unknown): Promise<Socket> => {
    await nes.eachSocket((socket) => {
      sockets.set(socket.id, socket)
    })
    const socket = sockets.get(String(id))
    if (socket === undefined) {
      throw new Error("no such socket")
    }
    return socket
  }
  return {
    publish: (path: unknown, message: unknown, options: unknown) =>
      outcome(() => nes.publish(path as string, message, options as object)),
    broadcast: (message: unknown, options: unknown) => outcome(() => nes.broadcast(message, options as object)),
    publishCircular: () => outcome(() => nes.publish("/o", circular())),
    broadcastCircular: () => outcome(() => nes.broadcast(circular())),
    eachSocket: async (options: unknown) => {
      const ids: Array<string> = []
      const result = await outcome(() =>
        nes.eachSocket((socket) => {
          ids.push(socket.id)
        }, options as object)
      )
      return { result, ids }
    },
    eachSocketSync: (options: unknown) => {
      const ids: Array<string> = []
      const done = nes.eachSocket((socket) => {
        ids.push(socket.id)
      }, options as object)
      const seen = [...ids]
      return Promise.resolve(done).then(() => ({ seen }))
    },
    disconnectThenCount: async (id: unknown) => {
      await (await find(id)).disconnect()
      let left = 0
      await nes.eachSocket(() => {
        left++
      })
      return left
    },
    whatReturns: () =>
      [nes.publish("/missing", 1), nes.eachSocket(() => {}, { subscription: "/missing" })].map((result) =>
        typeof result
      ),
    assign: async (id: unknown) => {
      const socket = await find(id)
      return Promise.all(
        ["id", "auth", "info", "server", "app"].map((name) =>
          outcome(() => Object.assign(socket, { [name]: Reflect.get(socket, name) }))
        )
      )
    },
    restart: async () => {
      await server.stop()
      await server.start()
      const { WebSocket } = await import("ws")
      const socket = new WebSocket(`ws://127.0.0.1:${server.info.port}`)
      const result = await new Promise((resolve) => {
        socket.once("open", () => resolve("open")).once("error", ({ message }) => resolve(message))
      })
      socket.terminate()
      return result
    },
    eachSocketAwaits: async () => {
      const order: Array<string> = []
      await nes.eachSocket(async (socket) => {
        order.push(`begin ${socket.id}`)
        await new Promise((resolve) => setImmediate(resolve))
        order.push("end")
      })
      return order.filter((item) => item === "end").length
    },
    subscription: (path: unknown, options: unknown) =>
      outcome(() => nes.subscription(path as string, options as object)),
    socket: async (id: unknown, method: unknown, ...args: ReadonlyArray<unknown>) => {
      const socket = await find(id)
      switch (method) {
        case "send":
          return outcome(() => socket.send(args[0]))
        case "sendCircular":
          return outcome(() => socket.send(circular()))
        case "publish":
          return outcome(() => socket.publish(args[0] as string, args[1]))
        case "revoke":
          return outcome(() => socket.revoke(args[0] as string, args[1], args[2] as object))
        case "disconnect":
          return outcome(() => socket.disconnect())
        case "isOpen":
          return socket.isOpen()
        case "info":
          return {
            ...socket.info,
            remotePort: typeof socket.info.remotePort
          }
        case "auth": {
          const { artifacts, credentials, isAuthenticated, strategy } = socket.auth
          return { isAuthenticated, credentials, artifacts, strategy }
        }
        case "server":
          return socket.server === server
        default:
          throw new Error(`no method ${String(method)}`)
      }
    },
    revokeUser: (name: unknown) => {
      revoked.add(String(name))
    },
    restoreUser: (name: unknown) => {
      revoked.delete(String(name))
    },
    stop: () => outcome(() => server.stop({ timeout: 100 })),
    openGate: () => gate.open(),
    sockets: async () => {
      let count = 0
      await nes.eachSocket(() => {
        count++
      })
      return count
    },
    nothing: () => null
  }
}

/** Hooks whose failure is answered, or means something: the log entry is beside the point. */
const answered = new Set(["filter", "onConnection", "onMessage", "onSubscribe"])

/** Makes the application on this plugin and starts it on a free port. */
export const make = async (
  plugin: { readonly plugin: Hapi.Plugin<object> },
  options: ApplicationOptions,
  record: Recorder
): Promise<Application> => {
  const server = Hapi.server({ port: 0, host: "127.0.0.1", debug: false })
  const revoked = new Set<string>()
  const gate = new Gate()
  const hooks = {
    ...(options.onConnection === undefined
      ? undefined
      : { onConnection: hook("onConnection", options.onConnection, record, gate) }),
    ...(options.onDisconnection === undefined
      ? undefined
      : { onDisconnection: hook("onDisconnection", options.onDisconnection, record, gate) }),
    ...(options.onMessage === undefined ? undefined : { onMessage: answerMessage(gate) })
  }
  if (options.decorated !== undefined) {
    server.decorate("server", options.decorated, () => {})
  }
  const register = () => server.register({ plugin: plugin.plugin, options: { ...options.nes, ...hooks } })
  server.events.on({ name: "log", filter: "nes" }, (event) => {
    if (options.traces !== undefined || !event.tags.some((tag) => answered.has(tag))) {
      record("log", event.tags, event.error instanceof Error ? event.error.message : event.data)
    }
  })
  if (options.pluginLast === undefined) {
    await register()
  }
  await declareAuth(server, options, record, revoked)
  if (options.pluginLast !== undefined) {
    await register()
  }
  server.route(routes(record, gate))
  if (options.scheme !== undefined) {
    server.route(authRoutes)
  }
  registerSubscriptions(server, options.scheme !== undefined, record, gate)
  await server.start()
  const table = new Map<string, (...args: Array<unknown>) => unknown>(Object.entries(controls(server, revoked, gate)))
  return {
    server,
    url: `127.0.0.1:${server.info.port}`,
    control: (name, args) => {
      const control = table.get(name)
      if (control === undefined) {
        throw new Error(`no control ${name}`)
      }
      return control(...args)
    }
  }
}
