/** What the client counts. */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"

/** Connections established again after one was lost. */
export const reconnects = Metric.counter("nes_client_reconnects_total", {
  description: "Connections established again after one was lost",
  incremental: true
})

/** Connections given up because the server gave no sign of life. */
export const heartbeatsMissed = Metric.counter("nes_client_heartbeats_missed_total", {
  description: "Connections given up because the server gave no sign of life",
  incremental: true
})

/** Updates dropped because a Stream's consumer was slower than its buffer allows. */
export const dropped = Metric.counter("nes_client_updates_dropped_total", {
  description: "Updates dropped because their consumer was too slow",
  incremental: true
})

/** Has every series exist before something happens. */
export const begin = (context: Context.Context<never>): void => {
  for (const each of [reconnects, heartbeatsMissed, dropped]) {
    each.modifyUnsafe(0, context)
  }
}
