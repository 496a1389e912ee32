/** How many connections each user has on all nodes. */
import type { Claims } from "../server/Broker.js"
import * as Groups from "../server/Groups.js"
import { parts, single } from "./Batches.js"
import type { Host } from "./Host.js"
import { ownerOf } from "./Orders.js"

// Connections counted in again at a time.
const atOnce = 100

/** Connections counted in while their node lives. While the engine is away, each node counts its own. */
export class ClusterClaims implements Claims {
  private readonly held: Groups.Groups<string, string> = new Map()
  /** Those that have gone and could not be counted out. */
  private readonly gone: Groups.Groups<string, string> = new Map()

  constructor(private readonly host: Host) {}

  async claim(user: string, socket: string, max: number): Promise<boolean> {
    const sockets = Groups.getOrMake(this.held, user, () => new Set())
    // Noted down before the engine has answered: a second one that comes meanwhile must know of the first.
    const allowed = sockets.has(socket) || sockets.size < max
    if (allowed) {
      sockets.add(socket)
    }
    const granted = allowed && await this.ask(user, socket, max)
    if (!granted) {
      Groups.remove(this.held, user, socket)
    }
    return granted
  }

  release(user: string, socket: string): void {
    Groups.remove(this.held, user, socket)
    void this.countOut(user, socket)
  }

  /** Counts those out that have gone, and every connection of this node in again: the engine may have forgotten them. */
  readonly renew = single(async () => {
    for (const part of parts(each(this.gone), atOnce)) {
      await Promise.all(part.map(([user, socket]) => this.countOut(user, socket)))
    }
    for (const part of parts(each(this.held), atOnce)) {
      await Promise.all(part.map(([user, socket]) => this.ask(user, socket, Number.MAX_SAFE_INTEGER)))
    }
  })

  private async countOut(user: string, socket: string): Promise<void> {
    try {
      await this.host.session().release(user, socket)
      Groups.remove(this.gone, user, socket)
    } catch {
      Groups.add(this.gone, user, socket)
    }
  }

  private async ask(user: string, socket: string, max: number): Promise<boolean> {
    try {
      const session = this.host.session()
      const others = await session.claim(user, socket, max, [])
      if (!others) {
        return true
      }
      const alive = new Set((await this.host.peers()).filter((peer) => peer.alive).map(({ node }) => node))
      const nodes = new Set(others.map(ownerOf))
      const dead = Array.from(nodes).filter((node) => node !== this.host.node.id && !alive.has(node))
      return dead.length > 0 && await session.claim(user, socket, max, dead) === undefined
    } catch {
      return true
    }
  }
}

function* each(groups: Groups.Groups<string, string>): Generator<readonly [user: string, socket: string]> {
  for (const [user, sockets] of groups) {
    for (const socket of sockets) {
      yield [user, socket]
    }
  }
}
