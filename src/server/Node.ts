/** One server's share of the work, put together. */
import * as Effect from "effect/Effect"
import type * as Tracer from "effect/Tracer"
import { randomBytes } from "node:crypto"
import type { IncomingMessage, Server } from "node:http"
import type { Server as SecureServer } from "node:https"
import type { Duplex } from "node:stream"
import type { WebSocket } from "ws"
import * as ConsoleView from "../protocol/ConsoleView.js"
import { UserError } from "../protocol/NesError.js"
import type { Once } from "./api/Once.js"
import type { Service } from "./Application.js"
import { interrupt } from "./Awaitable.js"
import { Broker, type Membership, type Tally } from "./Broker.js"
import {
  type Broadcast,
  type Publish,
  requireKnown,
  requireTarget,
  requireUser,
  requireVersion,
  type Target
} from "./Command.js"
import { Connection, type Shared } from "./connection/Connection.js"
import { type DrainOptions, Lifetimes } from "./connection/Lifetimes.js"
import { Authenticator } from "./conversation/Authenticator.js"
import { Dispatcher } from "./conversation/Dispatcher.js"
import { Inspection, type Question } from "./inspection/Inspection.js"
import type { Exceeded } from "./LimitSettings.js"
import type { NodeContext, Procedures } from "./NodeContext.js"
import { type PathPresence, Presence } from "./presence/Presence.js"
import * as PathHistory from "./recovery/PathHistory.js"
import { Recovery } from "./recovery/Recovery.js"
import { Delivery, type EachOptions } from "./subscription/Delivery.js"
import { FirstMessages } from "./subscription/FirstMessages.js"
import { Hub } from "./subscription/Hub.js"
import { type Options as SubscriptionOptions, requirePath, requireSubscribable } from "./subscription/Subscription.js"
import type { Refused, Totals } from "./telemetry/Metrics.js"
import { Acceptor } from "./transport/Acceptor.js"
import { Admission } from "./transport/Admission.js"
import { Intake } from "./transport/Intake.js"

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
  /**
   * The number of the state that the update leads to, counting up for each path: a snapshot `snapshotAt` that number,
   * or a later one, has the update already.
   */
  readonly version?: number | undefined
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

const none: PublishOptions = {}

/** A node. */
export class Node {
  readonly recovery: Recovery
  private readonly acceptor: Acceptor
  private readonly admission: Admission
  private readonly dispatcher: Dispatcher
  private readonly lifetimes: Lifetimes
  private readonly shared: Shared
  private inspection: Inspection | undefined
  /** Connections that have closed, and whose last hooks are running. */
  private readonly leaving = new Set<Connection>()
  private counter = 0
  private draining = false
  private started = false

  constructor(
    private readonly context: NodeContext,
    readonly id: string,
    readonly membership: Membership,
    readonly hub: Hub,
    readonly delivery: Delivery
  ) {
    const { limits } = context.settings
    const { exceed, log, metrics } = context
    const firstMessages = new FirstMessages(context, membership, {
      encode: (update) => delivery.encode("pub", update),
      carry: delivery.carry,
      reach: (path, position) => this.recovery.reach(path, position)
    })
    hub.firstMessages = firstMessages
    this.recovery = new Recovery(
      context,
      membership,
      delivery.carry,
      firstMessages,
      (connection, path) =>
        void delivery.deliver({ type: "revoke", target: { socket: connection.id }, path, message: null })
    )
    hub.recovery = this.recovery
    this.shared = {
      ...context,
      node: id,
      leave: hub.revoke,
      wake: (connection) => this.dispatcher.wake(connection),
      pulse: hub.connections.pulse
    }
    this.lifetimes = new Lifetimes(context)
    const { lifetimes } = this
    const authenticator = new Authenticator(hub, context, lifetimes)
    this.dispatcher = new Dispatcher(hub, context, authenticator, lifetimes)
    this.admission = new Admission(context, lifetimes.authentication, () => this.draining || hub.stopped)
    const intake = new Intake(context.turns, limits.maxHelloBytes, {
      receive: this.dispatcher.receive,
      pong: (connection) => void connection.tooMany("messages"),
      closed: (connection, code, reason) => {
        log.lives?.disconnected(connection, code, reason)
        metrics.closed(code)
        void this.inSpan(undefined, () => this.closed(connection))
      },
      tooLong: (connection, limit) => exceed(limit, connection),
      failed: this.dispatcher.failed
    }, this.dispatcher.turns)
    this.acceptor = new Acceptor(context.settings, context.turns, intake, this.admission, this.open)
  }

  get totals(): Totals {
    return { ...this.context.metrics.totals }
  }

  get exceeded(): Readonly<Exceeded> {
    return this.context.metrics.exceeded
  }

  get refused(): Readonly<Refused> {
    return this.context.metrics.refused
  }

  /** Declares a subscription; throws if its path is missing, invalid or conflicts with another. */
  subscription(path: string, options: SubscriptionOptions<Connection>): void {
    if (!path) {
      throw new Error("Subscription missing path")
    }
    if (options.presence) {
      this.hub.presence ??= new Presence(this.id, this.context, this.membership.presences, () => this.hub.stopped)
    }
    this.hub.declare(path, options)
  }

  /** Ends when this node's have been written to; rejects if a filter failed with a programming fault. */
  readonly publish = (path: string, message: unknown, options?: PublishOptions | null): Promise<void> =>
    this.publishText(path, message, options)

  /** Publishes with the text of the message and the span of whoever publishes, as far as they are known. */
  publishText(
    path: string,
    message: unknown,
    options?: PublishOptions | null,
    text?: string,
    traceparent?: string
  ): Promise<void> {
    requirePath(path)
    if (options) {
      requireKnown(options, "internal", "user", "version")
      requireUser(options.user)
    }
    const { internal, user, version: given } = options ?? none
    const version = given ?? undefined
    if (version !== undefined) {
      requireVersion(version)
    }
    const update: Publish = { type: "publish", path, message, internal, user, version, text, traceparent }
    return this.quiet(this.traced(update))
  }

  /** Throws if this reaches nobody. What nodes that serve nobody publish is declared elsewhere. */
  requireDeclared(path: string): void {
    requireSubscribable(path)
    const { membership: { claims }, started } = this
    if ((started || claims === undefined) && !this.hub.router.has(path)) {
      throw new UserError({ message: `No subscription is declared for the path: ${path}` })
    }
  }

  /** Does what is part of a span, or of none, where a tracer looks. */
  inSpan<A>(span: Tracer.AnySpan | undefined, work: () => A): A {
    const { tracing } = this.context
    return tracing ? tracing.inSpan(span, work) : work()
  }

  /** Sends a message to all connections of every node. Throws if `user` is given and there is no index. */
  readonly broadcast = (message: unknown, options?: BroadcastOptions | null): Promise<void> =>
    this.broadcastText(message, options)

  /** Broadcasts as `publishText` publishes. */
  broadcastText(
    message: unknown,
    options?: BroadcastOptions | null,
    text?: string,
    traceparent?: string
  ): Promise<void> {
    requireKnown(options ?? none, "user")
    const user = options?.user
    requireUser(user)
    this.requireIndex(user)
    return this.quiet(this.traced({ type: "broadcast", message, user, text, traceparent }))
  }

  /** Ends subscriptions, with `message` as the last update unless that is `null`. Throws if a user needs an index. */
  revoke(target: Target, path: string, message: unknown = null): Promise<void> {
    requireTarget(target)
    this.requireIndex("user" in target)
    return this.quiet(this.membership.send({ type: "revoke", target, path, message }))
  }

  /** Closes connections; ends when this node's are closed. Throws if a user needs an index. */
  disconnect(target: Target): Promise<void> {
    requireTarget(target)
    this.requireIndex("user" in target)
    return this.quiet(this.membership.send({ type: "disconnect", target }))
  }

  count(path?: string): Promise<Tally> {
    return this.membership.count(path)
  }

  /** Reads and clears what is kept of a path. Throws if nothing is: without `recovery` and `state`. */
  history(path: string): PathHistory.PathHistory {
    requireSubscribable(path)
    return PathHistory.make(this.membership.history, path, this.hub.router.match(path)?.options.recovery)
  }

  get once(): Once {
    return this.membership.once
  }

  get maxDepth(): number {
    return this.context.settings.limits.maxDepth
  }

  /** Who is present at a path, on all nodes. Throws if its subscription has no `presence`. */
  presence(path: string): PathPresence {
    requireSubscribable(path)
    const presence = this.hub.presence?.of(path, this.hub.router.match(path))
    if (!presence) {
      throw new UserError({ message: `Subscription without presence: ${path}` })
    }
    return presence
  }

  /** Lets operators ask, on whatever node; returns how they do. */
  inspect(): Inspection {
    return (this.inspection ??= new Inspection(this.id, this.hub, this.context, this.membership))
  }

  readonly log: Service["log"] = (...entry) => this.context.application.log(...entry)

  /** Answers a question of operators, where they may ask. */
  readonly answerOperator = (question: Question): Promise<unknown> | undefined => this.inspection?.answer(question)

  /** Calls `each` for this node's connections, at once; ends when what it returned has. */
  each(each: (connection: Connection) => unknown, options: EachOptions = {}): Promise<void> {
    requireKnown(options, "subscription", "user")
    requireUser(options.user)
    if (options.subscription) {
      requirePath(options.subscription)
    } else if (options.user) {
      throw new Error("Cannot specify user filter without a subscription path")
    }
    return this.quiet(this.delivery.each(each, options))
  }

  /** Accepts the upgrades of an HTTP server; returns how to stop accepting. `answered` is that of `Upgrades.Taker`. */
  attach(server: Server | SecureServer, answered?: boolean): () => void {
    this.start()
    const stops = [this.acceptor.attach(server, answered), this.inspection?.attach?.(server, answered)]
    return () => stops.forEach((stop) => stop?.())
  }

  /** Has calls of procedures answered, until what it returns is called; throws where they are already. */
  serve(procedures: Procedures): () => void {
    const held = this.context.procedures
    if (held.served) {
      throw new Error("The server has an RPC server already: combine several groups by RpcGroup.merge")
    }
    held.served = procedures
    return () => {
      held.served = undefined
    }
  }

  /** Writes an answer that is not the dispatcher's. */
  answer(connection: Connection, text: string): void {
    this.context.metrics.totals.sentAnswer++
    connection.answer(connection.outgoing(text))
  }

  /** Accepts connections (again). */
  start(): void {
    this.hub.stopped = false
    this.draining = false
    this.started = true
    this.context.metrics.watch(true)
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.acceptor.upgrade(request, socket, head)
  }

  /** Verifies the credentials of a connection if that is due, also if it only listens. */
  verify(connection: Connection): void {
    this.dispatcher.verify(connection)
  }

  /** Whether it accepts connections: what a load balancer asks. */
  get ready(): boolean {
    return this.started && !this.hub.stopped && !this.draining
  }

  /** Accepts no more connections, and closes each as soon as none of its messages is being answered. */
  drain(options: DrainOptions = {}): Promise<void> {
    if (!this.draining) {
      this.context.log.turned("draining", { "nes.connections": this.hub.connections.size })
    }
    this.draining = true
    return this.lifetimes.sendAway(Array.from(this.hub.connections.keys()), options)
  }

  /** Sends some clients away within a time (ms), of those that wait for nothing; they come back to whatever node. */
  shed(count: number, within: number): Promise<void> {
    const away = this.hub.ready().filter(({ isIdle }) => isIdle)
    return this.lifetimes.sendAway(away.slice(0, count), { within, reason: "Rebalancing" })
  }

  /** Closes every connection; ends when their last hooks have run. */
  async stop(code?: number, reason?: string): Promise<void> {
    this.hub.stopped = true
    this.context.metrics.watch(false)
    await Promise.all([...this.hub.connections.keys(), ...this.leaving].map((connection) => {
      void connection.close(code, reason)
      return connection.gone
    }))
    await this.inspection?.close()
    await this.hub.presence?.stop()
    this.lifetimes.reset()
  }

  private traced(command: Publish | Broadcast): Promise<void> {
    const { tracing } = this.context
    return tracing && command.traceparent === undefined
      ? Promise.resolve(tracing.span(
        `nes.${command.type}`,
        {
          kind: "producer",
          attributes: command.type === "publish" ? { "nes.path": command.path } : {},
          parent: tracing.current
        },
        (traceparent) => this.send({ ...command, traceparent })
      ))
      : this.send(command)
  }

  private send(command: Publish | Broadcast): Promise<void> {
    return command.type === "publish" && this.hub.keeps ? this.publishKept(command) : this.membership.send(command)
  }

  private requireIndex(user: unknown): void {
    const { auth } = this.context.settings
    if (user && !(auth && auth.index)) {
      throw new Error("Socket auth indexing is disabled")
    }
  }

  // What is kept is made into text at once: the object may change before somebody asks for it again.
  private publishKept(update: Publish): Promise<void> {
    const subscription = this.hub.router.match(update.path)
    const recovery = subscription?.options.recovery
    if (!subscription || !recovery) {
      return this.membership.send(update)
    }
    if (update.user && !subscription.indexed) {
      return Promise.reject(new Error("Subscription auth indexing is disabled"))
    }
    try {
      return this.membership.send({ ...update, text: update.text ?? JSON.stringify(update.message), recovery })
    } catch {
      this.context.application.log(["nes", "serialization", "error"], "pub")
      return Promise.resolve()
    }
  }

  // The callback style documents these calls as optional to look at: a rejection nobody awaits must not end the
  // process. The end of a flush cannot fail, and is most of what passes here.
  private quiet(promise: Promise<void>): Promise<void> {
    if (!this.context.flush.isDone(promise)) {
      promise.catch(() => {})
    }
    return promise
  }

  private readonly open = (ws: WebSocket, request: IncomingMessage): Connection | undefined => {
    const { log, metrics, settings } = this.context
    const stopping = this.hub.stopped || this.draining
    if (stopping || this.hub.connections.size >= settings.maxConnections) {
      this.admission.refuse(stopping ? "stopping" : "maxConnections", request)
      return undefined
    }
    metrics.totals.connections++
    metrics.totals.connectionsTotal++
    const { auth } = settings
    const keepCookies = auth !== false && auth.type === "cookie"
    const connection = new Connection(++this.counter, ws, request, this.shared, keepCookies)
    this.hub.connections.add(connection)
    this.admission.count(connection.info.remoteAddress, 1)
    log.lives?.open(connection)
    this.lifetimes.begin(connection)
    return connection
  }

  private async closed(connection: Connection): Promise<void> {
    const { cancelled, opening, pending, subscriptions } = connection
    const greeting = opening?.greeting
    const isSubscribing = (pending?.size ?? 0) + (cancelled?.size ?? 0) > 0
    const lingering = greeting !== undefined || subscriptions.size > 0 || isSubscribing
    this.leaving.add(connection)
    this.context.metrics.totals.connections--
    this.admission.count(connection.info.remoteAddress, -1)
    this.lifetimes.end(connection)
    this.dispatcher.forget(connection)
    const left = this.hub.leave(connection)
    if (greeting !== undefined || isSubscribing) {
      connection.closed()
    }
    this.context.application.departed?.(connection)
    this.context.procedures.served?.departed(connection)
    interrupt(connection)
    let farewell: Promise<void> | undefined
    const bid = (): Promise<void> => {
      if (!farewell) {
        farewell = this.farewellHook(connection)
        connection.closed()
      }
      return farewell
    }
    if (lingering) {
      await this.lifetimes.atMost(Promise.allSettled([greeting, left]).then(bid))
    } else if (this.context.settings.hooks.onDisconnection) {
      await this.lifetimes.atMost(bid())
    }
    void bid()
    this.leaving.delete(connection)
    connection.ended()
  }

  private async farewellHook(connection: Connection): Promise<void> {
    const { application, settings, settle } = this.context
    const dispose = Effect.suspend(() => connection.dispose ?? Effect.void)
    try {
      const farewell = settings.hooks.onDisconnection?.(connection)
      // In one fiber, where it is one: whoever waits for the last hooks waits for what they release.
      await settle(Effect.isEffect(farewell) ? Effect.ensuring(farewell, dispose) : farewell)
      await settle(connection.dispose)
    } catch (error) {
      application.log(["nes", "onDisconnection", "error"], error, connection)
    }
  }
}

ConsoleView.as(
  Node.prototype,
  "Node",
  ({ hub: { connections, router }, id, ready }) => ({
    id,
    ready,
    connections: connections.size,
    subscriptions: router.declared.length
  })
)

/** Makes a node, with its place in the cluster until the scope closes. */
export const make = Effect.fnUntraced(function*(context: NodeContext) {
  const id = randomBytes(6).toString("hex")
  const hub = new Hub(context)
  const delivery = new Delivery(hub, context)
  const broker = yield* Broker
  const membership = yield* broker.join({
    id,
    deliver: delivery.deliver,
    listens: (path) => hub.listens(path),
    count: (path) => hub.count(path),
    serves: true,
    connections: () => hub.connections.size,
    shed: (count, within) => node.shed(count, within),
    recovers: (path) => node.recovery.has(path),
    reached: (path) => node.recovery.reached(path),
    refresh: (path) => node.recovery.refresh(path),
    presence: () => hub.presence,
    answer: (question) => node.answerOperator(question as Question),
    log: context.application.log
  })
  hub.membership = membership
  const node: Node = new Node(context, id, membership, hub, delivery)
  return node
})
