/** What is published and broadcast, on its way to this node's connections. */
import { AsyncLocalStorage } from "node:async_hooks"
import { parentOf } from "../../protocol/Tracing.js"
import { isPromiseLike } from "../Awaitable.js"
import type { Broadcast, Command, Publish, Published, Revoke, Target } from "../Command.js"
import { type Connection, type Declared, pushing } from "../connection/Connection.js"
import { isSystem } from "../conversation/Errors.js"
import type { NodeContext } from "../NodeContext.js"
import { PreparedMessage } from "../transport/Turns.js"
import type { Sending } from "./Fanouts.js"
import type { Hub } from "./Hub.js"
import type { Subscribers, Verdict } from "./Subscription.js"

/** Which sockets to iterate over. */
export interface EachOptions {
  /** Only those subscribed to this path. */
  readonly subscription?: string | undefined
  /** Only those of this user; needs `subscription`. */
  readonly user?: unknown
}

/** Nothing if all has been written; a Promise if some have to wait for a filter. */
type Carried = Sending | Promise<void> | undefined

const ignore = (): void => {}

type Pushed = Pick<Publish, "message"> & Partial<Pick<Publish, "path" | "position" | "snapshot" | "text">>

const isPublished = (update: Publish): update is Published => update.position !== undefined

export class Delivery {
  constructor(private readonly hub: Hub, private readonly context: NodeContext) {}

  readonly deliver = (command: Command): Promise<void> => {
    if (this.hub.stopped) {
      return Promise.resolve()
    }
    const { tracing } = this.context
    const parent = tracing && "traceparent" in command ? parentOf(command.traceparent) : undefined
    return parent === undefined || tracing === undefined || !this.isHeard(command)
      ? this.carryOut(command)
      : Promise.resolve(tracing.span(
        "nes.deliver",
        { kind: "consumer", attributes: "path" in command ? { "nes.path": command.path } : {}, parent },
        () => this.carryOut(command)
      ))
  }

  // What is kept comes twice to the node that has published it.
  private isHeard(command: Command): boolean {
    if (command.type !== "publish") {
      return true
    }
    const { path, position } = command
    const reached = position && this.hub.recovery?.reached(path)
    return this.hub.listens(path) &&
      !(reached && reached.epoch === position.epoch && position.offset <= reached.offset)
  }

  private carryOut(command: Command): Promise<void> {
    switch (command.type) {
      case "publish":
        return this.publish(command)
      case "broadcast":
        return this.broadcast(command)
      case "revoke":
        return this.revoke(command)
      case "disconnect":
        return Promise.all(this.targets(command.target).map((connection) => connection.close())).then(ignore)
    }
  }

  readonly carry = (update: Publish, subscribers: Subscribers<Connection>): void | Promise<void> => {
    const subscription = this.hub.router.match(update.path)
    const carried = subscription && this.toSubscribers(update, subscription, subscribers)
    if (!carried || !("written" in carried)) {
      return carried
    }
    // It has its place in the order of all that is written; what a filter failed with has been logged.
    carried.written.catch(ignore)
  }

  /** Calls `each` for every connection in turn, at once; ends when what it returned has. */
  each(each: (connection: Connection) => unknown, options: EachOptions): Promise<void> {
    if (this.hub.stopped) {
      return Promise.resolve()
    }
    const selected = this.select(options)
    if (!selected) {
      return Promise.reject(new Error("Subscription auth indexing is disabled"))
    }
    const results = selected.map(async (connection) => connection.stage === "ready" ? each(connection) : undefined)
    return Promise.all(results).then(ignore)
  }

  /** Serialises a message once for all, unless its text came with it; `undefined`, and a log entry, if it cannot be. */
  encode(type: "pub" | "update" | "revoke", pushed: Pushed): PreparedMessage | undefined {
    const { message, path, position, snapshot, text } = pushed
    try {
      return new PreparedMessage(
        // In one piece where it can be: one that is put together takes longer to write.
        text === undefined
          ? JSON.stringify({ type, path, snapshot, message, position })
          : `{"type":"${type}"${path === undefined ? "" : `,"path":${JSON.stringify(path)}`}` +
            // Before the message: as long as its updates hold nothing else, a client reads a path's fast.
            (snapshot ? `,"snapshot":true` : "") + `,"message":${text}` +
            (position ? `,"position":${JSON.stringify(position)}}` : "}"),
        this.context.settings.maxChunkChars
      )
    } catch {
      this.context.application.log(["nes", "serialization", "error"], type)
      return undefined
    }
  }

  private targets(target: Target): ReadonlyArray<Connection> {
    if ("user" in target) {
      return Array.from(this.hub.connections.ofUser(target.user))
    }
    const connection = this.hub.connections.get(target.socket)
    return connection ? [connection] : []
  }

  private revoke({ message, path, target }: Revoke): Promise<void> {
    const subscribed = this.targets(target).filter((connection) =>
      connection.subscriptions.has(path) || connection.pending?.has(path)
    )
    if (subscribed.length === 0) {
      return Promise.resolve()
    }
    // That it has ended is told whatever becomes of the last message.
    const outgoing = this.encode("revoke", { path, message: message ?? undefined }) ??
      this.encode("revoke", { path, message: undefined })
    return Promise.all(subscribed.map((connection) => {
      const left = this.hub.revoke(connection, path)
      // At once: a client that subscribes again while the hook runs must not take it for the new subscription's.
      if (outgoing) {
        connection.write(outgoing)
        this.context.metrics.totals.sentRevoke++
      }
      return left
    })).then(ignore)
  }

  // Nothing where a user is asked for and the subscription has no index of users.
  private select({ subscription: path, user }: EachOptions): ReadonlyArray<Connection> | undefined {
    if (!path) {
      return Array.from(this.hub.connections.keys())
    }
    const subscription = this.hub.router.match(path)
    if (!subscription) {
      return []
    }
    return user && !subscription.indexed ? undefined : Array.from(subscription.subscribers(path, user).keys())
  }

  private broadcast(command: Broadcast): Promise<void> {
    const { connections } = this.hub
    const { totals } = this.context.metrics
    const targets = command.user ? connections.ofUser(command.user) : connections
    let encoded: { readonly outgoing: PreparedMessage | undefined } | undefined
    const send = (connection: Connection): undefined => {
      if (connection.stage === "ready") {
        const { outgoing } = encoded ??= { outgoing: this.encode("update", command) }
        if (outgoing && connection.update(outgoing)) {
          totals.sentUpdate++
        }
      }
    }
    return this.written(this.context.fanouts.send(undefined, targets, send))
  }

  private publish(command: Publish): Promise<void> {
    const { path, user } = command
    const subscription = this.hub.router.match(path)
    if (!subscription) {
      this.context.log.undeclared(path)
      return Promise.resolve()
    }
    if (user && !subscription.indexed) {
      return Promise.reject(new Error("Subscription auth indexing is disabled"))
    }
    const { totals } = this.context.metrics
    if (isPublished(command)) {
      const { fanouts, flush } = this.context
      const written = (): Promise<void> => fanouts.written(path) ?? flush.done
      const arriving = this.hub.recovery?.arrive(command)
      return arriving ? arriving.then(written) : written()
    }
    const subscribers = subscription.subscribers(path, user)
    if (subscription.seats) {
      this.hub.firstMessages?.pass(subscription, command)
    }
    if (subscribers.size === 0) {
      return Promise.resolve()
    }
    totals.updatesPublished++
    return this.written(this.toSubscribers(command, subscription, subscribers))
  }

  // Ends when what has been carried so far has left for the sockets.
  private written(carried: Carried): Promise<void> {
    const { flush } = this.context
    return carried === undefined
      ? flush.done
      : "written" in carried
      ? carried.written
      : carried.then(() => flush.done)
  }

  private toSubscribers(command: Publish, subscription: Declared, all: Subscribers<Connection>): Carried {
    const subscribers = subscription.told && command.version !== undefined
      ? this.hub.firstMessages?.unaware(command, subscription, all) ?? all
      : all
    if (subscription.options.filter) {
      return this.toFiltered(command, subscription, subscribers)
    }
    const outgoing = this.encode("pub", command)
    return outgoing && this.context.fanouts.send(command.path, subscribers, pushing(outgoing, !command.position))
  }

  // One subscriber after another; only a filter that has to wait makes the others wait.
  private toFiltered(command: Publish, subscription: Declared, subscribers: Subscribers<Connection>): Carried {
    const { internal, message, path, position, snapshot } = command
    const { filter, view } = subscription.options
    const { application, fanouts, metrics: { totals }, settle, tracing } = this.context
    const params = subscription.params(path)
    const seen = view === undefined ? message : view(message)
    let shared: PreparedMessage | undefined
    let fault: Error | undefined

    const accept = (connection: Connection, verdict: Verdict): void => {
      if (verdict instanceof Error) {
        throw verdict
      }
      if (!verdict || !subscribers.has(connection)) {
        totals.updatesFiltered++
        return
      }
      const override = typeof verdict === "object" ? verdict.override : undefined
      const outgoing = override === undefined
        ? shared ??= this.encode("pub", command)
        : this.encode("pub", { path, snapshot, message: override, position })
      if (outgoing) {
        connection.push(outgoing, !position)
      }
    }

    const refuse = (connection: Connection, error: unknown): void => {
      totals.updatesFiltered++
      if (connection.departed) {
        return
      }
      application.log(["nes", "filter", "error"], error, connection)
      if (isSystem(error)) {
        fault ??= error
      }
    }

    const send = (connection: Connection): Promise<void> | undefined => {
      const { credentials } = connection.auth
      try {
        const verdict = settle(filter?.(path, seen, { connection, credentials, params, internal }) ?? false, connection)
        if (isPromiseLike(verdict)) {
          return Promise.resolve(verdict)
            // It is for whom the connection was then.
            .then((verdict) =>
              connection.auth.credentials === credentials ? accept(connection, verdict) : send(connection)
            )
            .catch((error: unknown) => refuse(connection, error))
        }
        accept(connection, verdict)
      } catch (error) {
        refuse(connection, error)
      }
      return undefined
    }

    const finish = (): Promise<void> | undefined => fault && Promise.reject(fault)
    // Most of a crowd is asked about in later turns, which are part of no span.
    const carried = fanouts.send(path, subscribers, tracing ? AsyncLocalStorage.bind(send) : send)
    if (carried === undefined) {
      const sent = shared
      if (sent) {
        this.context.log.changed(path, () => this.encode("pub", command)?.text !== sent.text)
      }
      return finish()
    }
    if (!("written" in carried)) {
      return carried.then(finish)
    }
    // The message may change after this.
    shared ??= this.encode("pub", command)
    return { written: carried.written.then(finish) }
  }
}
