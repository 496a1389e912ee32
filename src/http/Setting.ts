/**
 * What a setting may be.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import { UserError } from "../protocol/NesError.js"

/**
 * Throws unless a condition holds.
 *
 * @since 0.1.0
 * @category decoding
 */
export const check = (condition: boolean, complaint: string): void => {
  if (!condition) {
    throw new UserError({ message: `Invalid nes configuration: ${complaint}` })
  }
}

/**
 * A positive integer, or `undefined` for no limit.
 *
 * @since 0.1.0
 * @category decoding
 */
export const count = (value: number | false | undefined, name: string): number | undefined => {
  check(
    value === undefined || value === false || value === Infinity || (Number.isSafeInteger(value) && value > 0),
    `${name} must be a positive integer`
  )
  return value || undefined
}

/**
 * A positive duration, in ms.
 *
 * @since 0.1.0
 * @category decoding
 */
export const millis = (value: Duration.Input, name: string): number => {
  const duration = Duration.fromInput(value)
  const ms = duration._tag === "Some" ? Duration.toMillis(duration.value) : 0
  check(ms > 0, `${name} must be a positive duration`)
  return ms
}

/**
 * What a setting was refused with.
 *
 * @since 0.1.0
 * @category errors
 */
export const refused = (cause: unknown): UserError =>
  cause instanceof UserError
    ? cause
    : new UserError({ message: cause instanceof Error ? cause.message : String(cause), cause })
