/**
 * What an operator sees: spans of one request, from the caller through the socket to the handler, on OpenTelemetry's
 * console exporter, and the metrics of client and server as Prometheus text.
 *
 *     node --import tsx examples/telemetry.ts
 */
import { Metrics, NodeSdk, Resource } from "@effect/opentelemetry"
import { HttpRouter, HttpServer, HttpServerResponse } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus"
import { ConsoleSpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import { Effect, Layer, Stream } from "effect"
import { NesClient, NesHttpServer, NesServer } from "effect-nes"
import { createServer } from "node:http"

const resource = { serviceName: "items" }

const router = HttpRouter.empty.pipe(
  HttpRouter.get("/item/5", Effect.withSpan(Effect.succeed(HttpServerResponse.unsafeJson({ id: 5 })), "look up item 5"))
)

const http = createServer()
const Server = NesHttpServer.serve(router, { server: http }).pipe(
  Layer.provideMerge(NodeHttpServer.layer(() => http, { port: 0, host: "localhost" }))
)

const Tracing = NodeSdk.layer(() => ({ resource, spanProcessor: new SimpleSpanProcessor(new ConsoleSpanExporter()) }))

/** The text that a route for Prometheus would answer with. */
const prometheus = Effect.gen(function*() {
  const producer = yield* Metrics.makeProducer
  const { resourceMetrics } = yield* Effect.promise(() => producer.collect())
  return new PrometheusSerializer().serialize(resourceMetrics)
}).pipe(Effect.provide(Resource.layer(resource)))

const program = Effect.gen(function*() {
  const url = yield* HttpServer.addressWith((address) =>
    Effect.succeed(address._tag === "TcpAddress" ? `ws://localhost:${address.port}` : "")
  )
  const nes = yield* NesClient.make({ url })
  const server = yield* NesServer.NesServer
  yield* Effect.withSpan(nes.request("/item/5"), "caller")

  yield* server.subscription("/item/{id}")
  const first = yield* Effect.fork(Stream.runHead(nes.subscribe("/item/5")))
  // The answer to a later call comes after the subscription's.
  yield* nes.request("/item/5")
  yield* server.publish("/item/5", { id: 5, status: "shipped" })
  yield* first

  console.log(yield* prometheus)
})

await Effect.runPromise(Effect.scoped(program).pipe(Effect.provide(Layer.provideMerge(Server, Tracing))))
