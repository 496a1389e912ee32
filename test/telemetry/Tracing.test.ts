/** One request is one trace: the caller, the client, the socket, the handler. */
import { expect, it } from "@effect/vitest"
import { Effect, Layer, Option, Tracer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { NesClient, NesServer } from "../../src/index.js"
import { address, serving } from "../http/Serving.js"

const recording = () => {
  const spans: Array<Tracer.Span> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { spans, layer: Layer.succeed(Tracer.Tracer, tracer) }
}

const router = HttpRouter.add(
  "GET",
  "/item",
  Effect.withSpan(Effect.succeed(HttpServerResponse.jsonUnsafe({ id: 5 })), "look up the item")
)

it.live("from the caller through client and socket to the handler", () => {
  const { layer, spans } = recording()
  return Effect.gen(function*() {
    const nes = yield* NesClient.make({ url: `ws:${yield* address}` })
    expect((yield* Effect.withSpan(nes.request("/item"), "caller")).payload).toEqual({ id: 5 })

    const innermost = spans.find(({ name }) => name === "look up the item")
    const tree: Array<string> = []
    let span: Tracer.AnySpan | undefined = innermost
    while (span) {
      const { spanId }: Tracer.AnySpan = span
      const known: Tracer.Span | undefined = spans.find((each) => each.spanId === spanId)
      tree.unshift(`${known?.name} (${known?.kind})`)
      span = known && Option.getOrUndefined(known.parent)
    }
    expect(tree).toEqual([
      "caller (internal)",
      "nes.request GET (client)",
      "nes.request GET (server)",
      "GET (server)",
      "look up the item (internal)"
    ])
    expect(new Set(spans.filter(({ name }) => /request|caller|item/.test(name)).map(({ traceId }) => traceId)).size)
      .toBe(1)
    expect(spans.every(({ status }) => status._tag === "Ended")).toBe(true)
  }).pipe(Effect.provide(Layer.provideMerge(serving(router), layer)))
})

it.live("hellos and publishes have spans of their own", () => {
  const { layer, spans } = recording()
  return Effect.gen(function*() {
    yield* NesClient.make({ url: `ws:${yield* address}` })
    const server = yield* NesServer.NesServer
    yield* server.subscription("/news")
    yield* server.publish("/news", "a")
    const [connection] = yield* server.connections
    expect(spans.find(({ name }) => name === "nes.hello")?.attributes.get("nes.socket.id")).toBe(connection?.id)
    expect(spans.find(({ name }) => name === "nes.publish")?.attributes.get("nes.path")).toBe("/news")
  }).pipe(Effect.provide(Layer.provideMerge(serving(router), layer)))
})
