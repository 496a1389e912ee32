/**
 * The application's hooks, in either style, as the server calls them: `this` is what they were declared in, as in nes.
 */
import type { Awaitable, Service } from "../server/Application.js"
import type { Connection } from "../server/connection/Connection.js"
import type * as Settings from "../server/Settings.js"
import type * as Subscription from "../server/subscription/Subscription.js"
import { viaNext } from "./Callback.js"
import type { PluginOptions, SubscriptionOptions } from "./Options.js"
import type { Socket } from "./Socket.js"

/** What the hooks are called with, and where a failure goes that comes after a hook's answer. */
interface Host {
  readonly socketOf: (connection: Connection) => Socket
  readonly log: Service["log"]
}

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

// Calls the hooks of `owner`: one that declares the argument after these answers through it, as `decode` reads that.
const caller = (owner: object, { log, socketOf }: Host) =>
<Args extends ReadonlyArray<unknown>, A>(
  name: string,
  hook:
    | ((socket: Socket, ...args: [...Args, next: (...answer: ReadonlyArray<unknown>) => void]) => Awaitable<A>)
    | undefined,
  decode: (...answer: ReadonlyArray<unknown>) => A
) =>
  hook && ((connection: Connection, ...args: Args): Awaitable<A> => {
    const call = (next: (...answer: ReadonlyArray<unknown>) => void): Awaitable<A> =>
      hook.call(owner, socketOf(connection), ...args, next)
    return hook.length > args.length + 1
      ? viaNext(call, decode, (error) => log(["nes", name, "error"], error, connection))
      : call(ended)
  })

/** The hooks of the plugin's options. */
export const ofPlugin = (options: PluginOptions, host: Host): Settings.Hooks => {
  const { onConnection, onDisconnection, onMessage, verifyUpgrade } = options
  const { socketOf } = host
  return {
    verifyUpgrade: verifyUpgrade && ((request) => verifyUpgrade.call(options, request)),
    onConnection: onConnection && ((connection) => onConnection.call(options, socketOf(connection))),
    onDisconnection: onDisconnection && ((connection) => onDisconnection.call(options, socketOf(connection))),
    onMessage: caller(options, host)<[message: unknown], unknown>("onMessage", onMessage, message)
  }
}

/** The hooks of a subscription's options. */
export const ofSubscription = (
  subscription: SubscriptionOptions,
  host: Host
): Subscription.Options<Connection> => {
  const { filter, onSubscribe, onUnsubscribe, snapshot } = subscription
  const { log, socketOf } = host
  const called = caller(subscription, host)
  return {
    snapshot: snapshot &&
      ((connection, path, params) => snapshot.call(subscription, socketOf(connection), path, params)),
    filter: filter && ((path, message, { connection, credentials, internal, params }) => {
      const options = { socket: socketOf(connection), credentials, params, internal }
      return filter.length > 3
        ? viaNext(
          (next) => filter.call(subscription, path, message, options, next),
          verdict,
          (error) => log(["nes", "filter", "error"], error, connection)
        )
        : filter.call(subscription, path, message, options, ended) as Awaitable<Subscription.Verdict>
    }),
    onSubscribe: called<[path: string, params: Subscription.Params], unknown>("onSubscribe", onSubscribe, failure),
    onUnsubscribe: called<[path: string, params: Subscription.Params], unknown>("onUnsubscribe", onUnsubscribe, ended)
  }
}
