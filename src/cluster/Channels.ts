/** Which paths this node hears: those that someone here listens to; and that it has missed nothing of them. */
import type * as Message from "../protocol/Message.js"
import * as Epoch from "../server/recovery/Epoch.js"
import { Latch } from "../server/transport/Turns.js"
import { parts, single, Stroll } from "./Batches.js"
import type { Host } from "./Host.js"

// Paths subscribed to, or asked how far they have come, in one command; and histories read at a time.
const atOnce = 500
const reading = 50

// Paths at rest that are looked after in one round.
const round = 250

type Ahead = readonly [path: string, position: Message.Position]

/** What is to be done for all paths, as after a reconnection, is done part by part, and goes on where it ended. */
export class Channels {
  /** The paths that are followed, and whether each is heard. */
  private readonly channels = new Map<string, boolean>()
  private next: { readonly paths: Set<string>; readonly done: Latch } | undefined
  private running = false
  /** Paths that something may have been missed of, and those whose history could not be read. */
  private suspects = new Set<string>()
  private unread = new Set<string>()
  private readonly strolling = new Stroll(this.channels, round)
  /** Paths at rest that the engine had got further with, and how far. */
  private ahead: ReadonlyArray<Ahead> = []
  /** Counts how often all was lost that had been subscribed to. */
  private generation = 0

  constructor(private readonly host: Host) {}

  has(path: string): boolean {
    return this.channels.get(path) === true
  }

  /** How many paths something may still have been missed of. */
  get missing(): number {
    return this.suspects.size
  }

  /** Follows what the node listens to; ends when the path's channel is heard, or cannot be for now. */
  follow(path: string): Promise<void> | undefined {
    const wanted = this.host.node.listens(path)
    const heard = this.channels.get(path)
    if (heard === undefined && wanted) {
      this.channels.set(path, false)
    } else if (heard === false && !wanted && !this.running) {
      this.forget(path)
      return undefined
    } else if (wanted === (heard ?? false)) {
      return undefined
    }
    const batch = this.next ??= { paths: new Set(), done: new Latch() }
    batch.paths.add(path)
    if (!this.running) {
      this.running = true
      queueMicrotask(() => void this.run())
    }
    return batch.done.wait
  }

  /** Nothing is heard any more: everything is to be subscribed to again, and may have missed something. */
  reset(): void {
    this.generation++
    // What was not caught up with before the others were comes first.
    for (const path of this.channels.keys()) {
      this.channels.set(path, false)
      this.suspects.add(path)
    }
  }

  /** Hears again what is to be heard, and reads what was missed. */
  readonly catchUp = single(async () => {
    try {
      while (this.suspects.size > 0) {
        const { generation } = this
        const [paths = []] = parts(this.suspects, atOnce)
        await this.settle(paths)
        await this.read(await this.compare(paths))
        if (generation === this.generation) {
          paths.forEach((path) => this.suspects.delete(path))
        }
      }
    } catch {
      // The session went down: when it is up again, so does this.
    }
  })

  /** Looks after some paths at rest: an announcement can get lost without a connection having gone down. */
  async stroll(): Promise<void> {
    const { ahead } = this
    this.ahead = []
    await this.read(ahead.filter(([path, position]) => this.isBehind(path, position)))
    this.ahead = await this.compare(this.strolling.next()).catch(() => [])
  }

  failed(path: string): void {
    this.unread.add(path)
  }

  /** Reads again what could not be read; returns whether there was something. */
  retry(): boolean {
    const { unread } = this
    this.unread = new Set()
    for (const path of unread) {
      void this.host.node.refresh(path)
    }
    return unread.size > 0
  }

  private forget(path: string): void {
    this.channels.delete(path)
    this.suspects.delete(path)
    this.unread.delete(path)
  }

  // What is asked in one turn goes out in one command; the next when that has been answered.
  private async run(): Promise<void> {
    for (let batch = this.next; batch; batch = this.next) {
      this.next = undefined
      for (const part of parts(batch.paths, atOnce)) {
        await this.settle(part).catch(() => {})
      }
      batch.done.open()
    }
    this.running = false
  }

  private async settle(paths: ReadonlyArray<string>): Promise<void> {
    const { generation } = this
    const more = paths.filter((path) => this.host.node.listens(path) && !this.has(path))
    const less = paths.filter((path) => !this.host.node.listens(path))
    const givenUp = less.filter((path) => this.has(path))
    less.forEach((path) => this.forget(path))
    if (more.length > 0) {
      await this.host.session().subscribe("path", more)
    }
    if (givenUp.length > 0) {
      await this.host.session().unsubscribe("path", givenUp)
    }
    if (generation !== this.generation) {
      throw new Error("Not connected any more")
    }
    more.forEach((path) => this.channels.set(path, true))
    // Who came or went meanwhile is seen to next.
    paths.filter((path) => this.host.node.listens(path) !== this.has(path)).forEach((path) => void this.follow(path))
  }

  // Those of these paths that the engine has got further with.
  private async compare(paths: ReadonlyArray<string>): Promise<ReadonlyArray<Ahead>> {
    const kept = paths.filter((path) => this.host.node.recovers(path))
    if (kept.length === 0) {
      return []
    }
    const positions = await this.host.session().positions(kept)
    return kept.flatMap((path, index) => {
      const position = positions[index]
      return position && this.isBehind(path, position) ? [[path, position] as const] : []
    })
  }

  private isBehind(path: string, position: Message.Position): boolean {
    const reached = this.host.node.reached(path)
    return !reached || (reached.epoch === position.epoch
      ? reached.offset < position.offset
      : !Epoch.continues(position, reached.epoch))
  }

  private async read(behind: ReadonlyArray<Ahead>): Promise<void> {
    for (const part of parts(behind, reading)) {
      await Promise.all(part.map(([path]) => this.host.node.refresh(path) ?? Promise.resolve()))
    }
  }
}
