/** From a listener to a Stream: a buffer between the socket, which cannot wait, and a consumer, which may. */
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
import type { NesError } from "../protocol/NesError.js"
import * as Metrics from "./Metrics.js"
import type { Session } from "./Session.js"
import type { SubscribeOptions as TopicOptions } from "./Subscriptions.js"

/**
 * How much is kept for a consumer that is slower than the server, and what happens beyond that: the oldest are dropped
 * (`sliding`), the newest are (`dropping`), or the Stream fails with an `OverflowError` after what is buffered
 * (`fail`). The capacity is a number of updates: a Stream with one that is no positive integer dies.
 */
export type Buffer =
  | { readonly capacity: "unbounded" }
  | { readonly capacity: number; readonly strategy: "sliding" | "dropping" | "fail" }

/** A Stream's consumer fell further behind than its buffer allows. */
export class OverflowError extends Data.TaggedError("OverflowError")<{ readonly capacity: number }> {
  override readonly message = `More than ${this.capacity} updates are waiting for a slow consumer`
}

const microtask = Promise.resolve()

/** What a Stream is fed through: values are offered by plain calls and taken, all that have come, by one fiber. */
export class StreamBuffer<in out A, in out E = never> {
  private readonly values: Array<A> = []
  private exit: Exit.Exit<never, E | OverflowError | Cause.Done> | undefined
  private wake: ((take: Take<A, E>) => void) | undefined
  private waking = false

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

  // In a turn of its own, once for all that a read of the socket brings: a fiber that is resumed runs at once.
  private arrived(): void {
    if (this.wake !== undefined && !this.waking) {
      this.waking = true
      // Not `queueMicrotask`, which makes a resource of it on Node.
      void microtask.then(this.resume)
    }
  }

  private readonly resume = (): void => {
    const { wake } = this
    this.waking = false
    this.wake = undefined
    wake?.(this.taken)
  }

  private taking(): Exit.Exit<NonEmptyReadonlyArray<A>, E | OverflowError | Cause.Done> | undefined {
    // An array made by a built-in: V8 would soon allocate those of a literal in its old generation, and with every
    // array that dies there, all of its values live on to the next full collection.
    return this.values.length === 0
      ? this.exit
      : Exit.succeed(this.values.splice(0) as unknown as NonEmptyReadonlyArray<A>)
  }

  // An interrupted wait needs no undoing: what it was to take is there for the next, if there is one.
  private readonly take: Take<A, E> = Effect.callback((resume) => {
    const taken = this.taking()
    if (taken === undefined) {
      this.wake = resume
    } else {
      resume(taken)
    }
  })

  private readonly taken: Take<A, E> = Effect.suspend(() => this.taking() ?? this.take)
}

type Take<A, E> = Pull.Pull<NonEmptyReadonlyArray<A>, E | OverflowError>

/** A subscription's update. `revoked` marks the last one, sent as the server ended the subscription. */
export interface Update<A = unknown> {
  readonly message: A
  readonly revoked: boolean
  /** Set on the first update after some were lost, on a path with recovery: too many or too old to be sent again. */
  readonly gap?: true
  /** Set on a message that says how things stand, from which the next updates go on. */
  readonly snapshot?: true
}

/** How to subscribe: what is kept for a slow consumer, and how many of the path's last updates come first. */
export type SubscribeOptions = TopicOptions & (Buffer | { readonly capacity?: undefined })

/** The default. */
export const unbounded: Buffer = { capacity: "unbounded" }

// A class, as what a literal makes may be allocated in V8's old generation (see `taking`): streaming costs a tenth less.
class Received implements Update {
  constructor(readonly message: unknown, readonly revoked: boolean) {}
}

/** The updates of a path, for as long as the Stream is consumed; `buffers` are those of all such Streams. */
export const subscribe = (
  session: Session,
  buffers: Set<StreamBuffer<Update, NesError>>,
  path: string,
  options: SubscribeOptions
): Stream.Stream<Update, NesError | OverflowError> =>
  StreamBuffer.stream<Update, NesError>(options.capacity === undefined ? unbounded : options, (buffer) => {
    const add = (): void =>
      session.subscribe(path, buffer, {
        update: (message, { gap, revoked, snapshot }) =>
          buffer.offer(
            gap || snapshot
              ? { message, revoked: revoked === true, ...(gap && { gap }), ...(snapshot && { snapshot }) }
              : new Received(message, revoked === true)
          ),
        ended: (error) => {
          if (error === undefined) {
            buffer.end()
          } else if (error._tag === "DisconnectError" && session.status._tag === "Reconnecting") {
            // The connection was lost before the server answered: the next hello asks again.
            add()
          } else {
            buffer.fail(error)
          }
        }
      }, (error) => {
        if (error?._tag === "UserError") {
          buffer.fail(error)
        }
      }, options)
    buffers.add(buffer)
    add()
  }, (buffer) => {
    buffers.delete(buffer)
    session.unsubscribe(path, buffer, () => {})
  })

/** What is offered to all of some buffers, after a first value if there is one. */
export const fed = <A>(
  buffers: Set<StreamBuffer<A>>,
  limit: Buffer,
  first?: () => A
): Stream.Stream<A, OverflowError> =>
  StreamBuffer.stream<A>(limit, (buffer) => {
    buffers.add(buffer)
    if (first !== undefined) {
      buffer.offer(first())
    }
  }, (buffer) => buffers.delete(buffer))
