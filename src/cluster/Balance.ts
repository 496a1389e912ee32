/** Whether a node holds far more than its share of the connections, and how many it should send away. */
import * as Duration from "effect/Duration"
import type { Peer } from "./Roster.js"

/** How connections are evened out. */
export interface BalanceOptions {
  /** How much more than its share a node may hold, as a part of it. Default: 0.2. */
  readonly tolerance?: number | undefined
  /** How long nothing may have changed about the nodes before one sends clients away. Default: 10 seconds. */
  readonly patience?: Duration.Input | undefined
}

// Nobody is sent away for a few connections.
const negligible = 5

// Which part of what is too much goes in one round: those who come back to this node are sent away once more.
const part = 0.2

/** Watches over a node's share. One that has just started, or is about to stop, would have everybody move twice. */
export class Balance {
  private nodes = ""
  private since = 0

  constructor(private readonly options: BalanceOptions, private readonly now: () => number) {}

  excess(own: string, peers: ReadonlyArray<Peer>): number {
    const alive = peers.filter((peer) => peer.alive)
    const nodes = alive.map(({ node }) => node).toSorted().join()
    const { patience = 10_000, tolerance = 0.2 } = this.options
    if (nodes !== this.nodes) {
      this.nodes = nodes
      this.since = this.now()
    }
    const held = alive.find(({ node }) => node === own)?.connections ?? 0
    const share = alive.reduce((sum, { connections }) => sum + connections, 0) / alive.length
    return alive.length < 2 || this.now() - this.since < Duration.toMillis(patience) ||
        held - share * (1 + tolerance) < negligible
      ? 0
      : Math.ceil((held - share) * part)
  }
}
