/**
 * One server's share of the work, put together: connections are accepted, their messages answered, and what is published
 * is delivered.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import { randomBytes } from "node:crypto"
import type { IncomingMessage, Server } from "node:http"
import type { Server as SecureServer } from "node:https"
import type { Duplex } from "node:stream"
import { Acceptor } from "./Acceptor.js"
import type { Command } from "./Broker.js"
import { Connection } from "./Connection.js"
import { Deadlines, type Fork } from "./Deadlines.js"
import { Delivery, type EachOptions } from "./Delivery.js"
import { Dispatcher } from "./Dispatcher.js"
import { type Context, Hub } from "./Hub.js"
import type { Totals } from "./Meter.js"
import type { Options } from "./Subscription.js"

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

// How long the hello deadline of `auth: false` is does not matter: it is never set.
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
  private readonly refusal: Deadlines<Connection>
  private readonly farewell: Deadlines<() => void>
  private counter = 0
  private draining = false

  constructor(
    private readonly context: Context,
    clock: Clock.Clock,
    fork: Fork,
    private readonly send: (command: Command) => Promise<void>
  ) {
    const { auth } = context.settings
    this.hub = new Hub(context)
    this.delivery = new Delivery(this.hub, context)
    const close = (connection: Connection): void => void connection.close()
    this.hello = new Deadlines((auth && auth.timeout) || noDeadline, clock, fork, close)
    this.refusal = new Deadlines(refusalGrace, clock, fork, close)
    this.farewell = new Deadlines<() => void>(farewellGrace, clock, fork, (proceed) => proceed())
    this.dispatcher = new Dispatcher(this.hub, context, {
      clock,
      hello: this.hello,
      refusal: this.refusal
    })
    this.acceptor = new Acceptor(context.settings, {
      open: (ws, request) => this.open(ws, request),
      receive: (connection, text) => this.dispatcher.receive(connection, text),
      closed: (connection) => void this.closed(connection)
    })
  }

  /** What this server has counted, as it stands now. */
  get totals(): Totals {
    return { ...this.context.meter.totals }
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
    this.start()
    return this.acceptor.attach(server)
  }

  /** Accepts connections (again). */
  start(): void {
    this.hub.stopped = false
    this.draining = false
  }

  /** Answers one upgrade request. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.acceptor.upgrade(request, socket, head)
  }

  /** Accepts no more connections, and closes each as soon as none of its messages is being answered. */
  async drain(code?: number, reason?: string): Promise<void> {
    this.draining = true
    await Promise.all(
      Array.from(this.hub.connections.all(), async (connection) => {
        await connection.idle
        await connection.close(code, reason)
      })
    )
  }

  /** Closes every connection; ends when their last hooks have run. */
  async stop(code?: number, reason?: string): Promise<void> {
    this.hub.stopped = true
    await Promise.all(Array.from(this.hub.connections.all(), (connection) => {
      void connection.close(code, reason)
      return connection.gone
    }))
    for (const deadlines of [this.hello, this.refusal, this.farewell]) {
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
    const { application, flush, meter, settings } = this.context
    if (this.hub.stopped || this.draining || this.hub.connections.size >= settings.maxConnections) {
      meter.totals.connectionsRefused++
      return undefined
    }
    meter.totals.connections++
    meter.totals.connectionsTotal++
    const { auth, maxChunkChars } = settings
    const id = `${this.id}:${++this.counter}`
    const keepCookies = auth !== false && auth.type === "cookie"
    const connection = new Connection(id, ws, request, this.hub, flush, meter.totals, maxChunkChars, keepCookies)
    this.hub.connections.add(connection)
    if (auth && auth.timeout && application.authRequired()) {
      this.hello.set(connection)
    }
    return connection
  }

  private async closed(connection: Connection): Promise<void> {
    const { greeting, pending, subscriptions } = connection
    const lingering = greeting !== undefined || subscriptions.size > 0 || (pending?.size ?? 0) > 0
    this.context.meter.totals.connections--
    this.hello.clear(connection)
    this.refusal.clear(connection)
    const left = this.hub.leave(connection)
    if (greeting !== undefined || (pending?.size ?? 0) > 0) {
      connection.closed()
    }
    this.context.application.departed?.(connection)
    if (lingering) {
      await this.atMost(Promise.allSettled([greeting, left]))
    }
    void this.farewellHook(connection)
    this.context.meter.report()
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
