/**
 * What a session's script plays on: one client with every event watched, one scripted server, and the lines that tell
 * what the application saw, in order.
 */
import type { Patience } from "./Patience.js"
import type { Peer, PeerClient, Style } from "./Peer.js"
import { show, showArguments } from "./Render.js"
import { NeverCame, type ScriptedServer } from "./ScriptedServer.js"

type Method = (...args: Array<unknown>) => unknown

export class Stage {
  /** What the application saw. */
  readonly lines: Array<string> = []
  private readonly waiting = new Set<() => void>()
  private over = false
  private peerClient: PeerClient | undefined

  constructor(private readonly peer: Peer, readonly server: ScriptedServer, private readonly patience: Patience) {}

  get style(): Style {
    return this.peer.style
  }

  /** The client; made on first use, with the default options. */
  get client(): PeerClient {
    return this.peerClient ?? this.open()
  }

  /** Makes the client and watches its events. */
  open(options?: object, url: string = this.server.url): PeerClient {
    const client = options === undefined ? new this.peer.Client(url) : new this.peer.Client(url, options)
    this.peerClient = client
    client.onError = (error) => this.write(`onError ${showArguments([error])}`)
    client.onConnect = () => this.write(`onConnect () with id ${show(client.id)}`)
    client.onDisconnect = (...args) => this.write(`onDisconnect ${showArguments(args)} with id ${show(client.id)}`)
    client.onUpdate = (...args) => this.write(`onUpdate ${showArguments(args)}`)
    client.onHeartbeatTimeout = (...args) => this.write(`onHeartbeatTimeout ${showArguments(args)}`)
    return client
  }

  /**
   * Calls a method of the client and writes down how it ends. The name may carry a label after `#`
   * (`"request#second"`). Gives a Promise for that end, fulfilled either way.
   */
  call(name: string, ...args: Array<unknown>): Promise<void> {
    const done = this.seen(`${name} `)
    // A script need not wait for every call it makes.
    done.catch(() => {})
    const method = Reflect.get(this.client, name.replace(/#.*/, "")) as Method
    try {
      if (this.style === "promise") {
        void (method.apply(this.client, args) as Promise<unknown>).then(
          (value) => this.write(`${name} resolved ${showArguments([value])}`),
          (error: unknown) => this.write(`${name} rejected ${showArguments([error])}`)
        )
      } else {
        let returned = false
        const callback = (...results: ReadonlyArray<unknown>) =>
          this.write(`${name} called back ${returned ? "" : "before it returned "}${showArguments(results)}`)
        method.call(this.client, ...args, callback)
        returned = true
      }
    } catch (error) {
      this.write(`${name} threw ${showArguments([error])}`)
    }
    return done
  }

  /** Calls a method without a callback and without looking at what it returns. */
  forget(name: string, ...args: Array<unknown>): void {
    try {
      void (Reflect.get(this.client, name) as Method).apply(this.client, args)
    } catch (error) {
      this.write(`${name} threw ${showArguments([error])}`)
    }
  }

  /** A subscription handler that writes down what it gets. */
  handler(name: string): (...args: ReadonlyArray<unknown>) => void {
    return (...args) => this.write(`handler ${name} ${showArguments(args)}`)
  }

  /** Writes down what the script itself looks at, such as a property of the client. */
  note(what: string, value: unknown): void {
    this.write(`${what}: ${show(value)}`)
  }

  /** Writes down a fault that would have ended the process: nothing follows. */
  fault(what: string): void {
    if (this.over) {
      return
    }
    this.write(what)
    this.over = true
    // What the application had sent by then has arrived when this turn ends.
    setImmediate(() => {
      this.server.abandon()
      this.patience.end()
    })
  }

  /** Waits for the next line that starts so. */
  async seen(start: string): Promise<void> {
    const from = this.lines.length
    await this.until(() => this.lines.slice(from).some((line) => line.startsWith(start)), start)
  }

  /** Waits until so many lines start so, counted from the beginning. */
  async total(count: number, start: string): Promise<void> {
    await this.until(() => this.lines.filter((line) => line.startsWith(start)).length >= count, start)
  }

  /**
   * Lets time pass in which nothing should happen, in milliseconds; only for what has no event to wait for. In steps, so
   * that a process that was held up sees what arrived meanwhile.
   */
  async quiet(milliseconds: number): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += 5) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  /** The usual beginning: connects, is welcomed, and hands the script the server's side of the connection. */
  async connected(options: object = {}, welcome: object = {}) {
    const connecting = this.call("connect", options)
    const connection = await this.server.connection()
    await connection.welcome(welcome)
    await connecting
    return connection
  }

  /** Ends the session: what follows is no longer the application's story. */
  async end(): Promise<void> {
    await this.quiet(15)
    this.over = true
    this.patience.end()
    if (this.peerClient !== undefined) {
      const disconnect = Reflect.get(this.peerClient, "disconnect") as Method
      void disconnect.apply(this.peerClient, this.style === "promise" ? [] : [() => {}])
    }
  }

  private write(line: string): void {
    if (!this.over) {
      this.lines.push(line)
      for (const check of this.waiting) {
        check()
      }
    }
  }

  private async until(condition: () => boolean, what: string): Promise<void> {
    if (condition()) {
      return
    }
    await new Promise<void>((resolve, reject) => {
      const check = () => {
        if (condition()) {
          stop()
          this.waiting.delete(check)
          resolve()
        }
      }
      this.waiting.add(check)
      const stop = this.patience.guard(() => {
        this.waiting.delete(check)
        this.write(`never: ${what.trim()}`)
        reject(new NeverCame())
      })
    })
  }
}
