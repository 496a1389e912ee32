/** Subscriptions with recovery: the state of each path that someone here listens to. */
import type * as Message from "../../protocol/Message.js"
import { BrokerError, type Membership } from "../Broker.js"
import type { Published } from "../Command.js"
import type { Connection, Declared } from "../connection/Connection.js"
import { getOrMake } from "../Groups.js"
import type { NodeContext } from "../NodeContext.js"
import { type FirstMessages, isFor, only } from "../subscription/FirstMessages.js"
import type { Keeper, Subscribe } from "../subscription/Hub.js"
import type { Subscribers } from "../subscription/Subscription.js"
import { PreparedMessage } from "../transport/Turns.js"
import { defaultBounds } from "./Bounds.js"
import { type Owner, RecoverySync } from "./RecoverySync.js"

const none: Subscribers<Connection> = new Set()

type Deliver = (update: Published, to: Subscribers<Connection>) => void | Promise<void>

export class Recovery implements Keeper {
  private readonly syncs = new Map<string, RecoverySync>()
  private readonly owner: Owner

  constructor(
    context: NodeContext,
    private readonly membership: Pick<Membership, "history" | "interest">,
    deliver: Deliver,
    firstMessages: Pick<FirstMessages, "again" | "enter" | "pass">,
    /** Ends a subscription that had begun without its first message. */
    revoke: (connection: Connection, path: string) => void
  ) {
    const { application, metrics, settings, turns } = context
    const { history, interest } = membership
    const wants = ({ path, subscription }: RecoverySync, connection: Connection): boolean =>
      !connection.departed && connection.subscriptions.get(path) === subscription
    // What cannot be had because the other nodes cannot be reached is had later.
    const retry = (sync: RecoverySync, connection: Connection, error: unknown): boolean => {
      if (error instanceof BrokerError && wants(sync, connection)) {
        sync.readmit(connection, error)
        return true
      }
      return false
    }
    this.owner = {
      ready: ({ path }) => interest?.(path),
      read: ({ at, path, subscription }, since) =>
        history.read(path, since, subscription.options.recovery ?? defaultBounds, at),
      deliver: (sync, update, to) => {
        const { path, subscription } = sync
        if (subscription.seats && to === undefined) {
          firstMessages.pass(subscription, update)
        }
        const subscribers = to === undefined
          ? subscription.subscribers(path, update.user)
          : isFor(to, update.user, subscription.options.index)
          ? only(to, () => wants(sync, to))
          : none
        if (subscribers.size === 0) {
          return undefined
        }
        metrics.totals[to === undefined ? "updatesPublished" : "updatesRecovered"]++
        // What a filter failed with has been logged, and keeps no other update from being delivered.
        return deliver(update, subscribers)?.catch(() => {})
      },
      gap: ({ path, subscription }, position, to) => {
        const ping: Message.Ping = { type: "ping", gaps: { [path]: position } }
        const prepared = new PreparedMessage(JSON.stringify(ping), settings.maxChunkChars)
        for (const connection of to ? [to] : subscription.subscribers(path).keys()) {
          metrics.totals.gapsTold++
          connection.write(prepared)
        }
      },
      enter: (sync, connection, isNew, isLate) => {
        if (wants(sync, connection)) {
          const { path, subscription } = sync
          const after = isNew ? subscription.options.regather?.(false) : undefined
          const failed = (error: unknown): void => {
            const isRetried = retry(sync, connection, error)
            if (!isRetried && !isLate && !after) {
              throw error
            }
            if (!isRetried) {
              revoke(connection, path)
            }
          }
          firstMessages.enter(connection, path, subscription, isNew, failed, after)
        }
      },
      again: (sync) =>
        firstMessages.again(sync.path, sync.subscription, (connection, error) => {
          if (!retry(sync, connection, error) && wants(sync, connection)) {
            sync.subscription.add(connection, sync.path)
            if (sync.at) {
              this.owner.gap(sync, sync.at, connection)
            }
          }
        }),
      wants,
      pause: () => turns.pause(),
      failed: ({ path }, error) => {
        application.log(["nes", "recovery", "error"], error)
        history.failed?.(path)
      },
      idle: (sync) => {
        const { path, subscription } = sync
        if (this.syncs.get(path) === sync && !subscription.isFollowed(path)) {
          this.forget(sync)
          void interest?.(path)
        }
      }
    }
  }

  admit(
    { connection, path, since, subscription }: Subscribe,
    history: number
  ): Message.Position | Promise<Message.Position | undefined> {
    return getOrMake(this.syncs, path, () => new RecoverySync(path, subscription, this.owner))
      .admit(connection, since, history)
  }

  arrive(update: Published): void | Promise<void> {
    return this.syncs.get(update.path)?.arrive(update)
  }

  has(path: string): boolean {
    return this.syncs.has(path)
  }

  reached(path: string): Message.Position | undefined {
    const sync = this.syncs.get(path)
    return sync?.busy ? undefined : sync?.at
  }

  /** Reads the history of a path again: announcements may have been missed. */
  refresh(path: string): Promise<void> | undefined {
    return this.syncs.get(path)?.work()
  }

  /** Ends when a path has come as far here as this position, or its history has been read. */
  async reach(path: string, { epoch, offset }: Message.Position): Promise<void> {
    const at = this.syncs.get(path)?.at
    if (at && (at.epoch !== epoch || at.offset < offset)) {
      await this.refresh(path)
    }
  }

  left(connection: Connection, path: string, subscription: Declared): void {
    const sync = this.syncs.get(path)
    sync?.dismiss(connection)
    if (!subscription.isFollowed(path) && sync?.busy === false) {
      this.forget(sync)
    }
  }

  private forget(sync: RecoverySync): void {
    this.syncs.delete(sync.path)
    sync.release()
    this.membership.history.release?.(sync.path)
  }

  position(connection: Connection, path: string): Message.Position | undefined {
    return connection.subscriptions.get(path)?.subscribers(path).has(connection)
      ? this.syncs.get(path)?.at
      : undefined
  }
}
