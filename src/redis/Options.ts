/**
 * What a broker on Redis can be told.
 *
 * @since 0.1.0
 */
import type { BrokerEvent } from "./BrokerEvent.js"
import type { Address } from "./RedisConnection.js"

/**
 * What a broker is made of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Address {
  /** What the names of its keys and channels begin with. Default: `"nes"`. */
  readonly prefix?: string | undefined
  /** How long Redis may be silent before it counts as away, in milliseconds. Default: 5000. */
  readonly timeout?: number | undefined
  /**
   * Whether Redis keeps all that it has confirmed, whatever happens to it: it writes to disk with `appendfsync always`,
   * and a replica is never promoted with less. Otherwise clients are told of a gap when it has restarted, as there may be
   * one. Default: `false`.
   */
  readonly durable?: boolean | undefined
  /** Commands that may be on their way to Redis at a time; more fail. Default: 10000. */
  readonly maxInFlight?: number | undefined
  /** Called with what happens; see also `events`. */
  readonly onEvent?: ((event: BrokerEvent) => void) | undefined
}
