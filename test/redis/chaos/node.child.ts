/** A node of the cluster under test, on a port of its own, killed without warning: on the hapi door or on the other. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import type { NesServer } from "../../../src/index.js"
import { redis, RedisBroker } from "../../../src/redis.js"
import type { Options } from "../../../src/redis/RedisBroker.js"
import { serve } from "../../harness/ChildEndpoint.js"

const [, , address = "{}", door, skew = "0"] = process.argv

// No node's clock may matter to another.
const now = Date.now.bind(Date)
Date.now = () => now() + Number(skew)

const options: Options = { timeout: 500, ...JSON.parse(address) as Options }
const kept = { size: 5_000, age: 600_000 }
const short = { size: 3, age: 600_000 }
const heartbeat = { interval: 1_000, timeout: 500 }

// Each door loads what it needs, and no more.
const onHapi = async (): Promise<readonly [NesServer.Service["node"], number]> => {
  const [{ default: Hapi }, Nes] = await Promise.all([import("@hapi/hapi"), import("../../../src/hapi.js")])
  const server = Hapi.server({ host: "127.0.0.1", port: 0 })
  server.auth.scheme("named", () => ({
    authenticate: (request, h) => h.authenticated({ credentials: { user: request.headers["x-user"] } })
  }))
  server.auth.strategy("named", "named")
  await server.register({
    plugin: Nes.plugin,
    options: { heartbeat, auth: { index: true, route: "named" }, broker: redis(options) }
  })
  server.subscription("/kept/{id}", { recovery: kept })
  server.subscription("/short/{id}", { recovery: short })
  server.subscription("/plain/{id}", {})
  server.subscription("/own/{id}", { recovery: kept, auth: { index: true } })
  server.subscription("/room/{id}", { presence: { grace: 3_000 } })
  await server.start()
  return [server.plugins.nes.node, Number(server.info.port)]
}

const onEffect = async (): Promise<readonly [NesServer.Service["node"], number]> => {
  const [NodeHttpServer, Context, Effect, HttpServerRequest, Layer, References, Scope, nes] = await Promise.all([
    import("@effect/platform-node/NodeHttpServer"),
    import("effect/Context"),
    import("effect/Effect"),
    import("effect/http/HttpServerRequest"),
    import("effect/Layer"),
    import("effect/References"),
    import("effect/Scope"),
    import("../../../src/index.js")
  ])
  const { Authentication, NesHttpServer, NesServer } = nes
  const authenticate = Effect.map(HttpServerRequest.HttpServerRequest, ({ headers }) => ({
    credentials: { user: headers["x-user"] }
  }))
  const http = createServer()
  const live = Layer.mergeAll(
    NesHttpServer.layerSubscription("/kept/{id}", { recovery: kept }),
    NesHttpServer.layerSubscription("/short/{id}", { recovery: short }),
    NesHttpServer.layerSubscription("/plain/{id}"),
    NesHttpServer.layerSubscription("/own/{id}", { recovery: kept, auth: { index: true } }),
    NesHttpServer.layerSubscription("/room/{id}", { presence: { grace: 3_000 } })
  ).pipe(
    Layer.provideMerge(NesHttpServer.serve(Layer.empty, {
      server: http,
      heartbeat,
      auth: Authentication.make({ authenticate, index: true })
    })),
    Layer.provide(NodeHttpServer.layer(() => http, { port: 0, host: "127.0.0.1" })),
    Layer.provide(RedisBroker.layer(options)),
    Layer.provide(Layer.succeed(References.MinimumLogLevel, "None"))
  )
  const context = await Effect.runPromise(Layer.buildWithScope(live, Scope.makeUnsafe()))
  return [Context.get(context, NesServer.NesServer).node, (http.address() as AddressInfo).port]
}

const [node, port] = await (door === "effect" ? onEffect() : onHapi())

serve({
  port: () => port,
  id: () => node.id,
  publish: (path, message, user) => node.publish(String(path), message, user === undefined ? {} : { user }),
  present: async (path) => (await node.presence(String(path)).read()).users?.map(({ id }) => id),
  revoke: (user, path) => node.revoke({ user }, String(path), "revoked")
})
