/**
 * More than one machine: `effect-nes/redis`. Needs `@redis/client`.
 *
 * @since 0.1.0
 */
import * as Publisher from "./cluster/Publisher.js"
import { makeUnsafe, type Options, type Service } from "./redis/RedisBroker.js"

/** The Broker port on Redis or Valkey, for Effect programs. */
export * as RedisBroker from "./redis/RedisBroker.js"

/** What the broker counts. */
export * as RedisMetrics from "./cluster/Metrics.js"

/**
 * A broker for the hapi plugin: `options: { broker: redis("redis://localhost:6379") }`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const redis = (options: string | Options): Service =>
  // What an environment variable that is not set gives is an options object without a `url`, which says so.
  makeUnsafe(typeof options === "object" ? options : { url: options })

/**
 * A publisher for a process that serves no one, such as a worker at a queue:
 *
 * ```ts
 * const nes = await publisher("redis://localhost:6379", { subscriptions: { "/item/{id}": { recovery: true } } })
 * await nes.publish("/item/5", { status: "shipped" })
 * await nes.close()
 * ```
 *
 * @since 1.0.0
 * @category constructors
 */
export const publisher = (
  options: string | Options,
  publisherOptions?: Publisher.Options
): Promise<Publisher.PlainPublisher> => Publisher.open(redis(options), publisherOptions)
