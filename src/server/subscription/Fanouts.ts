/** What is published to many is written to them bit by bit, and nobody can tell: see `Fanouts`. */
import type { Task, Turns } from "../transport/Turns.js"

export interface Recipient {
  /** The number of the last fan-out that has reached it, or that it has no part in. */
  reached: number
  readonly subscriptions: { readonly size: number; readonly keys: () => Iterable<string> }
  readonly departed: boolean
  /** Holds back what is written until `letGo`, unless it will be one message. */
  readonly hold: (isOne: boolean) => void
  readonly letGo: () => void
}

/** Those a fan-out is meant for, as they are now. */
interface Members<R> {
  readonly size: number
  readonly has: (recipient: R) => boolean
  readonly keys: () => IterableIterator<R>
}

/** Writes to one recipient; only if that has to wait does it return a Promise. Does not fail. */
type Send<R> = (recipient: R) => PromiseLike<void> | undefined

/** Something that has its place in the order of everything written, and will have been written. */
export interface Sending {
  readonly written: Promise<void>
}

// Writes, and looks at recipients, that one step may take.
const writesPerStep = 8
const looksPerStep = 512

// Up to so many recipients are written to at once: it takes no longer than to remember them.
const few = 64

const fewFanouts = 4

// With more under way, whoever publishes waits until the oldest is out: they come faster than they can leave.
const maxFanouts = 1024

const none: ReadonlyArray<never> = []

// Those of a list in order that have begun after the one with this number.
const after = <F extends { readonly number: number }>(list: ReadonlyArray<F>, number: number): ReadonlyArray<F> => {
  let from = 0
  for (let to = list.length; from < to;) {
    const middle = (from + to) >> 1
    if ((list[middle]?.number ?? Infinity) > number) {
      to = middle
    } else {
      from = middle + 1
    }
  }
  return from === 0 ? list : list.slice(from)
}

const byNumber = (a: { readonly number: number }, b: { readonly number: number }): number => a.number - b.number

class Fanout<R extends Recipient> implements Sending {
  readonly written: Promise<void>
  over = false
  private readonly recipients: IterableIterator<R>
  private end: () => void = () => {}

  constructor(
    private readonly fanouts: Fanouts<R>,
    readonly number: number,
    readonly path: string | undefined,
    readonly members: Members<R>,
    readonly send: Send<R>
  ) {
    this.recipients = members.keys()
    this.written = new Promise((resolve) => {
      this.end = resolve
    })
  }

  advance(): void {
    const { fanouts, members, number, recipients } = this
    const writes = fanouts.writes + writesPerStep
    for (let looks = looksPerStep; looks > 0 && fanouts.writes < writes && !this.over; looks--) {
      const { done, value } = recipients.next()
      if (done) {
        fanouts.remove(this)
        this.end()
      } else if (value.reached < number) {
        value.hold(fanouts.isAlone(this))
        fanouts.catchUp(value, members)
        value.letGo()
      }
    }
  }

  /** Goes on one recipient after another, since one of them has to wait; the order among fan-outs ends here. */
  wait(first: PromiseLike<void>): void {
    const rest = Array.from(this.recipients).filter(({ reached }) => reached < this.number)
    this.fanouts.remove(this)
    void this.fanouts.sendSlowly(rest, this.members, this.send, first).then(this.end)
  }
}

/**
 * The fan-outs of a node that are under way.
 *
 * A publish to a crowd is not written at once, but recipient by recipient in slices of the coming turns; each recipient
 * then gets all that is under way for it, in order and together. Whatever else is written to it meanwhile comes after
 * that: a recipient first catches up. It also does so before it enters or leaves a crowd, which are therefore known
 * without being copied.
 */
export class Fanouts<R extends Recipient> implements Task {
  latest = 0
  writes = 0
  // In order. Whoever looks through such a list may cause it to change: it is replaced then.
  private underWay: ReadonlyArray<Fanout<R>> = []
  private turn = 0
  private started = false
  private readonly byPath = new Map<string | undefined, ReadonlyArray<Fanout<R>>>()

  constructor(private readonly turns: Turns) {}

  /** Sends to some in their order, at once to a few. Returns a Promise if some have to wait. */
  send(path: string | undefined, members: Members<R>, send: Send<R>): Sending | Promise<void> | undefined {
    return members.size <= few ? this.sendNow(members, send) : this.begin(path, members, send)
  }

  /** Ends when what is under way to the subscribers of a path has been written; `undefined` if nothing is. */
  written(path: string): Promise<void> | undefined {
    const underWay = this.byPath.get(path)
    return underWay && Promise.all(underWay.map(({ written }) => written)).then(() => undefined)
  }

  /** To be called before anything else is written to a recipient, who is known to be among `known`. */
  catchUp(recipient: R, known?: Members<R>): void {
    const { reached } = recipient
    recipient.reached = this.latest
    if (this.underWay.length === 0 || reached === this.latest || recipient.departed) {
      return
    }
    for (const fanout of this.concerning(recipient, reached)) {
      const { members } = fanout
      if (members === known || members.has(recipient)) {
        this.writes++
        const waiting = fanout.send(recipient)
        if (waiting) {
          fanout.wait(waiting)
        }
      }
    }
  }

  /** The fan-outs take turns among themselves, and are one task beside others. */
  step(): boolean {
    const { turn, underWay } = this
    this.turn = turn + 1 < underWay.length ? turn + 1 : 0
    underWay[turn]?.advance()
    this.started = this.underWay.length > 0
    return this.started
  }

  isAlone(fanout: Fanout<R>): boolean {
    return this.underWay.length === 1 && this.underWay[0] === fanout
  }

  remove(fanout: Fanout<R>): void {
    const { path } = fanout
    const isOther = (other: Fanout<R>): boolean => other !== fanout
    const ofPath = (this.byPath.get(path) ?? []).filter(isOther)
    fanout.over = true
    this.underWay = this.underWay.filter(isOther)
    if (ofPath.length > 0) {
      this.byPath.set(path, ofPath)
    } else {
      this.byPath.delete(path)
    }
  }

  /** Sends to one recipient after another, those who have left meanwhile excepted. */
  async sendSlowly(
    recipients: ReadonlyArray<R>,
    members: Members<R>,
    send: Send<R>,
    first: PromiseLike<void>
  ): Promise<void> {
    await first
    for (let i = 0; i < recipients.length; i++) {
      const recipient = recipients[i]
      if (recipient && members.has(recipient)) {
        const waiting = send(recipient)
        if (waiting) {
          await waiting
        }
      }
      if (i % writesPerStep === writesPerStep - 1) {
        await this.turns.next()
      }
    }
  }

  private sendNow(members: Members<R>, send: Send<R>): Promise<void> | undefined {
    const recipients = members.keys()
    for (let next = recipients.next(); !next.done; next = recipients.next()) {
      const waiting = send(next.value)
      if (waiting) {
        return this.sendSlowly(Array.from(recipients), members, send, waiting)
      }
    }
    return undefined
  }

  private begin(path: string | undefined, members: Members<R>, send: Send<R>): Sending {
    while (this.underWay.length >= maxFanouts) {
      this.underWay[0]?.advance()
    }
    const fanout = new Fanout(this, ++this.latest, path, members, send)
    if (!this.started) {
      this.started = true
      this.turns.start(this)
    }
    this.underWay = [...this.underWay, fanout]
    this.byPath.set(path, [...this.byPath.get(path) ?? [], fanout])
    return fanout
  }

  // In order, what has not reached the recipient. Where many are under way, those of its paths are found through these.
  private concerning({ subscriptions }: R, reached: number): ReadonlyArray<Fanout<R>> {
    const { byPath, underWay } = this
    if (underWay.length <= Math.max(fewFanouts, subscriptions.size)) {
      return after(underWay, reached)
    }
    const found: Array<ReadonlyArray<Fanout<R>>> = []
    for (const path of [undefined, ...subscriptions.keys()]) {
      const ofPath = after(byPath.get(path) ?? none, reached)
      if (ofPath.length > 0) {
        found.push(ofPath)
      }
    }
    return found.length > 1 ? found.flat().toSorted(byNumber) : found[0] ?? none
  }
}
