/**
 * One server's share of the work, put together: connections are accepted, their messages answered, and what is published
 * is delivered.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import { randomBytes } from "node:crypto"
import type { Server } from "node:http"
import type { Server as SecureServer } from "node:https"
import { Acceptor } from "./Acceptor.js"
import type { Command } from "./Broker.js"
import { type Backlog, Connection } from "./Connection.js"
import { Deadlines, type Fork } from "./Deadlines.js"
import { Delivery, type EachOptions } from "./Delivery.js"
import { Dispatcher } from "./Dispatcher.js"
import { type Context, Hub } from "./Hub.js"
import type { Exceeded } from "./Limits.js"
import type { Options } from "./Subscription.js"
import { TokenBucket } from "./TokenBucket.js"

/**
 * What limits a publish (nes-api.txt, "server.publish").
 *
 * @since 0.1.0
 * @category models
 */
export interface PublishOptions {
  /** Data for the subscription's filter that is not sent to clients. */
  readonly internal?: unknown
  /** Only to subscribers of this user; needs the subscription's index. */
  readonly user?: unknown
}

/**
 * What limits a broadcast (nes-api.txt, "server.broadcast").
 *
 * @since 0.1.0
 * @category models
 */
export interface BroadcastOptions {
  /** Only to connections of this user; needs the server's index. */
  readonly user?: unknown
}

// How long a deadline is that is never set does not matter.
const noDeadline = 0

// A refused client closes by itself; this is for one that does not.
const refusalGrace = 1_000

// Hooks of a closed connection that take longer hold up its `onDisconnection` no more.
const farewellGrace = 1_000

const ignore = (): void => {}

/**
 * A node.
 *
 * @since 0.1.0
 * @category models
 */
export class Node {
  readonly hub: Hub
  readonly delivery: Delivery
  private readonly acceptor: Acceptor
  private readonly dispatcher: Dispatcher
  private readonly id = randomBytes(6).toString("hex")
  private readonly hello: Deadlines<Connection>
  private readonly unauthenticated: Deadlines<Connection>
  private readonly authentication: Deadlines<() => void>
  private readonly backlog: Backlog
  private readonly refusal: Deadlines<Connection>
  private readonly farewell: Deadlines<() => void>
  private counter = 0

  constructor(
    private readonly context: Context,
    private readonly clock: Clock.Clock,
    fork: Fork,
    private readonly send: (command: Command) => Promise<void>
  ) {
    const { auth, limits } = context.settings
    const { exceeded } = context
    const drops = limits.slowClient === "drop"
    this.hub = new Hub(context)
    this.delivery = new Delivery(this.hub, context)
    const close = (connection: Connection): void => void connection.close()
    this.hello = new Deadlines(limits.helloTimeout || noDeadline, clock, fork, (connection) => {
      exceeded.helloTimeout++
      void connection.close(1008, "No hello in time")
    })
    this.unauthenticated = new Deadlines((auth && auth.timeout) || noDeadline, clock, fork, close)
    this.authentication = new Deadlines<() => void>(limits.authTimeout || noDeadline, clock, fork, (expire) => expire())
    this.backlog = {
      updates: drops ? limits.maxBufferedBytes : Infinity,
      messages: drops ? 2 * limits.maxBufferedBytes : limits.maxBufferedBytes,
      exceeded: () => {
        exceeded.maxBufferedBytes++
      }
    }
    this.refusal = new Deadlines(refusalGrace, clock, fork, close)
    this.farewell = new Deadlines<() => void>(farewellGrace, clock, fork, (proceed) => proceed())
    this.dispatcher = new Dispatcher(this.hub, context, {
      clock,
      hello: this.hello,
      unauthenticated: this.unauthenticated,
      authentication: this.authentication,
      refusal: this.refusal
    })
    this.acceptor = new Acceptor(context.settings, {
      open: (ws, request) => this.open(ws, request),
      receive: (connection, text) => this.dispatcher.receive(connection, text),
      closed: (connection) => void this.closed(connection),
      tooLong: () => {
        exceeded.maxFrameBytes++
      }
    })
  }

  /** How often each limit has been crossed. */
  get exceeded(): Readonly<Exceeded> {
    return this.context.exceeded
  }

  /** Declares a subscription; throws if its path is missing, invalid or conflicts with another. */
  subscription(path: string, options: Options): void {
    if (!path) {
      throw new Error("Subscription missing path")
    }
    this.hub.declare(path, options)
  }

  /**
   * Publishes to the subscribers of a path on every node; ends when this node's have been written to, rejects if a filter
   * failed with a programming fault or the subscription has no index for `user`. Throws if the path does not start with
   * `/`.
   */
  publish(path: string, message: unknown, { internal, user }: PublishOptions = {}): Promise<void> {
    if (typeof path !== "string" || !path.startsWith("/")) {
      throw new Error(`Missing or invalid subscription path: ${path || "empty"}`)
    }
    return this.quiet(this.send({ type: "publish", path, message, internal, user }))
  }

  /** Sends a message to all connections of every node. Throws if `user` is given and there is no index. */
  broadcast(message: unknown, { user }: BroadcastOptions = {}): Promise<void> {
    const { auth } = this.context.settings
    if (user && !(auth && auth.index)) {
      throw new Error("Socket auth indexing is disabled")
    }
    return this.quiet(this.send({ type: "broadcast", message, user }))
  }

  /** Calls `each` for this node's connections, at once; ends when what it returned has. */
  each(each: (connection: Connection) => unknown, options: EachOptions = {}): Promise<void> {
    if (!options.subscription && options.user) {
      throw new Error("Cannot specify user filter without a subscription path")
    }
    return this.quiet(this.delivery.each(each, options))
  }

  /** Accepts the upgrades of an HTTP server; returns how to stop accepting. */
  attach(server: Server | SecureServer): () => void {
    this.hub.stopped = false
    return this.acceptor.attach(server)
  }

  /** Closes every connection; ends when their last hooks have run. */
  async stop(code?: number, reason?: string): Promise<void> {
    this.hub.stopped = true
    await Promise.all(Array.from(this.hub.connections.all(), (connection) => connection.close(code, reason)))
    for (
      const deadlines of [this.hello, this.unauthenticated, this.authentication, this.refusal, this.farewell]
    ) {
      deadlines.reset()
    }
  }

  // The callback style documents these calls as optional to look at: a rejection nobody awaits must not end the process.
  // The end of a flush cannot fail, and is most of what passes here.
  private quiet(promise: Promise<void>): Promise<void> {
    if (promise !== this.context.flush.done) {
      promise.catch(ignore)
    }
    return promise
  }

  private open(
    ...[ws, request]: Parameters<ConstructorParameters<typeof Acceptor>[1]["open"]>
  ): Connection | undefined {
    const { application, flush, settings } = this.context
    if (this.hub.stopped || this.hub.connections.size >= settings.maxConnections) {
      return undefined
    }
    const { auth, limits, maxChunkChars } = settings
    const id = `${this.id}:${++this.counter}`
    const keepCookies = auth !== false && auth.type === "cookie"
    const connection = new Connection(id, ws, request, flush, maxChunkChars, this.backlog, keepCookies)
    if (limits.maxMessagesPerSecond < Infinity) {
      connection.bucket = new TokenBucket(limits.maxMessagesPerSecond, this.clock.unsafeCurrentTimeMillis())
    }
    this.hub.connections.add(connection)
    if (auth && auth.timeout && application.authRequired()) {
      this.unauthenticated.set(connection)
    }
    if (limits.helloTimeout) {
      this.hello.set(connection)
    }
    return connection
  }

  private async closed(connection: Connection): Promise<void> {
    const { greeting, pending, subscriptions } = connection
    const lingering = greeting !== undefined || subscriptions.size > 0 || (pending?.size ?? 0) > 0
    this.hello.clear(connection)
    this.unauthenticated.clear(connection)
    this.refusal.clear(connection)
    const left = this.hub.leave(connection)
    if (lingering) {
      await this.atMost(Promise.allSettled([greeting, left]))
    }
    void this.farewellHook(connection)
    connection.ended()
  }

  private async farewellHook(connection: Connection): Promise<void> {
    const { application, settings, settle } = this.context
    try {
      await settle(settings.hooks.onDisconnection?.(connection))
    } catch (error) {
      application.log(["nes", "onDisconnection", "error"], error)
    }
  }

  private async atMost(work: Promise<unknown>): Promise<void> {
    await new Promise<void>((resolve) => {
      this.farewell.set(resolve)
      void work.then(() => {
        this.farewell.clear(resolve)
        resolve()
      })
    })
  }
}
