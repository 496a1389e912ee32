/** One timer beats for all connections (wire protocol 2.4, "Liveness"). */
import * as Effect from "effect/Effect"
import type { Log } from "../telemetry/Log.js"
import type { Metrics } from "../telemetry/Metrics.js"
import type { Connection } from "./Connection.js"
import type { Connections } from "./Connections.js"
import { arrived } from "./Deadlines.js"

const isAlive = (connection: Connection): boolean =>
  connection.alive || connection.bufferedBytes > 0 || !connection.isIdle

/**
 * Sends a ping to every connection each `interval` and disconnects, `timeout` later (both ms), those that have given no
 * sign of life since the check before. Credentials are verified with the ping: some clients do nothing but listen.
 * Never ends.
 */
export const run = (
  connections: Connections,
  { log, metrics }: { readonly log: Log; readonly metrics: Metrics },
  heartbeat: { readonly interval: number; readonly timeout: number },
  message: (text: string) => Parameters<Connection["ping"]>[0],
  verify: () => void
): Effect.Effect<never> => {
  const ping = message(JSON.stringify({ type: "ping" }))

  const beat = Effect.sync(() => {
    for (const connection of connections.all()) {
      connection.ping(ping)
    }
    metrics.totals.sentPing += connections.size
    verify()
  })

  const check = Effect.sync(() => {
    let buffered = 0
    for (const connection of connections.all()) {
      buffered += connection.bufferedBytes
      if (isAlive(connection)) {
        connection.alive = false
      } else {
        metrics.totals.heartbeatsMissed++
        log.silent(connection)
        void connection.close()
      }
    }
    metrics.buffered(buffered)
    metrics.report()
  })

  return Effect.gen(function*() {
    for (;;) {
      // A server without connections has no timer: one that was only initialised keeps no process alive.
      yield* connections.populated.await
      yield* Effect.sleep(heartbeat.interval)
      while (connections.size > 0) {
        yield* beat
        yield* Effect.sleep(heartbeat.timeout)
        yield* arrived
        yield* check
        yield* Effect.sleep(heartbeat.interval - heartbeat.timeout)
      }
      // Nothing waits for anybody now, and the metrics say so.
      yield* check
    }
  })
}
