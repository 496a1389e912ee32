/** The span of a request, and how it reaches the server. */
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
