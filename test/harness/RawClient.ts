/** A client whose every message is the test's. */
import { type WebSocket } from "ws"

export type Frame = Readonly<Record<string, unknown>>

/** A socket whose every message is the test's. Heartbeats are answered and not shown. */
export class RawClient {
  readonly frames: Array<Frame> = []
  readonly closed: Promise<number>
  #id = 0
  readonly #waiting = new Set<() => void>()

  constructor(readonly socket: WebSocket) {
    socket.on("message", (data) => {
      const frame = JSON.parse(String(data)) as Frame
      if (frame.type === "ping") {
        this.say({ type: "ping" })
      } else {
        this.frames.push(frame)
        for (const wake of [...this.#waiting]) {
          wake()
        }
      }
    })
    this.closed = new Promise((resolve) => socket.once("close", resolve))
  }

  /** Sends a message and returns its id. */
  say(message: Frame): number {
    this.socket.send(JSON.stringify({ id: ++this.#id, ...message }))
    return this.#id
  }

  /** Sends a message and waits for what answers it. */
  ask(message: Frame): Promise<Frame> {
    const id = this.say(message)
    return this.next((frame) => frame.id === id)
  }

  hello(fields: Frame = {}): Promise<Frame> {
    return this.ask({ type: "hello", version: "2", ...fields })
  }

  /** The first frame, arrived or to come, of which this holds; it is taken out. */
  next(is: (frame: Frame) => boolean): Promise<Frame> {
    return new Promise((resolve) => {
      const wake = (): void => {
        const index = this.frames.findIndex(is)
        const frame = this.frames[index]
        if (frame !== undefined) {
          this.frames.splice(index, 1)
          this.#waiting.delete(wake)
          resolve(frame)
        }
      }
      this.#waiting.add(wake)
      wake()
    })
  }

  /** Returns when the server has looked at everything sent before, and what it wrote by then has arrived. */
  async fence(): Promise<void> {
    await this.ask({ type: "fence" })
  }

  /** Cuts the connection without a word. */
  cut(): void {
    this.socket.terminate()
  }
}
