/**
 * How far this node has come on a path with recovery, and how its subscribers are kept at that point together.
 *
 * @since 0.1.0
 */
import type * as Message from "../../protocol/Message.js"
import type { Published } from "../Command.js"
import type { Connection } from "../connection/Connection.js"
import type { Page, Since } from "./History.js"

/**
 * A connection on its way in. `since` is how far it came before, on whatever node.
 *
 * @since 0.1.0
 * @category models
 */
export interface Admission {
  readonly since: Message.Position | undefined
  /** Whether the connection has been told that it is subscribed before it was let in. */
  late: boolean
  readonly answer: () => void
}

type Admissions = ReadonlyMap<Connection, Admission>

/**
 * What a track works with.
 *
 * @since 0.1.0
 * @category models
 */
export interface Owner {
  /** Ends when announcements of the path reach this node. */
  readonly ready: () => Promise<void> | undefined
  readonly read: (since: Since | undefined) => Page | Promise<Page>
  /** Delivers to all subscribers, or to one connection; whoever has to wait for a filter returns a Promise. */
  readonly deliver: (update: Published, to?: Connection) => void | Promise<void>
  /** Tells all subscribers, or one connection, that updates are lost. */
  readonly gap: (position: Message.Position, to?: Connection) => void
  /** Makes a connection a subscriber, if it still wants to be. */
  readonly enter: (connection: Connection) => void
  readonly wants: (connection: Connection) => boolean
  readonly failed: (error: unknown) => void
  /** Nothing is being done any more. */
  readonly idle: () => void
}

/** Where to go on from a position: after which offset, and whether something before that is lost. */
const resume = (since: Since, page: Page): { readonly offset: number; readonly lost: boolean } => {
  const sameEpoch = since.epoch === page.epoch
  // Whoever claims to be ahead of the history goes on with it: nothing is to be held back until it gets there.
  const offset = Math.min(since.offset, sameEpoch ? page.top : page.start)
  const first = page.updates.find((update) => update.position.offset > offset)?.position.offset ?? page.top + 1
  return { offset: Math.max(offset, first - 1), lost: !sameEpoch || first > offset + 1 || page.top < since.offset }
}

/**
 * A path's track. An update that follows the last is delivered at once. Anything else (a gap in the offsets, another
 * epoch, a connection that wants in) is settled from the history, in one reading for all; what is announced meanwhile is
 * not queued but read again. So nothing grows, nothing comes twice, and whoever is let in misses nothing in between.
 *
 * @since 0.1.0
 * @category models
 */
export class RecoverySync {
  private at: Message.Position | undefined
  private behind = false
  private admissions = new Map<Connection, Admission>()
  private working: Promise<void> | undefined

  constructor(private readonly owner: Owner) {}

  /** The position of the last update that was delivered here; `undefined` while it is not known. */
  get position(): Message.Position | undefined {
    return this.at
  }

  /** Whether connections wait to be let in, or the history is being read. */
  get busy(): boolean {
    return this.working !== undefined || this.admissions.size > 0
  }

  /** Lets a connection in, with what it missed; ends when it is in, or cannot be for now and will be later. */
  admit(connection: Connection, since: Message.Position | undefined): Promise<void> {
    return new Promise((answer) => {
      this.dismiss(connection)
      this.admissions.set(connection, { since, late: false, answer })
      void this.work()
    })
  }

  /** Lets a connection wait no longer. */
  dismiss(connection: Connection): void {
    this.admissions.get(connection)?.answer()
    this.admissions.delete(connection)
  }

  /** Takes an announced update; ends when all that was announced so far has been delivered. */
  arrive(update: Published): void | Promise<void> {
    const { at } = this
    const { epoch, offset } = update.position
    if (this.working) {
      this.behind = true
      return this.working
    }
    if (at && at.epoch === epoch && offset <= at.offset) {
      return
    }
    if (!at || at.epoch !== epoch || offset > at.offset + 1) {
      return this.work()
    }
    const delivered = this.owner.deliver(update)
    if (!delivered) {
      this.at = update.position
      return
    }
    return this.keep(delivered.then(() => {
      this.at = update.position
      return this.behind || this.admissions.size > 0 ? this.catchUp() : undefined
    }))
  }

  /** Reads the history again: announcements may have been missed. */
  work(): Promise<void> {
    if (this.working) {
      this.behind = true
      return this.working
    }
    return this.keep(this.catchUp())
  }

  private keep(work: Promise<void>): Promise<void> {
    const working = work.finally(() => {
      this.working = undefined
      this.owner.idle()
    })
    this.working = working
    return working
  }

  private async catchUp(): Promise<void> {
    do {
      this.behind = false
      const admissions = this.admissions
      this.admissions = new Map()
      try {
        await this.owner.ready()
        await this.settle(admissions, await this.owner.read(this.oldest(admissions)))
      } catch (error) {
        this.owner.failed(error)
        this.postpone(admissions)
        return
      }
    } while (this.behind || this.admissions.size > 0)
  }

  // Whoever cannot be let in is subscribed all the same: what it misses meanwhile it gets, or is told, when it is.
  private postpone(admissions: Admissions): void {
    for (const admission of [...admissions.values(), ...this.admissions.values()]) {
      admission.late = true
      admission.answer()
    }
    this.admissions = new Map(
      [...admissions, ...this.admissions].filter(([connection]) => this.owner.wants(connection))
    )
  }

  private async settle(admissions: Admissions, page: Page): Promise<void> {
    if (this.at) {
      await this.replay(this.at, page)
    }
    this.at = { epoch: page.epoch, offset: page.top }
    for (const [connection, { answer, late, since }] of admissions) {
      if (since) {
        await this.replay(since, page, connection)
      } else if (late) {
        this.owner.gap(this.at, connection)
      }
      this.owner.enter(connection)
      answer()
    }
  }

  private async replay(since: Since, page: Page, to?: Connection): Promise<void> {
    const { epoch } = page
    const { lost, offset } = resume(since, page)
    if (lost) {
      this.owner.gap({ epoch, offset }, to)
    }
    for (const update of page.updates) {
      if (update.position.offset > offset && (!to || this.owner.wants(to))) {
        // Offsets go on where an epoch ends: all that is read is told in the terms of the present one.
        const position = { epoch, offset: update.position.offset }
        const waiting = this.owner.deliver(update.position.epoch === epoch ? update : { ...update, position }, to)
        if (waiting) {
          await waiting
        }
      }
    }
  }

  private oldest(admissions: Admissions): Since | undefined {
    const known: Array<Since> = Array.from(admissions.values()).flatMap(({ since }) => since ? [since] : [])
    if (this.at) {
      known.push(this.at)
    }
    const [first] = known
    const epoch = known.every((since) => since.epoch === first?.epoch) ? first?.epoch : undefined
    return first && { epoch, offset: Math.min(...known.map(({ offset }) => offset)) }
  }
}
