/** Subscribers that get a first message: what is published meanwhile waits for it, so that none is lost or seen twice. */
import type * as Message from "../../protocol/Message.js"
import type { Membership } from "../Broker.js"
import type { Publish } from "../Command.js"
import type { Connection, Declared } from "../connection/Connection.js"
import { userKey } from "../conversation/Authentication.js"
import { errorAnswer } from "../conversation/ErrorAnswer.js"
import * as Errors from "../conversation/Errors.js"
import { getOrMake, take } from "../Groups.js"
import * as MessageText from "../MessageText.js"
import type { NodeContext } from "../NodeContext.js"
import { defaultBounds } from "../recovery/Bounds.js"
import type { Page } from "../recovery/History.js"
import { SharedReads } from "../recovery/SharedReads.js"
import type { PreparedMessage } from "../transport/Turns.js"
import { Snapshot } from "./Snapshot.js"
import type { Seat, Subscribers } from "./Subscription.js"

export const isFor = ({ auth }: Connection, user: unknown, index: string | false | undefined): boolean => {
  const key = userKey(user)
  return key === undefined || (typeof index === "string" && userKey(auth.credentials?.[index]) === key)
}

interface Host {
  readonly encode: (update: Pick<Publish, "path" | "snapshot" | "message" | "position">) => PreparedMessage | undefined
  readonly carry: (update: Publish, to: Subscribers<Connection>) => void | Promise<void>
  readonly reach: (path: string, position: Message.Position) => Promise<void>
}

/** Who gets a first message, and whether it still waits for it. */
interface Entrant {
  readonly connection: Connection
  readonly path: string
  readonly subscription: Declared
  readonly isHere: () => boolean
}

// How long after it was written something may be published: the snapshot of a new subscriber may tell of it before.
const patience = 10_000_000_000n

// Updates that wait for a first message. With more of them the subscription ends: the application takes too long.
const maxWaiting = 10_000

export class FirstMessages {
  private readonly states = new SharedReads<Page>()
  /** What is written of a snapshot that is the same for many. */
  private readonly prepared = new WeakMap<Snapshot, PreparedMessage>()

  constructor(
    private readonly context: NodeContext,
    private readonly membership: Pick<Membership, "history" | "interest">,
    private readonly host: Host
  ) {}

  /** Makes a connection a subscriber, a new one after its first message; during `after` it counts as one. */
  enter(
    connection: Connection,
    path: string,
    subscription: Declared,
    isNew: boolean,
    failed?: (error: unknown) => void,
    after?: Promise<void>
  ): void {
    const { snapshot, state } = subscription.options
    if (!isNew || !(snapshot || state)) {
      subscription.add(connection, path)
      return
    }
    const seat: Seat = { waiting: [], done: Promise.resolve() }
    getOrMake(subscription.seats ??= new Map(), path, () => new Map()).set(connection, seat)
    const isHere = (): boolean => subscription.seats?.get(path)?.get(connection) === seat
    const done = this.seat({ connection, path, subscription, isHere }, seat, after).catch((error: unknown) => {
      if (isHere()) {
        this.leave(connection, path, subscription)
        if (!failed) {
          throw error
        }
        failed(error)
      }
    })
    done.catch(() => {})
    if (!after) {
      seat.done = done
    }
  }

  /** Tells all subscribers anew how things stand, as something is lost. */
  again(path: string, subscription: Declared, failed: (connection: Connection, error: unknown) => void): void {
    const { options, seats } = subscription
    const after = options.regather?.(true)
    for (const connection of [...subscription.subscribers(path).keys(), ...seats?.get(path)?.keys() ?? []]) {
      subscription.remove(connection, path)
      this.enter(connection, path, subscription, true, (error) => failed(connection, error), after)
    }
  }

  /** Ends when a connection has got its first message; nothing where it does not wait for one. */
  entered(connection: Connection, path: string, { seats }: Declared): Promise<void> | undefined {
    return seats?.get(path)?.get(connection)?.done
  }

  pass({ seats }: Declared, update: Publish): void {
    const ofPath = seats?.get(update.path)
    if (!ofPath) {
      return
    }
    const kept = update.text === undefined ? { ...update, text: MessageText.orNone(update.message) } : update
    for (const { waiting } of ofPath.values()) {
      if (waiting.length <= maxWaiting) {
        waiting.push(kept)
      }
    }
  }

  /** Those of the subscribers whom no first message has told of an update. */
  unaware(
    { path, version = Infinity }: Publish,
    subscription: Declared,
    subscribers: Subscribers<Connection>
  ): Subscribers<Connection> {
    const ofPath = subscription.told?.get(path)
    if (!ofPath) {
      return subscribers
    }
    const now = this.context.clock.monotonicTimeNanosUnsafe()
    const others = new Set(subscribers.keys())
    for (const [connection, told] of ofPath) {
      if (version <= told.version && now < told.until) {
        others.delete(connection)
      } else {
        this.forget(connection, path, subscription)
      }
    }
    return others.size === subscribers.size ? subscribers : {
      size: others.size,
      has: (connection) => others.has(connection) && subscribers.has(connection),
      keys: () => others.keys()
    }
  }

  leave(connection: Connection, path: string, subscription: Declared): void {
    const { seats } = subscription
    if (seats && take(seats, path, connection)) {
      subscription.seats = seats.size > 0 ? seats : undefined
    }
    this.forget(connection, path, subscription)
  }

  private forget(connection: Connection, path: string, subscription: Declared): void {
    const { told } = subscription
    if (told && take(told, path, connection)) {
      subscription.told = told.size > 0 ? told : undefined
    }
  }

  private async seat(entrant: Entrant, { waiting }: Seat, after: Promise<void> | undefined): Promise<void> {
    const { connection, isHere, path, subscription } = entrant
    if (after) {
      await after
    }
    const ready = this.membership.interest?.(path)
    if (ready) {
      await ready
    }
    const { snapshot } = subscription.options
    const first = snapshot ? await this.ask(snapshot, entrant) : await this.state(entrant)
    const position = first instanceof Snapshot && typeof first.until !== "number" ? first.until : undefined
    if (position) {
      await this.host.reach(path, position)
    }
    if (!isHere()) {
      return
    }
    if (snapshot) {
      this.tell(connection, path, first, position)
    }
    // More may come while these are carried.
    for (const update of waiting) {
      if (waiting.length > maxWaiting) {
        throw errorAnswer("updatesTooMany")
      }
      if (!(first instanceof Snapshot && first.has(update))) {
        const carrying = this.carry(update, entrant) ?? this.context.turns.pause()
        if (carrying) {
          await carrying
          if (!isHere()) {
            return
          }
        }
      }
    }
    this.leave(connection, path, subscription)
    subscription.add(connection, path)
    if (first instanceof Snapshot && typeof first.until === "number") {
      const until = this.context.clock.monotonicTimeNanosUnsafe() + patience
      getOrMake(subscription.told ??= new Map(), path, () => new Map()).set(connection, { version: first.until, until })
    }
  }

  // What comes as the hook answers is after it: a hook that need not wait is called and answered in one step.
  private async ask(
    snapshot: Exclude<Declared["options"]["snapshot"], undefined>,
    { connection, isHere, path, subscription }: Entrant
  ): Promise<unknown> {
    try {
      for (;;) {
        const { credentials } = connection.auth
        const first = await this.context.settle(snapshot(connection, path, subscription.params(path)), connection)
        // It was for whom the connection was then.
        if (connection.auth.credentials === credentials || !isHere()) {
          return first
        }
      }
    } catch (error) {
      throw Errors.ofHook("snapshot", error, this.context.application.log, connection)
    }
  }

  private async state(entrant: Entrant): Promise<Snapshot> {
    const { isHere, path, subscription } = entrant
    const { epoch, last, top } = await this.states.ask(
      path,
      async () => this.membership.history.read(path, undefined, subscription.options.recovery ?? defaultBounds)
    )
    const position = { epoch, offset: top }
    if (last && isHere()) {
      // The message and its text may be made when they are read.
      const { message, text } = last
      await this.carry({ ...last, message, text, position, snapshot: true }, entrant)
    }
    return new Snapshot(undefined, position)
  }

  private carry(update: Publish, { connection, isHere, subscription }: Entrant): void | Promise<void> {
    this.context.metrics.totals.snapshotsSent += update.snapshot ? 1 : 0
    return isFor(connection, update.user, subscription.options.index)
      ? this.host.carry(update, only(connection, isHere))
      : undefined
  }

  private tell(connection: Connection, path: string, first: unknown, position: Message.Position | undefined): void {
    const message = first instanceof Snapshot ? first.message : first
    if (message === undefined) {
      return
    }
    const shared = position && first instanceof Snapshot ? first : undefined
    const outgoing = (shared && this.prepared.get(shared)) ??
      this.host.encode({ path, snapshot: true, message, position })
    if (!outgoing) {
      throw errorAnswer("unserialisable")
    }
    if (shared) {
      this.prepared.set(shared, outgoing)
    }
    this.context.metrics.totals.snapshotsSent++
    connection.write(outgoing)
  }
}

/** One subscriber, for as long as it is one, as a delivery wants them. */
export const only = (connection: Connection, isHere: () => boolean): Subscribers<Connection> => ({
  size: 1,
  has: (other) => other === connection && isHere(),
  keys: () => new Set([connection]).keys()
})
