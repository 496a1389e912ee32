/** The updates that are kept, in the memory of one process. */
import { randomBytes } from "node:crypto"
import type { Publish, Published } from "../Command.js"
import { take } from "../Groups.js"
import type { Bounds } from "./Bounds.js"
import * as Epoch from "./Epoch.js"
import type { History, Page, Since } from "./History.js"

interface Kept {
  readonly update: Published
  readonly at: number
}

interface Log {
  epoch: string
  top: number
  kept: Array<Kept>
  last: Kept | undefined
  /** How long `last` is kept (ms). */
  state: number
  /** How long the path is known after it was touched (ms). */
  age: number
  touched: number
  /** Whether it is to be forgotten as soon as nobody follows it, until something is published. */
  isSpent: boolean
}

/** A path that nobody follows is forgotten when all that it keeps is too old, which is seen at the next publish. */
export class MemoryHistory implements History {
  private readonly logs = new Map<string, Log>()
  // By age; of each the path touched last is the last, so that those that may be forgotten are in front.
  private readonly queues = new Map<number, Map<string, Log>>()
  private readonly run = random()

  /** `followed` says whether anyone is subscribed to a path: it must not begin anew. */
  constructor(
    private readonly followed: (path: string) => boolean,
    private readonly now: () => number
  ) {}

  get size(): number {
    return this.logs.size
  }

  append(update: Publish, bounds: Bounds): Published {
    const { age, size, state = 0 } = bounds
    const at = this.now()
    const log = this.logs.get(update.path) ?? this.make(bounds, at)
    log.isSpent = false
    if (log.top === 0) {
      log.epoch = `${random()}${log.epoch}`
    }
    const published: Published = { ...update, position: { epoch: log.epoch, offset: ++log.top } }
    log.state = state
    log.kept.push({ update: published, at })
    if (state > 0 && !published.user) {
      log.last = { update: published, at }
    }
    // Cut in strides: an array that loses its first element with every push is copied every time.
    if (log.kept.length >= 2 * size) {
      log.kept = log.kept.slice(-size)
    }
    this.touch(update.path, log, at, age)
    this.forget(at)
    return published
  }

  read(path: string, since: Since | undefined, bounds: Bounds): Page {
    const { age, size, state = 0 } = bounds
    const now = this.now()
    const log = this.logs.get(path) ?? this.make(bounds, now)
    if (log.top === 0 && this.followed(path)) {
      this.touch(path, log, now)
      this.forget(now)
    }
    const { epoch, kept, last, top } = log
    const from = !since ? top : since.epoch === epoch ? since.offset : 0
    const first = kept.length - Math.max(0, Math.min(top - from, size, kept.length))
    return {
      epoch,
      start: 0,
      top,
      updates: kept.slice(first).filter(({ at }) => now - at <= age).map(({ update }) => update),
      last: last && now - last.at <= state ? last.update : undefined
    }
  }

  clear(path: string): void {
    const log = this.logs.get(path)
    if (log) {
      log.kept = []
      log.last = undefined
    }
  }

  release(path: string): void {
    const log = this.logs.get(path)
    if (log && (log.top === 0 || log.isSpent) && !this.followed(path)) {
      this.drop(path)
    }
  }

  /** Forgets a path with transient bounds at once, or as soon as nobody follows it, unless something is published. */
  retire(path: string): void {
    const log = this.logs.get(path)
    if (log) {
      log.isSpent = true
      this.release(path)
    }
  }

  // Whoever has been told that there was nothing may go on from there for as long as nothing can have been published
  // and forgotten meanwhile: not at all where that may be at once.
  private make({ age, transient = false }: Bounds, now: number): Log {
    const epoch = Epoch.unpublished(transient ? random() : this.run, 0, Math.floor(2 * now / age))
    return { epoch, top: 0, kept: [], last: undefined, state: 0, age, touched: now, isSpent: false }
  }

  private touch(path: string, log: Log, now: number, age = log.age): void {
    this.drop(path)
    log.touched = now
    log.age = age
    this.logs.set(path, log)
    this.queues.set(age, (this.queues.get(age) ?? new Map<string, Log>()).set(path, log))
  }

  private drop(path: string): void {
    const log = this.logs.get(path)
    this.logs.delete(path)
    if (log) {
      take(this.queues, log.age, path)
    }
  }

  private forget(now: number): void {
    for (const queue of this.queues.values()) {
      for (const [path, log] of queue) {
        if (now - log.touched <= log.age) {
          break
        }
        log.kept = []
        if (log.last && now - log.last.at > log.state) {
          log.last = undefined
        }
        if (this.followed(path)) {
          this.touch(path, log, now)
        } else if (log.last) {
          this.touch(path, log, now, log.state)
        } else {
          this.drop(path)
        }
      }
    }
  }
}

const random = (): string => randomBytes(6).toString("hex")
