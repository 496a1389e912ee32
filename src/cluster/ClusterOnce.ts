/** What was asked with a key is done once, on whatever node. What this one has done it knows, whatever the engine loses. */
import { MemoryOnce, type Once, type Standing } from "../server/api/Once.js"
import type { Host } from "./Host.js"

export class ClusterOnce implements Once {
  private readonly own = new MemoryOnce(() => this.host.now())
  /** What the engine is to be told: the digest, and whether the work is done. */
  private readonly untold = new Map<string, readonly [digest: string, isDone: boolean]>()

  constructor(private readonly host: Host) {}

  async begin(key: string, digest: string): Promise<Standing> {
    const own = await this.own.begin(key, digest)
    if (own !== "new") {
      return own
    }
    let standing: Standing | undefined
    try {
      standing = await this.host.command((session) => session.begin(key, digest))
      this.untold.delete(key)
      return standing
    } finally {
      if (standing !== "new") {
        await this.own.end(key, digest, standing === "done")
      }
    }
  }

  // The work is done, or has failed, whether the engine can be told so or not.
  async end(key: string, digest: string, isDone: boolean): Promise<void> {
    await this.own.end(key, digest, isDone)
    this.untold.set(key, [digest, isDone])
    await this.tend()
  }

  /** To be called when the engine may have lost what it was told. */
  renew(): void {
    for (const [key, digest] of this.own.done()) {
      this.untold.set(key, [digest, true])
    }
  }

  /** To be called from time to time: tells the engine what it does not know. */
  async tend(): Promise<void> {
    for (const [key, [digest, isDone]] of this.untold) {
      try {
        await this.host.command((session) => session.end(key, digest, isDone))
      } catch {
        return
      }
      this.untold.delete(key)
    }
  }
}
