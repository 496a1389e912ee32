/** This package's server without hapi: an Effect router over sockets. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { NesHttpServer, NesServer } from "effect-nes"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { createServer } from "node:http"
import { large, small } from "./Application.mjs"
import { filters } from "./Filter.mjs"

const routes = Layer.mergeAll(
  HttpRouter.add("GET", "/small", Effect.sync(() => HttpServerResponse.jsonUnsafe({ ...small }))),
  HttpRouter.add("GET", "/large", Effect.sync(() => HttpServerResponse.jsonUnsafe({ ...large })))
)

/** @param {(path: string, message: unknown, options?: object) => Effect.Effect<void, unknown, NesServer.NesServer>} publish */
export const startWith = (publish) => async ({ filter, heartbeat = false, limits, maxChunkChars, subscription }) => {
  const server = createServer()
  const serving = NesHttpServer.serve(routes, { server, heartbeat, ...(limits && { limits }), maxChunkChars }).pipe(
    Layer.provideMerge(NodeHttpServer.layer(() => server, { host: "127.0.0.1", port: 0 }))
  )
  const subscriptions = subscription
    ? NesHttpServer.layerSubscription(subscription, filter ? { filter: filters[filter] } : {})
    : Layer.empty
  const runtime = ManagedRuntime.make(Layer.provideMerge(subscriptions, serving))
  const { address } = await runtime.runPromise(HttpServer.HttpServer)
  return {
    port: address.port,
    publish: (path, message, options) => void runtime.runFork(publish(path, message, options))
  }
}

export const start = startWith((path, message, options) =>
  NesServer.NesServer.use((nes) => nes.publish(path, message, options))
)
