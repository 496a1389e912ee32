/** Whom the heartbeat sends a ping, by a clock of the test's own. */
import { beforeEach, describe, expect, it, onTestFinished, vi } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import type { Connection } from "../../../src/server/connection/Connection.js"
import { Connections } from "../../../src/server/connection/Connections.js"
import * as Heartbeat from "../../../src/server/connection/Heartbeat.js"
import type { Log } from "../../../src/server/telemetry/Log.js"
import type { Metrics } from "../../../src/server/telemetry/Metrics.js"
import { PreparedMessage, Turns } from "../../../src/server/transport/Turns.js"
import * as fc from "../../harness/Property.js"

// Slices of work end by a clock of their own: what the machine takes is none of it.
beforeEach(() => {
  const clock = vi.spyOn(performance, "now").mockReturnValue(0)
  onTestFinished(() => clock.mockRestore())
})

const heartbeat = { interval: 1000, timeout: 400 }

/** The times (ms) at which a client is sent pings within `during`, if it is sent something else at `told`. */
const pings = (told: ReadonlyArray<number>, during: number, { interval, timeout } = heartbeat) =>
  Effect.gen(function*() {
    const connections = new Connections()
    const metrics = { totals: { sentPing: 0, heartbeatsMissed: 0 }, buffered: 0 }
    const heard: Array<number> = []
    let now = 0
    const client = {
      id: "client",
      told: -1,
      alive: true,
      bufferedBytes: 0,
      isIdle: true,
      user: undefined,
      ping: () => {
        heard.push(now)
        // It answers.
        client.alive = true
      },
      close: () => heard.push(Number.NaN)
    }
    connections.add(client as unknown as Connection)
    yield* Effect.forkChild(Heartbeat.run(
      connections,
      { log: {} as Log, metrics: metrics as unknown as Metrics, turns: new Turns() },
      { interval, timeout },
      (text) => new PreparedMessage(text, Infinity),
      () => {}
    ))
    const step = 50
    for (; now <= during; now += step) {
      if (told.includes(now)) {
        client.told = connections.pulse.phase
        client.alive = true
      }
      // What arrived is read before a check.
      yield* TestClock.adjust(0)
      yield* Effect.promise(() => new Promise(setImmediate))
      yield* TestClock.adjust(step)
    }
    expect(metrics.totals.sentPing).toBe(heard.length)
    return heard.map((time) => time + step)
  })

describe("a ping", () => {
  it.effect("goes each interval to a client that is sent nothing else", () =>
    Effect.gen(function*() {
      expect(yield* pings([], 3200)).toEqual([1000, 2000, 3000])
    }))

  it.effect("does not go to a client that was sent something in the last half of the timeout", () =>
    Effect.gen(function*() {
      expect(yield* pings([850, 1900], 3200)).toEqual([3000])
    }))

  it.effect("goes to a client that was sent something before that", () =>
    Effect.gen(function*() {
      expect(yield* pings([100, 700, 1200, 1750], 2200)).toEqual([1000, 2000])
    }))

  it.effect("or something else comes to every client before its patience ends", () =>
    Effect.gen(function*() {
      const times = fc.array(fc.nat(100).map((n) => 50 * n), { maxLength: 12 })
      const beats = fc.constantFrom(heartbeat, { interval: 600, timeout: 500 }, { interval: 1000, timeout: 100 })
      for (const [told, each] of fc.sample(fc.tuple(times, beats), 25)) {
        const heard = yield* pings(told, 5000, each)
        expect(heard.filter(Number.isNaN), `${told.join()} of ${each.interval}`).toEqual([])
        const arrivals = [0, ...told, ...heard].toSorted((a, b) => a - b)
        const silences = arrivals.slice(1).map((time, i) => time - (arrivals[i] ?? 0))
        expect(Math.max(...silences), `${told.join()} of ${each.interval}`).toBeLessThan(each.interval + each.timeout)
      }
    }))

  it.effect("unanswered ends no connection that is being written to, or answered; others at the next check", () =>
    Effect.gen(function*() {
      for (const busy of [{ bufferedBytes: 1 }, { isIdle: false }]) {
        const connections = new Connections()
        const metrics = { totals: { sentPing: 0, heartbeatsMissed: 0 }, buffered: 0 }
        let closed = 0
        const idle = { bufferedBytes: 0, isIdle: true }
        const close = (): void => void closed++
        const client = { id: "client", told: -1, alive: true, ...idle, ...busy, user: undefined, ping: () => {}, close }
        connections.add(client as unknown as Connection)
        const fiber = yield* Effect.forkChild(Heartbeat.run(
          connections,
          { log: {} as Log, metrics: metrics as unknown as Metrics, turns: new Turns() },
          heartbeat,
          (text) => new PreparedMessage(text, Infinity),
          () => {}
        ))
        const pass = Effect.andThen(TestClock.adjust(500), Effect.promise(() => new Promise(setImmediate)))
        yield* Effect.repeat(pass, { times: 9 })
        expect([closed, metrics.totals.heartbeatsMissed]).toEqual([0, 0])
        Object.assign(client, idle)
        yield* Effect.repeat(pass, { times: 3 })
        expect([closed > 0, metrics.totals.heartbeatsMissed > 0]).toEqual([true, true])
        yield* Fiber.interrupt(fiber)
      }
    }))

  it.live("goes at its time after a pause amid the pings or one that made the check late", () =>
    Effect.gen(function*() {
      const real = yield* Clock.Clock
      const sleeps: Array<number> = []
      let now = 0
      let wake: () => void = () => {}
      const clock: Clock.Clock = Object.assign(Object.create(real) as Clock.Clock, {
        monotonicTimeNanosUnsafe: () => BigInt(now * 1e6),
        sleep: (duration: Duration.Duration) => {
          sleeps.push(Duration.toMillis(duration))
          return Effect.callback<void>((resume) => {
            wake = () => resume(Effect.void)
          })
        }
      })
      const at = (ms: number) =>
        Effect.promise(async () => {
          now = ms
          wake()
          await new Promise(setImmediate)
          await new Promise(setImmediate)
        })
      const connections = new Connections()
      let pause = 0
      const client = {
        id: "client",
        told: -1,
        alive: true,
        isIdle: true,
        ping: () => {
          now += pause
          client.alive = true
        }
      }
      connections.add(client as unknown as Connection)
      const metrics = { totals: { sentPing: 0 }, buffered: 0 }
      yield* Effect.forkChild(
        Heartbeat.run(
          connections,
          { log: {} as unknown as Log, metrics: metrics as unknown as Metrics, turns: new Turns() },
          heartbeat,
          (text) => new PreparedMessage(text, Infinity),
          () => {}
        ).pipe(Effect.provideService(Clock.Clock, clock))
      )
      yield* at(0)
      yield* at(800)
      yield* at(1000)
      expect([sleeps.splice(0), metrics.totals.sentPing]).toEqual([[800, 200, 400], 1])
      // The check is due at 1400, what is forgotten at 1800, the next ping at 2000.
      yield* at(1700)
      yield* at(1800)
      expect(sleeps.splice(0)).toEqual([100, 200])
      pause = 300
      yield* at(2000)
      expect(metrics.totals.sentPing).toBe(2)
      // The ping has left at 2300: the check is due at 2700, the next ping at 3000.
      yield* at(2700)
      yield* at(2800)
      yield* at(3000)
      expect([sleeps.slice(0, 3), metrics.totals.sentPing]).toEqual([[400, 100, 200], 3])
    }))
})
