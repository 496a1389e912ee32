/**
 * What is published and broadcast, on its way to this node's connections.
 *
 * Plain code on purpose: a publish is serialised and framed once, and costs what its matches cost.
 *
 * @since 0.1.0
 */
import type * as Message from "../protocol/Message.js"
import { isPromiseLike } from "./Answer.js"
import type { Command, Publish } from "./Broker.js"
import type { Connection } from "./Connection.js"
import { isSystem } from "./Fault.js"
import { Outgoing } from "./Frame.js"
import type { Context, Hub } from "./Hub.js"
import type { Match } from "./Router.js"
import type { Verdict } from "./Subscription.js"

/**
 * Which sockets to iterate over.
 *
 * @since 0.1.0
 * @category models
 */
export interface EachOptions {
  /** Only those subscribed to this path. */
  readonly subscription?: string | undefined
  /** Only those of this user; needs `subscription`. */
  readonly user?: unknown
}

const ignore = (): void => {}

/**
 * Delivers to the connections of a hub.
 *
 * @since 0.1.0
 * @category models
 */
export class Delivery {
  constructor(private readonly hub: Hub, private readonly context: Context) {}

  /** Carries out a broker's command on this node's connections. */
  readonly deliver = (command: Command): Promise<void> => {
    if (this.hub.stopped) {
      return Promise.resolve()
    }
    return command.type === "publish" ? this.publish(command) : this.broadcast(command.message, command.user)
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
    const results: Array<unknown> = []
    for (const connection of selected) {
      if (connection.stage === "ready") {
        results.push(each(connection))
      }
    }
    return Promise.all(results).then(ignore)
  }

  /** Serialises a message once for any number of recipients; `undefined`, and a log entry, if it cannot be. */
  encode(message: Message.Update | Message.Pub): Outgoing | undefined {
    try {
      return new Outgoing(JSON.stringify(message), this.context.settings.maxChunkChars)
    } catch {
      this.context.application.log(["nes", "serialization", "error"], message.type)
      return undefined
    }
  }

  // Nothing where a user is asked for and the subscription has no index of users.
  private select({ subscription: path, user }: EachOptions): ReadonlyArray<Connection> | undefined {
    if (path === undefined) {
      return Array.from(this.hub.connections.all())
    }
    const subscription = this.hub.router.match(path)?.subscription
    if (!subscription) {
      return []
    }
    return user && !subscription.indexed ? undefined : Array.from(subscription.subscribers(path, user).keys())
  }

  private broadcast(message: unknown, user: unknown): Promise<void> {
    const targets = user ? this.hub.connections.ofUser(user) : this.hub.connections.all()
    let outgoing: Outgoing | undefined
    for (const connection of targets) {
      if (connection.stage === "ready") {
        outgoing ??= this.encode({ type: "update", message })
        if (!outgoing) {
          break
        }
        connection.update(outgoing)
      }
    }
    return this.context.flush.done
  }

  private publish(command: Publish): Promise<void> {
    const { path, user } = command
    const match = this.hub.router.match(path)
    if (!match) {
      return Promise.resolve()
    }
    const { subscription } = match
    if (user && !subscription.indexed) {
      return Promise.reject(new Error("Subscription auth indexing is disabled"))
    }
    const subscribers = subscription.subscribers(path, user)
    if (subscribers.size === 0) {
      return Promise.resolve()
    }
    if (subscription.options.filter) {
      return this.publishFiltered(command, match)
    }
    const outgoing = this.encodePub(path, command.message)
    if (outgoing) {
      for (const connection of subscribers.keys()) {
        connection.update(outgoing)
      }
    }
    return this.context.flush.done
  }

  private encodePub(path: string, message: unknown): Outgoing | undefined {
    return this.encode({ type: "pub", path, message })
  }

  // One subscriber after another; only a filter that has to wait makes the others wait.
  private publishFiltered(command: Publish, { params, subscription }: Match): Promise<void> {
    const { internal, message, path } = command
    const { filter } = subscription.options
    const subscribers = subscription.subscribers(path, command.user)
    const targets = Array.from(subscribers.keys())
    let shared: Outgoing | undefined
    let fault: Error | undefined

    const send = (connection: Connection, verdict: Verdict): void => {
      if (!verdict || !subscribers.has(connection)) {
        return
      }
      const override = typeof verdict === "object" ? verdict.override : undefined
      const outgoing = override === undefined
        ? shared ??= this.encodePub(path, message)
        : this.encodePub(path, override)
      if (outgoing) {
        connection.update(outgoing)
      }
    }

    const refuse = (error: unknown): void => {
      this.context.application.log(["nes", "filter", "error"], error)
      if (isSystem(error)) {
        fault ??= error
      }
    }

    const run = (from: number): void | Promise<void> => {
      for (let i = from; i < targets.length; i++) {
        const connection = targets[i]
        if (!connection || !subscribers.has(connection) || !filter) {
          continue
        }
        const { credentials } = connection.auth
        try {
          const verdict = this.context.settle(filter(path, message, { connection, credentials, params, internal }))
          if (isPromiseLike(verdict)) {
            return Promise.resolve(verdict).then((verdict) => send(connection, verdict)).catch(refuse).then(() =>
              run(i + 1)
            )
          }
          send(connection, verdict)
        } catch (error) {
          refuse(error)
        }
      }
    }

    const finish = (): Promise<void> => fault ? Promise.reject(fault) : this.context.flush.done
    const waiting = run(0)
    return waiting ? waiting.then(finish) : finish()
  }
}
