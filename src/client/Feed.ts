/**
 * From listeners to Streams: a buffer between the socket, which cannot wait, and a consumer, which may.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Metrics from "./Metrics.js"

/**
 * How much is kept for a consumer that is slower than the server, and what happens beyond that: the oldest are dropped
 * (`sliding`), the newest are (`dropping`), or the Stream fails with an `OverflowError` after what is buffered (`fail`).
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
 * What a Stream is fed through.
 *
 * @since 0.1.0
 * @category models
 */
export class Feed<in out A, in out E = never> {
  private isOver = false

  private constructor(
    private readonly mailbox: Mailbox.Mailbox<A, E | OverflowError>,
    private readonly buffer: Buffer
  ) {}

  /** A feed, and the Stream that is fed through it. The feed is closed with the scope. */
  static make<A, E = never>(
    buffer: Buffer
  ): Effect.Effect<readonly [feed: Feed<A, E>, stream: Stream.Stream<A, E | OverflowError>], never, Scope.Scope> {
    return Effect.map(
      Effect.acquireRelease(
        Mailbox.make<A, E | OverflowError>(
          buffer.capacity === "unbounded" ? Infinity : {
            capacity: Math.max(1, buffer.capacity),
            strategy: buffer.strategy === "sliding" ? "sliding" : "dropping"
          }
        ),
        (mailbox) => mailbox.shutdown
      ),
      (mailbox) => [new Feed(mailbox, buffer), Mailbox.toStream(mailbox)] as const
    )
  }

  offer(value: A): void {
    const { buffer, mailbox } = this
    if (this.isOver) {
      return
    }
    if (buffer.capacity === "unbounded") {
      mailbox.unsafeOffer(value)
      return
    }
    const size = mailbox.unsafeSize()
    const isFull = Option.isSome(size) && size.value >= buffer.capacity
    if (isFull) {
      Metrics.dropped.unsafeUpdate(1, [])
    }
    if (isFull && buffer.strategy === "fail") {
      this.done(Exit.fail(new OverflowError({ capacity: buffer.capacity })))
    } else {
      mailbox.unsafeOffer(value)
    }
  }

  /** Nothing more will come; what is buffered is still consumed. */
  end(): void {
    this.done(Exit.void)
  }

  fail(error: E): void {
    this.done(Exit.fail(error))
  }

  private done(exit: Exit.Exit<void, E | OverflowError>): void {
    this.isOver = true
    this.mailbox.unsafeDone(exit)
  }
}
