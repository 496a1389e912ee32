/**
 * Whether anybody looks at spans.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Tracer from "effect/Tracer"

/**
 * Whether a tracer is in force other than Effect's own, whose spans go nowhere: a span costs more than a call.
 *
 * @since 0.1.0
 * @category tracing
 */
export const isEnabled: Effect.Effect<boolean> = Effect.map(Effect.tracer, (tracer) => tracer !== Tracer.nativeTracer)
