/** One timer beats for all connections (wire protocol 2.4, "Liveness"). */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Log } from "../telemetry/Log.js"
import type { Metrics } from "../telemetry/Metrics.js"
import type { Turns } from "../transport/Turns.js"
import type { Connection } from "./Connection.js"
import type { Connections } from "./Connections.js"
import { arrived, monotonic } from "./Deadlines.js"

const isAlive = (connection: Connection): boolean =>
  connection.alive || connection.bufferedBytes > 0 || !connection.isIdle

/**
 * Sends a ping each `interval` to every connection, and disconnects, `timeout` later (both ms), those that have given no
 * sign of life since the check before. Credentials are verified with the ping: some clients do nothing but listen. Never
 * ends.
 *
 * A client waits for no longer than `interval` and `timeout` together, whatever comes. Whoever was sent something in the
 * last half of the timeout needs no ping, therefore: until the next one is due it waits for half of the timeout less.
 */
export const run = (
  connections: Connections,
  { log, metrics, turns }: { readonly log: Log; readonly metrics: Metrics; readonly turns: Turns },
  { interval, timeout }: { readonly interval: number; readonly timeout: number },
  message: (text: string) => Parameters<Connection["ping"]>[0],
  verify: (connection: Connection) => void
): Effect.Effect<never> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const ping = message(JSON.stringify({ type: "ping" }))
    const { pulse } = connections
    // When the last beat began.
    let began = 0
    const passed = (): number => monotonic(clock) - began

    const each = (run: (connection: Connection) => void): Effect.Effect<void> =>
      Effect.suspend(() => {
        const running = turns.each(connections.keys(), run)
        return running ? Effect.promise(() => running) : Effect.void
      })

    const begin = Effect.sync(() => {
      began = monotonic(clock)
    })

    const beat = Effect.gen(function*() {
      yield* begin
      let buffered = 0
      yield* each((connection) => {
        buffered += connection.bufferedBytes
        if (connection.told !== pulse.phase) {
          connection.ping(ping)
          metrics.totals.sentPing++
        } else {
          // No ping is sent, so no answer is due: the next check must not count one as missing.
          connection.alive = true
        }
        verify(connection)
      })
      metrics.buffered = buffered
    })

    const check = Effect.andThen(
      arrived,
      each((connection) => {
        if (isAlive(connection)) {
          connection.alive = false
        } else {
          metrics.totals.heartbeatsMissed++
          log.lives?.silent(connection)
          void connection.close()
        }
      })
    )

    const checked = { at: timeout, run: check }
    const first = [
      { at: interval - timeout / 2, run: Effect.sync(() => void pulse.phase++) },
      { at: interval, run: beat }
    ]
    const round = [checked, ...first].toSorted((a, b) => a.at - b.at)

    // A step that is late, after a pause of the process, makes none after it late: clients wait for the next heartbeat.
    // But whoever was sent a ping late has all of the timeout to answer it. Under fake timers alone nothing is late.
    const follow = Effect.fnUntraced(function*(steps: typeof round) {
      const beating = passed()
      let before = beating
      for (const step of steps) {
        const due = step === checked ? step.at + beating : step.at
        const pause = Math.max(0, due - Math.max(before, passed()))
        before = due
        yield* Effect.sleep(pause)
        yield* step.run
      }
    })

    for (;;) {
      // A server without connections has no timer: one that was only initialised keeps no process alive.
      yield* connections.populated.await
      yield* begin
      yield* follow(first)
      while (connections.size > 0) {
        yield* follow(round)
      }
      // Nothing waits for anybody now.
      metrics.buffered = 0
    }
  })
