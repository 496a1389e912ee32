/** Plays scripts on one of the implementations, in a process of its own. */
import { ChildProcess, RemoteError } from "../harness/ChildProcess.js"
import type { Implementation } from "../interop/peers/Plugin.js"
import type { Script } from "./Script.js"
import { Stage } from "./Stage.js"
import { Notes, type Transcript } from "./Transcript.js"

export class Theatre {
  readonly #child: Promise<ChildProcess>

  constructor(implementation: Implementation) {
    this.#child = ChildProcess.start(new URL("./server.child.ts", import.meta.url), [implementation])
  }

  async perform(script: Script): Promise<Transcript> {
    const child = await this.#child
    let address: unknown
    try {
      address = await child.call("open", script.application ?? {})
    } catch (error) {
      if (error instanceof RemoteError) {
        const notes = new Notes()
        notes.note("registration", error.message)
        return notes.transcript()
      }
      throw error
    }
    const stage = new Stage(child, String(address))
    try {
      await script.play(stage)
    } catch (error) {
      // A crash is noted in the transcript; what it interrupted is not news.
      if (!await stage.hasCrashed()) {
        throw error
      }
    }
    const transcript = await stage.finish(script.fence ?? true)
    await child.call("close")
    child.events.take()
    return transcript
  }

  /** For how long the server's loop was held up, at most, since this was asked last (ms). */
  async withheld(): Promise<number> {
    return (await this.#child).withheld()
  }

  async close(): Promise<void> {
    await (await this.#child).stop()
  }
}
