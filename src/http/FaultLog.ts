/** Faults of the application in Effect's log, in one line: what failed, and why. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { isObject } from "../protocol/Codec.js"
import * as Thrown from "../protocol/Thrown.js"

// What `Effect.tryPromise` and the like wrap is what went wrong.
const rootOf = (error: unknown): unknown => Cause.isUnknownError(error) ? rootOf(error.cause) : error

/** Logs that a part failed. Loggers write an error down as a cause. */
export const report = (part: string | undefined, fault: unknown): Effect.Effect<void> => {
  const error = rootOf(fault)
  return Effect.logError(`nes ${part} failed: ${Thrown.text(error)}`, ...(isObject(error) ? [Cause.fail(error)] : []))
}
