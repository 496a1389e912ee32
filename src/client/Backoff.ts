/** How long to wait before each attempt to reconnect, and how often to try: a `Schedule`. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Pull from "effect/Pull"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as CloseCode from "../protocol/CloseCode.js"
import type { Close } from "./Socket.js"

/** The documented reconnection options (nes-api.txt, `client.connect`). A bare number means milliseconds. */
export interface Options<Time = Duration.Input> {
  /** The wait grows by this much with every attempt. Default: 1 second (also for 0, as in nes). */
  readonly delay?: Time | undefined
  /** The longest wait. Default: 5 seconds (also for 0, as in nes). */
  readonly maxDelay?: Time | undefined
  /** How many attempts to make; 0 for none. Default: without limit. */
  readonly retries?: number | undefined
  /** Whether to wait a random part, between half and the whole, of each delay. Default: no. */
  readonly jitter?: boolean | undefined
}

const longestWait = Duration.seconds(5)

// A server that sends away whoever comes is not to be asked in a loop.
const briefly = Duration.seconds(1)

const orElse = (duration: Duration.Input | undefined, fallback: Duration.Duration): Duration.Duration => {
  const given = duration ? Duration.fromInputUnsafe(duration) : Duration.zero
  return Duration.isPositive(given) ? given : fallback
}

/** When to try again after a connection is lost, and how long one must last for the tries to be forgotten. */
export interface Policy {
  readonly schedule: Schedule.Schedule<unknown, Close>
  readonly stableAfter: Duration.Duration
}

export const custom = (schedule: Schedule.Schedule<unknown, Close>): Policy => ({
  schedule,
  stableAfter: longestWait
})

/** The documented one: waits of `delay`, twice `delay`, three times `delay` and so on up to `maxDelay`. */
export const policy = (
  { delay, jitter, maxDelay, retries = Infinity }: Options = {}
): Policy | undefined => {
  const step = orElse(delay, Duration.seconds(1))
  const longest = orElse(maxDelay, longestWait)
  const schedule = Schedule.fromStepWithMetadata(Effect.succeed(({ attempt }: Schedule.InputMetadata<Close>) => {
    if (attempt > retries) {
      return Cause.done(attempt)
    }
    const wait = Duration.min(Duration.times(step, attempt), longest)
    return Effect.map(
      jitter ? Random.next : Effect.succeed(1),
      (random): [number, Duration.Duration] => [attempt, Duration.times(wait, (1 + random) / 2)]
    )
  }))
  return retries < 1 ? undefined : { schedule, stableAfter: longest }
}

/** A policy under way. A schedule is the application's: one that does not answer ends the attempts, not the client. */
export class Backoff {
  /** Opened to end the wait for the next attempt. */
  readonly over = Latch.makeUnsafe(false)
  private step: Effect.Success<ReturnType<typeof Schedule.toStep<unknown, Close, never, never>>> | undefined
  /** What `next` answers without a step. */
  private known: { readonly delay: Duration.Duration | undefined } | undefined

  constructor(private readonly policy: Policy, private readonly died: (defect: unknown) => void) {}

  /**
   * The wait before the next attempt. A connection that lasted (`uptime`) longer than the longest wait starts the
   * schedule anew: one that flaps still runs out of attempts (interop.md, "Client behaviour").
   */
  next(close: Close, uptime: Duration.Duration): Effect.Effect<Duration.Duration | undefined> {
    return Effect.gen({ self: this }, function*() {
      const { known, policy: { schedule, stableAfter } } = this
      this.known = undefined
      if (known !== undefined) {
        return known.delay
      }
      if (Duration.isGreaterThan(uptime, stableAfter)) {
        this.step = undefined
      }
      const step = this.step ??= yield* Schedule.toStep(schedule)
      const now = yield* Clock.currentTimeMillis
      // A node that sends its clients away has seen to it that they do not all come at once.
      const isExpected = close.code === CloseCode.serviceRestart && Duration.isGreaterThan(uptime, briefly)
      return yield* step(now, close).pipe(
        Effect.map(([, delay]) => isExpected ? Duration.zero : delay),
        Pull.catchDone(() => Effect.succeed(undefined))
      )
    }).pipe(
      Effect.catchCause((cause) => Effect.as(Effect.sync(() => this.died(Cause.squash(cause))), undefined)),
      // A schedule may wait for anything: whoever gives up does not wait with it.
      Effect.raceFirst(Effect.as(this.over.await, undefined))
    )
  }

  /** Whether an attempt follows on this end of the connection: its `next` is told the same. */
  willRetry(close: Close, uptime: Duration.Duration): Effect.Effect<boolean> {
    return Effect.map(this.next(close, uptime), (delay) => {
      this.known = { delay }
      return delay !== undefined
    })
  }

  /** Has the next attempt follow at once, outside of the schedule. */
  prompt(): void {
    this.known = { delay: Duration.zero }
  }
}
