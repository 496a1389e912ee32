/** Spans of the server, for a tracer that looks. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Tracer from "effect/Tracer"
import { AsyncLocalStorage } from "node:async_hooks"
import { isEnabled, rootless, traceparentOf } from "../../protocol/Tracing.js"
import { isPromiseLike } from "../Awaitable.js"

interface SpanOptions {
  readonly kind: "server" | "producer" | "consumer"
  readonly attributes: Readonly<Record<string, unknown>>
  /** The span that it is part of; without one it begins a trace. */
  readonly parent: Tracer.AnySpan | undefined
}

type Begin = (name: string, options: SpanOptions) => Tracer.Span

/** Knows which span the code that runs is part of, whatever it waits for: what is published there is part of it too. */
export class Tracing {
  private readonly storage = new AsyncLocalStorage<Tracer.AnySpan | undefined>()

  constructor(private readonly begin: Begin, private readonly clock: Clock.Clock) {}

  get current(): Tracer.AnySpan | undefined {
    return this.storage.getStore()
  }

  /** Runs work in a span, which ends with it. The work is given the `traceparent` to hand on. */
  span<A>(name: string, options: SpanOptions, work: (traceparent: string) => A | PromiseLike<A>): A | PromiseLike<A> {
    const span = this.begin(name, options)
    const end = (exit: Exit.Exit<unknown, unknown>): void => span.end(this.clock.currentTimeNanosUnsafe(), exit)
    try {
      const result = this.storage.run<A | PromiseLike<A>, [string]>(span, work, traceparentOf(span))
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

  /** Runs what is part of a span that there is already, or of none, whatever has brought it about. */
  inSpan<A>(span: Tracer.AnySpan | undefined, work: () => A): A {
    return this.storage.run(span, work)
  }

  /** An Effect as part of the present span, unless that is over. */
  readonly within = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> => {
    const { current } = this
    return current === undefined || (current._tag === "Span" && current.status._tag === "Ended")
      ? effect
      : Effect.withParentSpan(effect, current)
  }
}

export const make: Effect.Effect<Tracing | undefined> = Effect.gen(function*() {
  if (!(yield* isEnabled)) {
    return undefined
  }
  const run = Effect.runSyncWith(yield* rootless())
  return new Tracing(
    (name, options) => run(Effect.makeSpan(name, { ...options, root: options.parent === undefined })),
    yield* Clock.Clock
  )
})
