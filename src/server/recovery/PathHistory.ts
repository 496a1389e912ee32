/** The history of one path, as the application reads and clears it. */
import type * as Message from "../../protocol/Message.js"
import { UserError } from "../../protocol/NesError.js"
import { requireKnown } from "../Command.js"
import type { Bounds } from "./Bounds.js"
import type { History } from "./History.js"

/**
 * An update of a path's history.
 *
 * @since 1.0.0
 * @category models
 */
export interface PastUpdate<Message = unknown> {
  readonly message: Message
  readonly position: Message.Position
  /** The user it was published to, if it was to one alone. */
  readonly user?: unknown
}

/**
 * What is kept of a path: its last updates, the oldest first, and where the path stands.
 *
 * @since 1.0.0
 * @category models
 */
export interface Past<Message = unknown> {
  readonly updates: ReadonlyArray<PastUpdate<Message>>
  readonly position: Message.Position
  /** The last message, on a path with `state`; absent where there is none. */
  readonly state?: Message
}

/**
 * Reads and clears the history of a path. Whoever missed what was cleared is told of a gap.
 *
 * @since 1.0.0
 * @category models
 */
export interface PathHistory {
  /** Reads the last updates, all that are kept or `limit` of them. */
  readonly read: (options?: { readonly limit?: number | undefined }) => Promise<Past>
  /** Forgets what is kept, the state included; positions go on. */
  readonly clear: () => Promise<void>
}

/** The history of a path with these bounds; throws if it has none. */
export const make = (history: History, path: string, bounds: Bounds | undefined): PathHistory => {
  if (!bounds) {
    throw new UserError({ message: `Subscription without recovery or state: ${path}` })
  }
  return {
    read: async (options) => {
      requireKnown(options ?? {}, "limit")
      const limit = options?.limit ?? undefined
      if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0)) {
        throw new UserError({ message: "Invalid limit" })
      }
      const { epoch, last, top, updates } = await history.read(path, { epoch: undefined, offset: 0 }, bounds)
      const some = limit === undefined ? updates : updates.slice(Math.max(0, updates.length - limit))
      return {
        updates: some.map(({ message, position, user }) => ({
          message,
          position,
          ...(user !== undefined && user !== null && { user })
        })),
        position: { epoch, offset: top },
        ...(last && { state: last.message })
      }
    },
    clear: async () => history.clear(path)
  }
}
