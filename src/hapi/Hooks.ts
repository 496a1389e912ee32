/** The application's hooks, in either style, as the server calls them; `this` is what they were declared in. */
import { type Awaitable, isPromiseLike } from "../server/Awaitable.js"
import type { Connection } from "../server/connection/Connection.js"
import type * as Settings from "../server/Settings.js"
import type * as Subscription from "../server/subscription/Subscription.js"
import type { PluginOptions, SubscriptionOptions } from "./Options.js"
import type { Host, Socket } from "./Socket.js"

const ended = (): void => {}

// When a hook that was to call `next` is taken for one that never does (ms).
const patience = 10_000

/** Warns, once for each hook, of one that never answers. Only one call at a time is watched. */
const watcher = (name: string) => {
  let isWatching = false
  return (isAnswered: () => boolean): void => {
    if (!isWatching) {
      isWatching = true
      setTimeout(() => {
        isWatching = !isAnswered()
        if (isWatching) {
          const message =
            `\`${name}\` declares \`next\`, and has not called it for ${patience / 1_000} seconds: call it, ` +
            "or do not declare it and return the answer"
          process.emitWarning(message, { type: "NesWarning", code: "NES_HOOK_SILENT" })
        }
      }, patience).unref()
    }
  }
}

/**
 * Runs a hook that answers through its `next`, or through a Promise it returns, whichever is first; the first call of
 * `next` counts. One that has answered when it returns is not waited for. Of how it fails later, `lost` hears.
 */
const firstAnswer = <A>(
  run: (next: (...args: ReadonlyArray<unknown>) => void) => unknown,
  decode: (...args: ReadonlyArray<unknown>) => A,
  lost: (error: unknown) => void,
  watch: (isAnswered: () => boolean) => void
): A | Promise<A> => {
  const answers: Array<ReadonlyArray<unknown>> = []
  let wake = ended
  const first = (): A => decode(...answers[0] ?? [])
  let returned: unknown
  try {
    returned = run((...args) => {
      answers.push(args)
      wake()
      if (answers.length > 1 && args[0] instanceof Error) {
        lost(args[0])
      }
    })
  } catch (error) {
    if (answers.length === 0) {
      throw error
    }
    lost(error)
  }
  if (answers.length > 0) {
    if (isPromiseLike(returned)) {
      returned.then(ended, lost)
    }
    return first()
  }
  return new Promise((resolve, reject) => {
    wake = () => resolve(Promise.resolve().then(first))
    if (isPromiseLike(returned)) {
      returned.then((value) => {
        answers.push([value])
        wake()
      }, (error: unknown) => answers.length > 0 ? lost(error) : reject(error))
    } else {
      watch(() => answers.length > 0)
    }
  })
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

// Runs calls of one hook, of which `log` hears how they fail later.
const answering = (name: string, { log }: Host) => {
  const watch = watcher(name)
  return <A>(
    connection: Connection,
    run: (next: (...answer: ReadonlyArray<unknown>) => void) => unknown,
    decode: (...answer: ReadonlyArray<unknown>) => A
  ) => firstAnswer(run, decode, (error) => log(["nes", name, "error"], error, connection), watch)
}

// Calls the hooks of `owner`: one that declares the argument after these gets it, and answers through it, as `decode`
// reads that.
const caller = (owner: object, host: Host) =>
<Args extends ReadonlyArray<unknown>, A>(
  name: string,
  hook:
    | ((socket: Socket, ...args: [...Args, next: (...answer: ReadonlyArray<unknown>) => void]) => Awaitable<A>)
    | undefined,
  decode: (...answer: ReadonlyArray<unknown>) => A
) => {
  const viaNext = answering(name, host)
  return hook && ((connection: Connection, ...args: Args): Awaitable<A> => {
    const given = [host.socketOf(connection), ...args]
    return hook.length > given.length
      ? viaNext(connection, (next) => Reflect.apply(hook, owner, [...given, next]), decode)
      : Reflect.apply(hook, owner, given)
  })
}

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

export const ofSubscription = (
  subscription: SubscriptionOptions,
  host: Host
): Subscription.Options<Connection> => {
  const { filter, onSubscribe, onUnsubscribe, snapshot } = subscription
  const { socketOf } = host
  const called = caller(subscription, host)
  const viaNext = answering("filter", host)
  return {
    snapshot: snapshot &&
      ((connection, path, params) => snapshot.call(subscription, socketOf(connection), path, params)),
    filter: filter && ((path, message, { connection, credentials, internal, params }) => {
      const options = { socket: socketOf(connection), credentials, params, internal }
      return filter.length > 3
        ? viaNext(connection, (next) => filter.call(subscription, path, message, options, next), verdict)
        : Reflect.apply(filter, subscription, [path, message, options])
    }),
    onSubscribe: called<[path: string, params: Subscription.Params], unknown>("onSubscribe", onSubscribe, failure),
    onUnsubscribe: called<[path: string, params: Subscription.Params], unknown>("onUnsubscribe", onUnsubscribe, ended)
  }
}
