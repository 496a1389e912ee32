/** From a listener to a Stream: a buffer between the socket, which cannot wait, and a consumer, which may. */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import type * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type NesError, UserError } from "../protocol/NesError.js"
import { presentIn } from "../protocol/Tracing.js"
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

/** Where the values of a buffer come from. */
interface Source<A, E> {
  /** Makes a buffer known, in a span if one is looked at. */
  enter(buffer: StreamBuffer<A, E>, traceparent: string | undefined): void
  leave(buffer: StreamBuffer<A, E>): void
  /** A value that says that another was dropped before it. */
  readonly after?: (value: A, dropped: A) => A
}

const microtask = Promise.resolve()

/** What a Stream is fed through: values are offered by plain calls and taken, all that have come, by one fiber. */
export class StreamBuffer<in out A, in out E = never> {
  private readonly values: Array<A> = []
  private exit: Exit.Exit<never, E | OverflowError | Cause.Done> | undefined
  /** What was dropped before the value that comes next. */
  private lost: A | undefined
  private readonly answer = Deferred.makeUnsafe<void, E>()
  private wake: ((take: Take<A, E>) => void) | undefined
  private waking = false

  private constructor(
    private readonly source: Source<A, E>,
    private readonly buffer: Buffer,
    private readonly context: Context.Context<never>
  ) {}

  private static open<A, E>(source: Source<A, E>, buffer: Buffer): Effect.Effect<StreamBuffer<A, E>> {
    const { capacity } = buffer
    return Effect.withFiber((fiber) => {
      const { context } = fiber
      if (capacity !== "unbounded" && !(Number.isInteger(capacity) && capacity > 0)) {
        return Effect.die(new Error("The capacity of a buffer must be a positive integer"))
      }
      const made = new StreamBuffer<A, E>(source, buffer, context)
      source.enter(made, presentIn(fiber))
      return Effect.succeed(made)
    })
  }

  /** A Stream that, each time it is run, has a buffer of its own. */
  static stream<A, E = never>(source: Source<A, E>, buffer: Buffer): Stream.Stream<A, E | OverflowError> {
    return streamOf(
      Effect.acquireRelease(StreamBuffer.open(source, buffer), (made) => Effect.sync(() => source.leave(made)))
    )
  }

  /** The Stream of one buffer, as soon as it is accepted; it goes on until the scope closes. */
  static accepted<A, E>(
    source: Source<A, E>,
    buffer: Buffer
  ): Effect.Effect<Stream.Stream<A, E | OverflowError | UserError>, E, Scope.Scope> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        const made = yield* StreamBuffer.open(source, buffer)
        const leave = Effect.sync(() => source.leave(made))
        yield* Effect.onError(restore(Deferred.await(made.answer)), () => leave)
        yield* Effect.addFinalizer(() => Effect.andThen(leave, Effect.sync(() => made.end())))
        let isConsumed = false
        return streamOf(Effect.acquireRelease(
          Effect.suspend(() => {
            if (isConsumed) {
              return Effect.fail(new UserError({ message: "A Stream of one subscription has one consumer at a time" }))
            }
            isConsumed = true
            return Effect.succeed(made)
          }),
          () => Effect.sync(() => isConsumed = false)
        ))
      })
    )
  }

  /** The server has accepted what is fed through this. */
  accept(): void {
    Deferred.doneUnsafe(this.answer, Exit.void)
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
        this.lost = this.mark(value)
        return
      }
      this.lost = values.shift()
      const [next] = values
      if (next !== undefined) {
        values[0] = this.mark(next)
      }
    }
    values.push(this.mark(value))
    this.arrived()
  }

  // What comes after something that was dropped says so.
  private mark(value: A): A {
    const { lost } = this
    if (lost === undefined) {
      return value
    }
    this.lost = undefined
    return this.source.after?.(value, lost) ?? value
  }

  /** Nothing more will come; what is buffered is still taken. */
  end(): void {
    this.done(Exit.fail(Cause.Done()))
    this.accept()
  }

  /** As `end`, and the Stream then fails. */
  fail(error: E): void {
    this.done(Exit.fail(error))
    Deferred.doneUnsafe(this.answer, Exit.fail(error))
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
    wake?.(this.values.length > 0 ? this.taken : this.take)
  }

  // An interrupted wait needs no undoing: what it was to take is there for the next, if there is one.
  readonly take: Take<A, E> = Effect.callback((resume) => {
    const next = this.values.length > 0 ? this.taken : this.exit
    if (next === undefined) {
      this.wake = resume
    } else {
      resume(next)
    }
  })

  // An array made by a built-in: V8 would soon allocate those of a literal in its old generation, and with every array
  // that dies there, all of its values live on to the next full collection.
  private readonly taken: Take<A, E> = Effect.sync(() => this.values.splice(0) as unknown as NonEmptyReadonlyArray<A>)
}

// A fiber may be interrupted wherever it yields, and it yields after so many steps: what is acquired is not left half.
const streamOf = <A, E, E2>(
  acquire: Effect.Effect<StreamBuffer<A, E>, E2, Scope.Scope>
): Stream.Stream<A, E | E2 | OverflowError> =>
  Stream.fromChannel(
    Channel.fromTransform((_, scope) => Effect.map(Scope.provide(acquire, scope), ({ take }) => take))
  )

type Take<A, E> = Pull.Pull<NonEmptyReadonlyArray<A>, E | OverflowError>

/** A subscription's update. `revoked` marks the last one, sent as the server ended the subscription. */
export interface Update<A = unknown> {
  readonly message: A
  readonly revoked: boolean
  /** Set on the first update after some were dropped because this consumer was too slow for its buffer: how many. */
  readonly dropped?: number
  /** Set on the first update after some were lost, on a path with recovery: too many or too old to be sent again. */
  readonly gap?: true
  /** Set on a message that says how things stand, from which the next updates go on. */
  readonly snapshot?: true
}

/** How to subscribe: what is kept for a slow consumer, and how many of the path's last updates come first. */
export type SubscribeOptions = TopicOptions & (Buffer | { readonly capacity?: undefined })

export const unbounded: Buffer = { capacity: "unbounded" }

// A class, as what a literal makes may be allocated in V8's old generation (see `taking`): streaming costs a tenth less.
class Received implements Update {
  constructor(readonly message: unknown, readonly revoked: boolean) {}
}

const after = (update: Update, dropped: Update): Update => ({
  ...update,
  dropped: 1 + (dropped.dropped ?? 0),
  ...(dropped.gap && { gap: true })
})

/** The updates of a path; `buffers` are those of all Streams of a client. */
const updatesOf = (
  session: Session,
  buffers: Buffers<Update, NesError>,
  path: string,
  options: SubscribeOptions
): Source<Update, NesError> => ({
  after,
  enter: (buffer, traceparent) => {
    const add = (): void =>
      session.subscribe(
        path,
        buffer,
        {
          accepted: () => buffer.accept(),
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
        },
        (error) => {
          if (error?._tag === "UserError") {
            buffer.fail(error)
          }
        },
        options,
        traceparent
      )
    buffers.add(buffer)
    add()
  },
  leave: (buffer) => {
    buffers.delete(buffer)
    session.unsubscribe(path, buffer, () => {})
  }
})

const bufferOf = (options: SubscribeOptions): Buffer => options.capacity === undefined ? unbounded : options

type Args = Parameters<typeof updatesOf>

/** The updates of a path, for as long as the Stream is consumed. */
export const subscribe = (...args: Args): Stream.Stream<Update, NesError | OverflowError> =>
  StreamBuffer.stream(updatesOf(...args), bufferOf(args[3]))

/** The updates of a path from when the server has accepted the subscription, until the scope closes. */
export const subscribed = (
  ...args: Args
): Effect.Effect<Stream.Stream<Update, NesError | OverflowError>, NesError, Scope.Scope> =>
  StreamBuffer.accepted(updatesOf(...args), bufferOf(args[3]))

/** All buffers that are offered the same. */
export type Buffers<A, E = never> = Set<StreamBuffer<A, E>>

/** What all of these buffers are offered from now on, after a first value if there is one. */
export const shared = <A>(buffers: Buffers<A>, limit: Buffer, first?: () => A): Stream.Stream<A, OverflowError> =>
  StreamBuffer.stream<A>({
    enter: (buffer) => {
      buffers.add(buffer)
      if (first !== undefined) {
        buffer.offer(first())
      }
    },
    leave: (buffer) => void buffers.delete(buffer)
  }, limit)
