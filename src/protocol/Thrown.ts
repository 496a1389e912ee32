/** Whatever was thrown, as an error of the protocol's. */
import { UserError } from "./NesError.js"

export const text = (cause: unknown): string => {
  if (cause instanceof Error) {
    return cause.message
  }
  try {
    return String(cause)
  } catch {
    // An object need not even have a primitive value.
    return Object.prototype.toString.call(cause)
  }
}

/** The error of a function that the application handed in and that threw (interop.md, "Client errors"). */
export const toUserError = (cause: unknown): UserError => new UserError({ message: text(cause), cause })

/** The same, but for what is such an error already. */
export const asUserError = (cause: unknown): UserError => cause instanceof UserError ? cause : toUserError(cause)
