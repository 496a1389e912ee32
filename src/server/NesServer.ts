/**
 * The server: a node as an Effect service. Its lifetime is a `Scope`, what it serves is the `Application` port, and whom
 * it shares with is the `Broker` port.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import type { Server } from "node:http"
import type { Server as SecureServer } from "node:https"
import { UserError } from "../protocol/NesError.js"
import { settleOn } from "./Answer.js"
import { Application } from "./Application.js"
import { Broker, type Command } from "./Broker.js"
import type { Connection } from "./Connection.js"
import { Flush } from "./Flush.js"
import { Outgoing } from "./Frame.js"
import * as Heartbeat from "./Heartbeat.js"
import * as Limits from "./Limits.js"
import { type BroadcastOptions, Node, type PublishOptions } from "./Node.js"
import * as Settings from "./Settings.js"
import type { Options as SubscriptionOptions } from "./Subscription.js"

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
  /** Publishes to the subscribers of a path. Fails with `UserError` on a bad path or a missing user index. */
  readonly publish: (path: string, message: unknown, options?: PublishOptions) => Effect.Effect<void, UserError>
  /** Sends a message to all connections. Fails with `UserError` on a missing user index. */
  readonly broadcast: (message: unknown, options?: BroadcastOptions) => Effect.Effect<void, UserError>
  /** The connections that have said hello. */
  readonly connections: Effect.Effect<ReadonlyArray<Connection>>
  /**
   * Serves the upgrades of an HTTP server, heartbeats included, until the scope closes: then connections are closed,
   * with this close code if one is given, and it ends when all are gone.
   */
  readonly listen: (
    server: Server | SecureServer,
    options?: { readonly closeCode?: number | undefined }
  ) => Effect.Effect<void, never, Scope.Scope>
}

/**
 * The server.
 *
 * @since 0.1.0
 * @category tags
 */
export class NesServer extends Context.Tag("effect-nes/server/NesServer")<NesServer, Service>() {}

const toUserError = (cause: unknown): UserError =>
  new UserError({ message: cause instanceof Error ? cause.message : String(cause), cause })

/**
 * Makes a server. It serves nothing until it is told to `listen`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fn("NesServer.make")(function*(options: Settings.Options = {}) {
  const settings = Settings.make(options)
  const application = yield* Application
  const broker = yield* Broker
  const clock = yield* Effect.clock
  const runtime = yield* Effect.runtime()
  const fork = Runtime.runFork(runtime)

  const deliver = (command: Command): Promise<void> => node.delivery.deliver(command)
  const membership = yield* broker.join({ deliver })
  const context = { settings, application, settle: settleOn(runtime), flush: new Flush(), exceeded: Limits.exceeded() }
  const node: Node = new Node(context, clock, fork, membership.send)

  const heartbeat = settings.heartbeat
    ? Heartbeat.run(node.hub, settings.heartbeat, (text) => new Outgoing(text, settings.maxChunkChars))
    : Effect.never

  return NesServer.of({
    node,
    subscription: (path, subscription = {}) =>
      Effect.try({ try: () => node.subscription(path, subscription), catch: toUserError }),
    publish: (path, message, options) =>
      Effect.tryPromise({ try: () => node.publish(path, message, options), catch: toUserError }),
    broadcast: (message, options) =>
      Effect.tryPromise({ try: () => node.broadcast(message, options), catch: toUserError }),
    connections: Effect.sync(() =>
      Array.from(node.hub.connections.all()).filter((connection) => connection.stage === "ready")
    ),
    listen: (server, options) =>
      Effect.acquireRelease(
        Effect.sync(() => node.attach(server)),
        (detach) => Effect.promise(() => node.stop(options?.closeCode)).pipe(Effect.ensuring(Effect.sync(detach)))
      ).pipe(Effect.zipRight(Effect.forkScoped(heartbeat)), Effect.asVoid)
  })
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
  Layer.scoped(
    NesServer,
    Effect.tap(make(options), (nes) => nes.listen(server, { closeCode: 1001 }))
  )
