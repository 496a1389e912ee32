/**
 * How long a session waits for what should come, in milliseconds. A peer that hangs does so for ever; these limits say
 * when the script writes down that something never came.
 */
export class Patience {
  private readonly waits = new Set<() => void>()
  private ended = false

  constructor(private readonly milliseconds: number) {}

  /** Calls `giveUp` when the time is up or the session over, unless the function returned is called before. */
  guard(giveUp: () => void): () => void {
    if (this.ended) {
      queueMicrotask(giveUp)
      return () => {}
    }
    const stop = () => {
      clearTimeout(timer)
      this.waits.delete(end)
    }
    const end = () => {
      stop()
      giveUp()
    }
    const timer = setTimeout(end, this.milliseconds)
    this.waits.add(end)
    return stop
  }

  /** Gives up every wait, now and from now on. */
  end(): void {
    this.ended = true
    for (const end of Array.from(this.waits)) {
      end()
    }
  }
}
