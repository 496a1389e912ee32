/** What is published, as it travels. */
import { UserError } from "../protocol/NesError.js"
import * as Thrown from "../protocol/Thrown.js"

/** The JSON text of a message; throws a `UserError` for what has none, such as `undefined` or what holds itself. */
export const of = (message: unknown): string => {
  let text: string | undefined
  try {
    text = JSON.stringify(message)
  } catch (cause) {
    throw Thrown.toUserError(cause)
  }
  if (text === undefined) {
    throw new UserError({ message: `A message must be a JSON value: ${typeof message} is none` })
  }
  return text
}

/** The same, if there is one: what has none is told where it is written. */
export const orNone = (message: unknown): string | undefined => {
  try {
    return JSON.stringify(message)
  } catch {
    return undefined
  }
}
