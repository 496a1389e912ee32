/** A collector of spans, which Effect's own exporter sends by OTLP over HTTP, and the trees that they make. */
import { Context, Effect, Layer, Scope } from "effect"
import { FetchHttpClient } from "effect/http"
import { OtlpSerialization, OtlpTracer } from "effect/observability"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { json } from "node:stream/consumers"

type Span = OtlpTracer.TraceData["resourceSpans"][number]["scopeSpans"][number]["spans"][number]

/** Runs a program with a tracer, as a Layer; the spans that the collector has got when all has ended. */
export const collect = <A, E>(
  program: (tracer: Layer.Layer<never>) => Effect.Effect<A, E, Scope.Scope>
): Effect.Effect<ReadonlyArray<Span>, E> =>
  Effect.gen(function*() {
    const spans: Array<Span> = []
    const server = createServer((request, response) => {
      void json(request).then((data) => {
        spans.push(...(data as OtlpTracer.TraceData).resourceSpans.flatMap((each) => each.scopeSpans[0]?.spans ?? []))
        response.end("{}")
      })
    })
    yield* Effect.acquireRelease(
      Effect.promise(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))),
      () => Effect.promise(() => new Promise((resolve) => server.close(resolve)))
    )
    const exporter = OtlpTracer.layer({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`,
      resource: { serviceName: "test" }
    }).pipe(Layer.provide([OtlpSerialization.layerJson, FetchHttpClient.layer]))
    // One for all parts of the program.
    yield* Effect.scoped(Effect.flatMap(
      Layer.build(exporter),
      (tracer) =>
        Effect.scoped(program(Layer.succeedContext(Context.omit(Scope.Scope)(tracer) as Context.Context<never>)))
    ))
    return spans
  }).pipe(Effect.scoped)

const marks = ["", "", " (server)", " (client)", " (producer)", " (consumer)"]

/** Each span as its way from the root of its trace; a parent that was never collected is `?`. */
export const paths = (spans: ReadonlyArray<Span>): ReadonlyArray<string> => {
  const byId = new Map(spans.map((span) => [span.spanId, span]))
  const path = ({ kind, name, parentSpanId, traceId }: Span): string => {
    const parent = parentSpanId === undefined ? undefined : byId.get(parentSpanId)
    const own = `${name}${marks[kind] ?? ""}`
    if (parent !== undefined && parent.traceId !== traceId) {
      return `another trace > ${own}`
    }
    return parent === undefined ? (parentSpanId ? `? > ${own}` : own) : `${path(parent)} > ${own}`
  }
  return spans.map(path)
}

/** What a span is part of and how it ends: spans of waiting callers last as long as what they wait for. */
export const outlived = (spans: ReadonlyArray<Span>): ReadonlyArray<string> => {
  const byId = new Map(spans.map((span) => [span.spanId, span]))
  return spans.flatMap((span) => {
    const parent = byId.get(span.parentSpanId ?? "")
    return parent !== undefined && BigInt(span.endTimeUnixNano) > BigInt(parent.endTimeUnixNano)
      ? [`${span.name} outlives ${parent.name}`]
      : []
  })
}
