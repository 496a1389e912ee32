/** One address for all nodes: every new connection goes to the next node that is there. */
import { once } from "node:events"
import { connect, createServer, type Server, type Socket } from "node:net"

export class Balancer {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #turn = 0

  private constructor(ports: () => ReadonlyArray<number>) {
    this.#server = createServer((client) => {
      const alive = ports()
      const port = alive[this.#turn++ % alive.length]
      if (port === undefined) {
        client.destroy()
        return
      }
      const node = connect(port, "127.0.0.1")
      for (const [from, to] of [[client, node], [node, client]] as const) {
        this.#sockets.add(from)
        from.on("error", () => to.destroy())
        from.on("close", () => {
          this.#sockets.delete(from)
          to.destroy()
        })
        from.pipe(to)
      }
    })
  }

  static async start(ports: () => ReadonlyArray<number>): Promise<Balancer> {
    const balancer = new Balancer(ports)
    balancer.#server.listen(0, "127.0.0.1")
    await once(balancer.#server, "listening")
    return balancer
  }

  get url(): string {
    const address = this.#server.address()
    return `ws://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`
  }

  /** Cuts the connections that `chosen` names. */
  cut(chosen: () => boolean = () => true): void {
    for (const socket of this.#sockets) {
      if (chosen()) {
        socket.destroy()
      }
    }
  }

  stop(): void {
    this.#server.close()
    this.cut()
  }
}
