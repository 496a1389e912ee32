/** A question to all nodes that hear a channel, and their answers. */
import { type After, Waiting } from "./Timer.js"

// How long answers are waited for (ms).
const patience = 1_000

/** The questions this node has asked. */
export class Survey {
  private readonly polls = new Map<number, Map<string, unknown>>()
  private readonly waiting: Waiting
  private ids = 0

  constructor(after: After) {
    this.waiting = new Waiting(after, patience)
  }

  /** Asks by `ask`, which returns how many others hear it; ends with the answers, and how many are not in in time. */
  async take(ask: (id: number) => Promise<number>) {
    const id = ++this.ids
    const answers = new Map<string, unknown>()
    this.polls.set(id, answers)
    try {
      const expected = await ask(id)
      await this.waiting.until(() => answers.size >= expected)
      return { answers, silent: Math.max(0, expected - answers.size) }
    } finally {
      this.polls.delete(id)
    }
  }

  answered(id: number, from: string, answer: unknown): void {
    this.polls.get(id)?.set(from, answer)
    this.waiting.changed()
  }
}
