/** What is kept of what was published, as its readers see it. */
import type * as Message from "../../protocol/Message.js"
import type { Published } from "../Command.js"
import type { Bounds } from "./Bounds.js"

/**
 * What is left of a path's history: the updates after the position asked for, in order; `top` is the offset of the last
 * one published. What was published before `start` has its offset from an earlier epoch.
 */
export interface Page {
  readonly epoch: string
  readonly start: number
  readonly top: number
  readonly updates: ReadonlyArray<Published>
  /** The last update for all subscribers, where the bounds say that it is a state. */
  readonly last?: Published | undefined
}

/** Without an epoch, or in another than the history's, what was seen after the beginning of that does not count. */
export interface Since {
  readonly epoch: string | undefined
  readonly offset: number
}

/** The updates that are kept. */
export interface History {
  /**
   * What came after a position, which may be a client's word; without one, only how far the path has come. `at` is how
   * far the reader has heard the path itself.
   */
  readonly read: (
    path: string,
    since: Since | undefined,
    bounds: Bounds,
    at?: Message.Position
  ) => Page | Promise<Page>
  /** Forgets the updates of a path, and its state; its positions go on. */
  readonly clear: (path: string) => void | Promise<void>
  /** To be told that a path could not be read. Absent where reading cannot fail. */
  readonly failed?: ((path: string) => void) | undefined
  /** To be told that a path may have lost its last follower here. */
  readonly release?: ((path: string) => void) | undefined
}
