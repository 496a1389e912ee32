/** What whoever publishes or revokes is held to, on a node and beside it. */
import { UserError } from "../protocol/NesError.js"
import type { Target } from "./Command.js"

/** Throws for an option that does not exist: with a slip in `user`, a message for one would go to all. */
export const requireKnown = (options: object, ...names: ReadonlyArray<string>): void => {
  for (const name in options) {
    if (!names.includes(name)) {
      throw new UserError({ message: `Unknown option: ${name}` })
    }
  }
}

/** Throws where neither a socket nor a user is named. */
export const requireTarget = (target: Target): void => {
  const { socket, user }: { readonly socket?: unknown; readonly user?: unknown } = Object(target)
  if (typeof socket !== "string" && (user === undefined || user === null)) {
    throw new UserError({ message: "Expected { socket } or { user }" })
  }
}
