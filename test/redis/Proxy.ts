/** The way to a Redis, which can be slow, cut, swallow everything, or lead elsewhere. */
import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import { onTestFinished } from "vitest"

export class Proxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** One way, in ms. */
  delay = 0
  #cut = false
  #swallows = false

  private constructor(public target: number) {
    this.#server = createServer((near) => {
      if (this.#cut) {
        near.destroy()
        return
      }
      const far = connect(this.target, "127.0.0.1")
      for (const [from, to] of [[near, far], [far, near]] as const) {
        this.#sockets.add(from)
        from.setNoDelay(true)
        from.on("error", () => to.destroy())
        from.on("close", () => {
          this.#sockets.delete(from)
          to.destroy()
        })
        from.on("data", (data) => {
          if (!this.#swallows) {
            if (this.delay > 0) {
              setTimeout(() => to.write(data), this.delay)
            } else {
              to.write(data)
            }
          }
        })
      }
    })
  }

  static async start(target: number, finished: (stop: () => void) => void = onTestFinished): Promise<Proxy> {
    const proxy = new Proxy(target)
    proxy.#server.listen(0, "127.0.0.1")
    await once(proxy.#server, "listening")
    finished(() => proxy.stop())
    return proxy
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Cuts every connection, and lets no new one through until `mend`. */
  cut(): void {
    this.#cut = true
    this.drop()
  }

  /** Connections stay open, and nothing comes through. */
  swallow(): void {
    this.#swallows = true
  }

  mend(): void {
    this.#cut = false
    if (this.#swallows) {
      this.#swallows = false
      this.drop()
    }
  }

  drop(): void {
    for (const socket of this.#sockets) {
      socket.destroy()
    }
  }

  stop(): void {
    this.#server.close()
    this.drop()
  }
}
