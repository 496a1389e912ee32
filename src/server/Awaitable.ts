/** What a port or a hook may answer with: a value, a Promise or an Effect. */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"

/** A value, a Promise of it, or an Effect of it. */
export type Awaitable<A> = A | PromiseLike<A> | Effect.Effect<A, unknown>

/** What ends before its time when those leave for whom it is done: a fiber, or what is like one. */
type Work = Pick<Fiber.Fiber<unknown, unknown>, "interruptUnsafe">

/** For whom work is done: what still waits when they leave is interrupted. */
export interface Owner {
  /** Present while anything waits. */
  work: Set<Work> | undefined
  /** Whether they have left: nothing more waits for anything. */
  readonly departed?: boolean
}

/** Runs an answer. An Effect that ends at once is its value; one that waits is kept in its owners' `work`. */
export type Settle = <A>(answer: Awaitable<A>, ...owners: ReadonlyArray<Owner>) => A | PromiseLike<A>

/** Interrupts what is done for somebody; nobody waits for it. */
export const interrupt = ({ work }: Owner): void => work?.forEach((each) => each.interruptUnsafe())

/** What is done for one message, until its client takes it back. */
export class Call implements Owner {
  work: Owner["work"]
  /** Whether the client has taken it back. */
  departed = false
  /** What ends the work that is no fiber of ours. */
  onCancel: (() => void) | undefined

  cancel(): void {
    if (!this.departed) {
      this.departed = true
      interrupt(this)
      this.onCancel?.()
    }
  }
}

/** Keeps work for its owner until what it returns is called. */
export const keep = (owner: Owner, work: Work): () => void => {
  if (owner.departed) {
    work.interruptUnsafe()
  }
  const all = owner.work ??= new Set()
  all.add(work)
  return () => {
    if (all.delete(work) && all.size === 0 && owner.work === all) {
      owner.work = undefined
    }
  }
}

export const isPromiseLike = (u: unknown): u is PromiseLike<unknown> =>
  typeof u === "object" && u !== null && "then" in u && typeof u.then === "function"

export class Interrupted extends Error {
  override readonly name = "Interrupted"
}

const unwrap = <A>(exit: Exit.Exit<A, unknown>): A => {
  if (Exit.isSuccess(exit)) {
    return exit.value
  }
  throw Cause.hasInterruptsOnly(exit.cause) ? new Interrupted() : Cause.squash(exit.cause)
}

const isEffect = <A>(answer: Awaitable<A>): answer is Effect.Effect<A, unknown> => Effect.isEffect(answer)

/** `waiting` is told of every fiber that has to wait; `within` makes an Effect part of a span. */
export const settleWith = (
  context: Context.Context<never>,
  waiting: (fiber: Fiber.Fiber<unknown, unknown>) => void = () => {},
  within?: <A>(effect: Effect.Effect<A, unknown>) => Effect.Effect<A, unknown>
): Settle => {
  const fork = Effect.runForkWith(context)
  return <A>(answer: Awaitable<A>, ...owners: ReadonlyArray<Owner>): A | PromiseLike<A> => {
    if (!isEffect(answer)) {
      return answer
    }
    const fiber = fork(within ? within(answer) : answer)
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) {
      return unwrap(exit)
    }
    waiting(fiber)
    for (const owner of owners) {
      fiber.addObserver(keep(owner, fiber))
    }
    return new Promise<Exit.Exit<A, unknown>>((resolve) => fiber.addObserver(resolve)).then(unwrap)
  }
}
