/** How far this node has come on a path with recovery, and how its subscribers are kept at that point together. */
import type * as Message from "../../protocol/Message.js"
import type { Published } from "../Command.js"
import type { Connection, Declared } from "../connection/Connection.js"
import * as Epoch from "./Epoch.js"
import type { Page, Since } from "./History.js"

/** A connection on its way in. `since` is how far it came before, on whatever node. */
interface Admission {
  readonly since: Message.Position | undefined
  /** How many of the last updates it wants, if it has got none before. */
  readonly history: number
  /** Whether the connection has been told that it is subscribed before it was let in. */
  late: boolean
  readonly answer: (position?: Message.Position) => void
}

type Admissions = ReadonlyMap<Connection, Admission>

const nobody: Admissions = new Map()

export interface Owner {
  /** Ends when announcements of the path reach this node. */
  readonly ready: (sync: RecoverySync) => Promise<void> | undefined
  readonly read: (sync: RecoverySync, since: Since | undefined) => Page | Promise<Page>
  /** Delivers to all subscribers, or to one connection; whoever has to wait for a filter returns a Promise. */
  readonly deliver: (sync: RecoverySync, update: Published, to?: Connection) => void | Promise<void>
  /** Tells all subscribers, or one connection, that updates are lost. */
  readonly gap: (sync: RecoverySync, position: Message.Position, to?: Connection) => void
  /** Makes a connection a subscriber, if it still wants to be; a new one gets to know how things stand. */
  readonly enter: (sync: RecoverySync, connection: Connection, isNew: boolean, isLate: boolean) => void
  readonly again: (sync: RecoverySync) => void
  readonly wants: (sync: RecoverySync, connection: Connection) => boolean
  readonly pause: () => Promise<void> | undefined
  readonly failed: (sync: RecoverySync, error: unknown) => void
  readonly idle: (sync: RecoverySync) => void
}

/** An update that came before one that it follows. */
interface Early {
  readonly update: Published
  readonly passed: () => void
}

// Updates that wait for a reading, or for those before them. Beyond that they are read again instead.
const maxEarly = 10_000

const ignore = (): void => {}

const none: ReadonlyArray<Message.Position> = []

// Epochs before the present one in which a path's position is remembered.
const remembered = 3

// Whether an update has been told at one of these positions already, in the epoch in which it was given its place.
const isKnown = ({ origin, position }: Published, known: ReadonlyArray<Message.Position>): boolean =>
  origin !== undefined && known.some(({ epoch, offset }) => epoch === origin && position.offset <= offset)

/** Where to go on from a position: after which offset, and whether something before that is lost. */
const resume = (since: Message.Position, page: Page): { readonly offset: number; readonly lost: boolean } => {
  const goesOn = Epoch.continues(since, page.epoch)
  // Whoever claims to be ahead of the history goes on with it: nothing is to be held back until it gets there.
  const offset = Math.min(goesOn ? since.offset : Epoch.unseen(since, page.epoch, page.start), page.top)
  const first = page.updates.find((update) => update.position.offset > offset)?.position.offset ?? page.top + 1
  return { offset: Math.max(offset, first - 1), lost: !goesOn || first > offset + 1 || page.top < since.offset }
}

/**
 * A path's state. An update that follows the last is delivered at once. What comes while the history is being read, or
 * was confirmed to this node before it has heard those of others, waits; anything else (a gap in the offsets, another
 * epoch, a connection that has missed something) is settled from the history, in one reading for all. So nothing grows,
 * nothing comes twice, and whoever is let in misses nothing in between.
 */
export class RecoverySync {
  /** The position of the last update that was delivered here; `undefined` while it is not known. */
  at: Message.Position | undefined
  /** How far it had come in epochs before: of two servers that both count as the first, each may be met again. */
  private left: ReadonlyArray<Message.Position> = none
  private behind = false
  private admissions: Map<Connection, Admission> | undefined
  private working: Promise<void> | undefined
  private early: Map<number, Early> | undefined

  constructor(readonly path: string, readonly subscription: Declared, private readonly owner: Owner) {}

  get busy(): boolean {
    return this.working !== undefined || Boolean(this.admissions?.size)
  }

  /** Ends with the position from which it hears what comes, or with none if it will be let in later. */
  admit(
    connection: Connection,
    since: Message.Position | undefined,
    history = 0
  ): Message.Position | Promise<Message.Position | undefined> {
    const { at } = this
    if (at && !this.busy && (since ? since.epoch === at.epoch && since.offset === at.offset : history === 0)) {
      this.owner.enter(this, connection, !since, false)
      return at
    }
    return new Promise((answer) => {
      this.dismiss(connection)
      const admissions = this.admissions ??= new Map()
      admissions.set(connection, { since, history, late: false, answer })
      void this.work()
    })
  }

  /** Lets a connection in later that counts as subscribed, and could not be told how things stand. */
  readmit(connection: Connection, error: unknown): void {
    const admissions = this.admissions ??= new Map()
    admissions.set(connection, { since: undefined, history: 0, late: true, answer: ignore })
    this.owner.failed(this, error)
  }

  dismiss(connection: Connection): void {
    this.admissions?.get(connection)?.answer()
    this.admissions?.delete(connection)
  }

  /** Takes an announced update; ends when all that was announced so far has been delivered. */
  arrive(update: Published): void | Promise<void> {
    const { at } = this
    const { epoch, offset } = update.position
    if (this.working) {
      this.hold(update, ignore)
      return this.working
    }
    if (at && at.epoch === epoch && offset <= at.offset) {
      return
    }
    if (at && offset === at.offset + 1 && Epoch.continues(at, epoch)) {
      const advancing = this.advance({ update, passed: ignore })
      return advancing && this.keep(advancing)
    }
    // What others published before is on its way to this node: Redis has announced it already.
    if (at && update.confirmed && Epoch.continues(at, epoch)) {
      return new Promise((passed) => this.hold(update, passed))
    }
    return this.work()
  }

  work(): Promise<void> {
    this.behind = true
    return this.working ?? this.keep()
  }

  private hold(update: Published, passed: () => void): void {
    const early = this.early ??= new Map()
    if (early.size >= maxEarly) {
      this.behind = true
      passed()
      return
    }
    const { offset } = update.position
    early.get(offset)?.passed()
    early.set(offset, { update, passed })
  }

  // Delivers an update, and those that waited for it.
  private advance(next: Early | undefined): void | Promise<void> {
    while (next) {
      const { passed, update } = next
      const delivered = this.owner.deliver(this, update)
      if (delivered) {
        return delivered.then(() => this.advance(this.passed(update.position, passed)))
      }
      next = this.passed(update.position, passed)
    }
  }

  // Takes note of what was delivered; returns what follows, if it is here.
  private passed(position: Message.Position, passed: () => void): Early | undefined {
    this.at = position
    passed()
    const { early } = this
    if (!early) {
      return undefined
    }
    early.get(position.offset)?.passed()
    early.delete(position.offset)
    const next = early.get(position.offset + 1)
    if (next && !Epoch.continues(position, next.update.position.epoch)) {
      return undefined
    }
    early.delete(position.offset + 1)
    return next
  }

  // Whether something is to be read. What was confirmed to this node early will be announced; what was announced early
  // will not be followed by what it misses.
  private unsettled(): boolean {
    for (const { update: { confirmed, position } } of this.early?.values() ?? []) {
      this.behind ||= !confirmed || !this.at || !Epoch.continues(this.at, position.epoch)
    }
    return this.behind || Boolean(this.admissions?.size)
  }

  private keep(first?: Promise<void>): Promise<void> {
    this.working = this.finish(first)
    return this.working
  }

  // Until nothing is left: no moment may lie between that look and the end of the work, as what comes in it would wait.
  private async finish(first: Promise<void> | undefined): Promise<void> {
    try {
      if (first) {
        await first
      }
      for (;;) {
        const next = this.at && this.passed(this.at, ignore)
        if (next) {
          await this.advance(next)
        } else if (!this.unsettled() || !await this.catchUp()) {
          return
        }
      }
    } finally {
      this.working = undefined
      if (!this.busy) {
        this.owner.idle(this)
      }
    }
  }

  private async catchUp(): Promise<boolean> {
    this.behind = false
    const admissions = this.admissions ?? nobody
    this.admissions = undefined
    try {
      await this.owner.ready(this)
      await this.settle(admissions, await this.read(admissions))
      return true
    } catch (error) {
      this.owner.failed(this, error)
      this.postpone(admissions)
      return false
    }
  }

  // Whoever cannot be let in is subscribed all the same: what it misses meanwhile it gets, or is told, when it is.
  private postpone(admissions: Admissions): void {
    const all = [...admissions, ...this.admissions ?? nobody]
    for (const [, admission] of all) {
      admission.late = true
      admission.answer()
    }
    this.admissions = new Map(all.filter(([connection]) => this.owner.wants(this, connection)))
    this.release()
  }

  private async settle(admissions: Admissions, page: Page): Promise<void> {
    await this.overtake(page)
    const { at } = this
    const { snapshot, state } = this.subscription.options
    let isToldAnew = false
    if (at) {
      const back = at.epoch === page.epoch ? undefined : this.left.find(({ epoch }) => epoch === page.epoch)
      isToldAnew = snapshot !== undefined && (back !== undefined || resume(at, page).lost)
      if (back && !isToldAnew) {
        this.owner.gap(this, back)
      }
      if (!isToldAnew) {
        await this.replay(back ?? at, page)
      }
      if (!Epoch.continues(at, page.epoch)) {
        this.left = [at, ...this.left.filter(({ epoch }) => epoch !== at.epoch)].slice(0, remembered)
      }
    }
    this.at = { epoch: page.epoch, offset: page.top }
    // Who has lost something is told how things stand instead.
    if (isToldAnew) {
      this.owner.again(this)
    }
    for (const [connection, { answer, history, late, since }] of admissions) {
      const pause = this.owner.pause()
      if (pause) {
        await pause
      }
      const wanted = since ? [] : page.updates.filter(({ position }) => position.offset > page.top - history)
      // Who is told how things stand has lost nothing; the last update of a state tells just that. Where there is none,
      // as after it was cleared, what is lost is lost.
      const isNew = (snapshot ?? state) !== undefined && (since
        ? resume(since, page).lost && (snapshot !== undefined || page.last !== undefined)
        : snapshot !== undefined || wanted.length === 0)
      if (since && !isNew) {
        await this.replay(since, page, connection)
      } else if (late && !isNew) {
        this.owner.gap(this, { epoch: page.epoch, offset: page.top - wanted.length }, connection)
      }
      await this.tell(wanted, connection)
      this.owner.enter(this, connection, isNew, late)
      answer(this.at)
    }
    this.release(this.at)
  }

  // Delivers what was announced while a page was read, as far as that goes: by then less may be kept.
  private async overtake({ epoch, top }: Page): Promise<void> {
    for (;;) {
      const { at, early } = this
      const next = at && early?.get(at.offset + 1)
      if (!next || next.update.position.epoch !== epoch || at.offset >= top || !Epoch.continues(at, epoch)) {
        return
      }
      await this.owner.deliver(this, next.update)
      this.at = next.update.position
      next.passed()
      early?.delete(this.at.offset)
    }
  }

  /** Forgets what waited: all, or what has been read by now. What is of another epoch is to be read. */
  release(at?: Message.Position): void {
    for (const [offset, { passed, update }] of this.early ?? []) {
      const goesOn = !at || Epoch.continues(at, update.position.epoch)
      if (!at || !goesOn || offset <= at.offset) {
        this.behind ||= !goesOn
        passed()
        this.early?.delete(offset)
      }
    }
  }

  private async replay(since: Message.Position, page: Page, to?: Connection): Promise<void> {
    const { lost, offset } = resume(since, page)
    if (lost) {
      this.owner.gap(this, { epoch: page.epoch, offset }, to)
    }
    const known = to ? [since] : [since, ...this.left]
    await this.tell(page.updates.filter((update) => update.position.offset > offset && !isKnown(update, known)), to)
  }

  private async tell(updates: ReadonlyArray<Published>, to: Connection | undefined): Promise<void> {
    for (const update of updates) {
      if (!to || this.owner.wants(this, to)) {
        const waiting = this.owner.deliver(this, update, to) ?? this.owner.pause()
        if (waiting) {
          await waiting
        }
      }
    }
  }

  private async read(admissions: Admissions): Promise<Page> {
    const history = Math.max(0, ...Array.from(admissions.values(), ({ history, since }) => since ? 0 : history))
    // How far the last ones lie back is known only where one knows how far the path has come.
    const top = history > 0 ? await this.owner.read(this, undefined) : undefined
    return this.owner.read(this, this.oldest(admissions, top && { epoch: top.epoch, offset: top.top - history }))
  }

  private oldest(admissions: Admissions, wanted: Since | undefined): Since | undefined {
    const known: Array<Since> = Array.from(admissions.values()).flatMap(({ since }) => since ? [since] : [])
    if (this.at) {
      known.push(this.at)
    }
    if (wanted) {
      known.push({ epoch: wanted.epoch, offset: Math.max(0, wanted.offset) })
    }
    const [first] = known
    const epoch = known.every((since) => since.epoch === first?.epoch) ? first?.epoch : undefined
    return first && { epoch, offset: Math.min(...known.map(({ offset }) => offset)) }
  }
}
