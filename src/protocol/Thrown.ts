/** Whatever was thrown, as an error of the protocol's. */
import { UserError } from "./NesError.js"

export const text = (cause: unknown): string => {
  try {
    return String(cause instanceof Error ? cause.message : cause)
  } catch {
    // An object need not even have a primitive value, nor an error a message that can be read.
    return `[object ${cause instanceof Error ? "Error" : "Object"}]`
  }
}

/** The error of a function that the application handed in and that threw (interop.md, "Client errors"). */
export const toUserError = (cause: unknown): UserError => new UserError({ message: text(cause), cause })

/** The same, but for what is such an error already. */
export const asUserError = (cause: unknown): UserError => cause instanceof UserError ? cause : toUserError(cause)
