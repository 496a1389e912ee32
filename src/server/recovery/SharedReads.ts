/** Reads of one thing for many: one at a time, so that a crowd that comes at once costs no more than a few. */

interface Running<A> {
  readonly done: Promise<void>
  next: Promise<A> | undefined
}

/** Reads what has a name. Who asks during a read shares the next one: what it finds is no older than the question. */
export class SharedReads<A> {
  private readonly running = new Map<string, Running<A>>()

  ask(name: string, read: () => Promise<A>): Promise<A> {
    const running = this.running.get(name)
    return running ? running.next ??= running.done.then(() => this.begin(name, read)) : this.begin(name, read)
  }

  private begin(name: string, read: () => Promise<A>): Promise<A> {
    const answer = read()
    const ended = (): void => {
      if (running.next === undefined) {
        this.running.delete(name)
      }
    }
    const running: Running<A> = { done: answer.then(ended, ended), next: undefined }
    this.running.set(name, running)
    return answer
  }
}
