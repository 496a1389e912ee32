/** Counts over the cluster: a question to all nodes that hear a channel, and the sum of their answers. */
import type { Tally } from "../server/Broker.js"
import type { After } from "./Timer.js"

interface Poll {
  total: number
  nodes: number
  expected: number | undefined
  readonly finish: () => void
}

/** The questions this node has asked. */
export class Survey {
  private readonly polls = new Map<number, Poll>()
  private ids = 0

  /** `patience` (ms) is how long answers are waited for. */
  constructor(private readonly patience: number, private readonly after: After) {}

  /** Asks by `ask`, which returns how many others have heard the question; `own` is this node's answer, if it has one. */
  async take(own: number | undefined, ask: (id: number) => Promise<number>): Promise<Tally> {
    const id = ++this.ids
    let finish = (): void => {}
    const finished = new Promise<void>((resolve) => {
      finish = resolve
    })
    const poll: Poll = { total: own ?? 0, nodes: 0, expected: undefined, finish }
    this.polls.set(id, poll)
    const cancel = this.after(this.patience, finish)
    try {
      poll.expected = await ask(id)
      this.check(poll)
      await finished
    } finally {
      cancel()
      this.polls.delete(id)
    }
    const present = own === undefined ? 0 : 1
    return {
      total: poll.total,
      nodes: poll.nodes + present,
      silent: Math.max(0, (poll.expected ?? 0) - poll.nodes)
    }
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
    if (poll.expected !== undefined && poll.nodes >= poll.expected) {
      poll.finish()
    }
  }
}
