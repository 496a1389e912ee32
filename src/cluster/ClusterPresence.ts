/** Who is present at the paths of a cluster, and that nobody stays who was on a node that is no more. */
import type { Change, Extent, Place, Presences, Reading } from "../server/presence/Present.js"
import { Stroll } from "./Batches.js"
import * as ClusterCodec from "./ClusterCodec.js"
import type { Host } from "./Host.js"
import { interval, lease, type Peer } from "./Roster.js"

// Paths that are looked after in one round.
const round = 250

// How long nodes have at least, and at most, to say anew who is there after the engine was away (ms): they may have to
// find the way back first. Who takes longer than a lease counts as dead.
const least = 2_000
const most = lease + interval
const pause = 250

// What an update is before it tells anything.
const untold = { type: "publish", message: undefined, internal: undefined, user: undefined, text: "" } as const

/** Each node notes down where it has somebody before it has, so that another can see to it that they leave with it. */
export class ClusterPresence implements Presences {
  /** The paths that are noted down, and how many this node has there; nothing where that is not known. */
  private readonly noted = new Map<string, number | undefined>()
  /** Since when nodes that have somebody are away (ms). */
  private readonly away = new Map<string, number>()
  /** Whether the engine has lost something. */
  private isLost = false
  /** When it had last (ms), as far as is known. */
  private lostAt = -Infinity
  /** When the node began again (ms), until those whom it left behind have had the time to come back. */
  private begunAt: number | undefined
  private readonly strolling = new Stroll(this.noted, round)

  constructor(private readonly host: Host) {}

  /** To be called when the node begins. If it had stopped, it is alive again, and nobody else sees to whom it had. */
  begin(): void {
    this.begunAt = this.noted.size > 0 ? this.host.now() : undefined
  }

  async change(place: Place, node: string, changes: ReadonlyArray<Change>, extent: Extent): Promise<void> {
    const { path } = place
    const known = this.noted.get(path)
    if (extent === "all" || (extent === "some" && known === undefined)) {
      await this.host.command((session) => session.hold(node, path))
      this.noted.set(path, known)
    }
    const { after, before } = await this.tell(place, node, changes, extent)
    if (extent === "values") {
      return
    }
    this.noted.set(path, after)
    if (known !== undefined && known !== before) {
      // Maybe it has lost more than this.
      this.isLost = true
    }
    if (after === 0) {
      this.noted.delete(path)
      await this.host.command((session) => session.unhold(node, path))
    }
  }

  async read({ bounds, list, path }: Place): Promise<Reading> {
    const { count, epoch, members, top } = await this.host.command((session) => session.present(path, list, bounds))
    return {
      position: { epoch, offset: top },
      count,
      users: list ? members.map(([id, value]) => ({ id, value: JSON.parse(value) as unknown })) : undefined
    }
  }

  whole(isLost: boolean): Promise<void> | undefined {
    const { host } = this
    if (isLost) {
      this.lostAt = host.now()
    }
    const from = Math.max(this.lostAt, host.backAt)
    return host.now() - from < most ? this.gathered(from) : undefined
  }

  private async gathered(from: number): Promise<void> {
    const { host } = this
    while (host.now() - from < least || (!host.areBack() && host.now() - from < most)) {
      await new Promise<void>((resolve) => host.after(pause, resolve))
    }
  }

  isKnown(path: string): boolean {
    return this.noted.has(path)
  }

  /** Has those leave whose node is no more among these, unless it cannot be known yet who is there. */
  async tend(peers: ReadonlyArray<Peer>, isKnown: boolean): Promise<void> {
    const { host } = this
    const { node } = host
    const local = node.presence?.()
    if (!local) {
      return
    }
    const alive = new Set(peers.filter((peer) => peer.alive).map((peer) => peer.node))
    const dead = new Set(peers.filter((peer) => !peer.alive).map((peer) => peer.node))
    const holders = await host.command((session) => session.holders())
    await this.check()
    // Others took this node for dead, or the engine has lost all.
    const isBack = this.begunAt !== undefined && host.now() - this.begunAt >= local.grace()
    local.renew(
      this.isLost || (this.noted.size > 0 && !holders.includes(node.id)),
      isBack ? this.noted.keys() : undefined
    )
    this.begunAt = isBack ? undefined : this.begunAt
    this.isLost = false
    if (!isKnown) {
      return
    }
    for (const other of this.away.keys()) {
      if (alive.has(other) || !holders.includes(other)) {
        this.away.delete(other)
      }
    }
    for (const other of holders) {
      if (other !== node.id && !alive.has(other)) {
        const since = this.away.get(other) ?? host.now()
        this.away.set(other, since)
        // One that has said that it leaves sent its clients to others: they have time to get there.
        if (dead.has(other) || host.now() - since >= local.grace()) {
          await this.clear(other)
        }
      }
    }
  }

  // Whether the engine still has what this node has told of some paths, one after the other, and where it has told.
  private async check(): Promise<void> {
    const { host, noted } = this
    const { node } = host
    const { size } = noted
    this.isLost ||= await host.command((session) => session.holds(node.id)) < size && size === noted.size
    await Promise.all(
      this.strolling.next().map(async (path) => {
        const known = noted.get(path)
        const members = await host.command((session) => session.members(path, node.id))
        this.isLost ||= known !== undefined && known !== members && known === noted.get(path)
      })
    )
  }

  private async clear(node: string): Promise<void> {
    const local = this.host.node.presence?.()
    for (const path of await this.host.command((session) => session.held(node))) {
      const place = local?.place(path)
      if (place) {
        await this.tell(place, node, [], "all")
        await this.host.command((session) => session.unhold(node, path))
      }
    }
  }

  private tell(place: Place, node: string, changes: ReadonlyArray<Change>, extent: Extent) {
    const head = ClusterCodec.encode(this.host.node.id, { ...untold, path: place.path })
    return this.host.command((session) => session.enter(place, node, changes, extent, head))
  }
}
