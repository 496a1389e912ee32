/** The types of the hapi door: plugin code as it was written in JavaScript compiles, and what is wrong does not. */
import type { Plugin, Request, Server, UserCredentials } from "@hapi/hapi"
import * as Effect from "effect/Effect"
import { expectTypeOf, test } from "vitest"
import type * as Plain from "../../src/client/Client.js"
import NesDefault, * as Nes from "../../src/hapi.js"

declare module "../../src/hapi.js" {
  interface SocketApplicationState {
    bids?: number
  }
}

declare const server: Server

test("registration: the module, its default, its plugin, with and without options", () => {
  void server.register(Nes)
  void server.register(NesDefault)
  void server.register(Nes.plugin)
  void server.register([{ plugin: Nes, options: { heartbeat: false } }])
  void server.register({ plugin: Nes.plugin, options: { auth: { type: "cookie", password: Buffer.alloc(32) } } })
  void server.register({ plugin: NesDefault, options: { headers: "*", origin: ["https://example.com"] } })
  void server.register({ plugin: Nes, options: { payload: { maxChunkChars: 1000 }, maxConnections: false } })
  expectTypeOf(Nes.plugin).toExtend<Plugin<Nes.PluginOptions>>()
})

test("the hooks of the plugin infer, in both styles", () => {
  const promises: Nes.PluginOptions = {
    onConnection: async (socket) => {
      expectTypeOf(socket).toEqualTypeOf<Nes.Socket>()
      await socket.send({ welcome: socket.id })
    },
    onDisconnection: (socket) => console.log(socket.id),
    onMessage: async (socket, message) => {
      expectTypeOf(message).toEqualTypeOf<unknown>()
      return { from: socket.id, message }
    }
  }
  const callbacks: Nes.PluginOptions = {
    onConnection(socket) {
      socket.send("welcome", (err) => {
        expectTypeOf(err).toEqualTypeOf<Error | undefined>()
      })
    },
    onMessage(socket, message, next) {
      if (message === "bye") {
        return socket.disconnect(() => next())
      }
      return next({ message })
    }
  }
  const effects: Nes.PluginOptions = {
    onConnection: () => Effect.void,
    onMessage: (_socket, message) => Effect.succeed({ message })
  }
  void server.register({ plugin: Nes, options: promises })
  void server.register({ plugin: Nes, options: callbacks })
  void server.register({ plugin: Nes, options: effects })
})

test("the hooks of a subscription infer, in both styles", () => {
  server.subscription("/plain")
  server.subscription("/promises/{id}", {
    filter: async (path, message, { credentials, internal, params, socket }) => {
      expectTypeOf(path).toEqualTypeOf<string>()
      expectTypeOf(message).toEqualTypeOf<unknown>()
      expectTypeOf(credentials).toEqualTypeOf<Nes.SocketCredentials | null>()
      expectTypeOf(internal).toEqualTypeOf<unknown>()
      expectTypeOf(params.id).toEqualTypeOf<string | undefined>()
      return socket.isOpen() && { override: { id: params.id } }
    },
    auth: { mode: "optional", scope: ["a", "+{params.id}"], entity: "user", index: true },
    onSubscribe: async (socket, path, params) => {
      expectTypeOf(params.id).toEqualTypeOf<string | undefined>()
      await socket.publish(path, "welcome")
    },
    onUnsubscribe: async (socket) => {
      socket.app.bids = 0
    }
  })
  server.subscription("/callbacks/{id}", {
    filter(_path, message, options, next) {
      if (options.internal === message) {
        return next(false)
      }
      return next(true, { override: options.params.id })
    },
    auth: false,
    onSubscribe(_socket, _path, params, next) {
      return params.id === "none" ? next(new Error("none")) : next()
    },
    onUnsubscribe(_socket, _path, _params, next) {
      setImmediate(next)
    }
  })
  server.subscription("/effects", { filter: () => Effect.succeed(true), onSubscribe: () => Effect.void })
})

test("the decorations", () => {
  expectTypeOf(server.publish("/item/5", { id: 5 }, { internal: 1, user: "john" })).toEqualTypeOf<Promise<void>>()
  expectTypeOf(server.broadcast("news", { user: "john" })).toEqualTypeOf<Promise<void>>()
  expectTypeOf(server.eachSocket((socket) => socket.send("news"), { subscription: "/item/5", user: "john" }))
    .toEqualTypeOf<Promise<void>>()
  expectTypeOf<ReturnType<Server["subscription"]>>().toEqualTypeOf<void>()
  expectTypeOf<Request["socket"]>().toEqualTypeOf<Nes.Socket | null>()
  server.route({
    method: "GET",
    path: "/",
    handler: (request) => ({ id: request.socket?.id ?? null, bids: request.socket?.app.bids ?? 0 })
  })
})

test("the members of a socket", () => {
  const use = (socket: Nes.Socket): void => {
    expectTypeOf(socket.id).toEqualTypeOf<string>()
    expectTypeOf(socket.app.bids).toEqualTypeOf<number | undefined>()
    expectTypeOf(socket.app.anything).toEqualTypeOf<unknown>()
    expectTypeOf(socket.auth.isAuthenticated).toEqualTypeOf<boolean>()
    expectTypeOf(socket.auth.credentials).toEqualTypeOf<Nes.SocketCredentials | null>()
    expectTypeOf(socket.auth.credentials?.user).toExtend<UserCredentials | undefined>()
    expectTypeOf(socket.auth.credentials?.anything).toEqualTypeOf<unknown>()
    expectTypeOf(socket.auth.strategy).toEqualTypeOf<string | undefined>()
    expectTypeOf(socket.server).toEqualTypeOf<Server>()
    expectTypeOf(socket.connection).toEqualTypeOf<Server>()
    expectTypeOf(socket.info.remoteAddress).toEqualTypeOf<string | undefined>()
    expectTypeOf(socket.info["x-forwarded-for"]).toEqualTypeOf<string | undefined>()
    expectTypeOf(socket.isOpen()).toEqualTypeOf<boolean>()
    expectTypeOf(socket.send({})).toEqualTypeOf<Promise<void>>()
    expectTypeOf(socket.publish("/", 1, () => {})).toEqualTypeOf<void>()
    expectTypeOf(socket.disconnect(() => {})).toEqualTypeOf<void>()
    expectTypeOf(socket.disconnect()).toEqualTypeOf<Promise<void>>()
    expectTypeOf(socket.revoke("/", null, { ignoreClosed: true })).toEqualTypeOf<Promise<void>>()
    socket.revoke("/", null, (err) => console.log(err))
    socket.revoke("/", null, { ignoreClose: true }, (err) => console.log(err))
  }
  expectTypeOf(use).toBeFunction()
})

/** Each of these is wrong, and must not compile. */
export const refusals = (socket: Nes.Socket): void => {
  // @ts-expect-error there is no such option
  void server.register({ plugin: Nes, options: { heartbeats: false } })
  // @ts-expect-error there is no such type of authentication
  void server.register({ plugin: Nes, options: { auth: { type: "basic" } } })
  // @ts-expect-error `auth: true` says nothing
  void server.register({ plugin: Nes, options: { auth: true } })
  // @ts-expect-error an interval is a number of milliseconds
  void server.register({ plugin: Nes, options: { heartbeat: { interval: "15s" } } })
  // @ts-expect-error a message may be anything: its type has to be found out
  void server.register({ plugin: Nes, options: { onMessage: (_socket, message) => message.text } })
  // @ts-expect-error a filter answers whether, or { override }
  server.subscription("/", { filter: () => "yes" })
  // @ts-expect-error isMatch is a boolean
  server.subscription("/", { filter: (_path, _message, _options, next) => next("yes") })
  // @ts-expect-error hapi's mode 'try' makes no sense here
  server.subscription("/", { auth: { mode: "try" } })
  // @ts-expect-error no such entity
  server.subscription("/", { auth: { entity: "group" } })
  // @ts-expect-error a subscription has a path
  server.subscription({ filter: () => true })
  // @ts-expect-error a path is a string
  void server.publish(5, "message")
  // @ts-expect-error no such option
  void server.broadcast("message", { users: ["john"] })
  // @ts-expect-error the state of another module's making
  socket.app.bids = "three"
  // @ts-expect-error an id is given
  socket.id = "mine"
  // @ts-expect-error the path comes first
  void socket.publish({ message: 1 })
  // @ts-expect-error over HTTP there is no socket
  server.route({ method: "GET", path: "/", handler: (request) => request.socket.id })
}

test("the type names of @hapi/nes 14, by themselves and in the namespace Nes", () => {
  type Names = [
    Nes.ClientConnectOptions,
    Nes.ClientOpts,
    Nes.ClientRequestOptions,
    Nes.ErrorCodes,
    Nes.ErrorType,
    Nes.NesError,
    Nes.NesLog,
    Nes.NesReqRes<{ readonly id: number }>,
    Nes.NesSubHandler,
    Nes.SocketAuthObject
  ]
  expectTypeOf<Nes.Nes.ErrorType>().toEqualTypeOf<"disconnect" | "protocol" | "server" | "timeout" | "user" | "ws">()
  expectTypeOf<NesDefault.NesLog>().toEqualTypeOf<Nes.NesLog>()
  expectTypeOf<Names[3][1000]>().toEqualTypeOf<"Normal closure">()
  expectTypeOf(Nes.Nes.Client).toEqualTypeOf(Nes.Client)
})

test("errors, answers and a socket's state as @hapi/nes 14 types them", () => {
  const client = new Nes.Client("ws://localhost")
  client.onError = (error) => {
    expectTypeOf(error.statusCode).toEqualTypeOf<number | undefined>()
    expectTypeOf(error.path).toEqualTypeOf<string | undefined>()
    expectTypeOf(error.data).toBeAny()
    expectTypeOf(error.headers).toBeAny()
    expectTypeOf(error._tag === "ServerError" ? error.statusCode : 0).toEqualTypeOf<number>()
  }
  client.onError = (error: Nes.NesError) => console.error(error)
  client.onError = (error: Error) => console.error(error)
  expectTypeOf(client.request("/")).resolves.toHaveProperty("headers").toBeAny()
  const use = (socket: Nes.Socket): void => {
    socket.app = { bids: 1 }
    socket.auth.isAuthenticated = false
    socket.auth.credentials = null
    socket.auth.artifacts = null
  }
  expectTypeOf(use).toBeFunction()
})

test("request<R>() and message<R>() as @hapi/nes 14 types them", () => {
  const client = new Nes.Client("ws://localhost")
  expectTypeOf(client.request<{ readonly id: number }>("/")).resolves.toEqualTypeOf<
    Nes.NesReqRes<{ readonly id: number }>
  >()
  expectTypeOf(client.message<{ readonly payload: string }>(1)).resolves.toEqualTypeOf<{ readonly payload: string }>()
  expectTypeOf(client.request("/")).resolves.toHaveProperty("payload").toBeAny()
  expectTypeOf(client.message(1)).resolves.toHaveProperty("payload").toBeAny()
  expectTypeOf(client).toExtend<Plain.Client>()
  class Mine extends Nes.Client {}
  expectTypeOf(new Mine("ws://localhost").message<string>(1)).resolves.toEqualTypeOf<string>()
})
