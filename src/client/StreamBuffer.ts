/**
 * From listeners to Streams: a buffer between the socket, which cannot wait, and a consumer, which may.
 *
 * @since 0.1.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import type * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Metrics from "./Metrics.js"

/**
 * How much is kept for a consumer that is slower than the server, and what happens beyond that: the oldest are dropped
 * (`sliding`), the newest are (`dropping`), or the Stream fails with an `OverflowError` after what is buffered (`fail`).
 * The capacity is a number of updates: a Stream with one that is no positive integer dies.
 *
 * @since 0.1.0
 * @category models
 */
export type Buffer =
  | { readonly capacity: "unbounded" }
  | { readonly capacity: number; readonly strategy: "sliding" | "dropping" | "fail" }

/**
 * A Stream's consumer fell further behind than its buffer allows.
 *
 * @since 0.1.0
 * @category errors
 */
export class OverflowError extends Data.TaggedError("OverflowError")<{ readonly capacity: number }> {
  override readonly message = `More than ${this.capacity} updates are waiting for a slow consumer`
}

/**
 * What a Stream is fed through: values are offered by plain calls and taken, all that have come, by one fiber.
 *
 * @since 0.1.0
 * @category models
 */
export class StreamBuffer<in out A, in out E = never> {
  private readonly values: Array<A> = []
  private exit: Exit.Exit<never, E | OverflowError | Cause.Done> | undefined
  /** Of the fiber that waits, and of one that is about to be woken. */
  private wake: ((take: Take<A, E>) => void) | undefined
  private resume: ((take: Take<A, E>) => void) | undefined

  private constructor(private readonly buffer: Buffer, private readonly context: Context.Context<never>) {}

  /** A Stream that, each time it is run, has a buffer of its own: `enter` makes it known, `leave` forgets it. */
  static stream<A, E = never>(
    buffer: Buffer,
    enter: (buffer: StreamBuffer<A, E>) => void,
    leave: (buffer: StreamBuffer<A, E>) => void
  ): Stream.Stream<A, E | OverflowError> {
    const { capacity } = buffer
    return Stream.fromChannel(Channel.fromTransform((_, scope) =>
      Effect.withFiber(({ context }) => {
        if (capacity !== "unbounded" && !(Number.isInteger(capacity) && capacity > 0)) {
          return Effect.die(new Error("The capacity of a buffer must be a positive integer"))
        }
        const made = new StreamBuffer<A, E>(buffer, context)
        enter(made)
        return Effect.as(Scope.addFinalizer(scope, Effect.sync(() => leave(made))), made.take)
      })
    ))
  }

  offer(value: A): void {
    const { buffer, values } = this
    if (this.exit !== undefined) {
      return
    }
    if (buffer.capacity !== "unbounded" && values.length >= buffer.capacity) {
      Metrics.dropped.updateUnsafe(1, this.context)
      if (buffer.strategy === "fail") {
        this.done(Exit.fail(new OverflowError({ capacity: buffer.capacity })))
      }
      if (buffer.strategy !== "sliding") {
        return
      }
      values.shift()
    }
    values.push(value)
    this.arrived()
  }

  /** Nothing more will come; what is buffered is still taken. */
  end(): void {
    this.done(Exit.fail(Cause.Done()))
  }

  /** As `end`, and the Stream then fails. */
  fail(error: E): void {
    this.done(Exit.fail(error))
  }

  private done(exit: Exit.Exit<never, E | OverflowError | Cause.Done>): void {
    if (this.exit === undefined) {
      this.exit = exit
      this.arrived()
    }
  }

  // A fiber that is resumed runs at once: it would run inside what offers, for every value of a read of the socket.
  private arrived(): void {
    if (this.wake !== undefined) {
      this.resume = this.wake
      this.wake = undefined
      queueMicrotask(this.resumed)
    }
  }

  private readonly resumed = (): void => this.resume?.(this.take)

  private readonly take: Take<A, E> = Effect.suspend(() => {
    const { values } = this
    if (values.length === 0) {
      return this.exit ?? this.arrival
    }
    // An array made by a built-in: V8 would soon allocate those of a literal in its old generation, and with every array
    // that dies there, all of its values live on to the next full collection.
    return Exit.succeed(values.splice(0) as unknown as NonEmptyReadonlyArray<A>)
  })

  // An interrupted wait needs no undoing: its Stream is over, and the buffer with it.
  private readonly arrival: Take<A, E> = Effect.callback((resume) => {
    this.wake = resume
  })
}

type Take<A, E> = Pull.Pull<NonEmptyReadonlyArray<A>, E | OverflowError>
