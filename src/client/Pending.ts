/** The calls that wait for an answer. */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Message from "../protocol/Message.js"
import { type NesError, TimeoutError } from "../protocol/NesError.js"
import * as Deadline from "./Deadline.js"

/** A client's message that has no id yet. */
export type Draft<M extends Message.ClientMessage = Message.ClientMessage> = M extends Message.ClientMessage
  ? { -readonly [K in keyof M]: M[K] }
  : never

/** Hears once how a call ends: of the answer, which also reports the error if there is one. */
export type Answered = (error: NesError | undefined, answer: Message.Answer) => void

/** What comes with an error that no answer reports. */
export const none: Message.Answer = {}

/** A call, as a plain record: no fiber waits for its answer. */
export interface Call {
  readonly draft: Draft
  readonly answered: Answered
  /** When its time is over, where calls have one. */
  due?: bigint | undefined
  /** What it said when it was made, whatever has become of that: what is asked again is the same. */
  text?: string | undefined
}

/** Whether more answers to the same call follow this one: it brings some of a Stream. */
export const hasMore = ({ type, values }: Message.Answer): boolean =>
  type === "rpc" && Array.isArray(values) && values.length > 0

// An answer that comes after all this many later ones were given up on is reported as unknown.
const remembered = 10_000

// What comes back may be anything: an object need not even have a primitive value.
const toKey = (id: unknown): number => typeof id === "number" ? id : typeof id === "string" ? Number(id) : Number.NaN

/** The table of calls by id. All calls of a client share one timeout, and one fiber watches over all of them. */
export class Pending {
  private readonly calls = new Map<number, Call>()
  private readonly forgotten = new Set<number>()
  private readonly busy = Latch.makeUnsafe(false)
  private readonly timeout: bigint | undefined

  /** `timeout` is in milliseconds; without it, with 0 or `Infinity`, calls wait as long as the connection lasts. */
  constructor(private readonly clock: Clock.Clock, timeout: number | undefined) {
    this.timeout = !timeout || timeout === Infinity ? undefined : BigInt(Math.ceil(timeout * 1e6))
  }

  add(id: number, call: Call, isTimed = true): void {
    this.calls.set(id, call)
    if (!isTimed) {
      call.due = undefined
    } else if (this.timeout !== undefined) {
      // One that is asked again has the time that it is left.
      call.due ??= this.clock.monotonicTimeNanosUnsafe() + this.timeout
      this.busy.openUnsafe()
    }
  }

  resume(id: number): void {
    const call = this.calls.get(id)
    if (call !== undefined) {
      this.add(id, call)
    }
  }

  /** Removes and returns the call that an answer's id names: ids may come back as text. */
  take(id: unknown): Call | undefined {
    const key = toKey(id)
    const call = this.calls.get(key)
    this.calls.delete(key)
    return call
  }

  /** Gives a call up: its late answer, if any, is silent. */
  forget(id: number): void {
    if (!this.calls.delete(id)) {
      return
    }
    for (const oldest of this.forgotten) {
      if (this.forgotten.size < remembered) {
        break
      }
      this.forgotten.delete(oldest)
    }
    this.forgotten.add(id)
  }

  /** Whether an answer's id belongs to a call that was given up: this once, unless more answers to it follow. */
  wasForgotten(id: unknown, more = false): boolean {
    return more ? this.forgotten.has(toKey(id)) : this.forgotten.delete(toKey(id))
  }

  /** Removes and returns all calls with their ids, in the order they were made; forgets what was given up. */
  clear(): ReadonlyArray<readonly [id: number, call: Call]> {
    const calls = Array.from(this.calls)
    this.calls.clear()
    this.forgotten.clear()
    return calls
  }

  /** Fails each call whose time is over. It holds a timer only while calls wait. */
  watch(): Effect.Effect<never> {
    if (this.timeout === undefined) {
      return Effect.never
    }
    return Effect.forever(Effect.gen({ self: this }, function*() {
      yield* this.busy.await
      yield* this.busy.close
      while (yield* Deadline.pass(this.clock, () => this.oldest())) {
        this.expire()
      }
    }))
  }

  private oldest(): bigint | undefined {
    let oldest: bigint | undefined
    for (const { due } of this.calls.values()) {
      if (due !== undefined && (oldest === undefined || due < oldest)) {
        oldest = due
      }
    }
    return oldest
  }

  private expire(): void {
    const now = this.clock.monotonicTimeNanosUnsafe()
    for (const [id, call] of this.calls) {
      if (call.due !== undefined && call.due <= now) {
        this.forget(id)
        call.answered(new TimeoutError({ message: "Request timed out" }), none)
      }
    }
  }
}
