/** Hooks and filters as Effects, whose requirements come from the Layer that installs them. */
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Connection } from "../server/connection/Connection.js"
import { decoder, struct } from "../server/Setting.js"
import {
  type Hooks as ServerHooks,
  subscription as subscriptionSettings,
  subscriptionFields,
  type SubscriptionSettingOptions,
  type UpgradeRequest
} from "../server/Settings.js"
import type * as Subscription from "../server/subscription/Subscription.js"
import { socketId } from "../server/telemetry/Log.js"
import * as Refusal from "./Refusal.js"
import { complaint, door } from "./Setting.js"
import * as Socket from "./Socket.js"

/**
 * What the application does at the turns of a connection's life. A `Refusal` is answered with its status, any other
 * failure with 500.
 */
export interface Hooks<R = never> {
  /**
   * Before a WebSocket is made of an upgrade request: `true` lets it in, `false` refuses it with 401, a number with
   * that
   * HTTP status, a failure as at the other hooks.
   */
  readonly verifyUpgrade?: ((request: UpgradeRequest) => Effect.Effect<boolean | number, unknown, R>) | undefined
  /** At each hello, after authentication and before its subscriptions; a failure refuses the connection. */
  readonly onConnection?: ((socket: Socket.Socket) => Effect.Effect<unknown, unknown, R>) | undefined
  /** Once for each connection that has ended. */
  readonly onDisconnection?: ((socket: Socket.Socket) => Effect.Effect<unknown, unknown, R>) | undefined
  /** Receives custom messages; its result is the answer. */
  readonly onMessage?: ((socket: Socket.Socket, message: unknown) => Effect.Effect<unknown, unknown, R>) | undefined
}

/** What a filter may know of the publish and the subscriber. */
export interface FilterContext {
  readonly socket: Socket.Socket
  readonly credentials: Socket.Credentials | null
  readonly params: Subscription.Params
  /** The publish's `internal` data. */
  readonly internal: unknown
}

/** What the application has to say about a subscription. */
export interface SubscriptionHooks<R = never> {
  /**
   * Whether a subscriber gets an update, or what instead (`{ override }`). A filter that need not wait may answer
   * without
   * an Effect, which costs less. A failure means no.
   */
  readonly filter?:
    | ((
      path: string,
      message: unknown,
      context: FilterContext
    ) => Subscription.Verdict | Effect.Effect<Subscription.Verdict, unknown, R>)
    | undefined
  /** May refuse the subscription by failing. */
  readonly onSubscribe?:
    | ((socket: Socket.Socket, path: string, params: Subscription.Params) => Effect.Effect<unknown, unknown, R>)
    | undefined
  readonly onUnsubscribe?:
    | ((socket: Socket.Socket, path: string, params: Subscription.Params) => Effect.Effect<unknown, unknown, R>)
    | undefined
}

/** The options of a subscription. */
export interface SubscriptionOptions<R = never>
  extends SubscriptionHooks<R>, SubscriptionSettingOptions<Duration.Input>
{}

const subscription = decoder(struct(door, subscriptionFields(door)))

// What a hook logs names its socket.
const named = <A, E>({ id }: Connection, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.annotateLogs(effect, socketId, id)

/** Hooks as the server calls them. */
export const ofServer = <R>(
  { onConnection, onDisconnection, onMessage, verifyUpgrade }: Hooks<R>,
  context: Context.Context<R>
): ServerHooks => {
  const run = (
    connection: Connection,
    hook: (socket: Socket.Socket) => Effect.Effect<unknown, unknown, R>
  ): Effect.Effect<unknown, unknown> =>
    named(connection, Effect.provide(Refusal.asAnswer(Effect.suspend(() => hook(Socket.of(connection)))), context))
  return {
    verifyUpgrade: verifyUpgrade &&
      ((request) => Effect.provide(Refusal.asAnswer(Effect.suspend(() => verifyUpgrade(request))), context)),
    onConnection: onConnection && ((connection) => run(connection, onConnection)),
    onDisconnection: onDisconnection && ((connection) => run(connection, onDisconnection)),
    onMessage: onMessage && ((connection, message) => run(connection, (socket) => onMessage(socket, message)))
  }
}

/** A subscription as the server keeps it; throws a `UserError` if an option is invalid. */
export const ofSubscription = <R>(
  { auth, filter, onSubscribe, onUnsubscribe, recovery }: SubscriptionOptions<R>,
  context: Context.Context<R>
): Subscription.Options<Connection> => {
  type Hook = Exclude<typeof onSubscribe, undefined>
  const run = (hook: Hook | undefined): Subscription.Options<Connection>["onSubscribe"] =>
    hook &&
    ((connection, path, params) =>
      named(
        connection,
        Effect.provide(Refusal.asAnswer(Effect.suspend(() => hook(Socket.of(connection), path, params))), context)
      ))
  return {
    ...subscriptionSettings(subscription({ auth, recovery }, complaint)),
    onSubscribe: run(onSubscribe),
    onUnsubscribe: run(onUnsubscribe),
    filter: filter && ((path, message, { connection, credentials, internal, params }) => {
      const verdict = filter(path, message, { socket: Socket.of(connection), credentials, params, internal })
      return Effect.isEffect(verdict) ? Effect.provide(verdict, context) : verdict
    })
  }
}
