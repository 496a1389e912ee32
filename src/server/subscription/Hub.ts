/**
 * A node's live state: its connections, its declared subscriptions, and who is subscribed to what.
 *
 * @since 0.1.0
 */
import * as Boom from "@hapi/boom"
import type * as Message from "../../protocol/Message.js"
import type * as Application from "../Application.js"
import type { Settle } from "../Awaitable.js"
import type { Claims, Membership } from "../Broker.js"
import type { Connection, PendingSubscribe } from "../connection/Connection.js"
import { Connections } from "../connection/Connections.js"
import { type Authentication, type UserKey, userKey } from "../conversation/Authentication.js"
import * as Errors from "../conversation/Errors.js"
import type { Recovery } from "../recovery/Recovery.js"
import type { Settings } from "../Settings.js"
import type { Log } from "../telemetry/Log.js"
import type { Metrics } from "../telemetry/Metrics.js"
import type { Span } from "../telemetry/Tracing.js"
import type { Flush } from "../transport/Flush.js"
import * as Access from "./Access.js"
import { type Match, Router } from "./Router.js"
import { type Options, Subscription } from "./Subscription.js"

/**
 * What a hub works with.
 *
 * @since 0.1.0
 * @category models
 */
export interface Context {
  readonly settings: Settings
  readonly application: Application.Service
  readonly settle: Settle
  readonly flush: Flush
  readonly metrics: Metrics
  readonly log: Log
  readonly span: Span
}

/**
 * What a hub needs of the cluster.
 *
 * @since 0.1.0
 * @category models
 */
export type Cluster = Pick<Membership, "claims" | "interest">

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value > 0

/**
 * A node's connections and subscriptions.
 *
 * @since 0.1.0
 * @category models
 */
export class Hub {
  readonly connections: Connections
  /** While stopped, nothing is delivered and no connection is accepted. */
  stopped = false
  readonly router = new Router()
  /** Whether any subscription keeps what is published. */
  keeps = false
  /** Present as soon as one does. */
  recovery: Recovery | undefined

  constructor(private readonly context: Context, private readonly membership: Cluster) {
    this.connections = new Connections(context.settings.auth)
  }

  /** Declares a subscription; throws if the path is invalid or conflicts with another, or the bounds make no sense. */
  declare(path: string, options: Options): void {
    const { recovery } = options
    if (recovery && !(isCount(recovery.size) && isCount(recovery.age))) {
      throw new Error("Subscription recovery requires positive integers for size and age")
    }
    this.router.add(path, new Subscription(path, options))
    this.keeps ||= options.recovery !== undefined
  }

  /** How many connections have said hello, or how many are subscribed to a path. */
  count(path: string | undefined): number {
    if (path !== undefined) {
      return this.router.match(path)?.subscription.subscribers(path).size ?? 0
    }
    let count = 0
    for (const { stage } of this.connections.all()) {
      count += stage === "ready" ? 1 : 0
    }
    return count
  }

  /** Whether anyone is subscribed to a path, or about to be. */
  listens(path: string): boolean {
    return this.recovery?.has(path) || (this.router.match(path)?.subscription.subscribers(path).size ?? 0) > 0
  }

  /**
   * Subscribes a connection, through the subscription's access rules and `onSubscribe`; with recovery, it gets what it
   * missed since a position.
   */
  async subscribe(connection: Connection, path: string, since?: Message.Position): Promise<void> {
    if (path.includes("?")) {
      throw Boom.badRequest("Subscription path cannot contain query")
    }
    if (connection.subscriptions.has(path)) {
      return
    }
    const pending = connection.pending?.get(path)
    if (pending) {
      await pending.outcome
      return
    }
    const match = this.router.match(path)
    if (!match) {
      throw Boom.notFound("Subscription not found")
    }
    const { options } = match.subscription
    const access = options.access ?? this.context.application.defaultAccess()
    const refusal = Access.refuse(access, connection.auth.credentials, match.params)
    if (refusal) {
      throw refusal
    }
    const { metrics, settings } = this.context
    if (connection.subscriptions.size + (connection.pending?.size ?? 0) >= settings.limits.maxSubscriptions) {
      metrics.exceed("maxSubscriptions", connection, path)
      throw Boom.forbidden("Too many subscriptions")
    }
    if (options.onSubscribe) {
      await this.admit(connection, path, match, since)
    } else {
      const entering = this.enter(connection, path, match.subscription, since)
      if (entering) {
        await entering
      }
    }
  }

  /** Ends a subscription, or one that is about to begin; `onUnsubscribe` follows, and cannot fail it. */
  async unsubscribe(connection: Connection, path: string): Promise<void> {
    const pending = connection.pending?.get(path)
    if (pending) {
      pending.cancelled = true
      connection.pending?.delete(path)
      return
    }
    const subscription = connection.subscriptions.get(path)
    if (subscription) {
      connection.subscriptions.delete(path)
      this.exit(connection, path, subscription)
      await this.afterUnsubscribe(connection, path, subscription)
    }
  }

  /**
   * Counts a connection in for its user among those of all nodes; fails with 503 if the user has as many as are allowed.
   * To be awaited before `authenticate`; `undefined` where this node alone decides.
   */
  claim(connection: Connection, { credentials }: Authentication): Promise<void> | undefined {
    const { auth } = this.context.settings
    const { claims } = this.membership
    if (!claims || !auth || !auth.index || !auth.maxConnectionsPerUser) {
      return undefined
    }
    const user = userKey(credentials[auth.index])
    return typeof user === "string" && user !== connection.user
      ? this.claimFor(claims, user, connection, auth.maxConnectionsPerUser)
      : undefined
  }

  /** Gives a connection its credentials, and its subscriptions their new user. */
  authenticate(connection: Connection, authentication: Authentication): void {
    const { user } = connection
    this.connections.authenticate(connection, authentication)
    if (user !== connection.user) {
      this.release(user, connection)
    }
    for (const [path, subscription] of connection.subscriptions) {
      if (subscription.remove(connection, path)) {
        subscription.add(connection, path)
      }
    }
  }

  /** Takes a connection out that has closed; ends when the `onUnsubscribe`s of its subscriptions have. */
  async leave(connection: Connection): Promise<void> {
    connection.departed = true
    const { user } = connection
    this.connections.remove(connection)
    this.release(user, connection)
    const left = Array.from(connection.subscriptions)
    connection.subscriptions.clear()
    for (const [path, subscription] of left) {
      this.exit(connection, path, subscription)
    }
    const pending = Array.from(connection.pending?.values() ?? [])
    for (const each of pending) {
      each.cancelled = true
    }
    // All begin, in order, and are waited for together: one that never ends must not keep the others from being called.
    await Promise.allSettled([
      ...left.map(([path, subscription]) => this.afterUnsubscribe(connection, path, subscription)),
      ...pending.map((each) => each.outcome)
    ])
  }

  private async claimFor(claims: Claims, user: string, connection: Connection, max: number): Promise<void> {
    if (!await claims.claim(user, connection.id, max)) {
      throw Boom.serverUnavailable("Too many connections for the authenticated user")
    }
    if (connection.departed) {
      claims.release(user, connection.id)
    }
  }

  private release(user: UserKey | undefined, connection: Connection): void {
    if (typeof user === "string") {
      this.membership.claims?.release(user, connection.id)
    }
  }

  private admit(
    connection: Connection,
    path: string,
    match: Match,
    since: Message.Position | undefined
  ): Promise<void> {
    const pending: PendingSubscribe = { cancelled: false, outcome: Promise.resolve() }
    const waiting = connection.pending ??= new Map<string, PendingSubscribe>()
    waiting.set(path, pending)
    pending.outcome = this.runSubscribe(connection, path, match, pending, since).finally(() => {
      if (waiting.get(path) === pending) {
        waiting.delete(path)
      }
    })
    return pending.outcome
  }

  private async runSubscribe(
    connection: Connection,
    path: string,
    { params, subscription }: Match,
    pending: PendingSubscribe,
    since: Message.Position | undefined
  ): Promise<void> {
    const { application, settle } = this.context
    try {
      await settle(subscription.options.onSubscribe?.(connection, path, params))
    } catch (error) {
      throw Errors.ofHook("onSubscribe", error, application.log, connection)
    }
    if (pending.cancelled) {
      await this.afterUnsubscribe(connection, path, subscription)
    } else {
      await this.enter(connection, path, subscription, since)
    }
  }

  private enter(
    connection: Connection,
    path: string,
    subscription: Subscription,
    since: Message.Position | undefined
  ): Promise<void> | undefined {
    if (connection.departed) {
      return undefined
    }
    const { recovery } = subscription.options
    connection.subscriptions.set(path, subscription)
    this.context.metrics.totals.subscriptions++
    if (recovery) {
      return this.recovery?.admit(connection, path, subscription, since)
    }
    subscription.add(connection, path)
    return this.membership.interest?.(path)
  }

  private exit(connection: Connection, path: string, subscription: Subscription): void {
    subscription.remove(connection, path)
    this.context.metrics.totals.subscriptions--
    if (subscription.options.recovery) {
      this.recovery?.left(connection, path, subscription)
    }
    void this.membership.interest?.(path)
  }

  private async afterUnsubscribe(connection: Connection, path: string, subscription: Subscription): Promise<void> {
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
