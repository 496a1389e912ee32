/**
 * What the broker counts.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

/**
 * Whether the node is connected to Redis: 1 or 0.
 *
 * @since 0.1.0
 * @category metrics
 */
export const connected = Metric.gauge("nes_broker_connected", {
  description: "Whether the node is connected to Redis"
})

/**
 * Times that Redis was away.
 *
 * @since 0.1.0
 * @category metrics
 */
export const outages = Metric.counter("nes_broker_outages_total", {
  description: "Times that Redis could not be reached, or did not answer",
  incremental: true
})

/**
 * Commands that did not reach the other nodes.
 *
 * @since 0.1.0
 * @category metrics
 */
export const unshared = Metric.counter("nes_broker_unshared_total", {
  description: "Publishes, broadcasts, revocations and disconnections that did not reach the other nodes",
  incremental: true
})
