/** Where a script plays: raw sockets, HTTP and controls of one server, all of it noted. */
import { request } from "node:http"
import type { Duplex } from "node:stream"
import { type ClientOptions, type RawData, WebSocket } from "ws"
import type { ChildProcess } from "../harness/ChildProcess.js"
import { Notes, type Transcript } from "./Transcript.js"

/** How long silence lasts before it is noted, in ms: nothing waits for it, but what is about silence says how long. */
const patience = 15_000

export type Json = Readonly<Record<string, unknown>>

/** One raw socket. Every frame is noted on arrival, those of one message together. */
export class Wire {
  readonly #waiting = new Set<() => void>()
  readonly #socket: WebSocket
  #stream: Duplex | undefined
  #ended = false
  #lastId = 0
  #fences = 0
  #received = 0
  #taken = 0
  #parts: Array<string> = []
  /** The server's id of this socket, once said hello. */
  id = ""

  constructor(readonly name: string, readonly notes: Notes, url: string, options: ClientOptions) {
    this.#socket = new WebSocket(url, { perMessageDeflate: false, ...options })
    this.#socket.on("message", (data, isBinary) => this.#onMessage(data, isBinary))
    this.#socket.on("upgrade", ({ socket }) => {
      this.#stream = socket
    })
    this.#socket.on("unexpected-response", (_request, response) => {
      this.#end(`refused ${response.statusCode}`)
      response.destroy()
    })
    this.#socket.on("error", (error) => this.#end(`error ${error.message}`))
    this.#socket.on(
      "close",
      (code, reason) => this.#end(`closed ${code}${reason.length > 0 ? ` ${reason.toString()}` : ""}`)
    )
  }

  get ended(): boolean {
    return this.#ended
  }

  get opened(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#socket.once("open", () => resolve(true))
      this.#wait(() => this.#ended).then(() => resolve(false), () => {})
    })
  }

  #end(line: string): void {
    if (!this.#ended) {
      this.#ended = true
      for (const part of [...this.#parts, line]) {
        this.notes.note(this.name, part)
      }
      this.#wake()
    }
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) {
      wake()
    }
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    const text = String(data)
    this.#parts.push(isBinary ? `binary ${text}` : text)
    if (text.startsWith("+")) {
      return
    }
    const parts = this.#parts
    this.#parts = []
    const whole = parts.length === 1 && !text.startsWith("!") ? text : parts.map((part) => part.slice(1)).join("")
    if (whole.includes("\"id\":\"fence ")) {
      this.#fences++
      return this.#wake()
    }
    const id = /"type":"hello".*"socket":"([^"]+)"/.exec(whole)?.[1]
    if (id !== undefined) {
      this.id = id
      this.notes.alias(id, `<${this.name}>`)
    }
    // Where a socket id is cut says nothing: implementations name their sockets as they like.
    for (const line of id === undefined ? parts : [whole]) {
      this.notes.note(this.name, line)
    }
    this.#received++
    this.#wake()
  }

  #wait(done: () => boolean, limit = patience): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => finish(false), limit)
      const wake = (): void => {
        if (done()) {
          finish(true)
        }
      }
      const finish = (result: boolean): void => {
        clearTimeout(timer)
        this.#waiting.delete(wake)
        resolve(result)
      }
      this.#waiting.add(wake)
      wake()
    })
  }

  text(text: string): void {
    this.#socket.send(text)
  }

  binary(bytes: Uint8Array): void {
    this.#socket.send(bytes)
  }

  send(message: Json): void {
    this.text(JSON.stringify(message))
  }

  /** Sends messages that arrive in one read. */
  together(...messages: ReadonlyArray<Json>): void {
    this.#stream?.cork()
    for (const message of messages) {
      this.send(message)
    }
    this.#stream?.uncork()
  }

  /** Waits for the next message to have arrived whole; false when the socket ended or stays silent. */
  async next(limit = patience): Promise<boolean> {
    await this.#wait(() => this.#received > this.#taken || this.#ended, limit)
    const arrived = this.#received > this.#taken
    if (arrived) {
      this.#taken++
    } else if (!this.#ended) {
      this.notes.note(this.name, "(silence)")
    }
    return arrived
  }

  /** Waits for a number of messages. */
  async messages(count: number): Promise<void> {
    for (let message = 0; message < count; message++) {
      await this.next()
    }
  }

  /** Waits until so many messages have arrived in all. */
  async total(count: number): Promise<void> {
    while (this.#taken < count && await this.next()) {
      // One more.
    }
  }

  /** Counts everything that has arrived as waited for. */
  async drain(): Promise<void> {
    await this.fence()
    this.#taken = this.#received
  }

  /** Sends a message (with the next id, unless it brings its own) and waits for a message to come back. */
  async ask(message: Json): Promise<void> {
    this.send({ id: ++this.#lastId, ...message })
    await this.next()
  }

  hello(fields: Json = {}): Promise<void> {
    return this.ask({ type: "hello", version: "2", ...fields })
  }

  /** Returns when all that was sent before has been looked at: a message that is refused in any state comes back. */
  async fence(limit = patience): Promise<void> {
    if (!this.#ended) {
      const fences = this.#fences
      this.send({ type: "fence", id: `fence ${fences}` })
      await this.#wait(() => this.#fences > fences || this.#ended, limit)
    }
  }

  /** Waits until the socket has ended, or has shown that it goes on. */
  async settled(): Promise<void> {
    await this.fence()
    if (!this.#ended) {
      this.notes.note(this.name, "(still open)")
    }
  }

  /** Waits until the socket has ended. */
  async closed(limit = patience): Promise<void> {
    if (!await this.#wait(() => this.#ended, limit)) {
      this.notes.note(this.name, "(still open)")
    }
  }

  async close(code?: number, reason?: string): Promise<void> {
    this.#socket.close(code, reason)
    await this.closed()
  }

  terminate(): void {
    this.#ended = true
    this.#socket.terminate()
  }

  /** Stops reading, so that the server's writes pile up. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** The protocol's ping frame, which the library answers by itself. */
  pingFrame(): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.once("pong", (data) => {
        this.notes.note(this.name, `pong ${data.toString()}`)
        resolve()
      })
      this.#socket.ping("p")
    })
  }
}

/** An HTTP answer, for scripts that go on with what it contains. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly body: string
}

export class Stage {
  readonly notes = new Notes()
  readonly #wires: Array<Wire> = []

  constructor(readonly child: ChildProcess, readonly address: string) {}

  /** Opens a socket, without hello. */
  async connect(name: string, options: ClientOptions = {}): Promise<Wire> {
    const wire = new Wire(name, this.notes, `ws://${this.address}/`, options)
    this.#wires.push(wire)
    await wire.opened
    return wire
  }

  /** Opens a socket and says hello. */
  async open(name: string, hello: Json = {}, options: ClientOptions = {}): Promise<Wire> {
    const wire = await this.connect(name, options)
    await wire.hello(hello)
    return wire
  }

  /** Calls a control of the application and notes its result, where it was called. */
  async control(name: string, ...args: ReadonlyArray<unknown>): Promise<unknown> {
    const note = this.notes.place("control")
    const result = await this.child.call("control", name, args)
    note(`${name}: ${JSON.stringify(result)}`)
    return result
  }

  /** Asks, without a note, until the control answers this. */
  async until(name: string, result: unknown): Promise<void> {
    for (let attempt = 0; attempt < 2000; attempt++) {
      if (await this.child.call("control", name, []) === result) {
        return
      }
    }
    this.notes.note("control", `${name} never answered ${JSON.stringify(result)}`)
  }

  /** Waits until the application has recorded this event (once more). */
  async recorded(event: string): Promise<void> {
    const { events, found } = await this.child.events.until(event, patience)
    for (const { data, name } of events) {
      this.#record(name, data)
    }
    if (!found) {
      this.notes.note("record", `(no ${event})`)
    }
  }

  #record(event: string, data: ReadonlyArray<unknown>): void {
    const id = event === "filter" ? data[2] : event.startsWith("on") ? data[0] : undefined
    if (typeof id === "string") {
      this.notes.seen(id)
    }
    this.notes.note("record", `${event} ${JSON.stringify(data)}`)
  }

  /** A plain HTTP request; status, `set-cookie` and body are noted. */
  async http(path: string, headers: Readonly<Record<string, string>> = {}, method = "GET"): Promise<HttpAnswer> {
    const [host, port] = this.address.split(":")
    const answer = await new Promise<HttpAnswer>((resolve, reject) => {
      request({ host, port, path, method, headers, agent: false }, (response) => {
        let body = ""
        response.setEncoding("utf8").on("data", (text: string) => {
          body += text
        }).on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
      }).on("error", reject).end()
    })
    const cookies = answer.headers["set-cookie"] ?? []
    this.notes.note("http", `${answer.status} ${JSON.stringify(cookies)} ${answer.body}`)
    return answer
  }

  /** Whether the server's process would have ended. */
  async hasCrashed(): Promise<boolean> {
    return await this.child.call("hasCrashed") === true
  }

  /** Ends the play: what was still on its way is waited for, and the notes become a transcript. */
  async finish(fence: boolean): Promise<Transcript> {
    if (fence) {
      await Promise.all(this.#wires.map((wire) => wire.fence()))
    }
    if (await this.hasCrashed()) {
      await Promise.all(this.#wires.map((wire) => wire.closed()))
      this.notes.note("process", "crashed")
    }
    for (const { data, name } of this.child.events.take()) {
      this.#record(name, data)
    }
    const transcript = this.notes.transcript()
    for (const wire of this.#wires) {
      wire.terminate()
    }
    return transcript
  }
}
