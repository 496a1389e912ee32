/**
 * A server without hapi, complete: an Effect application over HTTP and over sockets on one port, with authentication by
 * token, a guarded subscription, presence by hooks, and a graceful end on Ctrl-C.
 *
 *     PORT=8000 node --import tsx examples/effect-server.ts
 */
import { NodeRuntime } from "@effect/platform-node"
import { Config, Context, Effect, Layer, Ref, Schema } from "effect"
import { Authentication, NesHttpServer, NesServer, Refusal, Socket } from "effect-nes"
import { HttpMiddleware, HttpRouter, HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"

/** The items there are; handlers and hooks require it like any other service. */
class Items extends Context.Service<Items, Ref.Ref<ReadonlyMap<string, string>>>()("Items") {
  static readonly Live = Layer.effect(Items, Ref.make<ReadonlyMap<string, string>>(new Map([["5", "new"]])))
}

const passwords: Readonly<Record<string, string>> = { john: "secret", jane: "hidden" }

/** Basic authentication. The same Effect serves the login endpoint and, by `Authentication.middleware`, plain HTTP. */
const authenticate = Effect.gen(function*() {
  const { headers } = yield* HttpServerRequest.HttpServerRequest
  const encoded = headers.authorization?.replace(/^Basic /, "") ?? ""
  const [user = "", password] = Buffer.from(encoded, "base64").toString().split(":")
  if (!Object.hasOwn(passwords, user) || passwords[user] !== password) {
    return yield* Refusal.unauthorized("Unknown user or wrong password")
  }
  return { credentials: { user } }
})

const auth = Authentication.make({ type: "token", authenticate, index: true })

const item = HttpRouter.schemaPathParams(Schema.Struct({ id: Schema.String }))

const getItem = Effect.gen(function*() {
  const { id } = yield* item
  const status = (yield* Ref.get(yield* Items)).get(id)
  return status === undefined
    ? yield* Refusal.notFound(`There is no item ${id}`)
    : HttpServerResponse.jsonUnsafe({ id, status })
})

/** Whoever changes an item tells all who are subscribed to it. */
const putItem = Effect.gen(function*() {
  const { id } = yield* item
  const { user } = yield* Socket.credentials
  const { status } = yield* HttpServerRequest.schemaBodyJson(Schema.Struct({ status: Schema.String }))
  yield* Ref.update(yield* Items, (items) => new Map(items).set(id, status))
  const nes = yield* NesServer.NesServer
  yield* nes.publish(`/item/${id}`, { id, status, by: user })
  return HttpServerResponse.jsonUnsafe({ id, status })
})

const routes = Layer.mergeAll(
  HttpRouter.add("GET", "/item/:id", getItem),
  HttpRouter.add("PUT", "/item/:id", putItem)
).pipe(
  Layer.provide(HttpRouter.middleware(Authentication.middleware(auth)).layer),
  Layer.merge(HttpRouter.add("GET", "/nes/auth", auth.login))
)

const Serving = NesHttpServer.layerNodeConfig(routes, {
  auth,
  middleware: HttpMiddleware.logger,
  onConnection: (socket) => Effect.log(`${String(socket.auth.credentials?.user)} is here`),
  onDisconnection: (socket) => Effect.log(`${String(socket.auth.credentials?.user)} has left`),
  onMessage: (socket, message) =>
    message === "ping" ? Effect.succeed("pong") : Refusal.badRequest(`Socket ${socket.id} only gets an answer to ping`)
}, {
  port: Config.Int("PORT").pipe(Config.withDefault(8000)),
  host: Config.succeed("localhost"),
  maxConnections: Config.Int("MAX_CONNECTIONS").pipe(Config.withDefault(10_000))
})

/** Only items that exist can be subscribed to. */
const ItemUpdates = NesHttpServer.layerSubscription("/item/{id}", {
  onSubscribe: (_socket, _path, { id = "" }) =>
    Effect.gen(function*() {
      const items = yield* Ref.get(yield* Items)
      return items.has(id) ? undefined : yield* Refusal.notFound(`There is no item ${id}`)
    })
})

const Main = Layer.merge(ItemUpdates, Layer.effectDiscard(HttpServer.logAddress)).pipe(
  Layer.provide(Serving),
  Layer.provide(Items.Live)
)

NodeRuntime.runMain(Layer.launch(Main))
