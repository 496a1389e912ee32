/**
 * A peer in a process of its own, driven over IPC: hostile input may kill it without killing the tests, and its work
 * never shares an event loop with ours.
 */
import { type ChildProcess as NodeChild, fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { sources } from "./Sources.js"

/** How a child ended: with `code` or by `signal`, and what it had written to stderr. */
export interface Exit {
  readonly code: number | null
  readonly signal: string | null
  readonly stderr: string
}

/** Something a child reported unasked: `name`, and its arguments. */
export interface Event {
  readonly name: string
  readonly data: ReadonlyArray<unknown>
}

/** A child's handler failed: the fields of the error that survive the way between processes. */
export class RemoteError extends Error {
  constructor(readonly fields: Readonly<Record<string, unknown>>) {
    super(typeof fields.message === "string" ? fields.message : "a child's handler failed")
    this.name = "RemoteError"
  }
}

/** The child ended before it answered. */
export class ChildExited extends Error {
  constructor(readonly exit: Exit) {
    super(`the child ended (code ${exit.code}, signal ${exit.signal}): ${exit.stderr}`)
    this.name = "ChildExited"
  }
}

/** What travels over IPC, both ways. */
export type ToChild =
  | { readonly call: number; readonly name: string; readonly args: ReadonlyArray<unknown> }
  | { readonly stop: true }
export type ToParent =
  | { readonly ready: true }
  | { readonly reply: number; readonly value: unknown }
  | { readonly reply: number; readonly error: Readonly<Record<string, unknown>> }
  | { readonly event: string; readonly data: ReadonlyArray<unknown> }

const root = fileURLToPath(new URL("../../", import.meta.url))

/** How long a child may take to answer anything, in ms: far above what any answer takes, so that a hang has a name. */
const patience = 60_000

const within = <A>(promise: Promise<A>, what: () => string): Promise<A> => {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what()} within ${patience} ms`)), patience)
  })
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer))
}

/** Events of a child in order of arrival; each is taken once. */
export class Events {
  readonly #queue: Array<Event> = []
  readonly #waiting = new Set<() => void>()

  /** Every event not yet taken. */
  get pending(): ReadonlyArray<Event> {
    return this.#queue
  }

  push(event: Event): void {
    this.#queue.push(event)
    for (const wake of [...this.#waiting]) {
      wake()
    }
  }

  /** Takes the next event of this name (that satisfies `where`), waiting for it if need be. */
  next(name: string, where: (data: ReadonlyArray<unknown>) => boolean = () => true): Promise<ReadonlyArray<unknown>> {
    let wake: () => void = () => {}
    const found = new Promise<ReadonlyArray<unknown>>((resolve) => {
      wake = () => {
        const index = this.#queue.findIndex((event) => event.name === name && where(event.data))
        const event = this.#queue[index]
        if (event !== undefined) {
          this.#queue.splice(index, 1)
          this.#waiting.delete(wake)
          resolve(event.data)
        }
      }
      this.#waiting.add(wake)
      wake()
    })
    return within(found, () => `event ${name} (there are: ${JSON.stringify(this.#queue)})`)
      .finally(() => this.#waiting.delete(wake))
  }

  /**
   * Takes everything up to and with the next event of this name, waiting for it at most `limit` ms; what there was until
   * then when it does not come.
   */
  async until(
    name: string,
    limit: number
  ): Promise<{ readonly events: ReadonlyArray<Event>; readonly found: boolean }> {
    const position = (): number => this.#queue.findIndex((event) => event.name === name)
    let wake: () => void = () => {}
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      wake = () => {
        if (position() >= 0) {
          resolve()
        }
      }
      timer = setTimeout(resolve, limit)
      this.#waiting.add(wake)
      wake()
    })
    clearTimeout(timer)
    this.#waiting.delete(wake)
    const index = position()
    return { events: this.#queue.splice(0, index < 0 ? this.#queue.length : index + 1), found: index >= 0 }
  }

  /** Takes every event there is, of this name or all. */
  take(name?: string): ReadonlyArray<Event> {
    const taken = this.#queue.filter((event) => name === undefined || event.name === name)
    const left = this.#queue.filter((event) => !taken.includes(event))
    this.#queue.splice(0, this.#queue.length, ...left)
    return taken
  }
}

/** A running child. */
export class ChildProcess {
  readonly events = new Events()
  readonly exited: Promise<Exit>
  readonly #child: NodeChild
  readonly #calls = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  #exit: Exit | undefined
  #stderr = ""
  #nextCall = 1

  /** Starts a module (one that calls `ChildEndpoint.serve`) and waits until it is ready. */
  static async start(module: URL, args: ReadonlyArray<string> = []): Promise<ChildProcess> {
    const child = new ChildProcess(module, args)
    await within(child.#ready, () => `readiness of ${module}`).catch(async (error: unknown) => {
      await child.kill()
      throw error
    })
    return child
  }

  readonly #ready: Promise<void>

  private constructor(module: URL, args: ReadonlyArray<string>) {
    this.#child = fork(fileURLToPath(module), [...args], {
      cwd: root,
      execArgv: [...sources],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"]
    })
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text
    })
    this.exited = new Promise((resolve) => {
      this.#child.once("exit", (code, signal) => {
        this.#exit = { code, signal, stderr: this.#stderr }
        for (const { reject } of this.#calls.values()) {
          reject(new ChildExited(this.#exit))
        }
        this.#calls.clear()
        resolve(this.#exit)
      })
    })
    this.#ready = new Promise((resolve, reject) => {
      this.#child.on("message", (message) => this.#onMessage(message as ToParent, resolve))
      void this.exited.then((exit) => reject(new ChildExited(exit)))
    })
    this.#ready.catch(() => {})
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get alive(): boolean {
    return this.#exit === undefined
  }

  #onMessage(message: ToParent, ready: () => void): void {
    if ("ready" in message) {
      return ready()
    }
    if ("event" in message) {
      return this.events.push({ name: message.event, data: message.data })
    }
    const call = this.#calls.get(message.reply)
    this.#calls.delete(message.reply)
    if ("error" in message) {
      call?.reject(new RemoteError(message.error))
    } else {
      call?.resolve(message.value)
    }
  }

  /**
   * Calls a handler of the child. Fails with `RemoteError` when the handler does, with `ChildExited` when the child ends
   * first.
   */
  call(name: string, ...args: ReadonlyArray<unknown>): Promise<unknown> {
    if (this.#exit !== undefined) {
      return Promise.reject(new ChildExited(this.#exit))
    }
    const call = this.#nextCall++
    const reply = new Promise<unknown>((resolve, reject) => {
      this.#calls.set(call, { resolve, reject })
      const message: ToChild = { call, name, args }
      // A child that is ending has closed its channel: its exit is then the answer.
      this.#child.send(message, () => {})
    })
    return within(reply, () => `answer to ${name}`)
  }

  /** For how long the child's loop did not get its turn, at most, since this was asked last (ms). */
  async withheld(): Promise<number> {
    return Number(await this.call("withheld"))
  }

  /** Asks the child to close what it holds and waits until it is gone; kills it when it does not go. */
  async stop(): Promise<Exit> {
    if (this.#exit === undefined) {
      const message: ToChild = { stop: true }
      this.#child.send(message, () => {})
    }
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 3000)
    return this.exited.finally(() => clearTimeout(timer))
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  kill(): Promise<Exit> {
    if (this.#exit === undefined) {
      this.#child.kill("SIGKILL")
    }
    return this.exited
  }
}
