/** What was asked with a key is done once, however often it is asked. */

/** Whether a key is new, its work is under way or done, or it stood for something else. */
export type Standing = "new" | "busy" | "done" | "other"

/** The keys that the nodes know together. */
export interface Once {
  /** Takes a key for the work that `digest` stands for. */
  readonly begin: (key: string, digest: string) => Promise<Standing>
  /** The work is done, or has failed: then the key is free again. */
  readonly end: (key: string, isDone: boolean) => Promise<void>
}

/** How long a key is known when its work is done, and while it is under way (ms). */
export const knownFor = 24 * 60 * 60 * 1_000

/** See `knownFor`. */
export const busyFor = 60_000

// With more keys the oldest is forgotten.
const maxKeys = 10_000

interface Entry {
  readonly digest: string
  readonly isDone: boolean
  readonly until: number
}

/** Keys in memory. */
export class MemoryOnce implements Once {
  private readonly entries = new Map<string, Entry>()

  constructor(private readonly now: () => number = () => performance.now()) {}

  begin(key: string, digest: string): Promise<Standing> {
    const known = this.entries.get(key)
    if (known && known.until > this.now()) {
      return Promise.resolve(known.digest !== digest ? "other" : known.isDone ? "done" : "busy")
    }
    this.set(key, { digest, isDone: false, until: this.now() + busyFor })
    return Promise.resolve("new")
  }

  end(key: string, isDone: boolean): Promise<void> {
    const known = this.entries.get(key)
    this.entries.delete(key)
    if (known && isDone) {
      this.set(key, { ...known, isDone, until: this.now() + knownFor })
    }
    return Promise.resolve()
  }

  private set(key: string, entry: Entry): void {
    this.entries.delete(key)
    this.entries.set(key, entry)
    const [oldest] = this.entries.keys()
    if (this.entries.size > maxKeys && oldest !== undefined) {
      this.entries.delete(oldest)
    }
  }
}
