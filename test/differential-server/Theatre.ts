/** Plays scripts on both implementations, each in a process of its own that is replaced when a script kills it. */
import { ChildExited, ChildProcess, RemoteError } from "../harness/ChildProcess.js"
import type { Implementation } from "../interop/peers/Plugin.js"
import type { Script } from "./Script.js"
import { Stage } from "./Stage.js"
import { Notes, type Transcript } from "./Transcript.js"

const module = new URL("./server.child.ts", import.meta.url)

const crashed = (child: ChildProcess): Promise<boolean> =>
  child.call("control", "nothing", []).then(() => false, (error: unknown) => error instanceof ChildExited)

export class Theatre {
  #child: Promise<ChildProcess>
  /** Where crashes are to be expected, the next process is started ahead of its time. */
  #standby: Promise<ChildProcess> | undefined

  constructor(readonly implementation: Implementation, readonly expectsCrashes: boolean) {
    this.#child = this.#start()
    this.#standby = expectsCrashes ? this.#start() : undefined
  }

  #start(): Promise<ChildProcess> {
    const child = ChildProcess.start(module, [this.implementation])
    child.catch(() => {})
    return child
  }

  async #living(): Promise<ChildProcess> {
    const child = await this.#child
    if (!child.alive) {
      this.#child = this.#standby ?? this.#start()
      this.#standby = this.expectsCrashes ? this.#start() : undefined
    }
    return this.#child
  }

  async perform(script: Script): Promise<Transcript> {
    const child = await this.#living()
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
      if (!await crashed(child)) {
        throw error
      }
    }
    const transcript = await stage.finish(script.fence ?? true)
    await child.call("close").catch(() => child.kill())
    child.events.take()
    return transcript
  }

  async close(): Promise<void> {
    const children = await Promise.all([this.#child, this.#standby])
    await Promise.all(children.flatMap((child) => child === undefined ? [] : [child.stop()]))
  }
}
