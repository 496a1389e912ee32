/**
 * Subscriptions with recovery: their tracks, one for each path that someone here listens to.
 *
 * @since 0.1.0
 */
import type * as Message from "../../protocol/Message.js"
import type { Membership } from "../Broker.js"
import type { Published } from "../Command.js"
import type { Connection } from "../connection/Connection.js"
import { userKey } from "../conversation/Authentication.js"
import type { Context } from "../subscription/Hub.js"
import type { Subscribers, Subscription } from "../subscription/Subscription.js"
import { PreparedMessage } from "../transport/Frame.js"
import type { Bounds } from "./Bounds.js"
import { RecoverySync } from "./RecoverySync.js"

const none: Subscribers = new Set()

const ignore = (): void => {}

const isFor = ({ auth }: Connection, user: unknown, index: string | false | undefined): boolean => {
  const key = userKey(user)
  return key === undefined || (typeof index === "string" && userKey(auth.credentials?.[index]) === key)
}

/**
 * Delivers an update to some of a subscription's subscribers.
 *
 * @since 0.1.0
 * @category models
 */
export type Deliver = (update: Published, to: Subscribers) => void | Promise<void>

/**
 * The tracks of a node.
 *
 * @since 0.1.0
 * @category models
 */
export class Recovery {
  private readonly tracks = new Map<string, RecoverySync>()

  constructor(
    private readonly context: Context,
    private readonly membership: Pick<Membership, "history" | "interest">,
    private readonly deliver: Deliver
  ) {}

  /** Lets a connection in on a path, with what it missed since a position. */
  admit(
    connection: Connection,
    path: string,
    subscription: Subscription,
    bounds: Bounds,
    since: Message.Position | undefined
  ): Promise<void> {
    let track = this.tracks.get(path)
    if (!track) {
      track = this.make(path, subscription, bounds)
      this.tracks.set(path, track)
    }
    return track.admit(connection, since)
  }

  /** Takes an announced update. */
  arrive(update: Published): void | Promise<void> {
    return this.tracks.get(update.path)?.arrive(update)
  }

  /** Whether a path is followed here. */
  has(path: string): boolean {
    return this.tracks.has(path)
  }

  /** To be called when a connection is no longer subscribed to a path. */
  left(connection: Connection, path: string, subscription: Subscription): void {
    const track = this.tracks.get(path)
    track?.dismiss(connection)
    if (subscription.subscribers(path).size === 0 && track?.busy === false) {
      this.tracks.delete(path)
    }
  }

  /** How far a connection has come on a path; `undefined` unless it has been let in. */
  position(connection: Connection, path: string): Message.Position | undefined {
    return connection.subscriptions.get(path)?.subscribers(path).has(connection)
      ? this.tracks.get(path)?.position
      : undefined
  }

  /** Reads every history again: announcements may have been missed. */
  revive(): void {
    for (const track of this.tracks.values()) {
      void track.work()
    }
  }

  private make(path: string, subscription: Subscription, bounds: Bounds): RecoverySync {
    const { application, settings } = this.context
    const { history, interest } = this.membership
    const wants = (connection: Connection): boolean =>
      !connection.departed && connection.subscriptions.get(path) === subscription
    const track: RecoverySync = new RecoverySync({
      ready: () => interest?.(path),
      read: (since) => history.read(path, since, bounds),
      deliver: (update, to) => {
        const subscribers = to === undefined
          ? subscription.subscribers(path, update.user)
          : isFor(to, update.user, subscription.options.index)
          ? new Set([to])
          : none
        // What a filter failed with has been logged, and keeps no other update from being delivered.
        return subscribers.size === 0 ? undefined : this.deliver(update, subscribers)?.catch(ignore)
      },
      gap: (position, to) => {
        const ping: Message.Ping = { type: "ping", gaps: { [path]: position } }
        const outgoing = new PreparedMessage(JSON.stringify(ping), settings.maxChunkChars)
        for (const connection of to ? [to] : subscription.subscribers(path).keys()) {
          connection.write(outgoing)
        }
      },
      enter: (connection) => {
        if (wants(connection)) {
          subscription.add(connection, path)
        }
      },
      wants,
      failed: (error) => application.log(["nes", "recovery", "error"], error),
      idle: () => {
        if (this.tracks.get(path) === track && !track.busy && subscription.subscribers(path).size === 0) {
          this.tracks.delete(path)
          void interest?.(path)
        }
      }
    })
    return track
  }
}
