/**
 * Someone who behaves while others do not: asks, listens, and asks again, as long as the server lives. What it gets has to
 * be what it asked for, in order and in time.
 */
import { once } from "node:events"
import { isDeepStrictEqual } from "node:util"
import { WebSocket } from "ws"

interface Message {
  readonly id?: number
  readonly type?: string
  readonly statusCode?: number
  readonly message?: unknown
  readonly payload?: unknown
}

/** How long it waits before it counts as kept waiting (ms). */
const patience = 5_000

/** What it sends to be sent back. */
const cargo = { text: "ü😀", list: [1, null, { a: "b" }] }

/** Where it lives, and with what it gets in. */
export interface House {
  readonly port: number
  readonly auth: unknown
  readonly cookie: string | undefined
}

export class Victim {
  /** How long its answers took (ms). */
  readonly latencies: Array<number> = []
  /** What happened to it. */
  readonly grievances: Array<string> = []
  /** Resolves when it has been let in, or has ended. */
  readonly welcomed: Promise<void>
  readonly #ended: Promise<void>
  #enter = (): void => {}
  #over = false
  #may = Promise.resolve()
  #asked = Promise.resolve()

  constructor(private readonly house: House) {
    this.welcomed = new Promise((resolve) => {
      this.#enter = resolve
    })
    this.#ended = this.#live().finally(this.#enter)
  }

  /** Asks nothing more until it may; resolves when nothing is being asked. */
  rest(): Promise<void> {
    this.#may = new Promise((resolve) => {
      this.resume = resolve
    })
    return this.#asked
  }

  resume: () => void = () => {}

  async stop(): Promise<void> {
    this.#over = true
    this.resume()
    await this.#ended
  }

  async #live(): Promise<void> {
    const { cookie, port } = this.house
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, cookie === undefined ? {} : { headers: { cookie } })
    socket.on("error", () => {})
    try {
      await once(socket, "open")
      await this.#converse(socket)
    } catch (error) {
      if (!this.#over) {
        this.grievances.push(error instanceof Error ? error.message : String(error))
      }
    }
    socket.terminate()
  }

  async #converse(socket: WebSocket): Promise<void> {
    const updates: Array<unknown> = []
    const ask = (message: object, id: number): Promise<Message> => {
      socket.send(JSON.stringify({ id, ...message }))
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => done(new Error("was kept waiting")), patience)
        const done = (error: Error | undefined, answer: Message = {}): void => {
          clearTimeout(timer)
          socket.off("message", onMessage)
          socket.off("close", onClose)
          if (error) {
            reject(error)
          } else {
            resolve(answer)
          }
        }
        const onClose = (code: number): void => done(new Error(`was disconnected with ${code}`))
        const onMessage = (data: unknown): void => {
          const answer = JSON.parse(String(data)) as Message
          switch (answer.type) {
            case "ping":
              return socket.send(`{"type":"ping","id":"p"}`)
            case "update":
              return
            case "pub":
              updates.push(answer.message)
              return
            default:
              return answer.id === id ? done(undefined, answer) : done(new Error(`got ${String(data).slice(0, 200)}`))
          }
        }
        socket.on("message", onMessage)
        socket.on("close", onClose)
      })
    }
    const expect = (answer: Message, expected: Message): void => {
      if (!isDeepStrictEqual({ ...answer, ...expected }, answer)) {
        throw new Error(`got ${JSON.stringify(answer).slice(0, 200)}`)
      }
    }
    expect(await ask({ type: "hello", version: "2", auth: this.house.auth, subs: ["/victim"] }, 1), { type: "hello" })
    this.#enter()
    for (let n = 2; !this.#over; n++) {
      await this.#may
      const began = performance.now()
      const asking = ask({ type: "request", method: "POST", path: `/victim/${n}`, payload: cargo }, n)
      this.#asked = asking.then(() => {}, () => {})
      const answer = await asking
      this.latencies.push(performance.now() - began)
      expect(answer, { type: "request", statusCode: 200, payload: { n, payload: cargo } })
      const heard = updates.splice(0)
      if (!isDeepStrictEqual(heard, [n])) {
        throw new Error(`heard ${JSON.stringify(heard).slice(0, 200)} instead of ${n}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}
