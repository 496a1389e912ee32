/** A question to all nodes that hear a channel, and their answers. */
import { Latch } from "../server/connection/Latch.js"
import { type After, atMost } from "./Timer.js"

interface Poll {
  readonly answers: Map<string, unknown>
  expected: number
  readonly complete: Latch
}

/** What was answered, by node, and how many did not answer in time. */
interface Outcome {
  readonly answers: ReadonlyMap<string, unknown>
  readonly silent: number
}

/** The questions this node has asked. */
export class Survey {
  private readonly polls = new Map<number, Poll>()
  private ids = 0

  /** `patience` (ms) is how long answers are waited for. */
  constructor(private readonly patience: number, private readonly after: After) {}

  /** Asks by `ask`, which returns how many others have heard the question. */
  async take(ask: (id: number) => Promise<number>): Promise<Outcome> {
    const id = ++this.ids
    const poll: Poll = { answers: new Map(), expected: Infinity, complete: new Latch() }
    this.polls.set(id, poll)
    try {
      poll.expected = await ask(id)
      this.check(poll)
      await atMost(this.after, this.patience, poll.complete.wait)
    } finally {
      this.polls.delete(id)
    }
    const { answers, expected } = poll
    return { answers, silent: Math.max(0, expected - answers.size) }
  }

  /** Takes a node's answer. */
  answered(id: number, from: string, answer: unknown): void {
    const poll = this.polls.get(id)
    if (poll) {
      poll.answers.set(from, answer)
      this.check(poll)
    }
  }

  private check({ answers, complete, expected }: Poll): void {
    if (answers.size >= expected) {
      complete.open()
    }
  }
}
