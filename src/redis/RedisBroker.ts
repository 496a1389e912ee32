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
import * as ClusterBroker from "../cluster/ClusterBroker.js"
import { UserError } from "../protocol/NesError.js"
import * as Broker from "../server/Broker.js"
import { type Options, read } from "./Options.js"
import * as RedisEngine from "./RedisEngine.js"

/** @since 0.1.0 */
export { BrokerEvent } from "../cluster/BrokerEvent.js"
/** @since 1.0.0 */
export type { BalanceOptions } from "../cluster/Balance.js"
/** @since 0.1.0 */
export type { Options } from "./Options.js"

/**
 * The broker on Redis.
 *
 * @since 0.1.0
 * @category models
 */
export type Service = ClusterBroker.Service

/**
 * The broker's own Tag, for its events.
 *
 * @since 0.1.0
 * @category tags
 */
export class RedisBroker extends Context.Service<RedisBroker, Service>()("effect-nes/redis/RedisBroker") {}

/**
 * Makes a broker. It connects when a node takes part, as a server that listens does. Fails with `UserError` on options
 * that make no sense.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Service, UserError> =>
  Effect.suspend(() => {
    const { address, wrong, ...settings } = read(options)
    return wrong === undefined
      ? ClusterBroker.make(RedisEngine.make({ ...address, ...settings }), settings)
      : Effect.fail(new UserError({ message: `Invalid Redis options: ${wrong}` }))
  })

/**
 * Provides the broker to servers.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<RedisBroker, UserError> =>
  Layer.effectContext(
    Effect.map(make(options), (service) => Context.make(RedisBroker, service).pipe(Context.add(Broker.Broker, service)))
  )

/**
 * Provides the broker to servers, with options from Config.
 *
 * ```ts
 * RedisBroker.layerConfig({ url: Config.Redacted("REDIS_URL"), timeout: Config.Duration("REDIS_TIMEOUT") })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  config: Config.Wrap<Options>
): Layer.Layer<RedisBroker, UserError | Config.ConfigError> => Layer.unwrap(Effect.map(Config.unwrap(config), layer))

/**
 * Makes a broker for the `broker` option of the hapi plugin. Throws on options that make no sense.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeUnsafe = (options: Options): Service => Effect.runSync(make(options))
