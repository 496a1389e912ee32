/**
 * The server: a node as an Effect service. Its lifetime is a `Scope`, what it serves is the `Application` port, and
 * whom it shares with is the `Broker` port.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Server } from "node:http"
import type { Server as SecureServer } from "node:https"
import * as CloseCode from "../protocol/CloseCode.js"
import * as ConsoleView from "../protocol/ConsoleView.js"
import { UserError } from "../protocol/NesError.js"
import * as Thrown from "../protocol/Thrown.js"
import { carrying, rootless } from "../protocol/Tracing.js"
import { Application } from "./Application.js"
import { settleWith } from "./Awaitable.js"
import { BrokerError, type Tally } from "./Broker.js"
import type { Target } from "./Command.js"
import type { Connection } from "./connection/Connection.js"
import { ClosingClock } from "./connection/Deadlines.js"
import * as Heartbeat from "./connection/Heartbeat.js"
import * as MessageText from "./MessageText.js"
import { type BroadcastOptions, make as makeNode, type Node, type PublishOptions } from "./Node.js"
import type { NodeContext } from "./NodeContext.js"
import type { Present } from "./presence/Present.js"
import type { Past } from "./recovery/PathHistory.js"
import * as Settings from "./Settings.js"
import { Fanouts } from "./subscription/Fanouts.js"
import type * as Subscription from "./subscription/Subscription.js"
import * as Log from "./telemetry/Log.js"
import { Metrics, type Totals } from "./telemetry/Metrics.js"
import * as Tracing from "./telemetry/Tracing.js"
import { Flush, PreparedMessage, Turns } from "./transport/Turns.js"

/** @since 1.0.0 */
export type { FilterContext as FilterContextOf, PresenceOptions } from "./subscription/Subscription.js"
/** @since 1.0.0 */
export type { Awaitable } from "./Awaitable.js"
/** @since 1.0.0 */
export { BrokerError, type Tally } from "./Broker.js"
/** @since 1.0.0 */
export type { Target } from "./Command.js"
/** @since 1.0.0 */
export type { Connection } from "./connection/Connection.js"
/** @since 1.0.0 */
export type { Limits } from "./LimitSettings.js"
/** @since 1.0.0 */
export type { BroadcastOptions, Node, PublishOptions } from "./Node.js"
/** @since 1.0.0 */
export type { AuthSettings, Hooks, Options } from "./Settings.js"
/** @since 1.0.0 */
export type { Access, Rule } from "./subscription/Access.js"
/** @since 1.0.0 */
export type { Verdict } from "./subscription/Subscription.js"
/** @since 1.0.0 */
export type { Member, Present } from "./presence/Present.js"
/** @since 1.0.0 */
export type { Past, PastUpdate } from "./recovery/PathHistory.js"
/** @since 1.0.0 */
export type { Totals } from "./telemetry/Metrics.js"

/**
 * What a filter may know of the publish and the subscriber.
 *
 * @since 1.0.0
 * @category models
 */
export type FilterContext = Subscription.FilterContext<Connection>

/**
 * What the application has to say about a subscription.
 *
 * @since 1.0.0
 * @category models
 */
export type SubscriptionOptions = Subscription.Options<Connection>

/**
 * Reads and clears the history of a path. Both fail with `UserError` where nothing of the path is kept.
 *
 * @since 1.0.0
 * @category models
 */
export interface HistoryService {
  /** Reads the last updates, all that are kept or `limit` of them. */
  readonly read: (
    options?: { readonly limit?: number | undefined }
  ) => Effect.Effect<Past, UserError | BrokerError>
  /** Forgets what is kept, the state included; positions go on. */
  readonly clear: Effect.Effect<void, UserError | BrokerError>
}

/**
 * Who is present at a path. All of it fails with `UserError` where the path has no presence.
 *
 * @since 1.0.0
 * @category models
 */
export interface PresenceService {
  readonly read: Effect.Effect<Present, UserError | BrokerError>
  readonly count: Effect.Effect<number, UserError | BrokerError>
  /** Changes the value of somebody who is present, on whatever node. */
  readonly set: (id: string, value: unknown) => Effect.Effect<void, UserError | BrokerError>
}

/**
 * A running server's operations.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** The plain node beneath, for doors that are not Effect. */
  readonly node: Node
  /** Declares a subscription path. Fails with `UserError` if the path is invalid or conflicts with another. */
  readonly subscription: (path: string, options?: SubscriptionOptions) => Effect.Effect<void, UserError>
  /**
   * Publishes to the subscribers of a path. Fails with `UserError` on a path that is bad or that no subscription is
   * declared for, a missing user index or a message that is no JSON value, with `BrokerError` where an update that is to
   * be kept was not. A server that has stopped fails it, as the other operations, with `UserError`.
   */
  readonly publish: (
    path: string,
    message: unknown,
    options?: PublishOptions
  ) => Effect.Effect<void, UserError | BrokerError>
  /** Sends a message to all connections. Fails with `UserError` on a missing user index, or a message as above. */
  readonly broadcast: (
    message: unknown,
    options?: BroadcastOptions
  ) => Effect.Effect<void, UserError | BrokerError>
  /** What this server has counted since it was made; the same goes into Effect's metrics, for the whole process. */
  readonly totals: Effect.Effect<Totals>
  /**
   * Ends subscriptions to a path, of a socket or a user, on whatever node; `message` is their last update unless it is
   * `null`, the default. Fails with `UserError` on a missing user index, with `BrokerError` where nodes have not
   * confirmed.
   */
  readonly revoke: (
    target: Target,
    path: string,
    message?: unknown
  ) => Effect.Effect<void, UserError | BrokerError>
  /** Closes a socket, or all of a user, on whatever node. Fails as `revoke` does. */
  readonly disconnect: (target: Target) => Effect.Effect<void, UserError | BrokerError>
  /** What is kept of a path with `recovery` or `state`, on all nodes (docs/history.md). */
  readonly history: (path: string) => HistoryService
  /** Who is present at a path of a subscription with `presence`, on all nodes (docs/presence.md). */
  readonly presence: (path: string) => PresenceService
  /** How many connections all nodes have, or subscribers of a path. Fails while the broker is away. */
  readonly count: (path?: string) => Effect.Effect<Tally, BrokerError>
  /** This node's connections that have said hello. */
  readonly connections: Effect.Effect<ReadonlyArray<Connection>>
  /** Whether it accepts connections: what a load balancer asks. */
  readonly ready: Effect.Effect<boolean>
  /**
   * Accepts no more connections, and sends the clients away, over a time if one is given; ends when all are gone. They
   * come back to whoever answers. To be done before the scope is closed.
   */
  readonly drain: (options?: Draining) => Effect.Effect<void>
  /**
   * Takes part in the cluster without serving anyone, until the scope closes: for programs that only publish. `listen`
   * and `run` include it.
   */
  readonly join: Effect.Effect<void, never, Scope.Scope>
  /**
   * Serves the upgrades of an HTTP server, heartbeats included, until the scope closes: then connections are closed,
   * with this close code if one is given, and it ends when all are gone.
   */
  readonly listen: (server: Server | SecureServer, options?: Closing) => Effect.Effect<void, never, Scope.Scope>
  /** The same for a door that brings the upgrades itself, by `node.upgrade`. */
  readonly run: (options?: Closing) => Effect.Effect<void, never, Scope.Scope>
}

/**
 * How clients are sent away.
 *
 * @since 1.0.0
 * @category models
 */
export interface Draining {
  /** Over how long a time, so that not all come back at once. Default: at once. */
  readonly within?: Duration.Input | undefined
  /** The code of the close frame. Default: 1012, "service restart", where `within` is given; else none. */
  readonly code?: number | undefined
  readonly reason?: string | undefined
}

/**
 * How connections end with the scope.
 *
 * @since 0.1.0
 * @category models
 */
export interface Closing {
  /** The code of the close frame; none by default. */
  readonly closeCode?: number | undefined
  /** How long messages that are being answered, and hooks, may take to finish. Default: not at all. */
  readonly gracePeriod?: Duration.Input | undefined
  /** Where it listens, for the log; by default nothing is said of its beginning and its end. */
  readonly address?: string | undefined
}

/**
 * The server.
 *
 * @since 0.1.0
 * @category tags
 */
export class NesServer extends Context.Service<NesServer, Service>()("effect-nes/server/NesServer") {}

// What happens between nodes is nobody's misuse.
const toError = (cause: unknown): UserError | BrokerError =>
  cause instanceof BrokerError ? cause : Thrown.asUserError(cause)

const toBrokerError = (cause: unknown): BrokerError =>
  cause instanceof BrokerError ? cause : new BrokerError({ message: Thrown.text(cause), cause })

/**
 * Makes a server. It serves nothing until it is told to `listen`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(options: Settings.Options = {}) {
  const settings = Settings.make(options)
  const port = yield* Application
  const clock = yield* Clock.Clock
  const services = yield* rootless()
  const hooks = yield* FiberSet.make()
  const closingClock = (yield* ClosingClock) ?? clock

  const incidents = new Log.Incidents(() => clock.currentTimeMillisUnsafe())
  // The port may not be complete yet.
  const application: typeof port = Object.create(port, {
    log: {
      value: ((tags, data, connection) => {
        incidents.logged(tags, data, connection?.id)
        port.log(tags, data, connection)
      }) satisfies typeof port.log
    }
  })
  const log = yield* Log.make(settings.log, port.log, incidents)
  const metrics = new Metrics(settings.metrics, services)
  const turns = new Turns()
  const tracing = yield* Tracing.make
  const context: NodeContext = {
    clock,
    fork: Effect.runForkWith(services),
    closing: { clock: closingClock, fork: Effect.runForkWith(Context.add(services, Clock.Clock, closingClock)) },
    settings,
    application,
    settle: settleWith(services, (fiber) => FiberSet.addUnsafe(hooks, fiber), tracing?.within),
    turns,
    flush: new Flush(turns),
    fanouts: new Fanouts<Connection>(turns),
    metrics,
    log,
    incidents,
    procedures: { served: undefined },
    tracing,
    exceed: (limit, connection, path) => {
      metrics.exceeded[limit]++
      log.exceeded(limit, connection, path)
    }
  }
  const node = yield* makeNode(context)
  // Until it has begun, what it is asked to do is for those to come.
  let uses = 0
  let isOver = false
  const join = Effect.andThen(
    Effect.acquireRelease(
      Effect.sync(() => {
        uses++
        isOver = false
      }),
      () =>
        Effect.sync(() => {
          isOver = --uses === 0
        })
    ),
    node.membership.open ?? Effect.void
  )
  const attempt = <A>(work: () => Promise<A>): Effect.Effect<A, UserError | BrokerError> =>
    Effect.withFiber(({ cache }) =>
      Effect.tryPromise({
        try: () => {
          if (isOver) {
            throw new UserError({ message: "The server has stopped" })
          }
          // What is published is part of the fiber's span.
          return node.inSpan(cache.span, work)
        },
        catch: toError
      })
    )

  const heartbeat = settings.heartbeat
    ? Heartbeat.run(
      node.hub.connections,
      context,
      settings.heartbeat,
      (text) => new PreparedMessage(text, settings.maxChunkChars),
      (connection) => node.verify(connection)
    )
    : Effect.never

  const start = (address: string | undefined): void => {
    node.start()
    if (address !== undefined) {
      log.turned("listening", { "nes.address": address })
    }
    if (settings.auth && settings.auth.type === "cookie" && !settings.origin) {
      log.unguarded()
    }
    if (settings.auth && settings.auth.isPasswordOwn && node.membership.claims) {
      log.unshared()
    }
  }

  const close = ({ closeCode, gracePeriod }: Closing): Effect.Effect<void> => {
    const stop = Effect.promise(() => node.stop(closeCode).then(() => log.turned("stopped")))
    // What is left of the hooks ends before what they may use.
    const rest = FiberSet.clear(hooks)
    if (gracePeriod === undefined) {
      return Effect.andThen(stop, rest)
    }
    // In a fiber of its own: the one that closes the scope may have been interrupted, and would wait for nothing.
    const atMost = <A>(effect: Effect.Effect<A>): Effect.Effect<void> =>
      effect.pipe(
        Effect.timeoutOption(gracePeriod),
        Effect.provideService(Clock.Clock, closingClock),
        Effect.interruptible,
        Effect.forkDetach,
        Effect.flatMap(Fiber.join),
        Effect.asVoid
      )
    return atMost(Effect.promise(() => node.drain({ code: closeCode }))).pipe(
      Effect.andThen(stop),
      Effect.andThen(atMost(FiberSet.awaitEmpty(hooks))),
      Effect.andThen(rest)
    )
  }

  const serve = (options: Closing = {}): Effect.Effect<void, never, Scope.Scope> =>
    Effect.acquireRelease(Effect.sync(() => start(options.address)), () => close(options)).pipe(
      Effect.andThen(Effect.forkScoped(heartbeat)),
      Effect.asVoid
    )

  const service = NesServer.of({
    node,
    subscription: (path, subscription = {}) =>
      Effect.try({ try: () => node.subscription(path, subscription), catch: Thrown.asUserError }),
    publish: (path, message, options) =>
      carrying("nes.publish", "producer", { "nes.path": path }, (traceparent) =>
        attempt(() => {
          node.requireDeclared(path)
          return node.publishText(path, message, options, MessageText.of(message), traceparent)
        })),
    broadcast: (message, options) =>
      carrying(
        "nes.broadcast",
        "producer",
        {},
        (traceparent) => attempt(() => node.broadcastText(message, options, MessageText.of(message), traceparent))
      ),
    totals: Effect.sync(() => node.totals),
    revoke: (target, path, message = null) =>
      attempt(() => {
        MessageText.of(message)
        return node.revoke(target, path, message)
      }),
    disconnect: (target) => attempt(() => node.disconnect(target)),
    history: (path) => ({
      read: (options) => attempt(async () => node.history(path).read(options)),
      clear: attempt(async () => node.history(path).clear())
    }),
    presence: (path) => ({
      read: attempt(async () => node.presence(path).read()),
      count: attempt(async () => node.presence(path).count()),
      set: (id, value) => attempt(async () => node.presence(path).set(id, value))
    }),
    count: (path) => Effect.tryPromise({ try: () => node.count(path), catch: toBrokerError }),
    ready: Effect.sync(() => node.ready),
    drain: ({ within, ...options } = {}) =>
      Effect.promise(() => node.drain({ ...options, within: within === undefined ? 0 : Duration.toMillis(within) })),
    join,
    connections: Effect.sync(() => node.hub.ready()),
    run: (options) => Effect.andThen(join, serve(options)),
    listen: (server, options) =>
      join.pipe(
        Effect.andThen(
          Effect.acquireRelease(Effect.sync(() => node.attach(server)), (detach) => Effect.sync(detach))
        ),
        Effect.andThen(serve(options))
      )
  })
  return ConsoleView.as(service, "NesServer", ({ node }) => ({ node }))
})

/**
 * A server that serves the upgrades of this HTTP server. Connections close with code 1001 when the layer's scope does.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  server: Server | SecureServer,
  options: Settings.Options = {}
): Layer.Layer<NesServer, never, Application> =>
  Layer.effect(NesServer, Effect.tap(make(options), (nes) => nes.listen(server, { closeCode: CloseCode.goingAway })))

/**
 * `layer`, with options from Config. What is code is there already: `hooks: Config.succeed(hooks)`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  server: Server | SecureServer,
  config: Config.Wrap<Settings.Options>
): Layer.Layer<NesServer, Config.ConfigError, Application> =>
  // Config brings half of Effect with it, and the hapi door needs none of that.
  Layer.unwrap(
    Effect.promise(() => import("effect/Config")).pipe(
      Effect.flatMap(({ unwrap }) => unwrap(config)),
      Effect.map((options) => layer(server, options))
    )
  )
