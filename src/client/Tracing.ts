/** Spans of the client's calls, and how they reach the server. */
import * as Effect from "effect/Effect"
import * as Tracing from "../protocol/Tracing.js"
import type { RequestOptions } from "./Request.js"

/**
 * Runs a request in a span, and hands the span's place in the trace on to the server (W3C Trace Context,
 * `traceparent`).
 */
export const request = <A, E, R>(
  options: string | RequestOptions,
  run: (options: string | RequestOptions) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.flatMap(Tracing.isEnabled, (enabled) => {
    if (!enabled) {
      return run(options)
    }
    const request = typeof options === "string" ? { path: options } : options
    const { method = "GET", path } = request
    return Effect.useSpan(
      `nes.request ${method}`,
      { kind: "client", attributes: { "nes.path": Tracing.withoutQuery(path), "http.request.method": method } },
      (span) => run({ ...request, headers: { ...request.headers, traceparent: Tracing.traceparentOf(span) } })
    )
  })

/** Runs what subscribes to a path in a span, where a tracer looks: the buffer tells the server of it. */
export const subscribing = <A, E, R>(path: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(
    Tracing.isEnabled,
    (enabled) =>
      enabled
        ? Effect.useSpan(
          "nes.subscribe",
          { kind: "client", attributes: { "nes.path": path } },
          (span) => Effect.withParentSpan(effect, span)
        )
        : effect
  )
