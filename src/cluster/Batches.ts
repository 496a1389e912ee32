/** Much of something, a part after the other; and one work at a time. */

export function* parts<A>(items: Iterable<A>, size: number): Generator<ReadonlyArray<A>> {
  let part: Array<A> = []
  for (const item of items) {
    if (part.push(item) === size) {
      yield part
      part = []
    }
  }
  if (part.length > 0) {
    yield part
  }
}

/** Work of which there is one at a time: who asks for it meanwhile has that. */
export const single = (work: () => Promise<void>): () => Promise<void> => {
  let running: Promise<void> | undefined
  return () =>
    running ??= work().finally(() => {
      running = undefined
    })
}

/** Some names of those there are, the next each time, and the first again when all have had their turn. */
export class Stroll {
  private names: IterableIterator<string> | undefined

  constructor(private readonly all: ReadonlyMap<string, unknown>, private readonly count: number) {}

  next(): ReadonlyArray<string> {
    const names = this.names ??= this.all.keys()
    const some = Array.from({ length: this.count }, () => names.next().value).filter((name) => name !== undefined)
    if (some.length < this.count) {
      this.names = undefined
    }
    return some
  }
}
