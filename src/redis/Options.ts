/** What a broker on Redis can be told. */
import type { BalanceOptions } from "../cluster/Balance.js"
import type { BrokerEvent } from "../cluster/BrokerEvent.js"
import type { Address } from "./RedisConnection.js"

/** What a broker is made of. */
export interface Options extends Address {
  /** What the names of its keys and channels begin with. Default: `"nes"`. */
  readonly prefix?: string | undefined
  /** How long Redis may be silent before it counts as away, in milliseconds. Default: 5000. */
  readonly timeout?: number | undefined
  /**
   * Whether Redis keeps all that it has confirmed, whatever happens to it: it writes to disk with `appendfsync always`,
   * and a replica is never promoted with less. Otherwise clients are told of a gap when it has restarted, as there may
   * be one. Default: `false`.
   */
  readonly durable?: boolean | undefined
  /** Commands that may be on their way to Redis at a time; more fail. Default: 10000. */
  readonly maxInFlight?: number | undefined
  /**
   * Whether a node that holds far more than its share of the connections sends some away, as after a deploy in which
   * the nodes were restarted one after another. Default: `false`.
   */
  readonly balance?: boolean | BalanceOptions | undefined
  /** Called with what happens; see also `events`. */
  readonly onEvent?: ((event: BrokerEvent) => void) | undefined
}

/** Says what is wrong with options, if anything is. */
export const fault = ({ cluster, name, sentinels, url }: Options): string | undefined => {
  if (sentinels) {
    return url !== undefined || cluster
      ? "`sentinels` take the place of `url`, and know no `cluster`"
      : sentinels.length === 0 || !name
      ? "`sentinels` need at least one url, and the `name` of the master"
      : undefined
  }
  if (url === undefined || url.length === 0) {
    return "`url` is missing"
  }
  return typeof url !== "string" && !cluster
    ? "Several urls are those of a Redis Cluster: set `cluster`, or give one"
    : undefined
}
