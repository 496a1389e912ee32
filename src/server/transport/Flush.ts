/**
 * Everything that one turn of the event loop writes to a socket leaves in one flush.
 *
 * @since 0.1.0
 */
import type { Duplex } from "node:stream"

/**
 * What can be held back and let go.
 *
 * @since 0.1.0
 * @category models
 */
export interface Corked {
  readonly raw: Pick<Duplex, "cork" | "uncork">
  corked: boolean
}

/**
 * Corks each socket at its first write of a turn and uncorks all of them at the turn's end.
 *
 * @since 0.1.0
 * @category models
 */
export class Flush {
  private touched: Array<Corked> = []
  private scheduled = false
  private flushed: Promise<void> | undefined
  private resolve: (() => void) | undefined

  /** `left` is called whenever what a turn has written has left. */
  constructor(private readonly left: () => void) {}

  /** To be called before every write. */
  touch(target: Corked): void {
    if (target.corked) {
      return
    }
    target.corked = true
    target.raw.cork()
    this.touched.push(target)
    this.schedule()
  }

  /** Ends when all that was written in this turn has left for the sockets. */
  get done(): Promise<void> {
    this.schedule()
    return this.flushed ??= new Promise((resolve) => {
      this.resolve = resolve
    })
  }

  /** Whether a Promise is the end of this turn's flush. */
  isDone(promise: Promise<void>): boolean {
    return promise === this.flushed
  }

  private schedule(): void {
    if (!this.scheduled) {
      this.scheduled = true
      setImmediate(this.run)
    }
  }

  private readonly run = (): void => {
    const { resolve, touched } = this
    this.scheduled = false
    this.touched = []
    this.flushed = undefined
    this.resolve = undefined
    for (const target of touched) {
      target.corked = false
      target.raw.uncork()
    }
    this.left()
    resolve?.()
  }
}
