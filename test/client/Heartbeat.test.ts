/** The heartbeat watch, against a scripted server and under the test's clock (wire protocol 2.4, "Liveness"). */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { turn } from "./FakeServer.js"
import { adjust, log, setup } from "./Setup.js"

const heartbeat = { interval: 15_000, timeout: 5_000 }

describe("the heartbeat", () => {
  it.effect("a ping is answered, with an id", () =>
    Effect.gen(function*() {
      const { connect, server } = yield* setup()
      connect()
      server.socket.accept({ heartbeat })
      server.socket.say({ type: "ping" })
      expect(server.socket.sent.at(-1)).toEqual({ type: "ping", id: 2 })
    }))

  it.effect("anything that arrives keeps the connection; silence for twice interval + timeout ends it", () =>
    Effect.gen(function*() {
      const { connect, heard, server } = yield* setup()
      connect()
      server.socket.accept({ heartbeat })
      heard.take()
      yield* adjust(19_999)
      server.socket.say({ type: "update", message: 1 })
      yield* adjust(19_999)
      server.socket.text("+{\"a piece\":")
      yield* adjust(19_999)
      expect(heard.names()).toEqual(["update"])
      expect(server.socket.sent.map(({ type }) => type)).toEqual(["hello"])
      yield* adjust(1)
      expect(server.socket.sent.map(({ type }) => type)).toEqual(["hello", "ping"])
      yield* adjust(19_999)
      expect(heard.take()).toEqual([])
      expect(server.socket.closedWith).toBe(undefined)
      yield* adjust(1)
      expect(heard.take()).toEqual([
        ["error", "timeout", "Disconnecting due to heartbeat timeout"],
        ["heartbeatTimeout", true],
        ["disconnected", true, log(true, false, 1006)],
        ["reconnecting", 1, 1000]
      ])
    }))

  it.effect("a server that is late is asked for a word, once in each silence, and is on time again with what it says", () =>
    Effect.gen(function*() {
      const { connect, heard, server } = yield* setup()
      connect()
      server.socket.accept({ heartbeat })
      heard.take()
      for (let pings = 1; pings <= 3; pings++) {
        yield* adjust(39_999)
        expect(server.socket.sent.filter(({ type }) => type === "ping")).toHaveLength(pings)
        server.socket.say({ type: "update", message: 1 })
        expect(heard.names()).toEqual(["update"])
      }
      yield* adjust(40_000)
      expect(heard.names()).toContain("heartbeatTimeout")
    }))

  it.effect("a server that refuses the word asked for is lost at once", () =>
    Effect.gen(function*() {
      const { connect, heard, server } = yield* setup()
      connect()
      server.socket.accept({ heartbeat })
      heard.take()
      yield* adjust(20_000)
      server.socket.end(1006)
      yield* adjust(0)
      expect(heard.names()).toEqual(["disconnected", "reconnecting"])
    }))

  it.effect("a peer that is gone does not answer the closing handshake either: it is not waited for", () =>
    Effect.gen(function*() {
      const { call, connect, ended, heard, server, session } = yield* setup()
      connect()
      server.socket.accept({ heartbeat })
      server.socket.answersClose = false
      session.send({ type: "message", message: 1, id: 0 }, call("pending"))
      heard.take()
      yield* adjust(40_000)
      expect(heard.take().slice(1)).toEqual([
        ["heartbeatTimeout", true],
        ["disconnected", true, log(true, false, 1006)],
        ["reconnecting", 1, 1000]
      ])
      expect(ended.at(-1)).toEqual(["pending", "disconnect", "Request failed - server disconnected"])
      expect(server.socket.closedWith).toEqual([undefined, undefined])
      expect(server.socket.terminated).toBe(true)
      yield* adjust(1000)
      expect(server.sockets).toHaveLength(2)
    }))

  it.effect("onHeartbeatTimeout hears whether the client will reconnect", () =>
    Effect.gen(function*() {
      const { connect, heard, server } = yield* setup()
      connect({ reconnect: undefined })
      server.socket.accept({ heartbeat })
      heard.take()
      yield* adjust(40_000)
      expect(heard.take().slice(1)).toEqual([["heartbeatTimeout", false], [
        "disconnected",
        false,
        log(false, false, 1006)
      ]])
    }))

  it.effect("heartbeat: false, as the newest hello has it, is no watch", () =>
    Effect.gen(function*() {
      const { connect, heard, server } = yield* setup()
      connect()
      server.socket.accept({ heartbeat: false })
      yield* adjust("1 day")
      server.socket.end(1001)
      yield* adjust(1000)
      server.socket.accept({ heartbeat })
      server.socket.end(1001)
      yield* adjust(2000)
      server.socket.accept({ heartbeat: false })
      heard.take()
      yield* adjust("1 day")
      expect(heard.take()).toEqual([])
    }))

  it.effect("a server known to have a heartbeat is watched while it owes an answer to the hello", () =>
    Effect.gen(function*() {
      const { connect, heard, server } = yield* setup()
      connect()
      server.socket.accept({ heartbeat })
      server.socket.end(1006)
      yield* adjust(1000)
      heard.take()
      server.socket.open()
      yield* adjust(40_000)
      expect(heard.take()).toEqual([
        ["error", "timeout", "Disconnecting due to heartbeat timeout"],
        ["heartbeatTimeout", true],
        ["disconnected", true, log(true, false, 1006)],
        ["error", "disconnect", "Request failed - server disconnected"],
        ["reconnecting", 2, 2000]
      ])
    }))

  it.effect("disconnect ends the watch", () =>
    Effect.gen(function*() {
      const { connect, heard, server, session, settle } = yield* setup()
      connect()
      server.socket.accept({ heartbeat })
      session.disconnect(settle("disconnect"))
      yield* turn
      heard.take()
      yield* adjust("1 day")
      expect(heard.take()).toEqual([])
    }))
})
