/** Spans of the server, for a tracer that looks. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Message from "../../protocol/Message.js"
import { isEnabled, parentOf, traceparentOf } from "../../protocol/Tracing.js"
import { isPromiseLike } from "../Awaitable.js"

/** What a span says. */
interface SpanOptions {
  readonly attributes: Readonly<Record<string, unknown>>
  /** The headers of a request, whose `traceparent` names the caller's span. */
  readonly headers?: Message.RequestHeaders | null | undefined
}

/** Runs work in a span. The work is given the `traceparent` (W3C Trace Context) to hand on. */
export type Span = <A>(
  name: string,
  options: SpanOptions,
  work: (traceparent: string) => A | PromiseLike<A>
) => A | PromiseLike<A>

/** Spans of the tracer in force; `undefined` where nobody looks. */
export const make: Effect.Effect<Span | undefined> = Effect.gen(function*() {
  if (!(yield* isEnabled)) {
    return undefined
  }
  const clock = yield* Clock.Clock
  const run = Effect.runSyncWith(yield* Effect.context())
  return <A>(name: string, { attributes, headers }: SpanOptions, work: Parameters<Span>[2]) => {
    const parent = parentOf(headers?.traceparent)
    const span = run(Effect.makeSpan(name, { attributes, parent, root: parent === undefined, kind: "server" }))
    const end = (exit: Exit.Exit<unknown, unknown>): void => span.end(clock.currentTimeNanosUnsafe(), exit)
    try {
      const result = work(traceparentOf(span)) as A | PromiseLike<A>
      if (!isPromiseLike(result)) {
        end(Exit.void)
        return result
      }
      return Promise.resolve(result).then((value) => {
        end(Exit.void)
        return value
      }, (error: unknown) => {
        end(Exit.fail(error))
        throw error
      })
    } catch (error) {
      end(Exit.fail(error))
      throw error
    }
  }
})
