/** Spans of the client: one for each call where a tracer looks, and none where nobody does. */
import { expect, it } from "@effect/vitest"
import Hapi from "@hapi/hapi"
import { Effect, Layer, Tracer } from "effect"
import * as NesClient from "../../src/client/NesClient.js"
import * as Nes from "../../src/hapi.js"
import { RawServer } from "../harness/RawServer.js"

const server = Effect.acquireRelease(
  Effect.promise(async () => {
    const server = Hapi.server({ port: 0 })
    await server.register({ plugin: Nes.plugin, options: { onMessage: (_socket, message) => message } })
    server.route({
      method: "GET",
      path: "/headers",
      handler: (request) => ({
        traceparent: request.headers.traceparent ?? null,
        own: request.headers["x-own"] ?? null
      })
    })
    await server.start()
    return server
  }),
  (server) => Effect.promise(() => server.stop())
)

const Live = Layer.unwrap(
  Effect.map(server, ({ info }) => NesClient.layer({ url: info.uri.replace("http", "ws") }))
)

const recording = () => {
  const spans: Array<Tracer.Span> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = Tracer.nativeTracer.span(options)
      spans.push(span)
      return span
    }
  })
  return { spans, layer: Layer.succeed(Tracer.Tracer, tracer) }
}

it.live("a request's span reaches the handler as traceparent, inside the caller's own span", () => {
  const { layer, spans } = recording()
  return Effect.gen(function*() {
    const nes = yield* NesClient.NesClient
    const { payload } = yield* nes.request({ path: "/headers", headers: { "x-own": "kept" } }).pipe(
      Effect.withSpan("caller")
    )
    const caller = spans.find(({ name }) => name === "caller")
    const request = spans.find(({ name }) => name === "nes.request GET")
    expect(request).toMatchObject({ kind: "client", traceId: caller?.traceId, status: { _tag: "Ended" } })
    expect(request?.parent).toMatchObject({ value: { spanId: caller?.spanId } })
    expect(payload).toEqual({ traceparent: `00-${request?.traceId}-${request?.spanId}-01`, own: "kept" })

    yield* nes.message("hello")
    expect(spans.map(({ name }) => name)).toEqual(["nes.connect", "caller", "nes.request GET", "nes.message"])
  }).pipe(Effect.provide(Layer.provideMerge(Live, layer)))
})

it.live("without a tracer nothing is added to a request", () =>
  Effect.gen(function*() {
    const nes = yield* NesClient.NesClient
    const { payload } = yield* nes.request("/headers")
    expect(payload).toEqual({ traceparent: null, own: null })
  }).pipe(Effect.provide(Live)))

it.live("a server that offers to trace is told the span of a message and a subscription, any other is not", () =>
  Effect.gen(function*() {
    const raw = yield* Effect.acquireRelease(
      Effect.promise(() => RawServer.start()),
      (server) => Effect.promise(() => server.stop())
    )
    for (const extensions of [[], ["trace"]]) {
      const next = raw.next()
      const told = Effect.promise(async () => {
        const socket = await next
        await socket.accept({ extensions })
        return [await socket.answer("message"), await socket.answer("sub")].map(({ traceparent }) => typeof traceparent)
      })
      const calls = Effect.gen(function*() {
        const nes = yield* NesClient.make({ url: raw.url, connect: "required" })
        yield* nes.message("hello")
        yield* Effect.asVoid(nes.subscribed("/a"))
      })
      const [types] = yield* Effect.all([told, Effect.scoped(calls)], { concurrency: 2 })
      expect(types).toEqual(Array.from({ length: 2 }, () => extensions.length > 0 ? "string" : "undefined"))
    }
  }).pipe(Effect.provide(recording().layer)))
