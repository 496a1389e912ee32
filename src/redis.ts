/**
 * More than one machine: `effect-nes/redis`. Needs `@redis/client`.
 *
 * @since 0.1.0
 */
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
  makeUnsafe(typeof options === "string" ? { url: options } : options)
