/** The interop application on hapi 16 with nes 6, in the callback style of its day. */
import { createRequire } from "node:module"
import { serve } from "../../harness/ChildEndpoint.js"
import { hello, judge, long, password, userOf } from "./InteropApplication.js"
import type { Command, ServerOptions } from "./ServerUnderTest.js"

type Callback<A = void> = (error: Error | null | undefined, value: A) => void

/** As much of hapi 16 and nes 6 as is used here; neither brings types. */
interface Reply {
  (value?: unknown): Response
  continue(result: { readonly credentials: unknown }): void
}

interface Response {
  code(status: number): Response
  header(name: string, value: string): Response
}

interface Request {
  readonly payload: unknown
  readonly headers: Readonly<Record<string, unknown>>
  readonly params: Readonly<Record<string, unknown>>
  readonly auth: { readonly credentials: unknown }
}

interface Socket {
  send(message: unknown, callback: Callback): void
  revoke(path: string, message: unknown, callback: Callback): void
  disconnect(callback: () => void): void
}

interface Server {
  readonly info: { readonly port: number }
  readonly auth: {
    scheme(name: string, scheme: () => { authenticate(request: Request, reply: Reply): void }): void
    strategy(name: string, scheme: string): void
    default(name: string): void
  }
  connection(options: object): void
  register(plugin: object, callback: Callback): void
  route(routes: ReadonlyArray<object>): void
  start(callback: Callback): void
  stop(options: object, callback: Callback): void
  subscription(path: string, options?: object): void
  publish(path: string, message: unknown): void
  broadcast(message: unknown): void
  eachSocket(each: (socket: Socket) => void, options?: object): void
}

interface Boom {
  forbidden(message: string): Error
  badRequest(message: string): Error
  unauthorized(message: string): Error
}

const require = createRequire(import.meta.url)
const hapi = require("hapi") as { readonly Server: new(options: object) => Server }
// hapi 16's own: what another version makes is no Boom to it.
const boom = createRequire(require.resolve("hapi"))("boom") as Boom
const plugin: unknown = require("nes")

const servers: Array<Server> = []

const promised = <A>(call: (callback: Callback<A>) => void): Promise<A> =>
  new Promise((resolve, reject) => call((error, value) => (error ? reject(error) : resolve(value))))

const routes = [
  { method: "GET", path: "/", config: { id: "hello" }, handler: (_: Request, reply: Reply) => reply(hello) },
  {
    method: "POST",
    path: "/echo",
    config: { id: "echo" },
    handler: (request: Request, reply: Reply) =>
      reply({ payload: request.payload, custom: request.headers["x-custom"] ?? null })
  },
  {
    method: "GET",
    path: "/item/{id}",
    handler: (request: Request, reply: Reply) => reply({ id: request.params.id })
  },
  { method: "GET", path: "/long", handler: (_: Request, reply: Reply) => reply(long) },
  { method: "GET", path: "/empty", handler: (_: Request, reply: Reply) => reply().code(204) },
  { method: "GET", path: "/fail", handler: (_: Request, reply: Reply) => reply(boom.forbidden("no")) },
  {
    method: "GET",
    path: "/headers",
    handler: (_: Request, reply: Reply) => reply({ ok: true }).header("x-answer", "yes")
  },
  { method: "GET", path: "/me", handler: (request: Request, reply: Reply) => reply(request.auth.credentials) }
]

const start = async (options: ServerOptions): Promise<string> => {
  const server = new hapi.Server({ debug: false })
  servers.push(server)
  server.connection({ port: 0, host: "127.0.0.1" })
  const registration = {
    register: plugin,
    options: {
      headers: ["x-answer"],
      ...(options.heartbeat === undefined ? undefined : { heartbeat: options.heartbeat }),
      ...(options.maxChunkChars === undefined ? undefined : { payload: { maxChunkChars: options.maxChunkChars } }),
      ...(options.auth === undefined ? undefined : {
        auth: { type: options.auth, index: true, ...(options.auth === "direct" ? undefined : { password }) }
      }),
      onMessage: (_socket: Socket, message: unknown, next: (answer: unknown) => void) =>
        next(message === "fail" ? boom.badRequest("bad") : { echo: message })
    }
  }
  if (options.auth !== undefined) {
    server.auth.scheme("custom", () => ({
      authenticate: (request, reply) => {
        const credentials = userOf(request.headers.authorization)
        if (credentials === undefined) {
          reply(boom.unauthorized("Unknown user"))
        } else {
          reply.continue({ credentials })
        }
      }
    }))
    server.auth.strategy("default", "custom")
    server.auth.default("default")
  }
  await promised<void>((callback) => server.register(registration, callback))
  server.route(routes)
  server.subscription("/o")
  server.subscription("/item/{id}", {
    filter: (
      _path: string,
      message: unknown,
      _options: object,
      next: (isMatch: boolean, override?: unknown) => void
    ) => {
      const { isMatch, override } = judge(message)
      next(isMatch, override)
    }
  })
  await promised<void>((callback) => server.start(callback))
  return `ws://127.0.0.1:${server.info.port}`
}

const all = (server: Server, path?: string): ReadonlyArray<Socket> => {
  const sockets: Array<Socket> = []
  server.eachSocket((socket) => sockets.push(socket), path === undefined ? {} : { subscription: path })
  return sockets
}

const toAll = (sockets: ReadonlyArray<Socket>, call: (socket: Socket, callback: Callback) => void): Promise<unknown> =>
  Promise.all(sockets.map((socket) => promised<void>((callback) => call(socket, callback))))

const control = (server: Server, command: Command): unknown => {
  switch (command.type) {
    case "publish":
      return server.publish(command.path, command.message)
    case "broadcast":
      return server.broadcast(command.message)
    case "revoke":
      return toAll(
        all(server, command.path),
        (socket, callback) => socket.revoke(command.path, command.message, callback)
      )
    case "send":
      return toAll(all(server), (socket, callback) => socket.send(command.message, callback))
    case "disconnect":
      return toAll(all(server), (socket, callback) => socket.disconnect(() => callback(null, undefined)))
    case "subscribers":
      return all(server, command.path).length
    case "sockets":
      return all(server).length
    default:
      throw new Error("no such command")
  }
}

serve({
  start: (options) => start(options as ServerOptions),
  control: async (command) => {
    const answer = servers[0] && await control(servers[0], command as Command)
    return typeof answer === "number" ? answer : undefined
  }
}, () => Promise.all(servers.map((server) => promised<void>((callback) => server.stop({ timeout: 100 }, callback)))))
