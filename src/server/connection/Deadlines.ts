/** Deadlines of equal length, kept by one sleeping fiber, however many there are. */
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

/** The clock by which a server ends, if not that of its time: the one of a test may stand still by then. */
export const ClosingClock: Context.Reference<Clock.Clock | undefined> = Context.Reference(
  "effect-nes/server/connection/ClosingClock",
  { defaultValue: (): Clock.Clock | undefined => undefined }
)

/** The time (ms) by which durations are measured: that of the wall is set back and forward. */
export const monotonic = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)

/** The same, of the clock of the fiber. */
export const monotonicClock = Effect.clockWith((clock) => Effect.succeed(() => monotonic(clock)))

export interface Timing {
  readonly clock: Clock.Clock
  readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
}

/** Ends when sockets have been read: after a pause timers run before, and who spoke in time must not be judged late. */
export const arrived: Effect.Effect<void> = Effect.callback((resume) => {
  const immediate = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(immediate))
})

/** Deadlines that lie the same time ahead when they are set, so that the first set is the first due. */
export class Deadlines<Key> {
  private readonly due = new Map<Key, number>()
  private watching: Fiber.Fiber<void> | undefined

  /** `duration` is in ms, `false` for no deadlines; `expire` is called for every key whose deadline passes. */
  constructor(
    private readonly duration: number | false,
    private readonly timing: Timing,
    private readonly expire: (key: Key) => void
  ) {}

  set(key: Key): void {
    if (this.duration !== false) {
      this.due.delete(key)
      this.due.set(key, monotonic(this.timing.clock) + this.duration)
      this.watching ??= this.timing.fork(this.watch)
    }
  }

  clear(key: Key): void {
    this.due.delete(key)
  }

  /** Lifts every deadline and leaves no timer behind. */
  reset(): void {
    this.due.clear()
    this.watching?.interruptUnsafe()
    this.watching = undefined
  }

  private readonly watch: Effect.Effect<void> = Effect.gen({ self: this }, function*() {
    for (;;) {
      const first = this.due.entries().next()
      if (first.done) {
        this.watching = undefined
        return
      }
      const [key, due] = first.value
      const wait = due - monotonic(this.timing.clock)
      if (wait > 0) {
        yield* Effect.sleep(wait)
        yield* arrived
      } else {
        this.due.delete(key)
        this.expire(key)
      }
    }
  })
}
