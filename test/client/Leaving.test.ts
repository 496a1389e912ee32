/** `disconnect()`, and what comes after it. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { turn } from "./FakeServer.js"
import { adjust, log, message, setup } from "./Setup.js"

describe("connect after a disconnect that has not ended", () => {
  it.effect("waits for it, then connects", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server, session, settle } = yield* setup()
      connect()
      server.socket.accept()
      server.socket.answersClose = false
      session.disconnect(settle("disconnect"))
      connect({ auth: "second" })
      yield* turn
      expect(server.sockets).toHaveLength(1)
      expect(session.isConnected).toBe(false)
      server.socket.end(1005)
      yield* turn
      expect(ended).toEqual([["connect"], ["disconnect"]])
      expect(server.sockets).toHaveLength(2)
      server.socket.accept()
      expect(server.socket.last("hello").auth).toBe("second")
      expect(ended.at(-1)).toEqual(["connect"])
      expect(heard.names()).toEqual(["connected", "disconnected", "connected"])
      server.socket.end(1006)
      yield* adjust(1000)
      expect(server.sockets).toHaveLength(3)
    }))

  it.effect("is found connected at the end, in mid-opening, in mid-hello and while waiting, and nothing is reported", () =>
    Effect.gen(function*() {
      const states: ReadonlyArray<(test: Effect.Success<ReturnType<typeof setup>>) => void> = [
        () => {},
        ({ server }) => server.socket.open(),
        ({ server }) => server.socket.accept(),
        ({ server }) => {
          server.socket.accept()
          server.socket.end(1006)
        }
      ]
      for (const reach of states) {
        const test = yield* setup()
        const { connect, heard, server, session, settle } = test
        connect() // mount
        reach(test)
        session.disconnect(settle("disconnect")) // unmount
        connect() // mount
        yield* turn
        yield* turn
        server.socket.accept()
        expect(session.isConnected).toBe(true)
        expect(heard.names()).not.toContain("error")
        yield* adjust("1 hour")
        expect(session.isConnected).toBe(true)
      }
    }))

  it.effect("is refused while one waits already, and given up by a further disconnect", () =>
    Effect.gen(function*() {
      const { connect, ended, server, session, settle } = yield* setup()
      connect()
      server.socket.accept()
      session.disconnect(settle("first"))
      connect()
      connect()
      expect(session.overrideReconnectionAuth("x")).toBe(true)
      session.disconnect(settle("second"))
      yield* adjust("1 hour")
      expect(ended).toEqual([
        ["connect"],
        ["connect", "user", "Cannot connect while client attempts to reconnect"],
        ["connect", "ws", "Socket error"],
        ["first"],
        ["second"]
      ])
      expect(server.sockets).toHaveLength(1)
    }))

  it.effect("says hello with the credentials that were set meanwhile", () =>
    Effect.gen(function*() {
      const { connect, server, session, settle } = yield* setup()
      connect()
      server.socket.accept()
      session.disconnect(settle("disconnect"))
      connect({ auth: "old" })
      session.overrideReconnectionAuth("new")
      yield* turn
      server.socket.accept()
      expect(server.socket.last("hello").auth).toBe("new")
    }))
})

describe("after disconnect", () => {
  it.effect("nobody is called but who waits for an answer, and onDisconnect", () =>
    Effect.gen(function*() {
      const { call, connect, ended, heard, server, session, settle } = yield* setup()
      const handed: Array<unknown> = []
      session.subscribe("/a", "key", {
        update: (update) => handed.push(update),
        ended: () => handed.push("ended")
      }, () => {})
      connect()
      server.socket.accept({ heartbeat: { interval: 500, timeout: 500 } })
      session.send(message("late"), call("late"))
      heard.take()
      ended.length = 0
      server.socket.answersClose = false
      session.disconnect(settle("disconnect"))
      const { socket } = server
      socket.say({ type: "pub", path: "/a", message: 1 })
      socket.say({ type: "pub", path: "/a", message: 2 })
      socket.say({ type: "revoke", path: "/a", message: 3 })
      socket.say({ type: "update", message: 4 })
      socket.say({ type: "ping", gaps: { "/a": { epoch: "e", offset: 1 } } })
      socket.text("no JSON")
      socket.text("+{\"a piece\":")
      socket.say({ type: "update" })
      socket.binary()
      socket.say({ type: "message", id: 99, message: "unknown" })
      socket.answer("message", { message: "answered" })
      // Longer than the heartbeat has patience.
      yield* adjust(2000)
      yield* adjust(5000)
      expect(heard.take()).toEqual([["disconnected", false, log(false, true, 1006)]])
      expect(handed).toEqual([])
      expect(ended).toEqual([["late", "answered"], ["disconnect"]])
    }))

  it.effect("an answer to the hello does not connect", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server, session, settle } = yield* setup()
      connect()
      server.socket.open()
      server.socket.answersClose = false
      session.disconnect(settle("disconnect"))
      server.socket.answer("hello", { heartbeat: false, socket: "x" })
      expect(session.id).toBe(null)
      server.socket.end(1005)
      yield* turn
      expect(heard.take()).toEqual([["disconnected", false, log(false, true)]])
      expect(ended).toEqual([["connect", "disconnect", "Request failed - server disconnected"], ["disconnect"]])
    }))
})
