/** How much is kept of what is published. */

/**
 * How much of what is published is kept for those who missed it: at most `size` updates, none older than `age` (ms).
 */
export interface Bounds {
  readonly size: number
  readonly age: number
}

/** What is kept where nothing else is said: 1000 updates of a path, for five minutes. */
export const defaultBounds: Bounds = { size: 1_000, age: 300_000 }
