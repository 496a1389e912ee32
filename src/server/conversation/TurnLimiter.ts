/**
 * Starts no more than so many tasks in one turn of the event loop.
 *
 * Work that arrives in a burst and then waits (for hapi, for a database) would all be alive at once, and be copied by
 * every garbage collection meanwhile: hundreds of small requests started in turns cost little more than half of what
 * they cost at once.
 *
 * @since 0.1.0
 */

/**
 * Starts tasks in the order they came, at most `limit` in a turn; the rest follow in the next turns.
 *
 * @since 0.1.0
 * @category models
 */
export class TurnLimiter {
  private started = 0
  private waiting: Array<() => void> = []

  constructor(private readonly limit: number) {}

  /** Starts a task now, or in one of the next turns if this one has had its share. */
  start(task: () => void): void {
    if (this.started === 0) {
      setImmediate(this.turn)
    }
    if (this.started < this.limit) {
      this.started++
      task()
    } else {
      this.waiting.push(task)
    }
  }

  private readonly turn = (): void => {
    const due = this.waiting.splice(0, this.limit)
    this.started = due.length
    if (due.length > 0) {
      setImmediate(this.turn)
    }
    for (const task of due) {
      task()
    }
  }
}
