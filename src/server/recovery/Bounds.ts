/** How much is kept of what is published. */

/** At most `size` updates are kept for those who missed them, none older than `age` (ms). */
export interface Bounds {
  readonly size: number
  readonly age: number
  /** How long the last update for all subscribers is kept besides (ms), where that is how things stand. */
  readonly state?: number | undefined
  /** Whether who missed something is told how things stand: a path need not be remembered that nobody follows. */
  readonly transient?: boolean | undefined
}

/** What is kept where nothing else is said: 1000 updates of a path, for five minutes. */
export const defaultBounds: Bounds = { size: 1_000, age: 300_000 }

/** What is kept of a path that has nothing but a state: enough for a connection that is lost for a moment. */
export const stateBounds: Bounds = { size: 1, age: 60_000 }

/** How long a state is kept where nothing else is said: 30 days. */
export const defaultStateAge = 30 * 24 * 60 * 60 * 1_000
