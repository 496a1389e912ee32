/** When the client reconnects, against a scripted server and under the test's clock. */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type * as Backoff from "../../src/client/Backoff.js"
import type { Close } from "../../src/client/Socket.js"
import { turn } from "./FakeServer.js"
import { adjust, log, message, reconnect, setup } from "./Setup.js"

describe("reconnecting", () => {
  /** Lets every attempt fail, and returns the waits between them. */
  const waits = (options: Backoff.Options, limit: number) =>
    Effect.gen(function*() {
      const { connect, heard, server } = yield* setup()
      connect({ reconnect: reconnect(options) })
      const delays: Array<unknown> = []
      for (let attempt = 0; attempt < limit; attempt++) {
        server.socket.fail(new Error("refused"))
        yield* turn
        const next = heard.take().find(([name]) => name === "reconnecting")
        if (next === undefined) {
          break
        }
        expect(next[1]).toBe(attempt + 1)
        delays.push(next[2])
        const delay = next[2] as number
        yield* adjust(delay - 1)
        expect(server.sockets).toHaveLength(attempt + 1)
        yield* adjust(1)
        expect(server.sockets).toHaveLength(attempt + 2)
      }
      return delays
    })

  it.effect("waits 1, 2, 3, 4, 5, 5, … seconds (nes-api.txt, delay: \"The delay time is cumulative\")", () =>
    Effect.gen(function*() {
      expect(yield* waits({}, 8)).toEqual([1000, 2000, 3000, 4000, 5000, 5000, 5000, 5000])
    }))

  it.effect("delay and maxDelay (nes-api.txt, maxDelay); 0 stands for the default", () =>
    Effect.gen(function*() {
      expect(yield* waits({ delay: 150, maxDelay: 400 }, 4)).toEqual([150, 300, 400, 400])
      expect(yield* waits({ delay: "2 seconds", maxDelay: "3 seconds" }, 3)).toEqual([2000, 3000, 3000])
      expect(yield* waits({ delay: 0, maxDelay: 0 }, 2)).toEqual([1000, 2000])
    }))

  it.effect("retries (nes-api.txt, \"number of reconnection attempts\")", () =>
    Effect.gen(function*() {
      expect(yield* waits({ retries: 3 }, 10)).toEqual([1000, 2000, 3000])
      expect(yield* waits({ retries: Infinity }, 20)).toHaveLength(20)
    }))

  it.effect("jitter waits between half and the whole of each delay, and differs", () =>
    Effect.gen(function*() {
      const delays = (yield* waits({ jitter: true, delay: 1000, maxDelay: 1000 }, 20)) as ReadonlyArray<number>
      expect(new Set(delays).size).toBeGreaterThan(10)
      expect(Math.min(...delays)).toBeGreaterThanOrEqual(500)
      expect(Math.max(...delays)).toBeLessThanOrEqual(1000)
    }).pipe(Random.withSeed("jitter")))

  it.effect("a connection that lasted longer than maxDelay starts the schedule anew, a shorter one does not", () =>
    Effect.gen(function*() {
      const { connect, heard, server, session } = yield* setup()
      connect({ reconnect: reconnect({ delay: 100, maxDelay: 1000, retries: 4 }) })
      /** Accepts, stays for a while, drops; returns the wait that follows. */
      const live = (duration: Duration.Input) =>
        Effect.gen(function*() {
          server.socket.accept()
          yield* adjust(duration)
          heard.take()
          server.socket.end(1001)
          yield* turn
          const delay = heard.take().find(([name]) => name === "reconnecting")?.[2] as number | undefined
          if (delay !== undefined) {
            yield* adjust(delay)
          }
          return delay
        })
      expect(yield* live(0)).toBe(100)
      expect(yield* live(500)).toBe(200)
      expect(yield* live(1000)).toBe(300)
      expect(yield* live(1001)).toBe(100)
      for (const delay of [200, 300, 400]) {
        expect(yield* live(1000)).toBe(delay)
      }
      // The fourth attempt was the last one.
      expect(yield* live(1000)).toBe(undefined)
      expect(session.status._tag).toBe("Disconnected")
    }))

  it.effect("willReconnect is the truth, and the last attempt's failure ends it", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server } = yield* setup()
      connect({ reconnect: reconnect({ delay: 100, retries: 2 }) })
      server.socket.accept()
      heard.take()
      server.socket.end(1012)
      yield* turn
      expect(heard.take()).toEqual([
        ["disconnected", true, log(true, false, 1012)],
        ["reconnecting", 1, 100]
      ])
      yield* adjust(100)
      server.socket.fail(new Error("refused"))
      yield* turn
      expect(heard.take()).toEqual([
        ["error", "ws", "Connection terminated while waiting to connect"],
        ["disconnected", true, log(true, false, "none")],
        ["reconnecting", 2, 200]
      ])
      yield* adjust(200)
      server.socket.fail(new Error("refused"))
      yield* turn
      expect(heard.take()).toEqual([["error", "ws", "Socket error"]])
      connect()
      expect(server.sockets).toHaveLength(4)
      expect(ended).toEqual([["connect"]])
    }))

  it.effect("retries: 0 and reconnection off: one drop is the end, and connect may be called from onDisconnect", () =>
    Effect.gen(function*() {
      const { connect, heard, server, session, settle } = yield* setup()
      connect({ reconnect: reconnect({ retries: 0 }) })
      server.socket.accept()
      server.socket.end(1006)
      yield* turn
      expect(heard.names()).toEqual(["connected", "disconnected"])
      connect({ reconnect: undefined })
      server.socket.accept()
      heard.disconnected = (willReconnect) => {
        expect(willReconnect).toBe(false)
        session.connect({}, settle("again"))
      }
      server.socket.end(1006)
      yield* turn
      expect(server.sockets).toHaveLength(3)
      expect(session.status._tag).toBe("Connecting")
    }))

  it.effect("an open socket that fails without reconnection: Socket error to onError, and a disconnection", () =>
    Effect.gen(function*() {
      const { call, connect, ended, heard, server, session } = yield* setup()
      connect({ reconnect: undefined })
      server.socket.accept()
      heard.take()
      session.send(message("1"), call("1"))
      server.socket.fail(new Error("ECONNRESET"))
      yield* turn
      expect(heard.take()).toEqual([
        ["error", "ws", "Socket error"],
        ["disconnected", false, log(false, false, "none")]
      ])
      expect(ended.at(-1)).toEqual(["1", "disconnect", "Request failed - server disconnected"])
    }))

  it.effect("disconnect from onDisconnect(true) is obeyed", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server, session, settle } = yield* setup()
      connect()
      server.socket.accept()
      heard.disconnected = () => session.disconnect(settle("disconnect"))
      server.socket.end(1006)
      yield* turn
      expect(ended).toEqual([["connect"], ["disconnect"]])
      yield* adjust("1 hour")
      expect(server.sockets).toHaveLength(1)
    }))

  it.effect("connect while reconnecting is refused, and changes nothing", () =>
    Effect.gen(function*() {
      const { connect, ended, server } = yield* setup()
      connect()
      server.socket.accept()
      server.socket.end(1006)
      yield* turn
      connect()
      expect(ended.at(-1)).toEqual(["connect", "user", "Cannot connect while client attempts to reconnect"])
      yield* adjust(1000)
      connect()
      expect(ended.at(-1)).toEqual(["connect", "user", "Cannot connect while client attempts to reconnect"])
      expect(server.sockets).toHaveLength(2)
    }))

  it.effect("a refused hello ends it: onDisconnect(false), then onError", () =>
    Effect.gen(function*() {
      const { connect, heard, server, session, settle } = yield* setup()
      session.subscribe("/a", "key", { update: () => {} }, settle("subscribe"))
      connect()
      server.socket.accept()
      server.socket.end(1006)
      yield* adjust(1000)
      heard.take()
      server.socket.open()
      server.socket.answer("hello", { statusCode: 403, payload: { error: "Forbidden" } })
      yield* turn
      expect(heard.take()).toEqual([["disconnected", false, log(false)], ["error", "server", "Forbidden"]])
      expect(session.subscriptions).toEqual(["/a"])
      yield* adjust("1 hour")
      expect(server.sockets).toHaveLength(2)
    }))

  it.effect("overrideReconnectionAuth (nes-api.txt, \"Returns true if reconnection is enabled\")", () =>
    Effect.gen(function*() {
      const { connect, server, session } = yield* setup()
      expect(session.overrideReconnectionAuth("x")).toBe(false)
      connect({ auth: "first" })
      server.socket.accept()
      expect(session.overrideReconnectionAuth("second")).toBe(true)
      server.socket.end(1006)
      yield* turn
      expect(session.overrideReconnectionAuth("third")).toBe(true)
      yield* adjust(1000)
      server.socket.open()
      expect(server.socket.last("hello").auth).toBe("third")
      session.disconnect(() => {})
      yield* turn
      expect(session.overrideReconnectionAuth("fourth")).toBe(false)
      connect({ reconnect: undefined, auth: "fifth" })
      server.socket.open()
      expect(server.socket.last("hello").auth).toBe("fifth")
      expect(session.overrideReconnectionAuth("sixth")).toBe(false)
    }))

  it.effect("the network coming back ends the wait for the next attempt, and changes nothing else", () =>
    Effect.gen(function*() {
      const { connect, heard, server } = yield* setup()
      connect({ reconnect: reconnect({}) })
      server.socket.accept()
      yield* server.network.release
      yield* turn
      expect(server.sockets).toHaveLength(1)

      server.socket.end(1006)
      yield* turn
      expect(heard.take().at(-1)).toEqual(["reconnecting", 1, 1000])
      yield* server.network.release
      yield* turn
      expect(server.sockets).toHaveLength(2)

      server.socket.fail(new Error("not yet"))
      yield* turn
      expect(heard.take().at(-1)).toEqual(["reconnecting", 2, 2000])
      yield* adjust(1999)
      expect(server.sockets).toHaveLength(2)
      yield* adjust(1)
      expect(server.sockets).toHaveLength(3)
      server.socket.accept()
      yield* turn
      yield* adjust(60_000)
      expect(server.sockets).toHaveLength(3)
    }))

  it.effect("any Schedule leads, and hears how the connection was closed", () =>
    Effect.gen(function*() {
      const { connect, heard, server } = yield* setup()
      const schedule = Schedule.exponential("1 second").pipe(
        Schedule.while(({ input }: Schedule.Metadata<unknown, Close>) => input.code !== 1008)
      )
      connect({ reconnect: { schedule, stableAfter: Duration.seconds(5) } })
      for (const delay of [1000, 2000, 4000]) {
        server.socket.accept()
        server.socket.end(1001)
        yield* turn
        expect(heard.take().at(-1)).toEqual(["reconnecting", 1, delay])
        yield* adjust(delay)
      }
      server.socket.accept()
      server.socket.end(1008)
      yield* turn
      expect(heard.names()).toEqual(["connected", "disconnected"])
    }))

  it.effect("a Schedule that dies ends the attempts, and nothing else", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server, session } = yield* setup()
      const schedule = Schedule.forever.pipe(Schedule.while(() => {
        throw new Error("bad schedule")
      }))
      connect({ reconnect: { schedule, stableAfter: Duration.seconds(5) } })
      server.socket.accept()
      server.socket.end(1001)
      yield* turn
      expect(heard.take()).toEqual([
        ["connected", expect.any(String)],
        ["error", "user", "bad schedule"],
        ["disconnected", false, log(false, false, 1001)]
      ])
      connect()
      server.socket.accept()
      expect(ended).toEqual([["connect"], ["connect"]])
      expect(session.status._tag).toBe("Connected")
    }))

  it.effect("a Schedule that is interrupted is one that ends, and one that waits does not hold up a disconnect", () =>
    Effect.gen(function*() {
      const { connect, heard, server, session, settle, ended } = yield* setup()
      const after = (wait: Effect.Effect<Duration.Duration>) => ({
        schedule: Schedule.addDelay(Schedule.forever, () => wait),
        stableAfter: Duration.seconds(5)
      })
      connect({ reconnect: after(Effect.interrupt) })
      server.socket.accept()
      server.socket.end(1001)
      yield* turn
      expect(heard.names()).toEqual(["connected", "error", "disconnected"])
      connect({ reconnect: after(Effect.never) })
      server.socket.accept()
      server.socket.end(1001)
      yield* turn
      expect(heard.names()).toEqual(["connected"])
      session.disconnect(settle("disconnect"))
      yield* turn
      expect(ended.at(-1)).toEqual(["disconnect"])
      expect(heard.take()).toEqual([["disconnected", false, log(false, false, 1001)]])
    }))
})
