/** The interop application on hapi 21, with the plugin named by the argument. */
import Boom from "@hapi/boom"
import * as Hapi from "@hapi/hapi"
import { serve } from "../../harness/ChildEndpoint.js"
import { hello, judge, long, password, userOf } from "./InteropApplication.js"
import { type Decorations, decorations, type Implementation, loadPlugin, type Socket } from "./Plugin.js"
import type { Command, ServerOptions } from "./ServerUnderTest.js"

const plugin = await loadPlugin(process.argv[2] as Implementation)
const servers: Array<Hapi.Server> = []

const routes: Array<Hapi.ServerRoute> = [
  { method: "GET", path: "/", options: { id: "hello" }, handler: () => hello },
  {
    method: "POST",
    path: "/echo",
    options: { id: "echo" },
    handler: (request) => ({ payload: request.payload, custom: request.headers["x-custom"] ?? null })
  },
  { method: "GET", path: "/item/{id}", handler: (request) => ({ id: request.params.id }) },
  { method: "GET", path: "/long", handler: () => long },
  { method: "GET", path: "/empty", handler: (_, h) => h.response().code(204) },
  {
    method: "GET",
    path: "/fail",
    handler: () => {
      throw Boom.forbidden("no")
    }
  },
  { method: "GET", path: "/headers", handler: (_, h) => h.response({ ok: true }).header("x-answer", "yes") },
  { method: "GET", path: "/me", handler: (request) => request.auth.credentials }
]

const start = async (options: ServerOptions): Promise<string> => {
  const server = Hapi.server({ port: 0, host: "127.0.0.1", debug: false })
  servers.push(server)
  await server.register({
    plugin: plugin.plugin,
    options: {
      headers: ["x-answer"],
      ...(options.heartbeat === undefined ? undefined : { heartbeat: options.heartbeat }),
      ...(options.maxChunkChars === undefined ? undefined : { payload: { maxChunkChars: options.maxChunkChars } }),
      ...(options.auth === undefined ? undefined : {
        auth: { type: options.auth, index: true, ...(options.auth === "direct" ? undefined : { password }) }
      }),
      onMessage: (_socket: Socket, message: unknown) => {
        if (message === "fail") {
          throw Boom.badRequest("bad")
        }
        return { echo: message }
      }
    }
  })
  if (options.auth !== undefined) {
    server.auth.scheme("custom", () => ({
      authenticate: (request, h) => {
        const credentials = userOf(request.headers.authorization)
        if (credentials === undefined) {
          throw Boom.unauthorized("Unknown user")
        }
        return h.authenticated({ credentials: { ...credentials, scope: [...credentials.scope] } })
      }
    }))
    server.auth.strategy("default", "custom")
    server.auth.default("default")
  }
  server.route(routes)
  const nes = decorations(server)
  nes.subscription("/o")
  nes.subscription("/item/{id}", {
    filter: (_path: string, message: unknown) => {
      const { isMatch, override } = judge(message)
      return override === undefined ? isMatch : { override }
    }
  })
  await server.start()
  return `ws://127.0.0.1:${server.info.port}`
}

const all = async (nes: Decorations, path?: string): Promise<ReadonlyArray<Socket>> => {
  const sockets: Array<Socket> = []
  await nes.eachSocket((socket) => {
    sockets.push(socket)
  }, path === undefined ? {} : { subscription: path })
  return sockets
}

const control = async (server: Hapi.Server, command: Command): Promise<unknown> => {
  const nes = decorations(server)
  switch (command.type) {
    case "publish":
      return void await nes.publish(command.path, command.message)
    case "broadcast":
      return void await nes.broadcast(command.message)
    case "revoke":
      return void await Promise.all(
        (await all(nes, command.path)).map((socket) => socket.revoke(command.path, command.message))
      )
    case "send":
      return void await Promise.all((await all(nes)).map((socket) => socket.send(command.message)))
    case "disconnect":
      return void await Promise.all((await all(nes)).map((socket) => socket.disconnect()))
    case "subscribers":
      return (await all(nes, command.path)).length
    case "sockets":
      return (await all(nes)).length
    default:
      throw new Error("no such command")
  }
}

serve({
  start: (options) => start(options as ServerOptions),
  control: (command) => servers[0] && control(servers[0], command as Command)
}, () => Promise.all(servers.map((server) => server.stop({ timeout: 100 }))))
