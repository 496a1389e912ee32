/** The parent's side of a peer's process. */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { sources } from "../../harness/Sources.js"
import type { PeerName } from "./Peer.js"
import type { Order, Transcript } from "./Transcript.js"

const main = fileURLToPath(new URL("DriverMain.ts", import.meta.url))

export class Driver {
  private constructor(private readonly child: ChildProcess, private readonly peer: PeerName) {}

  static async start(peer: PeerName): Promise<Driver> {
    const child = fork(main, [peer], { execArgv: [...sources] })
    const driver = new Driver(child, peer)
    await driver.message()
    return driver
  }

  /** Plays a session. Rejects when the process dies of it. */
  async play(order: Order): Promise<Transcript> {
    this.child.send(order)
    return await this.message() as Transcript
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const exit = once(this.child, "exit")
      this.child.kill()
      await exit
    }
  }

  private async message(): Promise<unknown> {
    return await new Promise((resolve, reject) => {
      const onExit = (code: number | null) => {
        this.child.off("message", onMessage)
        reject(new Error(`The process of ${this.peer} ended with code ${code}`))
      }
      const onMessage = (message: unknown) => {
        this.child.off("exit", onExit)
        resolve(message)
      }
      this.child.once("exit", onExit)
      this.child.once("message", onMessage)
    })
  }
}
