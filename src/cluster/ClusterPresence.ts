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
// How long at most, if the engine has somebody of nodes that nobody knows, which have a grace period (ms).
const latest = 20_000
const pause = 250
// How many nodes that are no more are remembered.
const maxGone = 1_000

// What an update is before it tells anything.
const untold = { type: "publish", message: undefined, internal: undefined, user: undefined, text: "" } as const

/** Each node notes down where it has somebody before it has, so that another can see to it that they leave with it. */
export class ClusterPresence implements Presences {
  /** The paths that are noted down, and how many this node has there; nothing where that is not known. */
  private readonly noted = new Map<string, number | undefined>()
  /** Since when nodes that have somebody, and that nobody knows of, are away (ms). */
  private readonly away = new Map<string, number>()
  /** Nodes that are no more. An engine that comes back with an older state may still have somebody of theirs. */
  private readonly gone = new Set<string>()
  /** When the engine was last seen to have nobody of whom it is not known whether they are still there (ms). */
  private clearedAt = -Infinity
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
    if (isLost) {
      this.lostAt = this.host.now()
    }
    const from = this.since()
    return this.isWhole(from) ? undefined : this.gathered(from)
  }

  // Since when all nodes say anew who is there (ms).
  private since(): number {
    return Math.max(this.lostAt, this.host.backAt)
  }

  private isWhole(from: number): boolean {
    const { host } = this
    const passed = host.now() - from
    const isTended = this.clearedAt > from || passed >= latest
    return passed >= most ? isTended : passed >= least && isTended && host.areBack()
  }

  private async gathered(from: number): Promise<void> {
    while (!this.isWhole(from)) {
      await new Promise<void>((resolve) => this.host.after(pause, resolve))
    }
  }

  isKnown(path: string): boolean {
    return this.noted.has(path)
  }

  /** Has those leave whose node is no more among these, unless it cannot be known yet who is there. */
  async tend(peers: ReadonlyArray<Peer>, isKnown: boolean): Promise<void> {
    const { away, gone, host } = this
    const { node } = host
    const local = node.presence?.()
    if (!local) {
      return
    }
    const now = host.now()
    const holders = await host.command((session) => session.holders())
    await this.check()
    // Others took this node for dead, or the engine has lost all.
    const isBack = this.begunAt !== undefined && now - this.begunAt >= local.grace()
    local.renew(
      this.isLost || (this.noted.size > 0 && !holders.includes(node.id)),
      isBack ? this.noted.keys() : undefined
    )
    this.begunAt = isBack ? undefined : this.begunAt
    this.isLost = false
    const alive = new Set(peers.filter((peer) => peer.alive).map((peer) => peer.node))
    const dead = isKnown ? peers.filter((peer) => !peer.alive).map((peer) => peer.node) : []
    dead.forEach((other) => this.bury(other))
    alive.forEach((other) => gone.delete(other))
    for (const other of away.keys()) {
      if (alive.has(other)) {
        away.delete(other)
      } else if (!holders.includes(other)) {
        this.bury(other)
      }
    }
    let isSure = true
    for (const other of holders.filter((other) => other !== node.id && !alive.has(other))) {
      const since = away.get(other)
      // One that has said that it leaves sent its clients to others: they have time to get there. It may begin again just
      // now: one that is gone is looked at twice.
      if (
        dead.includes(other) || (since !== undefined && (gone.has(other) || (isKnown && now - since >= local.grace())))
      ) {
        this.bury(other)
        await this.clear(other)
      } else {
        isSure &&= since !== undefined && since < this.since()
        if (isKnown || gone.has(other)) {
          away.set(other, since ?? now)
        }
      }
    }
    this.clearedAt = isSure ? now : this.clearedAt
  }

  private bury(node: string): void {
    const { away, gone } = this
    away.delete(node)
    gone.add(node)
    if (gone.size > maxGone) {
      gone.delete(gone.keys().next().value!)
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
