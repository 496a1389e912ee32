/**
 * Many connections to one server, in the roles the scenarios need: draining updates, keeping requests in flight,
 * answering heartbeats. Every role checks what arrives, to the byte.
 */
import { once } from "node:events"
import { connect } from "node:net"
import { isDeepStrictEqual } from "node:util"
import { now } from "../process/Clock.mjs"
import { dialect } from "./Dialect.mjs"
import { compressedLength } from "./Frame.mjs"
import { RawSocket } from "./RawSocket.mjs"

const assert = (condition, message) => {
  if (!condition) throw new Error(message())
}

const perAddress = 5000

export class Fleet {
  /** @type {Array<RawSocket>} */
  #sockets = []
  #failed
  #failure = new Promise((_, reject) => (this.#failed = reject))

  /**
   * @param {{ port: number, control: number, dialect: string, compresses?: boolean, secure?: boolean }} server
   */
  constructor({ compresses, control, dialect: name, port, secure }) {
    this.#failure.catch(() => undefined)
    this.port = port
    this.dialect = dialect(name)
    this.how = { compresses, secure }
    this.control = connect({ host: "127.0.0.1", port: control, noDelay: true })
    this.control.on("error", () => undefined)
  }

  /**
   * Adds connections, `concurrency` at a time; the nth subscribes to the nth of `paths` and is the nth of `users`, in
   * turn, or all say the same `auth`. With `answering`, heartbeats are answered from the beginning.
   */
  async connect({ answering, auth: shared, concurrency = 32, count, paths, users }) {
    const from = this.#sockets.length
    let next = from
    const worker = async () => {
      while (next < from + count) {
        const index = next++
        // One address has not ports enough for all.
        const localAddress = `127.0.0.${1 + Math.floor(index / perAddress)}`
        const socket = await RawSocket.open(this.port, this.dialect.path, this.#failed, { ...this.how, localAddress })
        const auth = shared ?? (users && { headers: { authorization: users[index % users.length] } })
        await this.dialect.open(socket, paths?.[index % paths.length], auth)
        this.#sockets[index] = socket
        if (answering) socket.listen((text) => this.dialect.isPing(text) && this.dialect.pong(socket))
      }
    }
    await this.#orFail(Promise.all(Array.from({ length: concurrency }, worker)))
  }

  /**
   * Hears one update of `message` under `path` on each connection, and compares it word for word; heartbeats
   * meanwhile are answered.
   */
  listen({ body, maxChunkChars, message, path }) {
    const parts = this.dialect.update(path, message, maxChunkChars).length
    const heard = this.#sockets.map(() => [])
    this.checked = Promise.all(
      this.#sockets.map((socket, index) =>
        new Promise((resolve, reject) => {
          socket.listen((text) => {
            if (this.dialect.isPing(text)) {
              this.dialect.pong(socket)
              return
            }
            heard[index].push(text)
            if (heard[index].length < parts) return
            const update = this.dialect.message(heard[index])
            if (isDeepStrictEqual(update.body, body)) resolve()
            else reject(new Error(`a wrong update arrived: ${JSON.stringify(update).slice(0, 200)}`))
          })
        })
      )
    )
    this.checked.then(() => this.control.write("."), () => undefined)
  }

  /** Waits for what `listen` or `drain` expected. */
  arrived() {
    return this.#orFail(this.checked)
  }

  /**
   * Drains updates as bytes. A round is over when `perRound` deliveries of `message` are in; then the server hears of it.
   * After all `rounds` every connection must have received exactly its part: the nth of `publishes` goes to every
   * connection whose index is n modulo `targets`.
   */
  drain({ maxChunkChars, message, path, perRound, publishes, rounds, targets }) {
    const bytes = this.dialect.update(path, message, maxChunkChars)
      .reduce((sum, text) => sum + (this.how.compresses ? compressedLength(text) : Buffer.byteLength(text)), 0)
    const roundBytes = bytes * perRound
    let received = 0
    let round = 0
    let done
    this.checked = new Promise((resolve) => (done = resolve)).then(() => {
      this.#sockets.forEach((socket, index) => {
        const got = socket.parser.bytes - socket.mark
        const due = bytes * Math.ceil((publishes - index % targets) / targets)
        assert(got === due, () => `a connection got ${got} bytes of ${due}`)
      })
      return { bytes: received }
    })
    const onBytes = (count) => {
      received += count
      if (received < roundBytes * (round + 1)) return
      if (round === rounds || received > roundBytes * (round + 1)) {
        this.#failed(new Error(`${received} bytes arrived of ${roundBytes * (round + 1)}`))
        return
      }
      if (++round === rounds) done()
      this.control.write(".")
    }
    for (const socket of this.#sockets) {
      socket.mark = socket.parser.bytes
      socket.drain(onBytes)
    }
  }

  /** Sends `total` requests, `inFlight` at a time on each connection, and checks every answer. */
  async request({ inFlight, path, result, total }) {
    const answer = (id) => JSON.stringify({ type: "request", id, statusCode: 200, payload: result })
    const length = answer(100_000).length
    let sent = 0
    let answered = 0
    await this.#orFail(
      new Promise((resolve, reject) => {
        for (const socket of this.#sockets) {
          let ids = 100_000
          let first = true
          const next = () => {
            if (sent === total) return
            sent++
            socket.send(`{"method":"GET","path":"${path}","type":"request","id":${ids++}}`)
          }
          socket.listen((text) => {
            if (text.length !== length) {
              reject(new Error(`a wrong answer arrived: ${text.slice(0, 200)}`))
              return
            }
            if (first) {
              first = false
              if (!isDeepStrictEqual(JSON.parse(text).payload, result)) {
                reject(new Error(`a wrong answer arrived: ${text.slice(0, 200)}`))
                return
              }
            }
            if (++answered === total) resolve()
            next()
          })
          for (let i = 0; i < inFlight; i++) next()
        }
      })
    )
    return { bytes: total * length }
  }

  /** From here on nobody looks at what arrives. */
  ignore() {
    for (const socket of this.#sockets) socket.drain(() => undefined)
  }

  /**
   * Notes when the update of `message` has come to half of the connections and to the last.
   */
  clock({ message, path }) {
    const due = this.dialect.update(path, message).reduce((sum, text) => sum + Buffer.byteLength(text), 0)
    const half = Math.ceil(this.#sockets.length / 2)
    const times = {}
    let done
    let arrived = 0
    this.checked = new Promise((resolve) => (done = resolve))
    for (const socket of this.#sockets) {
      let missing = due
      socket.drain((bytes) => {
        missing -= bytes
        if (missing > 0 || bytes === 0) return
        if (missing < 0) this.#failed(new Error(`${due - missing} bytes arrived of ${due}`))
        if (++arrived === half) times.half = now()
        if (arrived === this.#sockets.length) {
          times.last = now()
          this.control.write(".")
          done(times)
        }
      })
    }
  }

  /** From here on every connection answers the server's heartbeats, at once or (`hold`) when `answer` is called. */
  answerHeartbeats({ hold }) {
    this.held = []
    this.beats = this.#sockets.map(() => 0)
    this.behind = this.#sockets.length
    this.round = 1
    this.waited = 0
    this.#sockets.forEach((socket, index) => {
      socket.listen((text) => {
        if (!this.dialect.isPing(text)) {
          this.#failed(new Error(`unexpected text: ${text.slice(0, 200)}`))
          return
        }
        if (hold) this.held.push(socket)
        else this.dialect.pong(socket)
        if (++this.beats[index] === this.round && --this.behind === 0) {
          this.round++
          this.behind = this.beats.filter((beats) => beats < this.round).length
          this.onRound?.()
        }
      })
    })
  }

  /** Answers the heartbeats held back. */
  answer() {
    for (const socket of this.held.splice(0)) this.dialect.pong(socket)
  }

  /** Waits until every connection has had one heartbeat more than when this was waited for last; it may have had it. */
  async heartbeat() {
    this.waited++
    while (this.round <= this.waited) await this.#orFail(new Promise((resolve) => (this.onRound = resolve)))
  }

  /** Closes what it has opened. */
  drop() {
    for (const socket of this.#sockets.splice(0)) socket?.close()
  }

  async close() {
    this.drop()
    this.control.destroy()
    if (!this.control.closed) await once(this.control, "close")
  }

  #orFail(promise) {
    return Promise.race([promise, this.#failure])
  }
}
