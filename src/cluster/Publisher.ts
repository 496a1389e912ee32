/**
 * A process that only publishes: it takes part in the cluster and serves no one, as a worker at a queue does.
 *
 * ```ts
 * const program = Effect.gen(function*() {
 *   const publisher = yield* Publisher.Publisher
 *   yield* publisher.publish("/item/5", { status: "shipped" })
 * })
 *
 * const Live = Publisher.layer({ subscriptions: { "/item/{id}": { recovery: true } } }).pipe(
 *   Layer.provide(RedisBroker.layer({ url: "redis://localhost:6379" }))
 * )
 * ```
 *
 * @since 1.0.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import { UserError } from "../protocol/NesError.js"
import * as Thrown from "../protocol/Thrown.js"
import { carrying } from "../protocol/Tracing.js"
import { Broker, BrokerError, type Service as BrokerService, type Tally } from "../server/Broker.js"
import { requireKnown, requireTarget, type Target } from "../server/Command.js"
import * as MessageText from "../server/MessageText.js"
import type { BroadcastOptions, PublishOptions } from "../server/Node.js"
import { type Bounds, defaultBounds, defaultStateAge, stateBounds } from "../server/recovery/Bounds.js"
import type { SubscriptionSettingOptions } from "../server/Settings.js"
import { requireSubscribable, Router } from "../server/subscription/Subscription.js"

/**
 * What is to be known of a subscription that is published to: what the servers keep of it.
 *
 * @since 1.0.0
 * @category models
 */
export type SubscriptionOptions = Pick<SubscriptionSettingOptions<Duration.Input>, "recovery" | "state">

/**
 * What a publisher can be told.
 *
 * @since 1.0.0
 * @category models
 */
export interface Options {
  /** The subscriptions that are published to, by path, where they have recovery; others need not be declared. */
  readonly subscriptions?: Readonly<Record<string, SubscriptionOptions>> | undefined
  /** Takes note of what has no caller to go to. Default: nothing. */
  readonly log?: ((tags: ReadonlyArray<string>, data: unknown) => void) | undefined
}

/**
 * A publisher for Effect programs. Each fails with `UserError` on misuse, and with `BrokerError` where the cluster was
 * not reached, or has not confirmed.
 *
 * @since 1.0.0
 * @category models
 */
export interface Service {
  /** Publishes to the subscribers of a path on every node. */
  readonly publish: (
    path: string,
    message: unknown,
    options?: PublishOptions
  ) => Effect.Effect<void, UserError | BrokerError>
  /** Sends a message to all connections of every node. */
  readonly broadcast: (message: unknown, options?: BroadcastOptions) => Effect.Effect<void, UserError | BrokerError>
  /** Ends subscriptions, with `message` as the last update unless that is `null`; ends when the nodes have confirmed. */
  readonly revoke: (target: Target, path: string, message?: unknown) => Effect.Effect<void, UserError | BrokerError>
  /** Closes connections; ends when the nodes have confirmed. */
  readonly disconnect: (target: Target) => Effect.Effect<void, UserError | BrokerError>
  /** How many connections all nodes have, or subscribers of a path. */
  readonly count: (path?: string) => Effect.Effect<Tally, UserError | BrokerError>
}

/** The same, answering with Promises. */
type Promised<S> = {
  readonly [K in keyof S]: S[K] extends (...args: infer Args) => Effect.Effect<infer A, unknown>
    ? (...args: Args) => Promise<A>
    : never
}

/**
 * A publisher for programs without Effect.
 *
 * @since 1.0.0
 * @category models
 */
export interface PlainPublisher extends Promised<Service> {
  /** Leaves the cluster, when what was published before is out. */
  readonly close: () => Promise<void>
}

/**
 * The publisher.
 *
 * @since 1.0.0
 * @category tags
 */
export class Publisher extends Context.Service<Publisher, Service>()("effect-nes/cluster/Publisher") {}

const boundsOf = (path: string, { recovery, state }: SubscriptionOptions): Bounds | undefined => {
  if (!recovery && !state) {
    return undefined
  }
  const { age = defaultBounds.age, size = defaultBounds.size } = recovery === true ? {} : recovery || stateBounds
  const bounds: Bounds = { size, age: Duration.toMillis(age) }
  const { age: stateAge = defaultStateAge } = typeof state === "object" ? state : {}
  const all = state ? { ...bounds, state: Duration.toMillis(stateAge) } : bounds
  if (!Object.values(all).every((bound) => Number.isSafeInteger(bound) && bound > 0)) {
    throw new Error(`Subscription recovery requires a positive integer for size, and a positive age: ${path}`)
  }
  return all
}

const toError = (cause: unknown): UserError | BrokerError =>
  cause instanceof BrokerError ? cause : Thrown.asUserError(cause)

const attempt = <A>(work: () => Promise<A>): Effect.Effect<A, UserError | BrokerError> =>
  Effect.tryPromise({ try: work, catch: toError })

/**
 * Makes a publisher, which leaves the cluster with its scope. Fails with `UserError` on invalid options.
 *
 * @since 1.0.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Service, UserError, Scope.Scope> =>
  Effect.gen(function*() {
    requireKnown(options, "subscriptions", "log")
    const { log = () => {}, subscriptions = {} } = options
    const router = new Router<{ readonly recovery: Bounds | undefined }>()
    for (const [path, options] of Object.entries(subscriptions)) {
      router.add([path, { recovery: boundsOf(path, options) }])
    }
    const broker = yield* Broker
    const membership = yield* broker.join({
      id: randomBytes(6).toString("hex"),
      serves: false,
      deliver: () => Promise.resolve(),
      listens: () => false,
      recovers: () => false,
      reached: () => undefined,
      refresh: () => undefined,
      connections: () => 0,
      shed: () => Promise.resolve(),
      count: () => 0,
      log
    })
    if (membership.claims === undefined) {
      return yield* new UserError({ message: "A publisher needs a broker, which it shares with servers" })
    }
    yield* membership.open ?? Effect.void
    const service: Service = {
      publish: (path, message, options = {}) =>
        carrying("nes.publish", "producer", { "nes.path": path }, (traceparent) =>
          attempt(async () => {
            requireSubscribable(path)
            requireKnown(options, "internal", "user", "version")
            const { internal, user, version } = options
            const text = MessageText.of(message)
            const recovery = router.match(path)?.recovery
            return membership.send(
              { type: "publish", path, message, internal, user, version, text, traceparent, recovery }
            )
          })),
      broadcast: (message, options = {}) =>
        carrying("nes.broadcast", "producer", {}, (traceparent) =>
          attempt(async () => {
            requireKnown(options, "user")
            const { user } = options
            return membership.send({ type: "broadcast", message, user, text: MessageText.of(message), traceparent })
          })),
      revoke: (target, path, message = null) =>
        attempt(async () => {
          requireTarget(target)
          MessageText.of(message)
          return membership.send({ type: "revoke", target, path, message })
        }),
      disconnect: (target) =>
        attempt(async () => {
          requireTarget(target)
          return membership.send({ type: "disconnect", target })
        }),
      count: (path) => attempt(() => membership.count(path))
    }
    return service
  }).pipe(Effect.catchDefect((cause) => Effect.fail(Thrown.asUserError(cause))))

/**
 * Provides a publisher on the broker that is provided to it.
 *
 * @since 1.0.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<Publisher, UserError> =>
  Layer.effect(Publisher, make(options))

/**
 * Opens a publisher for a program without Effect. It waits for the cluster, but not for ever.
 *
 * @since 1.0.0
 * @category constructors
 */
export const open = async (broker: BrokerService, options: Options = {}): Promise<PlainPublisher> => {
  const scope = Scope.makeUnsafe()
  const made = make(options).pipe(Effect.provideService(Broker, broker), Scope.provide(scope))
  const { broadcast, count, disconnect, publish, revoke } = await Effect.runPromise(made)
  return {
    publish: (...args) => Effect.runPromise(publish(...args)),
    broadcast: (...args) => Effect.runPromise(broadcast(...args)),
    revoke: (...args) => Effect.runPromise(revoke(...args)),
    disconnect: (...args) => Effect.runPromise(disconnect(...args)),
    count: (...args) => Effect.runPromise(count(...args)),
    close: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}
