/** One connection that sends as fast as it can, whatever comes of it. */
import { clientFrame } from "./Frame.mjs"
import { RawSocket } from "./RawSocket.mjs"

/** A short frame with this first byte, masked with nothing. */
const frame = (first, text) => Buffer.concat([Buffer.from([first, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)])

const repeat = (bytes, times) => Buffer.concat(Array.from({ length: times }, () => bytes))

/** What each kind of flood consists of. */
const kinds = {
  request: () => repeat(clientFrame(`{"type":"request","id":1,"method":"GET","path":"/small"}`), 500),
  malformed: () => repeat(clientFrame("{"), 2000),
  refused: () => repeat(clientFrame(`{"type":"sub","id":1,"path":"/nowhere"}`), 500),
  ping: () => repeat(frame(0x89, "ping"), 5000),
  // No more of them than a message may be in: the server closes who sends more.
  fragment: () => Buffer.concat([frame(0x01, "x"), repeat(frame(0x00, "x"), 4000), frame(0x80, "x")]),
  heavy: () => clientFrame(`{"type":"message","id":1,"message":[${"{},".repeat(330_000)}1]}`)
}

/** Writes between two looks whether it is to stop. */
const perTurn = 16

export class Flooder {
  #bytes = 0
  #socket
  #stopped = false

  /** Says hello, and begins. */
  async start({ kind, port }) {
    const raw = await RawSocket.open(port, "/", () => undefined)
    await raw.ask(JSON.stringify({ type: "hello", id: 1, version: "2" }))
    this.#socket = raw.tcp
    this.#socket.removeAllListeners("data")
    this.#socket.on("data", () => undefined)
    const block = kinds[kind]()
    const pour = () => {
      for (let i = 0; i < perTurn; i++) {
        if (this.#stopped || this.#socket.destroyed) return
        this.#bytes += block.length
        if (!this.#socket.write(block)) {
          this.#socket.once("drain", pour)
          return
        }
      }
      setImmediate(pour)
    }
    pour()
  }

  /** Ends it; how much it has sent, and whether it still could. */
  stop() {
    const closed = this.#socket.destroyed
    this.#stopped = true
    this.#socket.destroy()
    return { bytes: this.#bytes, closed }
  }
}
