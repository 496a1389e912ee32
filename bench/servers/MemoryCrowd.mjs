/**
 * Clients without files: sockets in the memory of the server's own process, which it takes for upgrades. They do the
 * least that a client can: they say hello, subscribe, and answer heartbeats, some of them in each turn of the event loop.
 */
import { Duplex } from "node:stream"
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises"
import { clientFrame } from "../load/Frame.mjs"

const headers = {
  upgrade: "websocket",
  connection: "Upgrade",
  host: "127.0.0.1",
  "sec-websocket-version": "13",
  "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA=="
}

const hello = clientFrame(JSON.stringify({ type: "hello", id: 1, version: "2" }))
const pong = clientFrame(JSON.stringify({ type: "ping", id: 3 }))

const perTurn = 64

const closeFrame = 0x88

class MemorySocket extends Duplex {
  constructor(crowd) {
    super()
    this.crowd = crowd
  }

  get remoteAddress() {
    return "127.0.0.1"
  }

  setTimeout() {}

  setNoDelay() {}

  _read() {}

  _write(chunk, _encoding, done) {
    this.crowd.hear(this, chunk)
    done()
  }

  _writev(chunks, done) {
    this.crowd.hear(this, Buffer.concat(chunks.map(({ chunk }) => chunk)))
    done()
  }
}

export class MemoryCrowd {
  /** The longest turn of the event loop while somebody had something to say (ms). */
  longest = 0
  /** Whether the server has closed a connection, to which a heartbeat's answer came too late. */
  lost = false
  #subscribed = 0
  #beats = 0
  #saying = []
  #said = 0
  #last = 0
  #silent = () => undefined

  constructor(listener, path) {
    this.listener = listener
    this.sub = clientFrame(JSON.stringify({ type: "sub", id: 2, path }))
  }

  /** Opens connections, the next ones when nobody has anything to say; ends when all are subscribed. */
  async open(count) {
    this.count = count
    for (let i = 0; i < count; i++) {
      const socket = new MemorySocket(this)
      const request = { method: "GET", url: "/", httpVersion: "1.1", headers, socket }
      this.listener.emit("upgrade", request, socket, Buffer.alloc(0))
      if (i % perTurn === 0) {
        do await turn()
        while (this.#saying.length > 0)
      }
    }
    while (!this.lost && this.#subscribed < count) await turn()
  }

  /**
   * Waits for a whole round of heartbeats, which `begin` comes before, and its last answer; or until somebody is lost. It
   * is whole if nobody has said anything for `silence` (ms): whom a server has just answered may need no ping.
   */
  async heartbeat(silence, begin) {
    for (;;) {
      while (performance.now() - this.#last < silence) await sleep(silence / 10)
      const before = this.#beats
      await begin()
      if (this.#beats > before) continue
      this.longest = 0
      await new Promise((resolve) => {
        this.#silent = () => (this.lost || this.#beats >= before + this.count) && resolve()
        this.#silent()
      })
      if (this.lost || this.#beats === before + this.count) return
    }
  }

  /** What the server says to one of them. */
  hear(socket, bytes) {
    if (bytes[0] === closeFrame) {
      this.lost = true
      this.#silent()
      return
    }
    const text = bytes.latin1Slice(0, Math.min(80, bytes.length))
    if (text.startsWith("HTTP/1.1 101 ")) this.#say(socket, hello)
    else if (text.includes(`"type":"hello"`)) this.#say(socket, this.sub)
    else if (text.includes(`"type":"sub"`)) this.#subscribed++
    else if (text.includes(`"type":"ping"`)) {
      this.#beats++
      this.#say(socket, pong)
    } else throw new Error(`a wrong text arrived: ${text}`)
  }

  #say(socket, frame) {
    if (this.#saying.length === 0) {
      this.#last = performance.now()
      setImmediate(this.#next)
    }
    this.#saying.push([socket, frame])
  }

  #next = () => {
    const now = performance.now()
    this.longest = Math.max(this.longest, now - this.#last)
    this.#last = now
    for (const end = Math.min(this.#said + perTurn, this.#saying.length); this.#said < end;) {
      const [socket, frame] = this.#saying[this.#said++]
      // ws unmasks it in place.
      socket.push(Buffer.from(frame))
    }
    if (this.#said < this.#saying.length) setImmediate(this.#next)
    else {
      this.#saying = []
      this.#said = 0
      this.#silent()
    }
  }
}
