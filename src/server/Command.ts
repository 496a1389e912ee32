/** What one node may ask of all, and what whoever asks is held to. */
import type * as Message from "../protocol/Message.js"
import { UserError } from "../protocol/NesError.js"
import type { Bounds } from "./recovery/Bounds.js"

/** A subscription update for the subscribers of a path. */
export interface Publish {
  readonly type: "publish"
  readonly path: string
  readonly message: unknown
  /** For the filter only; never sent to clients. */
  readonly internal: unknown
  /** Only to subscribers of this user, if given. */
  readonly user: unknown
  /** The message's JSON text, where it has been made already. */
  readonly text?: string | undefined
  /** Set where the update is to be kept: it then gets a position. */
  readonly recovery?: Bounds | undefined
  /** Its place among the updates of the path, once it has one. */
  readonly position?: Message.Position | undefined
  /** The application's number for how things stand after it: a snapshot of at least that number has it. */
  readonly version?: number | undefined
  /** Set where it is sent as how things stand. */
  readonly snapshot?: true | undefined
  /** The span of whoever publishes (W3C Trace Context), where a tracer looks. */
  readonly traceparent?: string | undefined
}

/** A subscription update that has been given its place in the history of its path. */
export interface Published extends Publish {
  readonly position: Message.Position
  /** The epoch in which it was given its place, where that is not the one it is told in. */
  readonly origin?: string | undefined
  /** Set where this node has published it, and not yet heard it announced. */
  readonly confirmed?: boolean | undefined
}

/** A message for all connections, or those of one user. */
export interface Broadcast {
  readonly type: "broadcast"
  readonly message: unknown
  /** The message's JSON text, where it has been made already. */
  readonly text?: string | undefined
  readonly user: unknown
  /** As that of a publish. */
  readonly traceparent?: string | undefined
}

/** Whose connections are meant: the one with this id, or all of this user's. A user needs the server's index. */
export type Target = { readonly socket: string } | { readonly user: unknown }

/** Ends a subscription, with `message` as its last update unless that is `null`. */
export interface Revoke {
  readonly type: "revoke"
  readonly target: Target
  readonly path: string
  readonly message: unknown
}

/** Closes connections. */
export interface Disconnect {
  readonly type: "disconnect"
  readonly target: Target
}

/** What one node may ask of all. */
export type Command = Publish | Broadcast | Revoke | Disconnect

/** Throws for an option that does not exist: with a slip in `user`, a message for one would go to all. */
export const requireKnown = (options: object, ...names: ReadonlyArray<string>): void => {
  for (const name in options) {
    if (!names.includes(name)) {
      throw new UserError({ message: `Unknown option: ${name}` })
    }
  }
}

/** Throws for a user who is nobody, such as 0 or an empty text: without a user, a message for one would go to all. */
export const requireUser = (user: unknown): void => {
  if (!user && user !== undefined && user !== null) {
    throw new UserError({ message: `Invalid user: ${String(user) || "empty"}` })
  }
}

/** Throws for a version that is no number, such as the text that a database driver makes of a large one. */
export const requireVersion = (version: unknown): void => {
  if (typeof version !== "number" || Number.isNaN(version)) {
    throw new UserError({ message: "Invalid version: it must be a number" })
  }
}

/** Throws where neither a socket nor a user is named. */
export const requireTarget = (target: Target): void => {
  const { socket, user }: { readonly socket?: unknown; readonly user?: unknown } = Object(target)
  requireUser(user)
  if (typeof socket !== "string" && (user === undefined || user === null)) {
    throw new UserError({ message: "Expected { socket } or { user }" })
  }
}
