/** For how long an event loop did not get its turn: on a busy machine a process does not get it at once. */

/** How often the loop is looked at (ms). */
const tick = 10

export class LoopWatch {
  /** For how long it did not get its turn, in all, and at most (ms). */
  all = 0
  longest = 0
  #last = performance.now()
  readonly #timer = setInterval(() => this.look(), tick).unref()

  /** Looks once more, and returns what the time is. */
  look(): number {
    const now = performance.now()
    const late = Math.max(0, now - this.#last - 2 * tick)
    this.all += late
    this.longest = Math.max(this.longest, late)
    this.#last = now
    return now
  }

  /** For how long it did not get its turn, at most, since this was asked last (ms). */
  take(): number {
    this.look()
    const { longest } = this
    this.longest = 0
    return longest
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
