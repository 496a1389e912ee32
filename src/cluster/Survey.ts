/**
 * Counts over the cluster: a question to all nodes that hear a channel, and the sum of their answers.
 *
 * @since 0.1.0
 */
import type { Tally } from "../server/Broker.js"

interface Poll {
  total: number
  nodes: number
  expected: number | undefined
  readonly finish: () => void
}

/**
 * The questions this node has asked.
 *
 * @since 0.1.0
 * @category models
 */
export class Survey {
  private readonly polls = new Map<number, Poll>()
  private ids = 0

  /** `patience` (ms) is how long answers are waited for. */
  constructor(private readonly patience: number) {}

  /** Asks by `ask`, which returns how many others have heard the question; `own` is this node's answer. */
  async take(own: number, ask: (id: number) => Promise<number>): Promise<Tally> {
    const id = ++this.ids
    let finish = (): void => {}
    const finished = new Promise<void>((resolve) => {
      finish = resolve
    })
    const poll: Poll = { total: own, nodes: 1, expected: undefined, finish }
    this.polls.set(id, poll)
    const timer = setTimeout(finish, this.patience)
    try {
      poll.expected = await ask(id)
      this.check(poll)
      await finished
    } finally {
      clearTimeout(timer)
      this.polls.delete(id)
    }
    return { total: poll.total, nodes: poll.nodes, silent: Math.max(0, (poll.expected ?? 0) - poll.nodes + 1) }
  }

  /** Takes a node's answer. */
  answered(id: number, count: number): void {
    const poll = this.polls.get(id)
    if (poll) {
      poll.total += count
      poll.nodes++
      this.check(poll)
    }
  }

  private check(poll: Poll): void {
    if (poll.expected !== undefined && poll.nodes > poll.expected) {
      poll.finish()
    }
  }
}
