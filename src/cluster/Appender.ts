/** Updates that are kept, on their way to the engine: those of a path one after another. */
import type * as Message from "../protocol/Message.js"
import type { Bounds } from "../server/recovery/Bounds.js"
import type { Batch } from "./Engine.js"

// How much goes out at a time, at most: an engine does nothing else meanwhile.
const maxUpdates = 128
const maxChars = 250_000

interface Waiting {
  readonly payload: string
  readonly isState: boolean
  readonly resolve: (position: Message.Position) => void
  readonly reject: (error: unknown) => void
}

interface Queue {
  readonly path: string
  readonly bounds: Bounds
  readonly waiting: Array<Waiting>
}

/** What goes out of a path, and together with that of others. */
interface Part extends Batch {
  readonly queue: Queue
  readonly updates: ReadonlyArray<Waiting>
}

interface Call {
  readonly bounds: Bounds
  readonly parts: Array<Part>
  count: number
  chars: number
}

/** Keeps updates, those of one turn together. None of a path overtakes another, whatever becomes of one on its way. */
export class Appender {
  private readonly queues = new Map<string, Queue>()
  /** Those of which nothing is on its way. */
  private ready: Array<Queue> = []
  private size = 0

  constructor(
    private readonly maxWaiting: number,
    private readonly append: (
      batches: ReadonlyArray<Batch>,
      bounds: Bounds
    ) => Promise<ReadonlyArray<Message.Position | Error>>
  ) {}

  get waiting(): number {
    return this.size
  }

  /** Keeps an update, which may be the path's state from then on; returns its position. */
  keep(path: string, payload: string, bounds: Bounds, isState = false): Promise<Message.Position> {
    if (this.size >= this.maxWaiting) {
      return Promise.reject(new Error("Too many updates wait to be kept"))
    }
    this.size++
    return new Promise((resolve, reject) => {
      const waiting = { payload, isState, resolve, reject }
      const queue = this.queues.get(path)
      if (queue) {
        queue.waiting.push(waiting)
      } else {
        const first = { path, bounds, waiting: [waiting] }
        this.queues.set(path, first)
        this.enqueue(first)
      }
    })
  }

  private enqueue(queue: Queue): void {
    if (this.ready.push(queue) === 1) {
      setImmediate(() => this.flush())
    }
  }

  /** Sends what waits for the turn to end. */
  flush(): void {
    const calls: Array<Call> = []
    for (const queue of this.ready.splice(0)) {
      const { bounds, path, waiting } = queue
      const { chars, count } = fitting(waiting)
      let call = calls.findLast((call) => call.bounds === bounds)
      if (!call || call.count + count > maxUpdates || call.chars + chars > maxChars) {
        call = { bounds, parts: [], count: 0, chars: 0 }
        calls.push(call)
      }
      const updates = waiting.splice(0, count)
      const state = 1 + updates.findLastIndex(({ isState }) => isState)
      call.parts.push({ queue, path, updates, payloads: updates.map(({ payload }) => payload), state })
      call.count += count
      call.chars += chars
    }
    calls.forEach((call) => void this.send(call))
  }

  private async send({ bounds, parts }: Call): Promise<void> {
    const outcomes = await this.append(parts, bounds).catch((error: unknown) => parts.map(() => error as Error))
    for (const [index, { queue, updates }] of parts.entries()) {
      const outcome = outcomes[index] ?? new Error("Not answered")
      for (const [n, { reject, resolve }] of updates.entries()) {
        if (outcome instanceof Error) {
          reject(outcome)
        } else {
          resolve({ epoch: outcome.epoch, offset: outcome.offset - updates.length + 1 + n })
        }
      }
      this.size -= updates.length
      if (queue.waiting.length > 0) {
        this.enqueue(queue)
      } else {
        this.queues.delete(queue.path)
      }
    }
  }
}

const fitting = (waiting: ReadonlyArray<Waiting>): { readonly count: number; readonly chars: number } => {
  let chars = 0
  let count = 0
  for (const { payload } of waiting) {
    if (count === maxUpdates || (count > 0 && chars + payload.length > maxChars)) {
      break
    }
    chars += payload.length
    count++
  }
  return { count, chars }
}
