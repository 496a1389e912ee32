/** Hooks and filters as Effects, whose requirements come from the Layer that installs them. */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type { UserError } from "../protocol/NesError.js"
import * as Thrown from "../protocol/Thrown.js"
import { rootless } from "../protocol/Tracing.js"
import type { Connection } from "../server/connection/Connection.js"
import { NesServer } from "../server/NesServer.js"
import * as Setting from "../server/SettingKinds.js"
import * as Settings from "../server/Settings.js"
import type * as Subscription from "../server/subscription/Subscription.js"
import { socketId } from "../server/telemetry/Log.js"
import * as Refusal from "./Refusal.js"
import * as Socket from "./Socket.js"

/**
 * What the application does at the turns of a connection's life. A `Refusal` is answered with its status, a defect with
 * 500. What a hook acquires in its `Scope` is released when the connection has ended, for `verifyUpgrade` when it has
 * decided. A hook of a client that has left is interrupted, but for `onDisconnection`.
 */
export interface Hooks<RU = never, RC = RU, RD = RU, RM = RU> {
  /** Before a WebSocket is made of an upgrade request: `true` lets it in; `false` (401) or a status refuses it. */
  readonly verifyUpgrade?:
    | ((request: Settings.UpgradeRequest) => Effect.Effect<boolean | number, Refusal.Refusal, RU>)
    | undefined
  /** At each hello, after authentication and before its subscriptions; a failure refuses the connection. */
  readonly onConnection?: ((socket: Socket.Socket) => Effect.Effect<unknown, Refusal.Refusal, RC>) | undefined
  /** Once for each connection that has ended. */
  readonly onDisconnection?: ((socket: Socket.Socket) => Effect.Effect<unknown, Refusal.Refusal, RD>) | undefined
  /** Receives custom messages; its result is the answer. */
  readonly onMessage?:
    | ((socket: Socket.Socket, message: unknown) => Effect.Effect<unknown, Refusal.Refusal, RM>)
    | undefined
}

/**
 * What hooks that require `R` need from outside.
 *
 * @since 1.0.0
 * @category models
 */
export type HookRequirements<R = never> = Exclude<R, Scope.Scope>

/** What a filter may know of the publish and the subscriber. */
export interface FilterContext<Params = Subscription.Params> {
  readonly socket: Socket.Socket
  readonly credentials: Socket.Credentials | null
  readonly params: Params
  /** The publish's `internal` data. */
  readonly internal: unknown
}

/** The options of a subscription. What each hook requires is its own; `First` is what a subscriber is sent first. */
export interface SubscriptionOptions<
  RF = never,
  RS = RF,
  RN = RF,
  RP = RF,
  Params = Subscription.Params,
  Message = unknown,
  First = unknown
> extends Settings.SubscriptionSettingOptions<Duration.Input, Socket.Socket> {
  /**
   * Whether a subscriber gets an update, or what instead (`{ override }`). A filter that need not wait may answer
   * without an Effect, which costs less. A failure means no. What it acquires is released when it has answered.
   */
  readonly filter?:
    | ((
      path: string,
      message: Message,
      context: FilterContext<Params>
    ) => Subscription.Verdict<Message> | Effect.Effect<Subscription.Verdict<Message>, Refusal.Refusal, RF>)
    | undefined
  /** May refuse the subscription by failing. */
  readonly onSubscribe?: PathHook<unknown, RS, Params> | undefined
  /**
   * How things stand: what it answers is sent to a new subscriber first, as an update, and no update is lost or seen
   * twice in between (docs/history.md).
   */
  readonly snapshot?: PathHook<First, RP, Params> | undefined
  /** Follows every `onSubscribe` that has succeeded, also when the client has left. */
  readonly onUnsubscribe?: PathHook<unknown, RN, Params> | undefined
}

type PathHook<A, R, Params> = (
  socket: Socket.Socket,
  path: string,
  params: Params
) => Effect.Effect<A, Refusal.Refusal, R>

const subscription = Setting.decoder(Settings.Subscription(Setting.duration))

/** Runs the hooks of connections with what the Layer and their sockets have. What one logs names the socket. */
const caller =
  <RAll>(context: Context.Context<HookRequirements<RAll>>) =>
  <Args extends ReadonlyArray<unknown>, R extends RAll>(
    hook: ((socket: Socket.Socket, ...args: Args) => Effect.Effect<unknown, unknown, R>) | undefined
  ) =>
    hook && ((connection: Connection, ...args: Args) =>
      Effect.annotateLogs(
        Effect.provide(
          Refusal.asAnswer(Effect.suspend(() => hook(Socket.of(connection), ...args))),
          Context.add(Context.merge(context, Socket.contextOf(connection)), Scope.Scope, connection.scope)
        ) as Effect.Effect<unknown, unknown>,
        socketId,
        connection.id
      ))

export const ofServer = <RU, RC, RD, RM>(
  { onConnection, onDisconnection, onMessage, verifyUpgrade }: Hooks<RU, RC, RD, RM>,
  context: Context.Context<HookRequirements<RU | RC | RD | RM>>
): Settings.Hooks => {
  const called = caller<RU | RC | RD | RM>(context)
  return {
    verifyUpgrade: verifyUpgrade &&
      ((request) =>
        Effect.provide(
          Effect.scoped(Refusal.asAnswer(Effect.suspend(() => verifyUpgrade(request)))),
          context as Context.Context<Exclude<RU, Scope.Scope>>
        )),
    onConnection: called(onConnection),
    onDisconnection: called(onDisconnection),
    onMessage: called(onMessage)
  }
}

/** Declares a subscription; `view` makes what its filter is shown. Fails with `UserError` on a bad path or option. */
export const declare = <RF, RS, RN, RP>(
  path: string,
  options: SubscriptionOptions<RF, RS, RN, RP>,
  view?: (message: unknown) => unknown
): Effect.Effect<void, UserError, NesServer | HookRequirements<RF | RS | RN | RP>> =>
  Effect.gen(function*() {
    const nes = yield* NesServer
    const context = yield* rootless<HookRequirements<RF | RS | RN | RP>>()
    const called = caller<RF | RS | RN | RP>(context)
    const { filter, onSubscribe, onUnsubscribe, snapshot } = options
    const settings = yield* Effect.try({
      try: () => Settings.subscription(subscription(options), Socket.of),
      catch: Thrown.asUserError
    })
    yield* nes.subscription(path, {
      ...settings,
      view,
      onSubscribe: called(onSubscribe),
      onUnsubscribe: called(onUnsubscribe),
      snapshot: called(snapshot),
      filter: filter && ((path, message, { connection, credentials, internal, params }) => {
        const verdict = filter(path, message, { socket: Socket.of(connection), credentials, params, internal })
        return Effect.isEffect(verdict)
          ? Effect.provide(
            Effect.scoped(verdict),
            Context.merge(context as Context.Context<Exclude<RF, Scope.Scope>>, Socket.contextOf(connection))
          )
          : verdict
      })
    })
  })
