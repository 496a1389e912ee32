/**
 * The Broker port on Redis or Valkey.
 *
 * ```ts
 * NesServer.layer(server).pipe(Layer.provide(RedisBroker.layer({ url: "redis://localhost:6379" })))
 * ```
 *
 * What is published goes to the connections of this node at once and to those of others through Redis; on paths with
 * recovery Redis decides the order, and everything goes through it.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import { ClusterNode } from "../cluster/ClusterNode.js"
import * as Broker from "../server/Broker.js"
import type { BrokerEvent } from "./BrokerEvent.js"
import type { Options } from "./Options.js"

/** @since 0.1.0 */
export { BrokerEvent } from "./BrokerEvent.js"
/** @since 0.1.0 */
export type { Options } from "./Options.js"

/**
 * The broker on Redis.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service extends Broker.Service {
  /** What happens from now on between this process's nodes and Redis. A slow consumer loses the oldest. */
  readonly events: Stream.Stream<BrokerEvent>
}

/**
 * The broker's own Tag, for its events.
 *
 * @since 0.1.0
 * @category tags
 */
export class RedisBroker extends Context.Service<RedisBroker, Service>()("effect-nes/redis/RedisBroker") {}

// Events that wait for a consumer.
const backlog = 256

/**
 * Makes a broker. It connects when a node takes part, as a server that listens does.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Service> =>
  Effect.zipWith(PubSub.sliding<BrokerEvent>(backlog), Effect.context(), (events, context) => ({
    events: Stream.fromPubSub(events),
    join: (node) =>
      Effect.sync(() => {
        const member = new ClusterNode(node, options, context, (event) => {
          PubSub.publishUnsafe(events, event)
          try {
            options.onEvent?.(event)
          } catch (error) {
            node.log(["nes", "onEvent", "error"], error)
          }
        })
        return member.membership
      })
  }))

/**
 * Provides the broker to servers.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<RedisBroker> =>
  Layer.effectContext(
    Effect.map(make(options), (service) => Context.make(RedisBroker, service).pipe(Context.add(Broker.Broker, service)))
  )

/**
 * Provides the broker to servers, with options from Config.
 *
 * ```ts
 * RedisBroker.layerConfig({ url: Config.String("REDIS_URL") })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  config: Config.Wrap<Options>
): Layer.Layer<RedisBroker, Config.ConfigError> => Layer.unwrap(Effect.map(Config.unwrap(config), layer))

/**
 * Makes a broker for the `broker` option of the hapi plugin.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeUnsafe = (options: Options): Service => Effect.runSync(make(options))
