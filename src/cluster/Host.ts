/** What a node is to its parts, each of which sees to one matter of the cluster. */
import type { Node } from "../server/Broker.js"
import type { Session } from "./Engine.js"
import type { Peer } from "./Roster.js"
import type { After } from "./Timer.js"

export interface Host {
  readonly node: Node
  readonly after: After
  /** When this node was with the engine again (ms). */
  readonly backAt: number
  /** Whether all nodes are. */
  areBack(): boolean
  now(): number
  /** The way to the engine; throws while there is none. */
  session(): Session
  /** Asks the engine unless too much is under way; fails with a `BrokerError`. */
  command<A>(run: (session: Session) => Promise<A>): Promise<A>
  /** All nodes that there are, or may still be. */
  peers(): Promise<ReadonlyArray<Peer>>
}
