/**
 * The application's hooks, in either style, as the server calls them: `this` is what they were declared in, as in nes.
 */
import type { Connection } from "../server/connection/Connection.js"
import type * as Settings from "../server/Settings.js"
import type * as Subscription from "../server/subscription/Subscription.js"
import { declaresNext, viaNext } from "./Callback.js"
import type { PluginOptions, SubscriptionOptions } from "./Options.js"
import type { Socket } from "./Socket.js"

/** What the hooks are called with, and where a failure goes that comes after a hook's answer. */
interface Host {
  readonly socketOf: (connection: Connection) => Socket
  readonly log: (tags: ReadonlyArray<string>, data: unknown) => void
}

const lost = (log: Host["log"], hook: string) => (error: unknown): void => log(["nes", hook, "error"], error)

const message = (data: unknown): unknown => {
  if (data instanceof Error) {
    throw data
  }
  return data
}

const failure = (error: unknown): void => {
  if (error) {
    throw error
  }
}

const ended = (): void => {}

// An error where an answer belongs is a failure: it must not count as a match.
const verdict = (isMatch: unknown, override?: unknown): Subscription.Verdict => {
  if (isMatch instanceof Error) {
    throw isMatch
  }
  return isMatch && override !== undefined
    ? { override }
    : typeof isMatch === "object" && isMatch !== null
    ? isMatch
    : Boolean(isMatch)
}

/** The hooks of the plugin's options. */
export const ofPlugin = (options: PluginOptions, { log, socketOf }: Host): Settings.Hooks => {
  const { onConnection, onDisconnection, onMessage, verifyUpgrade } = options
  return {
    verifyUpgrade: verifyUpgrade && ((request) => verifyUpgrade.call(options, request)),
    onConnection: onConnection && ((connection) => onConnection.call(options, socketOf(connection))),
    onDisconnection: onDisconnection && ((connection) => onDisconnection.call(options, socketOf(connection))),
    onMessage: onMessage && (declaresNext(onMessage, 2)
      ? (connection, sent) =>
        viaNext((next) => onMessage.call(options, socketOf(connection), sent, next), message, lost(log, "onMessage"))
      : (connection, sent) => onMessage.call(options, socketOf(connection), sent, ended))
  }
}

/** The hooks of a subscription's options. */
export const ofSubscription = (
  subscription: SubscriptionOptions,
  { log, socketOf }: Host
): Subscription.Options<Connection> => {
  const { filter, onSubscribe, onUnsubscribe, snapshot } = subscription
  return {
    snapshot: snapshot &&
      ((connection, path, params) => snapshot.call(subscription, socketOf(connection), path, params)),
    filter: filter && ((path, message, { connection, credentials, internal, params }) => {
      const options = {
        socket: socketOf(connection),
        credentials,
        params,
        internal
      }
      return declaresNext(filter, 3)
        ? viaNext((next) => filter.call(subscription, path, message, options, next), verdict, lost(log, "filter"))
        : filter.call(subscription, path, message, options, ended) as ReturnType<
          Exclude<Subscription.Options<Connection>["filter"], undefined>
        >
    }),
    onSubscribe: onSubscribe && (declaresNext(onSubscribe, 3)
      ? (connection, path, params) =>
        viaNext(
          (next) => onSubscribe.call(subscription, socketOf(connection), path, params, next),
          failure,
          lost(log, "onSubscribe")
        )
      : (connection, path, params) => onSubscribe.call(subscription, socketOf(connection), path, params, ended)),
    onUnsubscribe: onUnsubscribe && (declaresNext(onUnsubscribe, 3)
      ? (connection, path, params) =>
        viaNext(
          (next) => onUnsubscribe.call(subscription, socketOf(connection), path, params, next),
          ended,
          lost(log, "onUnsubscribe")
        )
      : (connection, path, params) => onUnsubscribe.call(subscription, socketOf(connection), path, params, ended))
  }
}
