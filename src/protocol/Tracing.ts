/** What both sides need to know of spans: whether anybody looks at them, and how they travel. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Tracer from "effect/Tracer"

/** Whether a tracer is in force other than Effect's own, whose spans go nowhere: a span costs more than a call. */
export const isEnabled: Effect.Effect<boolean> = Effect.map(Effect.tracer, (tracer) => looks(tracer))

const looks = (tracer: Tracer.Tracer): boolean => tracer !== Tracer.nativeTracer

/** The present services, for what outlives the span that it is made in. */
export const rootless = <R = never>(): Effect.Effect<Context.Context<R>, never, R> =>
  Effect.map(Effect.context<R>(), (context) => Context.omit(Tracer.ParentSpan)(context) as Context.Context<R>)

/** Does something in a span, whose `traceparent` it is given to hand on; without either where no tracer looks. */
export const carrying = <A, E, R>(
  name: string,
  kind: Tracer.SpanKind,
  attributes: Readonly<Record<string, unknown>>,
  work: (traceparent: string | undefined) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) =>
    looks(fiber.getRef(Tracer.Tracer))
      ? Effect.useSpan(name, { kind, attributes }, (span) => Effect.withParentSpan(work(traceparentOf(span)), span))
      : work(undefined)
  )

/** The place of a span in its trace (W3C Trace Context); `effect/http` has it only with all of its headers. */
export const traceparentOf = ({ sampled, spanId, traceId }: Tracer.AnySpan): string =>
  `00-${traceId.padStart(32, "0")}-${spanId}-${sampled ? "01" : "00"}`

/** The place of the span that a fiber is in, where a tracer looks. */
export const presentIn = (fiber: Fiber.Fiber<unknown, unknown>): string | undefined =>
  fiber.cache.span && looks(fiber.getRef(Tracer.Tracer)) ? traceparentOf(fiber.cache.span) : undefined

const traceparent = /^00-(?!0+-)([0-9a-f]{32})-(?!0+-)([0-9a-f]{16})-([0-9a-f]{2})$/

/** The span that a `traceparent` names; `undefined` for whatever is none. */
export const parentOf = (header: unknown): Tracer.ExternalSpan | undefined => {
  const [, traceId, spanId, flags] = (typeof header === "string" && traceparent.exec(header)) || []
  return traceId !== undefined && spanId !== undefined && flags !== undefined
    ? Tracer.externalSpan({ traceId, spanId, sampled: (parseInt(flags, 16) & 1) === 1 })
    : undefined
}

/** A path without its query, which may hold secrets. */
export const withoutQuery = (path: string): string => path.split("?", 1)[0] ?? ""
