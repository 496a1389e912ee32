/**
 * How many connections each user has on all nodes, counted in Redis.
 *
 * @since 0.1.0
 */
import type { Claims } from "../server/Broker.js"
import type { RedisConnection } from "./RedisConnection.js"
import * as Scripts from "./Scripts.js"

/**
 * Connections counted in. Each is forgotten unless it is renewed in time, so that those of a node that died do not count
 * for ever. While Redis is away, each node counts its own.
 *
 * @since 0.1.0
 * @category models
 */
export class RedisClaims implements Claims {
  private readonly held = new Map<string, Set<string>>()

  /** `lease` (ms) is how long a connection counts without being renewed. */
  constructor(
    private readonly link: () => RedisConnection | undefined,
    private readonly key: (user: string) => string,
    private readonly lease: number
  ) {}

  async claim(user: string, socket: string, max: number): Promise<boolean> {
    const sockets = this.held.get(user) ?? new Set()
    this.held.set(user, sockets)
    // Noted down before Redis has answered: a second one that comes meanwhile must know of the first.
    const allowed = sockets.has(socket) || sockets.size < max
    if (allowed) {
      sockets.add(socket)
    }
    const granted = allowed && await this.ask(user, socket, max)
    if (!granted) {
      this.forget(user, socket)
    }
    return granted
  }

  release(user: string, socket: string): void {
    this.forget(user, socket)
    const key = this.key(user)
    this.link()?.command(key, ["ZREM", key, socket]).catch(ignore)
  }

  /** Has every connection of this node count for another lease. */
  renew(): void {
    for (const [user, sockets] of this.held) {
      for (const socket of sockets) {
        void this.ask(user, socket, Infinity)
      }
    }
  }

  private async ask(user: string, socket: string, max: number): Promise<boolean> {
    const link = this.link()
    if (!link?.isUp) {
      return true
    }
    try {
      const limit = Number.isFinite(max) ? max : Number.MAX_SAFE_INTEGER
      return await Scripts.claim.run(link, [this.key(user)], [socket, limit, this.lease]) !== 0
    } catch {
      return true
    }
  }

  private forget(user: string, socket: string): void {
    const sockets = this.held.get(user)
    if (sockets?.delete(socket) && sockets.size === 0) {
      this.held.delete(user)
    }
  }
}

const ignore = (): void => {}
