/**
 * A node's live state: its connections, its declared subscriptions, and who is subscribed to what.
 *
 * @since 0.1.0
 */
import * as Boom from "@hapi/boom"
import * as Access from "./Access.js"
import type { Settle } from "./Answer.js"
import type * as Application from "./Application.js"
import type { Authentication } from "./Authentication.js"
import type { Connection, PendingSubscribe } from "./Connection.js"
import { Connections } from "./Connections.js"
import * as Fault from "./Fault.js"
import type { Flush } from "./Flush.js"
import type { Exceeded } from "./Limits.js"
import { type Match, Router } from "./Router.js"
import type { Settings } from "./Settings.js"
import { type Options, type Params, Subscription } from "./Subscription.js"

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
  /** Counts the limits that connections cross. */
  readonly exceeded: Exceeded
}

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

  constructor(private readonly context: Context) {
    this.connections = new Connections(context.settings.auth)
  }

  /** Declares a subscription; throws if the path is invalid or conflicts with another. */
  declare(path: string, options: Options): void {
    this.router.add(path, new Subscription(path, options))
  }

  /** Subscribes a connection, through the subscription's access rules and `onSubscribe`. */
  async subscribe(connection: Connection, path: string): Promise<void> {
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
    const { exceeded, settings } = this.context
    if (connection.subscriptions.size + (connection.pending?.size ?? 0) >= settings.limits.maxSubscriptions) {
      exceeded.maxSubscriptions++
      throw Boom.forbidden("Too many subscriptions")
    }
    if (options.onSubscribe) {
      await this.admit(connection, path, match)
    } else {
      this.enter(connection, path, match.subscription)
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
      subscription.remove(connection, path)
      await this.afterUnsubscribe(connection, path, subscription)
    }
  }

  /** Gives a connection its credentials, and its subscriptions their new user. */
  authenticate(connection: Connection, authentication: Authentication): void {
    this.connections.authenticate(connection, authentication)
    for (const [path, subscription] of connection.subscriptions) {
      subscription.remove(connection, path)
      subscription.add(connection, path)
    }
  }

  /** Takes a connection out that has closed; ends when the `onUnsubscribe`s of its subscriptions have. */
  async leave(connection: Connection): Promise<void> {
    connection.departed = true
    this.connections.remove(connection)
    const left = Array.from(connection.subscriptions)
    connection.subscriptions.clear()
    for (const [path, subscription] of left) {
      subscription.remove(connection, path)
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

  private admit(connection: Connection, path: string, match: Match): Promise<void> {
    const pending: PendingSubscribe = { cancelled: false, outcome: Promise.resolve() }
    const waiting = connection.pending ??= new Map<string, PendingSubscribe>()
    waiting.set(path, pending)
    pending.outcome = this.runSubscribe(connection, path, match, pending).finally(() => {
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
    pending: PendingSubscribe
  ): Promise<void> {
    const { application, settle } = this.context
    try {
      await settle(subscription.options.onSubscribe?.(connection, path, params))
    } catch (error) {
      throw Fault.ofHook("onSubscribe", error, application.log)
    }
    if (pending.cancelled) {
      await this.afterUnsubscribe(connection, path, subscription, params)
    } else {
      this.enter(connection, path, subscription)
    }
  }

  private enter(connection: Connection, path: string, subscription: Subscription): void {
    if (!connection.departed) {
      connection.subscriptions.set(path, subscription)
      subscription.add(connection, path)
    }
  }

  private async afterUnsubscribe(
    connection: Connection,
    path: string,
    { options }: Subscription,
    params: Params = options.onUnsubscribe ? this.router.match(path)?.params ?? {} : {}
  ): Promise<void> {
    try {
      await this.context.settle(options.onUnsubscribe?.(connection, path, params))
    } catch (error) {
      this.context.application.log(["nes", "onUnsubscribe", "error"], error)
    }
  }
}
