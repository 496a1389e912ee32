/** What was asked with a key is done once, however often it is asked. */

/** Whether a key is new, its work is under way or done, or it stood for something else. */
export type Standing = "new" | "busy" | "done" | "other"

/** The keys that the nodes know together. */
export interface Once {
  /** Takes a key for the work that `digest` stands for. */
  readonly begin: (key: string, digest: string) => Promise<Standing>
  /** The work is done, or has failed: then the key is free again. */
  readonly end: (key: string, digest: string, isDone: boolean) => Promise<void>
}

/** How long a key is known when its work is done (ms). */
export const knownFor = 24 * 60 * 60 * 1_000

// With more keys the oldest is forgotten.
const maxKeys = 10_000

interface Entry {
  readonly digest: string
  readonly isDone: boolean
  readonly until: number
}

export class MemoryOnce implements Once {
  private readonly entries = new Map<string, Entry>()

  /** `busyFor` is how long work may take whose end may never be told (ms). */
  constructor(
    private readonly now: () => number,
    private readonly busyFor: number = Infinity
  ) {}

  begin(key: string, digest: string): Promise<Standing> {
    const known = this.entries.get(key)
    if (known && known.until > this.now()) {
      return Promise.resolve(known.digest !== digest ? "other" : known.isDone ? "done" : "busy")
    }
    this.set(key, { digest, isDone: false, until: this.now() + this.busyFor })
    return Promise.resolve("new")
  }

  end(key: string, digest: string, isDone: boolean): Promise<void> {
    this.entries.delete(key)
    if (isDone) {
      this.set(key, { digest, isDone, until: this.now() + knownFor })
    }
    return Promise.resolve()
  }

  /** What has been done: the keys and digests. */
  done(): ReadonlyArray<readonly [key: string, digest: string]> {
    return Array.from(this.entries)
      .filter(([, { isDone, until }]) => isDone && until > this.now())
      .map(([key, { digest }]) => [key, digest])
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
