/**
 * Whatever was thrown, as an error of the client's.
 *
 * @since 0.1.0
 */
import { UserError } from "../protocol/NesError.js"

/**
 * The text of what was thrown.
 *
 * @since 0.1.0
 * @category utilities
 */
export const text = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/**
 * The error of a function that the application handed in and that threw (interop.md, "Client errors").
 *
 * @since 0.1.0
 * @category constructors
 */
export const toUserError = (cause: unknown): UserError => new UserError({ message: text(cause), cause })
