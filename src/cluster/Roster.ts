/** Which nodes there are, and how they are. */
import type * as Message from "../protocol/Message.js"
import { type Beat, remembered, type Session } from "./Engine.js"

/** How often a node gives a sign of life, and how long it counts as alive after the last (ms). */
export const interval = 1_000
export const lease = 5_000

/** What a node says of itself: how many connections it has, and up to which order it has carried all out. */
interface State {
  readonly connections: number
  readonly done: Message.Position | undefined
}

/** A node that there is, or was a short time ago. */
export interface Peer extends State {
  readonly node: string
  readonly alive: boolean
}

const write = ({ connections, done }: State): string => `${connections}:${done ? `${done.offset}:${done.epoch}` : ""}`

const read = ({ age, node, state }: Beat): Peer => {
  const [connections, offset, epoch] = state.split(":")
  return {
    node,
    alive: age <= lease,
    connections: Number(connections) || 0,
    done: epoch === undefined ? undefined : { epoch, offset: Number(offset) }
  }
}

/** The nodes of the cluster, as the engine has them; and those it may have lost. */
export class Roster {
  /** When others were there last (ms), and have not said that they leave. */
  private readonly seen = new Map<string, number>()
  /** The others, and this one, at the last sign of life. */
  peers: ReadonlyArray<Peer> = []
  /** Since when each of them, and of those that the engine has forgotten, has given one (ms). */
  private from = -Infinity

  constructor(private readonly id: string, private readonly now: () => number) {}

  /** Gives a sign of life, or only asks for those of others. Returns all, those that the engine has forgotten included. */
  async beat(session: Session, own: State | undefined): Promise<ReadonlyArray<Peer>> {
    const beats = await session.beat(this.id, own && write(own))
    const peers = beats.map(read)
    const now = this.now()
    for (const { alive, node } of peers) {
      if (alive) {
        this.seen.set(node, now)
      }
    }
    this.peers = peers
    const known = new Set(peers.map(({ node }) => node))
    const lost: Array<Peer> = []
    for (const [node, at] of this.seen) {
      if (now - at > remembered) {
        this.seen.delete(node)
      } else if (!known.has(node)) {
        lost.push({ node, alive: false, connections: 0, done: undefined })
      }
    }
    this.from = lost.length > 0 ? -Infinity : now - Math.max(0, ...beats.map(({ age }) => age))
    return [...peers, ...lost]
  }

  /** Whether all nodes that there were have given a sign of life after this time. */
  areBack(since: number): boolean {
    return this.from >= since
  }

  left(node: string): void {
    this.seen.delete(node)
  }
}
