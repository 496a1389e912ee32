/** What happened, in order, and points within hooks that a test holds. */

/** What happened, in order, for a test to wait for and to look at. */
export class Journal {
  readonly entries: Array<ReadonlyArray<unknown>> = []
  readonly #waiting = new Set<() => void>()

  readonly note = (...entry: ReadonlyArray<unknown>): void => {
    this.entries.push(entry)
    for (const wake of [...this.#waiting]) {
      wake()
    }
  }

  /** The first entries of all that begin with this name. */
  of(name: string): ReadonlyArray<ReadonlyArray<unknown>> {
    return this.entries.filter(([first]) => first === name)
  }

  /** The entries in an order of their own, where they may have come in any. */
  get sorted(): ReadonlyArray<ReadonlyArray<unknown>> {
    return this.entries.toSorted((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
  }

  get names(): ReadonlyArray<unknown> {
    return this.entries.map(([name]) => name)
  }

  /** Waits until there are this many entries of a name. */
  async until(name: string, count = 1): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        if (this.of(name).length >= count) {
          this.#waiting.delete(wake)
          resolve()
        }
      }
      this.#waiting.add(wake)
      wake()
    })
  }
}

/** A point within a hook: the test waits until it is reached, the hook until it is let go. */
export class Gate {
  #reach: () => void = () => {}
  #open: () => void = () => {}
  readonly reached = new Promise<void>((resolve) => {
    this.#reach = resolve
  })
  readonly opened = new Promise<void>((resolve) => {
    this.#open = resolve
  })

  /** To be called by the hook. */
  readonly hold = (): Promise<void> => {
    this.#reach()
    return this.opened
  }

  readonly open = (): void => this.#open()
}
