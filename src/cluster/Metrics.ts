/** What a cluster's broker counts. */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"

const counter = (name: string, description: string): Metric.Counter<number> =>
  Metric.counter(name, { description, incremental: true })

const gauge = (name: string, description: string): Metric.Gauge<number> => Metric.gauge(name, { description })

/** Whether the node is connected to the engine: 1 or 0. */
export const connected = gauge("nes_broker_connected", "Whether the node is connected to Redis")

/** Whether the engine refuses to write: 1 or 0. */
export const refusing = gauge(
  "nes_broker_refusing",
  "Whether Redis refuses to write: out of memory, read-only, too few replicas"
)

/** Times that the engine was away. */
export const outages = counter("nes_broker_outages_total", "Times that Redis could not be reached, or did not answer")

/** Commands that did not reach the other nodes. */
export const unshared = counter(
  "nes_broker_unshared_total",
  "Publishes without recovery, broadcasts, revocations and disconnections that did not reach the other nodes"
)

/** Updates that were to be kept and were not. */
export const unkept = counter(
  "nes_broker_publishes_failed_total",
  "Publishes to paths with recovery that failed towards their publisher"
)

/** Histories that were read. */
export const reads = counter("nes_broker_history_reads_total", "Histories of paths that were read")

/** Commands that have not been answered yet, at the last sign of life. */
export const inFlight = gauge(
  "nes_broker_commands_in_flight",
  "Commands to Redis that have not been answered yet, as of the last second"
)

/** Nodes that are alive. */
export const nodes = gauge("nes_broker_nodes", "Nodes of the cluster that are alive")

/** Paths that something may have been missed of. */
export const catchingUp = gauge(
  "nes_broker_paths_catching_up",
  "Paths that are still to be compared with Redis after a reconnection"
)

/** How long the engine takes to answer (ms). */
export const latency = Metric.histogram("nes_broker_latency_ms", {
  description: "How long Redis takes to answer the sign of life that a node gives every second (ms)",
  boundaries: Metric.exponentialBoundaries({ start: 0.25, factor: 2, count: 16 })
})

/** Has every series exist before something happens. What another of the process says stands. */
export const begin = (context: Context.Context<never>): void => {
  for (const each of [connected, refusing, inFlight, nodes, catchingUp, outages, unshared, unkept, reads]) {
    each.modifyUnsafe(0, context)
  }
  latency.valueUnsafe(context)
}
