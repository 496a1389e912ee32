/**
 * What an operator sees: the spans of one request, from the caller through the socket to the handler, as a collector gets
 * them by OTLP (give its address as `OTEL_EXPORTER_OTLP_ENDPOINT`, or see them here), and the metrics of client and server
 * as Prometheus text.
 *
 *     node --import tsx examples/telemetry.ts
 */
import { Effect, Layer, Schema, Stream } from "effect"
import { Contract, ContractClient, ContractServer, NesClient, NesHttpServer } from "effect-nes"
import { FetchHttpClient, HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { OtlpSerialization, OtlpTracer, PrometheusMetrics } from "effect/observability"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { json } from "node:stream/consumers"

const Item = Contract.subscription("/item/{id}", {
  message: Schema.Struct({ id: Schema.Number, status: Schema.String })
})

const routes = Layer.merge(
  HttpRouter.add(
    "GET",
    "/item/5",
    Effect.withSpan(Effect.succeed(HttpServerResponse.jsonUnsafe({ id: 5 })), "look up")
  ),
  PrometheusMetrics.layerHttp({ path: "/metrics" })
)

const Server = NesHttpServer.layerNode(routes, { host: "localhost" })

/** Stands for a collector, where there is none: it prints the spans that it is sent. */
const collector = Effect.acquireRelease(
  Effect.promise(async () => {
    const server = createServer(async (request, response) => {
      const { resourceSpans } = await json(request) as OtlpTracer.TraceData
      for (const { name, traceId } of resourceSpans.flatMap((_) => _.scopeSpans).flatMap((_) => _.spans)) {
        console.log(`span ${traceId} ${name}`)
      }
      response.end()
    })
    await once(server.listen(0, "localhost"), "listening")
    return server
  }),
  (server) => Effect.promise(() => new Promise((resolve) => server.close(resolve)))
)

const Tracing = Layer.unwrap(Effect.gen(function*() {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: given } = process.env
  const endpoint = given ?? `http://localhost:${((yield* collector).address() as AddressInfo).port}`
  return OtlpTracer.layer({ url: `${endpoint}/v1/traces`, resource: { serviceName: "items" } })
})).pipe(Layer.provide([OtlpSerialization.layerJson, FetchHttpClient.layer]))

const program = Effect.gen(function*() {
  const url = yield* HttpServer.addressFormattedWith(Effect.succeed)
  const nes = yield* NesClient.make({ url: url.replace("http", "ws") })
  yield* Effect.withSpan(nes.request("/item/5"), "caller")

  yield* ContractServer.subscription(Item)
  const updates = yield* ContractClient.make(nes).subscribed(Item, { id: 5 })
  yield* ContractServer.publish(Item, { id: 5 }, { id: 5, status: "shipped" })
  yield* Stream.runHead(updates)

  console.log(yield* Effect.promise(async () => (await fetch(`${url}/metrics`)).text()))
})

await Effect.runPromise(Effect.scoped(program).pipe(Effect.provide(Layer.provideMerge(Server, Tracing))))
