/** One connection that asks at a steady rate, and notes how long each answer took. */
import { setTimeout } from "node:timers/promises"
import { now } from "../process/Clock.mjs"
import { dialect } from "./Dialect.mjs"
import { RawSocket } from "./RawSocket.mjs"

export class Asker {
  /** When each request was due, and when it was answered (ms, by the clock of all processes). */
  asked = []
  #socket
  #failed
  #failure = new Promise((_, reject) => (this.#failed = reject))

  constructor() {
    this.#failure.catch(() => undefined)
  }

  async open({ auth, path, peer, port, result }) {
    const spoken = dialect(peer)
    this.request = spoken.request(path)
    this.answer = spoken.answer(result)
    this.#socket = await RawSocket.open(port, spoken.path, this.#failed)
    await spoken.open(this.#socket, undefined, auth)
  }

  /** Makes a request; how long it took (ms). */
  async ask() {
    const began = performance.now()
    const answer = await Promise.race([this.#socket.ask(this.request), this.#failure])
    if (answer !== this.answer) throw new Error(`a wrong answer arrived: ${answer.slice(0, 200)}`)
    return performance.now() - began
  }

  /**
   * Makes `count` requests, one each `every` ms, and none when `within` ms have passed or `end` has been called, but one
   * at least; how long each took (ms).
   *
   * @returns {Promise<Array<number>>}
   */
  async askEvery({ count = Infinity, every, within }) {
    const took = []
    this.until = performance.now() + within
    do {
      const begun = now()
      const [duration] = await Promise.all([this.ask(), setTimeout(every)])
      took.push(duration)
      // Those that were due while this one waited would have waited too: a server that keeps its clients waiting is asked
      // less often, but by no fewer.
      for (let due = 0; due < duration; due += every) this.asked.push([begun + due, begun + duration])
    } while (took.length < count && performance.now() < this.until)
    return took
  }

  /** Ends that; when each request was due and was answered. */
  async end() {
    this.until = 0
    await this.asking
    return this.asked
  }

  close() {
    this.#socket?.close()
  }
}
