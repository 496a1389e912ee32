/** One connection that asks at a steady rate, and notes how long each answer took. */
import { setTimeout } from "node:timers/promises"
import { now } from "../process/Clock.mjs"
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

  async open({ auth, path, port, result }) {
    this.request = JSON.stringify({ method: "GET", path, type: "request", id: 7 })
    this.answer = JSON.stringify({ type: "request", id: 7, statusCode: 200, payload: result })
    this.#socket = await RawSocket.open(port, "/", this.#failed)
    await this.#socket.ask(JSON.stringify({ type: "hello", id: 1, version: "2", auth }))
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
