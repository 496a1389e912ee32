/** A node's live state: its connections, its declared subscriptions, and who is subscribed to what. */
import type * as Boom from "@hapi/boom"
import type * as Message from "../../protocol/Message.js"
import type { Membership } from "../Broker.js"
import type { Published } from "../Command.js"
import type { Connection, Declared, PendingSubscribe } from "../connection/Connection.js"
import { Connections } from "../connection/Connections.js"
import { type Authentication, type UserKey, userKey } from "../conversation/Authentication.js"
import { errorAnswer } from "../conversation/ErrorAnswer.js"
import * as Errors from "../conversation/Errors.js"
import type { NodeContext } from "../NodeContext.js"
import type { Presence } from "../presence/Presence.js"
import { refusalOf } from "./Access.js"
import type { FirstMessages } from "./FirstMessages.js"
import { type Options, Router, Subscription } from "./Subscription.js"

/** What a hub asks of those that make up for what a connection missed. */
export interface Keeper {
  /** Lets a connection in on a path, with what it missed since a position; ends with the position where it was let in. */
  readonly admit: (subscribe: Subscribe, history: number) => Entry
  readonly left: (connection: Connection, path: string, subscription: Declared) => void
  readonly arrive: (update: Published) => void | Promise<void>
  readonly has: (path: string) => boolean
  /** How far a path has come here; `undefined` where that is not known. */
  readonly reached: (path: string) => Message.Position | undefined
  /** How far a connection has come on a path; `undefined` unless it has been let in. */
  readonly position: (connection: Connection, path: string) => Message.Position | undefined
}

/** The position from which a subscriber hears what comes, where there are positions. */
type Entry = Message.Position | undefined | Promise<Message.Position | undefined>

/** Who subscribes to what, and where it begins: after a position, or with so many of the last updates. */
export interface Subscribe {
  readonly connection: Connection
  readonly path: string
  readonly subscription: Declared
  readonly since: Message.Position | undefined
  readonly history: number
}

// What a path takes that is no longer than this does not matter beside the rest of a subscription.
const shortPath = 256

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value > 0

const requirePresence = ({ options }: Declared): void => {
  if (!options.presence) {
    throw errorAnswer("presenceUnknown")
  }
}

export class Hub {
  readonly connections = new Connections()
  /** While stopped, nothing is delivered and no connection is accepted. */
  stopped = false
  readonly router = new Router<Declared>()
  keeps = false
  recovery: Keeper | undefined
  /** Present as soon as a subscription tells who is subscribed. */
  presence: Presence | undefined
  firstMessages: FirstMessages | undefined

  /** Its place among the nodes, as soon as it has one. */
  membership: Pick<Membership, "claims" | "interest"> = {}

  constructor(private readonly context: NodeContext) {}

  /**
   * Declares a subscription, and what tells of its presence; throws, and has declared neither, if a path is invalid or
   * conflicts with another, or the bounds make no sense.
   */
  declare(path: string, options: Options<Connection>): void {
    const { recovery } = options
    if (recovery && !(isCount(recovery.size) && isCount(recovery.age))) {
      throw new Error("Subscription recovery requires positive integers for size and age")
    }
    const { presence } = options
    const told = presence && this.presence?.told(path, options, presence)
    const route = (path: string, options: Options<Connection>) => [path, new Subscription(path, options)] as const
    this.router.add(route(path, options), ...(told ? [route(...told)] : []))
    this.keeps ||= recovery !== undefined || told !== undefined
    if (told) {
      this.presence?.declare(told[0], presence)
    }
  }

  count(path: string | undefined): number {
    return path === undefined
      ? this.ready().length
      : this.router.match(path)?.subscribers(path).size ?? 0
  }

  ready(): ReadonlyArray<Connection> {
    return Array.from(this.connections.keys()).filter(({ stage }) => stage === "ready")
  }

  listens(path: string): boolean {
    return this.recovery?.has(path) || this.router.match(path)?.isFollowed(path) === true
  }

  /** Ends with the position from which it hears what comes, if there are any; throws or fails with the answer's error. */
  subscribe(
    connection: Connection,
    path: string,
    since?: Message.Position | null,
    history?: number | null,
    value?: unknown
  ): Entry {
    if (path.includes("?")) {
      throw errorAnswer("subscriptionHasQuery")
    }
    const given = this.presence?.read(value, connection, path)
    const pending = connection.pending?.get(path)
    const current = pending ? undefined : connection.subscriptions.get(path)
    if (current) {
      if (value !== undefined) {
        requirePresence(current)
      }
      if (given !== undefined) {
        this.presence?.say(connection, path, given)
      }
      return undefined
    }
    const subscription = this.router.match(path)
    if (!subscription) {
      throw errorAnswer("subscriptionUnknown")
    }
    if (value !== undefined) {
      this.check(connection, path, subscription)
      requirePresence(subscription)
    }
    const { credentials } = connection.auth
    const subscribed = (position: Message.Position | undefined): Message.Position | undefined => {
      // Who has become somebody else meanwhile may have lost the right to it.
      if (credentials !== connection.auth.credentials) {
        this.check(connection, path, subscription)
      }
      if (subscription.options.presence && connection.subscriptions.has(path)) {
        if (connection.stage === "ready") {
          this.presence?.join(connection, path, subscription, given)
        } else if (given !== undefined) {
          this.presence?.say(connection, path, given)
        }
      }
      return position
    }
    const entry = pending?.outcome ??
      this.begin({ connection, path, subscription, since: since ?? undefined, history: history ?? 0 })
    return entry instanceof Promise ? entry.then(subscribed) : subscribed(entry)
  }

  /** A connection's hello has been accepted: before, it is present nowhere. */
  greeted(connection: Connection): void {
    if (this.presence) {
      for (const [path, subscription] of connection.subscriptions) {
        if (subscription.options.presence) {
          this.presence.join(connection, path, subscription, undefined)
        }
      }
    }
  }

  /** Ends a subscription, or one that is about to begin; returns when `onUnsubscribe`, which cannot fail it, has run. */
  unsubscribe(connection: Connection, path: string): Promise<void> | undefined {
    const pending = connection.pending?.get(path)
    if (pending) {
      pending.cancelled = true
      connection.pending?.delete(path)
      ;(connection.cancelled ??= new Set()).add(pending)
    }
    const subscription = connection.subscriptions.get(path)
    if (subscription) {
      connection.catchUp()
      connection.subscriptions.delete(path)
      this.exit(connection, path, subscription)
      return subscription.options.onUnsubscribe && this.afterUnsubscribe(connection, path, subscription)
    }
    return undefined
  }

  /** Ends a subscription by the server's word. A client takes a `sub` that is answered for one that stands. */
  readonly revoke = async (connection: Connection, path: string): Promise<void> => {
    const pending = connection.pending?.get(path)
    if (pending) {
      pending.revoked = true
    }
    await this.unsubscribe(connection, path)
  }

  /** Fails with 503 if its user has too many. Ends with the paths that it may not be subscribed to any more. */
  async authenticate(connection: Connection, authentication: Authentication): Promise<ReadonlyArray<string>> {
    const { auth } = this.context.settings
    const { user } = connection
    const next = auth && auth.index ? userKey(authentication.credentials[auth.index]) : undefined
    if (next !== undefined && this.maxPerUser < Infinity) {
      await this.claim(next, connection)
    }
    // A connection that closed during its authentication must not come back through the index.
    if (connection.user !== next && !connection.departed) {
      this.connections.move(connection, connection.user, next)
      connection.user = next
    }
    if (user !== next) {
      this.release(user, connection)
    }
    connection.identify(authentication)
    return this.review(connection)
  }

  /** Counts a connection that was refused in for its user no more, however slow it is to close. */
  dismiss(connection: Connection): void {
    const { user } = connection
    if (user !== undefined) {
      connection.user = undefined
      this.connections.move(connection, user, undefined)
      this.release(user, connection)
    }
  }

  /** Takes a connection out that has closed; ends when the `onUnsubscribe`s of its subscriptions have. */
  async leave(connection: Connection): Promise<void> {
    connection.departed = true
    this.dismiss(connection)
    this.connections.remove(connection)
    const left = Array.from(connection.subscriptions)
    connection.subscriptions.clear()
    for (const [path, subscription] of left) {
      this.exit(connection, path, subscription)
    }
    const pending = [...connection.pending?.values() ?? [], ...connection.cancelled ?? []]
    for (const each of pending) {
      each.cancelled = true
    }
    // All begin, in order, and are waited for together: one that never ends must not keep the others from being called.
    await Promise.allSettled([
      ...left.map(([path, subscription]) => this.afterUnsubscribe(connection, path, subscription)),
      ...pending.map((each) => each.outcome)
    ])
  }

  private get maxPerUser(): number {
    const { auth } = this.context.settings
    return auth ? auth.maxConnectionsPerUser : Infinity
  }

  private async claim(user: UserKey, connection: Connection): Promise<void> {
    const { claims } = this.membership
    if (claims && typeof user === "string" && user !== connection.user) {
      if (!await claims.claim(user, connection.id, this.maxPerUser)) {
        throw errorAnswer("userConnectionsTooMany")
      }
      if (connection.departed) {
        claims.release(user, connection.id)
      }
    }
    if (!this.connections.hasRoom(connection, user, this.maxPerUser)) {
      this.release(user, connection)
      throw errorAnswer("userConnectionsTooMany")
    }
  }

  private release(user: UserKey | undefined, connection: Connection): void {
    if (typeof user === "string" && this.maxPerUser < Infinity) {
      this.membership.claims?.release(user, connection.id)
    }
  }

  private review(connection: Connection): ReadonlyArray<string> {
    const ended: Array<string> = []
    for (const [path, subscription] of connection.subscriptions) {
      if (this.refusal(connection, path, subscription)) {
        ended.push(path)
        void this.unsubscribe(connection, path)
      } else if (subscription.remove(connection, path)) {
        subscription.add(connection, path)
        if (subscription.options.presence) {
          this.presence?.review(connection, path, subscription)
        }
      }
    }
    for (const path of connection.pending?.keys() ?? []) {
      const subscription = this.router.match(path)
      if (subscription && this.refusal(connection, path, subscription)) {
        void this.unsubscribe(connection, path)
      }
    }
    return ended
  }

  private refusal(connection: Connection, path: string, subscription: Declared): Boom.Boom | undefined {
    const access = subscription.options.access ?? this.context.application.defaultAccess()
    const { credentials } = connection.auth
    // Often nothing more is asked than to be somebody.
    return !access || (credentials && access.rules.length === 0)
      ? undefined
      : refusalOf(access, credentials, subscription.params(path))
  }

  private check(connection: Connection, path: string, subscription: Declared): void {
    const refusal = this.refusal(connection, path, subscription)
    if (refusal) {
      throw refusal
    }
  }

  private begin(subscribe: Subscribe): Entry {
    const { connection, path, subscription } = subscribe
    this.check(connection, path, subscription)
    const exceeded = this.exceeded(connection, path)
    if (exceeded) {
      this.context.exceed(exceeded, connection, path)
      throw errorAnswer("subscriptionsTooMany")
    }
    const { onSubscribe, snapshot, state } = subscription.options
    return onSubscribe || snapshot || state ? this.admit(subscribe) : this.enter(subscribe)
  }

  private exceeded(
    { pending, subscriptions }: Connection,
    path: string
  ): "maxSubscriptions" | "maxSubscriptionBytes" | undefined {
    const { maxSubscriptionBytes, maxSubscriptions } = this.context.settings.limits
    const coming = pending === undefined ? [] : Array.from(pending.keys()).filter((path) => !subscriptions.has(path))
    if (subscriptions.size + coming.length >= maxSubscriptions) {
      return "maxSubscriptions"
    }
    if (path.length <= shortPath) {
      return undefined
    }
    let bytes = 0
    for (const { length } of [path, ...subscriptions.keys(), ...coming]) {
      bytes += length > shortPath ? 2 * length : 0
    }
    return bytes > maxSubscriptionBytes ? "maxSubscriptionBytes" : undefined
  }

  private admit(subscribe: Subscribe): Promise<Message.Position | undefined> {
    const { connection, path } = subscribe
    const pending: PendingSubscribe = { cancelled: false, revoked: false, outcome: Promise.resolve(undefined) }
    const waiting = connection.pending ??= new Map<string, PendingSubscribe>()
    waiting.set(path, pending)
    pending.outcome = this.runSubscribe(subscribe, pending).finally(() => {
      if (waiting.get(path) === pending) {
        waiting.delete(path)
      }
      connection.cancelled?.delete(pending)
    })
    return pending.outcome
  }

  private async runSubscribe(subscribe: Subscribe, pending: PendingSubscribe): Promise<Message.Position | undefined> {
    const { connection, path, subscription } = subscribe
    const { application, settle } = this.context
    try {
      await settle(subscription.options.onSubscribe?.(connection, path, subscription.params(path)), connection)
    } catch (error) {
      throw Errors.ofHook("onSubscribe", error, application.log, connection)
    }
    if (pending.cancelled) {
      await this.afterUnsubscribe(connection, path, subscription)
      // A revoke waits for the answer to the hello, where it ends what that has accepted.
      if (pending.revoked && connection.stage === "ready") {
        throw errorAnswer("subscriptionRevoked")
      }
      return undefined
    }
    return this.enter(subscribe)
  }

  private enter(subscribe: Subscribe): Entry {
    const { connection, history, path, subscription } = subscribe
    if (connection.departed) {
      return undefined
    }
    const { recovery, snapshot, state } = subscription.options
    connection.subscriptions.set(path, subscription)
    this.context.metrics.totals.subscriptions++
    if (recovery) {
      const { maxHistory } = this.context.settings.limits
      if (history > maxHistory) {
        this.context.exceed("maxHistory", connection, path)
      }
      const entry = this.recovery?.admit(subscribe, Math.min(history, maxHistory))
      return snapshot || state ? this.entered(subscribe, entry) : entry
    }
    if (snapshot) {
      this.firstMessages?.enter(connection, path, subscription, true)
      return this.entered(subscribe, undefined)
    }
    subscription.add(connection, path)
    return this.membership.interest?.(path)?.then(() => undefined)
  }

  // A subscription whose first message cannot be had is none.
  private async entered(
    { connection, path, subscription }: Subscribe,
    entry: Entry
  ): Promise<Message.Position | undefined> {
    const position = await entry
    try {
      await this.firstMessages?.entered(connection, path, subscription)
    } catch (error) {
      void this.unsubscribe(connection, path)
      throw error
    }
    return position
  }

  private exit(connection: Connection, path: string, subscription: Declared): void {
    subscription.remove(connection, path)
    if (subscription.seats ?? subscription.told) {
      this.firstMessages?.leave(connection, path, subscription)
    }
    this.context.metrics.totals.subscriptions--
    if (subscription.options.presence) {
      this.presence?.leave(connection, path)
    }
    if (subscription.options.recovery) {
      this.recovery?.left(connection, path, subscription)
    }
    void this.membership.interest?.(path)
  }

  private async afterUnsubscribe(connection: Connection, path: string, subscription: Declared): Promise<void> {
    const { onUnsubscribe } = subscription.options
    if (onUnsubscribe) {
      try {
        await this.context.settle(onUnsubscribe(connection, path, subscription.params(path)))
      } catch (error) {
        this.context.application.log(["nes", "onUnsubscribe", "error"], error, connection)
      }
    }
  }
}
