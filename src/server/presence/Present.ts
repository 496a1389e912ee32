/** Who is present at a path, and what changes that. */
import type * as Message from "../../protocol/Message.js"
import type { Bounds } from "../recovery/Bounds.js"

/** A path that tells who is present at another. */
export interface Place {
  readonly path: string
  /** How much is kept of what it tells. */
  readonly bounds: Bounds
  /** Whether it tells who, or only how many. */
  readonly list: boolean
}

/**
 * Who is present: a user, or whomever `identify` names.
 *
 * @since 1.0.0
 * @category models
 */
export interface Member {
  readonly id: string
  /** What the client or the application has to say about it; `null` where that is nothing. */
  readonly value: unknown
}

/**
 * Who is present at a path, on all nodes; `users` is missing where only their number is told.
 *
 * @since 1.0.0
 * @category models
 */
export interface Present {
  readonly count: number
  readonly users?: ReadonlyArray<Member> | undefined
}

/** Who is present, up to a position of the path that tells it. */
export interface Reading extends Present {
  readonly position: Message.Position
}

/** Somebody, and the value's JSON text: `undefined` for who is gone, `null` where the old one stays. */
export type Change = readonly [id: string, value: string | null | undefined]

export const nothing = "null"

/**
 * What changes are: some of a node's members, all that it has (of others it had it has none any more; whoever is known
 * keeps the value), or values of members of whatever node.
 */
export type Extent = "some" | "all" | "values"

/** The port to what the nodes know together. */
export interface Presences {
  /** Changes who is present, and tells of it, in one step. */
  readonly change: (place: Place, node: string, changes: ReadonlyArray<Change>, extent: Extent) => Promise<void>
  readonly read: (place: Place) => Promise<Reading>
  /** Ends when all nodes have said anew who is there, after something was lost. Absent where nothing can be. */
  readonly whole?: ((isLost: boolean) => Promise<void> | undefined) | undefined
  /** Whether others may know that this node has somebody at a path. Absent where they do. */
  readonly isKnown?: ((path: string) => boolean) | undefined
  /** A node has nobody any more. Absent where others notice. */
  readonly left?: ((node: string) => Promise<void>) | undefined
}

/** What a node says of presence to those it shares it with. */
export interface Local {
  /** How long someone who has gone counts as present (ms), at the path where that is longest; 0 where there is none. */
  readonly grace: () => number
  readonly place: (path: string) => Place | undefined
  /** Says once more who is present here, at all paths or where that could not be said, and at these even if nobody is. */
  readonly renew: (everywhere: boolean, paths?: Iterable<string>) => void
}

export const told = (kind: "join" | "change" | "leave", id: string, value: string | undefined, count: number): string =>
  `{"${kind}":{"id":${JSON.stringify(id)}${value === undefined ? "" : `,"value":${value}`}},"count":${count}}`

export const counted = (count: number): string => `{"count":${count}}`
