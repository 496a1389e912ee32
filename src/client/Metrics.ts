/** What the client counts. */
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"

const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })

export const reconnects = counter("nes_client_reconnects_total", "Connections established again after one was lost")

export const heartbeatsMissed = counter(
  "nes_client_heartbeats_missed_total",
  "Connections given up because the server gave no sign of life"
)

export const dropped = counter(
  "nes_client_updates_dropped_total",
  "Updates dropped because their consumer was too slow"
)

/** Has every series exist before something happens. */
export const begin = (context: Context.Context<never>): void => {
  for (const each of [reconnects, heartbeatsMissed, dropped]) {
    each.modifyUnsafe(0, context)
  }
}
