/** A network that misbehaves, between a real client and a real server. */
import { once } from "node:events"
import * as net from "node:net"

/** How a connection is struck: one side, or both, hear that the other will say no more; or it is gone, or silent. */
export const ends = [
  "half-close to the client",
  "half-close to the server",
  "half-close",
  "reset",
  "blackhole",
  "destroy"
] as const

/** How the bytes of a connection fare; all lengths are in bytes, both ways counted alike. */
export interface Fault {
  readonly name: string
  /** Holds every piece back (ms). */
  readonly delay?: number
  /** Lets so many bytes through in a millisecond. */
  readonly throttle?: number
  /** Cuts what passes into pieces of this length, each a packet of its own. */
  readonly pieces?: number
  /** After so many bytes towards the client, what happens to the connection. */
  readonly after?: number
  readonly end?: typeof ends[number]
}

/** A connection through the proxy. */
class Pipe {
  #passed = 0
  /** Those to whom nothing is passed on any more. */
  readonly #cut = new Set<net.Socket>()
  readonly #near: net.Socket
  readonly #far: net.Socket

  constructor(near: net.Socket, far: net.Socket, readonly fault: Fault, injected: () => void) {
    this.#near = near
    this.#far = far
    for (const [from, to, towardsClient] of [[near, far, false], [far, near, true]] as const) {
      to.setNoDelay(true)
      let line = Promise.resolve()
      from.on("error", () => {})
      from.on("data", (data) => {
        from.pause()
        line = line.then(() => this.#pass(data, to, towardsClient, injected)).then(() => {
          from.resume()
        })
      })
      from.on("end", () => {
        line = line.then(() => {
          if (!this.#cut.has(to)) {
            to.end()
          }
        })
      })
      from.on("close", () => {
        if (!this.#cut.has(to)) {
          line = line.then(() => {
            to.destroy()
          })
        }
      })
    }
  }

  destroy(): void {
    this.#near.destroy()
    this.#far.destroy()
  }

  async #pass(data: Buffer, to: net.Socket, towardsClient: boolean, injected: () => void): Promise<void> {
    const { after = Infinity, delay, end, pieces = data.length, throttle } = this.fault
    if (delay !== undefined) {
      await sleep(delay)
    }
    for (let at = 0; at < data.length && !this.#cut.has(to); at += pieces) {
      let piece = data.subarray(at, at + pieces)
      const room = towardsClient && end !== undefined ? after - this.#passed : Infinity
      const isLast = piece.length >= room
      piece = piece.subarray(0, room)
      if (throttle !== undefined) {
        await sleep(piece.length / throttle)
      }
      if (!to.write(piece) || pieces < data.length) {
        await turn()
      }
      if (towardsClient) {
        this.#passed += piece.length
      }
      if (isLast) {
        injected()
        this.#strike()
      }
    }
  }

  #strike(): void {
    const { end } = this.fault
    for (const socket of [this.#near, this.#far]) {
      if (!end?.startsWith("half-close to") || (socket === this.#near) === (end === "half-close to the client")) {
        this.#cut.add(socket)
      }
    }
    switch (end) {
      case "half-close to the client":
        this.#near.end()
        return
      case "half-close to the server":
        this.#far.end()
        return
      case "half-close":
        this.#near.end()
        this.#far.end()
        return
      case "reset":
        this.#near.resetAndDestroy()
        this.#far.resetAndDestroy()
        return
      case "destroy":
        this.destroy()
        return
      default:
        // Nothing passes, and nobody is told.
    }
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export class FaultyProxy {
  /** What the next connections suffer. */
  fault: Fault = { name: "none" }
  /** How often a connection was struck. */
  injected = 0
  readonly #server: net.Server
  readonly #pipes = new Set<Pipe>()

  private constructor(target: number) {
    this.#server = net.createServer({ allowHalfOpen: true }, (near) => {
      const far = net.connect({ port: target, host: "127.0.0.1", allowHalfOpen: true })
      const pipe = new Pipe(near, far, this.fault, () => {
        this.injected++
      })
      this.#pipes.add(pipe)
      near.once("close", () => this.#pipes.delete(pipe))
    })
  }

  static async start(target: number): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(target)
    proxy.#server.listen(0, "127.0.0.1")
    await once(proxy.#server, "listening")
    return proxy
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as net.AddressInfo).port}`
  }

  /** Ends every connection, silent ones too. */
  clear(): void {
    for (const pipe of this.#pipes) {
      pipe.destroy()
    }
    this.#pipes.clear()
  }

  stop(): void {
    this.clear()
    this.#server.close()
  }
}
