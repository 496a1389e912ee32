/** Everything that one turn of the event loop writes to a socket leaves in one flush. */
import type { Task, Turns } from "./Turns.js"

/** What is held back from its first write in a turn until it is let go. */
export interface Held {
  readonly letGo: () => void
}

interface Mark {
  readonly place: number
  readonly reached: Promise<void>
  readonly reach: () => void
}

// Sockets let go in one step: a few microseconds each.
const perStep = 16

// What has been let go is forgotten in strides.
const stride = 4096

/** Lets go of sockets in the order in which they were first written to. */
export class Flush implements Task {
  private held: Array<Held> = []
  private next = 0
  private forgotten = 0
  private readonly marks: Array<Mark> = []
  private started = false

  /** `left` is called whenever all that has been written has left. */
  constructor(private readonly turns: Turns, private readonly left: () => void) {}

  /** To be called for every socket that is being held back. */
  add(held: Held): void {
    this.held.push(held)
    this.start()
  }

  /** Ends when all that has been written so far has left for the sockets. */
  get done(): Promise<void> {
    const place = this.forgotten + this.held.length
    const last = this.marks.at(-1)
    if (last?.place === place) {
      return last.reached
    }
    this.start()
    let reach = (): void => {}
    const reached = new Promise<void>((resolve) => {
      reach = resolve
    })
    this.marks.push({ place, reached, reach })
    return reached
  }

  /** Whether a Promise is the end of the last flush that was asked for. */
  isDone(promise: Promise<void>): boolean {
    return promise === this.marks.at(-1)?.reached
  }

  step(): boolean {
    const { held } = this
    const end = Math.min(this.next + perStep, held.length)
    while (this.next < end) {
      held[this.next++]?.letGo()
    }
    if (end === held.length || end >= stride) {
      this.held = held.slice(end)
      this.next = 0
      this.forgotten += end
    }
    this.started = this.held.length > this.next
    if (!this.started) {
      this.left()
    }
    for (let { marks } = this; marks[0] !== undefined && marks[0].place <= this.forgotten + this.next;) {
      marks.shift()?.reach()
    }
    return this.started
  }

  private start(): void {
    if (!this.started) {
      this.started = true
      this.turns.start(this)
    }
  }
}
