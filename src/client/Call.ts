/** A message that is to be answered. */
import type * as Message from "../protocol/Message.js"
import type { NesError } from "../protocol/NesError.js"

/** A client's message that has no id yet. */
export type Draft<M extends Message.ClientMessage = Message.ClientMessage> = M extends Message.ClientMessage
  ? { -readonly [K in keyof M]: M[K] }
  : never

/** A call, as a plain record: no fiber waits for its answer. Exactly one of the two functions is called, once. */
export interface Call {
  /** The type the answer must have. */
  readonly type: "hello" | "reauth" | "request" | "message" | "sub" | "unsub" | "rpc"
  succeed(answer: Message.Answer): void
  /** What it was sent as, where it may be sent again. */
  draft?: Draft | undefined
  /** When its time is over, where calls have one. */
  due?: bigint | undefined
  /** `answer` is the one that reported the error, where there was one. */
  fail(error: NesError, answer?: Message.Answer): void
}

/** Whether more answers to the same call follow this one: it brings some of a Stream. */
export const hasMore = ({ type, values }: Message.Answer): boolean =>
  type === "rpc" && Array.isArray(values) && values.length > 0
