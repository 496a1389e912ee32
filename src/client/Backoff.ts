/** How long to wait before each attempt to reconnect, and how often to try: a `Schedule`. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as CloseCode from "../protocol/CloseCode.js"
import type { Close } from "./Socket.js"

/**
 * The documented reconnection options (nes-api.txt, `client.connect([options], callback)`). A bare number means
 * milliseconds.
 */
export interface Options {
  /** The wait grows by this much with every attempt. Default: 1 second (also for 0, as in nes). */
  readonly delay?: Duration.Input | undefined
  /** The longest wait. Default: 5 seconds (also for 0, as in nes). */
  readonly maxDelay?: Duration.Input | undefined
  /** How many attempts to make; 0 for none. Default: without limit. */
  readonly retries?: number | undefined
  /**
   * Whether to wait a random part, between half and the whole, of each delay, so that the clients of a restarted server
   * do not all return in the same moment. Default: no.
   */
  readonly jitter?: boolean | undefined
}

// A server that sends away whoever comes is not to be asked in a loop.
const briefly = Duration.seconds(1)

const orElse = (duration: Duration.Input | undefined, fallback: Duration.Duration): Duration.Duration => {
  const given = duration ? Duration.fromInputUnsafe(duration) : Duration.zero
  return Duration.isPositive(given) ? given : fallback
}

/** How long a connection must have lasted for the attempts before it to be forgotten. */
export const stableAfter = (options: Options = {}): Duration.Duration => orElse(options.maxDelay, Duration.seconds(5))

/** The documented schedule: waits of `delay`, twice `delay`, three times `delay` and so on up to `maxDelay`. */
export const schedule = (options: Options = {}): Schedule.Schedule<unknown> => {
  const step = orElse(options.delay, Duration.seconds(1))
  const longest = stableAfter(options)
  const retries = options.retries ?? Infinity
  return Schedule.fromStepWithMetadata(Effect.succeed(({ attempt }) => {
    if (attempt > retries) {
      return Cause.done(attempt)
    }
    const delay = Duration.min(Duration.times(step, attempt), longest)
    return options.jitter
      ? Effect.map(Random.next, (random) => [attempt, Duration.times(delay, (1 + random) / 2)])
      : Effect.succeed([attempt, delay])
  }))
}

/**
 * A schedule under way. It is stepped by the way the last connection ended; `undefined` means that no attempt follows.
 */
export class Backoff {
  private step: Effect.Success<ReturnType<typeof Schedule.toStep<unknown, Close, never, never>>> | undefined
  /** The step that `willRetry` has taken ahead of `next`. */
  private taken: { readonly delay: Duration.Duration | undefined } | undefined

  constructor(
    private readonly policy: Schedule.Schedule<unknown, Close>,
    private readonly stable: Duration.Duration
  ) {}

  /**
   * The wait before the next attempt. A connection that lasted (`uptime`) longer than the longest wait starts the
   * schedule anew: one that flaps still runs out of attempts, one that lives for months does not (interop.md, "Client
   * behaviour").
   */
  next(close: Close, uptime: Duration.Duration): Effect.Effect<Duration.Duration | undefined> {
    return Effect.gen({ self: this }, function*() {
      const { taken } = this
      this.taken = undefined
      if (taken !== undefined) {
        return taken.delay
      }
      if (Duration.isGreaterThan(uptime, this.stable)) {
        this.step = undefined
      }
      const step = this.step ??= yield* Schedule.toStep(this.policy)
      const now = yield* Clock.currentTimeMillis
      // A node that sends its clients away has seen to it that they do not all come at once.
      const isExpected = close.code === CloseCode.serviceRestart && Duration.isGreaterThan(uptime, briefly)
      return yield* step(now, close).pipe(
        Effect.map(([, delay]) => isExpected ? Duration.zero : delay),
        Pull.catchDone(() => Effect.succeed(undefined))
      )
    })
  }

  /** Whether an attempt follows on this end of the connection: its `next` is told the same. */
  willRetry(close: Close, uptime: Duration.Duration): Effect.Effect<boolean> {
    return Effect.map(this.next(close, uptime), (delay) => {
      this.taken = { delay }
      return delay !== undefined
    })
  }
}
