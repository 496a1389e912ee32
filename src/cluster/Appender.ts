/** Updates that are kept, on their way to the engine: those of a path one after another. */
import type * as Message from "../protocol/Message.js"
import type { Bounds } from "../server/recovery/Bounds.js"

// How much goes out at a time, at most; more waits for its turn.
const maxUpdates = 200
const maxChars = 500_000

interface Waiting {
  readonly payload: string
  readonly isState: boolean
  readonly resolve: (position: Message.Position) => void
  readonly reject: (error: unknown) => void
}

/**
 * Keeps updates, in the order they come. Those of one path go out together, and the next when these have been
 * confirmed: whatever becomes of a command on its way, none overtakes another.
 */
export class Appender {
  private readonly queues = new Map<string, Array<Waiting>>()
  private size = 0

  constructor(
    private readonly maxWaiting: number,
    private readonly append: (
      path: string,
      payloads: ReadonlyArray<string>,
      bounds: Bounds,
      state: number
    ) => Promise<Message.Position>
  ) {}

  /** How many updates have not been confirmed yet. */
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
        queue.push(waiting)
      } else {
        const first = [waiting]
        this.queues.set(path, first)
        queueMicrotask(() => void this.run(path, first, bounds))
      }
    })
  }

  private async run(path: string, queue: Array<Waiting>, bounds: Bounds): Promise<void> {
    while (queue.length > 0) {
      const batch = queue.splice(0, fitting(queue))
      try {
        const state = 1 + batch.findLastIndex(({ isState }) => isState)
        const { epoch, offset } = await this.append(path, batch.map(({ payload }) => payload), bounds, state)
        batch.forEach(({ resolve }, index) => resolve({ epoch, offset: offset - batch.length + 1 + index }))
      } catch (error) {
        batch.forEach(({ reject }) => reject(error))
      }
      this.size -= batch.length
    }
    this.queues.delete(path)
  }
}

const fitting = (queue: ReadonlyArray<Waiting>): number => {
  let chars = 0
  let count = 0
  for (const { payload } of queue) {
    chars += payload.length
    if (count === maxUpdates || (count > 0 && chars > maxChars)) {
      break
    }
    count++
  }
  return count
}
