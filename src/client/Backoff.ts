/**
 * How long to wait before each attempt to reconnect, and how often to try: a `Schedule`.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleIntervals from "effect/ScheduleIntervals"
import type { Close } from "./Transport.js"

/**
 * The documented reconnection options (nes-api.txt, `client.connect([options], callback)`). A bare number means
 * milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The wait grows by this much with every attempt. Default: 1 second (also for 0, as in nes). */
  readonly delay?: Duration.DurationInput | undefined
  /** The longest wait. Default: 5 seconds (also for 0, as in nes). */
  readonly maxDelay?: Duration.DurationInput | undefined
  /** How many attempts to make; 0 for none. Default: without limit. */
  readonly retries?: number | undefined
  /**
   * Whether to wait a random part, between half and the whole, of each delay, so that the clients of a restarted server
   * do not all return in the same moment. Default: no.
   */
  readonly jitter?: boolean | undefined
}

const orElse = (duration: Duration.DurationInput | undefined, fallback: Duration.Duration): Duration.Duration => {
  const given = duration ? Duration.decode(duration) : Duration.zero
  return Duration.greaterThan(given, Duration.zero) ? given : fallback
}

/**
 * How long a connection must have lasted for the attempts before it to be forgotten.
 *
 * @since 0.1.0
 * @category constructors
 */
export const stableAfter = (options: Options = {}): Duration.Duration => orElse(options.maxDelay, Duration.seconds(5))

/**
 * The documented schedule: waits of `delay`, twice `delay`, three times `delay` and so on up to `maxDelay`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const schedule = (options: Options = {}): Schedule.Schedule<unknown> => {
  const longest = stableAfter(options)
  const cumulative = Schedule.linear(orElse(options.delay, Duration.seconds(1))).pipe(
    Schedule.modifyDelay((_, delay) => Duration.min(delay, longest)),
    (waits) => options.jitter ? Schedule.jitteredWith(waits, { min: 0.5, max: 1 }) : waits
  )
  const retries = options.retries ?? Infinity
  return retries === Infinity ? cumulative : Schedule.intersect(cumulative, Schedule.recurs(Math.floor(retries)))
}

/**
 * A schedule under way. It is stepped by the way the last connection ended; `undefined` means that no attempt follows.
 *
 * @since 0.1.0
 * @category models
 */
export class Backoff {
  private state: unknown

  constructor(
    private readonly policy: Schedule.Schedule<unknown, Close>,
    private readonly stable: Duration.Duration
  ) {
    this.state = policy.initial
  }

  private step(close: Close): Effect.Effect<readonly [state: unknown, delay: Duration.Duration | undefined]> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.map(
        this.policy.step(now, close, this.state),
        ([state, , decision]) =>
          [
            state,
            ScheduleDecision.isDone(decision)
              ? undefined
              : Duration.millis(Math.max(0, ScheduleIntervals.start(decision.intervals) - now))
          ] as const
      ))
  }

  /**
   * The wait before the next attempt. A connection that lasted (`uptime`) longer than the longest wait starts the
   * schedule anew: one that flaps still runs out of attempts, one that lives for months does not (interop.md, "Client
   * behaviour").
   */
  next(close: Close, uptime: Duration.Duration): Effect.Effect<Duration.Duration | undefined> {
    return Effect.suspend(() => {
      this.rest(uptime)
      return Effect.map(this.step(close), ([state, delay]) => {
        this.state = state
        return delay
      })
    })
  }

  /** Whether an attempt would follow if the connection ended like this now. */
  willRetry(close: Close, uptime: Duration.Duration): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      this.rest(uptime)
      return Effect.map(this.step(close), ([, delay]) => delay !== undefined)
    })
  }

  private rest(uptime: Duration.Duration): void {
    if (Duration.greaterThan(uptime, this.stable)) {
      this.state = this.policy.initial
    }
  }
}
