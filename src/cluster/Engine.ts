/** The small port below a cluster: what Redis, or whatever takes its place, has to do. */
import type * as Message from "../protocol/Message.js"
import type { Standing } from "../server/api/Once.js"
import type { Change, Extent, Place } from "../server/presence/Present.js"
import type { Bounds } from "../server/recovery/Bounds.js"
import type { Since } from "../server/recovery/History.js"

/** What a channel is for: a path's updates, one node's post, or what all nodes hear. */
export type Channel = "path" | "node" | "all"

export interface Observer {
  /** Connected, for the first time or again: what is to be heard must be subscribed to (again). */
  readonly up: () => void
  readonly down: (error: unknown) => void
  /** Something was published to a channel that is subscribed to; those of one channel come in order. */
  readonly heard: (payload: string) => void
}

/**
 * What is kept of a path: of what came after the position asked for, an entry each, oldest first. An entry is its
 * `epoch:offset`, maybe with more after another colon, a line break, and the payload.
 */
export interface Kept {
  readonly epoch: string
  readonly start: number
  readonly top: number
  readonly entries: ReadonlyArray<string>
  /** The entry of the path's state, where the bounds ask for it and there is one. */
  readonly last?: string | undefined
}

export interface Batch {
  readonly path: string
  readonly payloads: ReadonlyArray<string>
  /** Which of them is the path's state from then on, counted from 1; 0 if none is. */
  readonly state: number
}

/** A node's last sign of life: how long ago that was (ms), and what it said of itself. */
export interface Beat {
  readonly node: string
  readonly age: number
  readonly state: string
}

/** A connection that comes back by itself until it is closed. What is asked while it is down fails. */
export interface Session {
  readonly isUp: boolean

  /** Publishes; returns how many have heard it. */
  readonly publish: (channel: Channel, name: string, payload: string) => Promise<number>
  readonly subscribe: (channel: Channel, names: ReadonlyArray<string>) => Promise<void>
  readonly unsubscribe: (channel: Channel, names: ReadonlyArray<string>) => Promise<void>

  /**
   * Gives payloads the next offsets of their paths, keeps their entries within the bounds and publishes those to the
   * path's channel, in one step for each path. Returns for each the position of its last, or why it was not kept.
   */
  readonly append: (
    batches: ReadonlyArray<Batch>,
    bounds: Bounds
  ) => Promise<ReadonlyArray<Message.Position | Error>>
  /** Reads what is kept of a path after a position, or only how far it has come. Keeps nothing of the question. */
  readonly read: (path: string, since: Since | undefined, bounds: Bounds) => Promise<Kept>
  /**
   * Says that another server was heard until so many ms ago: if this one has been given updates of the path before, what
   * the other was given then is lost, and the path begins a new epoch. Returns whether it does.
   */
  readonly sever: (path: string, age: number) => Promise<boolean>
  /** Forgets what is kept of a path; how far it has come stays. */
  readonly clear: (path: string) => Promise<void>
  /** How far each of these paths has come. Cheap: it is asked for thousands at a time. */
  readonly positions: (paths: ReadonlyArray<string>) => Promise<ReadonlyArray<Message.Position>>

  /**
   * Changes who of a node is present, and keeps and announces what the path tells of it, in one step: an update for each
   * change, or one with the number. No more of them are kept than are present, or than `leastChanges`. `head` is what each
   * payload begins with. Returns how many the node had there, and has.
   */
  readonly enter: (
    place: Place,
    node: string,
    changes: ReadonlyArray<Change>,
    extent: Extent,
    head: string
  ) => Promise<{ readonly before: number; readonly after: number }>
  /** How many are present, who (id and value) if that is wanted, and how far the path has come. */
  readonly present: (path: string, list: boolean, bounds: Bounds) => Promise<{
    readonly epoch: string
    readonly top: number
    readonly count: number
    readonly members: ReadonlyArray<readonly [id: string, value: string]>
  }>
  /** How many a node has at a path. */
  readonly members: (path: string, node: string) => Promise<number>
  /** Takes a key for the work that `digest` stands for, or says what has become of it. */
  readonly begin: (key: string, digest: string) => Promise<Standing>
  /** Says that the work is done, or failed: then the key is free again, unless it has been taken for something else. */
  readonly end: (key: string, digest: string, isDone: boolean) => Promise<void>

  /** Notes that a node has, or will have, somebody at a path; or that it has nobody there any more. */
  readonly hold: (node: string, path: string) => Promise<void>
  readonly unhold: (node: string, path: string) => Promise<void>
  /** The nodes that have somebody anywhere; where one has, and at how many paths. */
  readonly holders: () => Promise<ReadonlyArray<string>>
  readonly holds: (node: string) => Promise<number>
  readonly held: (node: string) => Promise<ReadonlyArray<string>>

  /** Counts a connection in, and those of `dead` nodes out; or answers who is counted if there are `max` others. */
  readonly claim: (
    user: string,
    socket: string,
    max: number,
    dead: ReadonlyArray<string>
  ) => Promise<ReadonlyArray<string> | undefined>
  readonly release: (user: string, socket: string) => Promise<void>

  /** Takes down a sign of life of a node, if it gives one; returns the last of each that gave one a short time ago. */
  readonly beat: (node: string, state: string | undefined) => Promise<ReadonlyArray<Beat>>
  readonly leave: (node: string) => Promise<void>

  /** Ends when what was asked before is done, or cannot be in a reasonable time. */
  readonly close: () => Promise<void>
}

export interface Engine {
  readonly name: string
  readonly open: (observer: Observer) => Session
}

/** For how long a node that gives no sign of life is remembered (ms). */
export const remembered = 30_000

/**
 * How long the state of a path is kept at least after its last update, so that it does not begin anew (ms), and the
 * period in the epoch of one that has none: half of it, so that nothing can come and go unnoticed within two.
 */
export const stateAge = 48 * 60 * 60 * 1_000
export const period = stateAge / 2

/** How long work may take whose node may be no more (ms); then its key is free again. */
export const busyFor = 60_000

/** How many changes of who is present are kept at least, so that nodes can catch up; more only if more are present. */
export const leastChanges = 100

/** A command that was refused, though the engine is there: out of memory, read-only, with too few replicas. */
export class Refused extends Error {
  override readonly name = "Refused"
}
