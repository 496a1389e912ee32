/** A network between a browser and a server, which can be cut: nothing passes then, and nobody is told. */
import { once } from "node:events"
import * as net from "node:net"

export class Proxy {
  private readonly server: net.Server
  private readonly sockets = new Set<net.Socket>()
  private isCut = false

  private constructor(private readonly target: number) {
    this.server = net.createServer((near) => this.accept(near))
  }

  /** Listens on 127.0.0.1; `target` is a port of this machine. */
  static async start(target: number): Promise<Proxy> {
    const proxy = new Proxy(target)
    proxy.server.listen(0, "127.0.0.1")
    await once(proxy.server, "listening")
    return proxy
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port
  }

  /** From now on nothing passes, either way. What is connected stays so, in the eyes of both ends. */
  cut(): void {
    this.isCut = true
    for (const socket of this.sockets) {
      socket.unpipe()
      socket.pause()
    }
  }

  /** New connections pass again. Those that were cut stay dead: the page's address is another one now. */
  heal(): void {
    this.isCut = false
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) {
      socket.destroy()
    }
    this.server.close()
    await once(this.server, "close")
  }

  private accept(near: net.Socket): void {
    this.keep(near)
    if (this.isCut) {
      near.pause()
      return
    }
    const far = net.connect(this.target, "localhost")
    this.keep(far)
    near.pipe(far)
    far.pipe(near)
    near.once("close", () => far.destroy())
    far.once("close", () => near.destroy())
  }

  private keep(socket: net.Socket): void {
    this.sockets.add(socket)
    socket.on("error", () => {})
    socket.once("close", () => this.sockets.delete(socket))
  }
}
