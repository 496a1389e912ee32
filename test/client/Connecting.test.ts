/** How the client connects, against a scripted server and under the test's clock. */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { turn } from "./FakeServer.js"
import { adjust, log, message, setup } from "./Setup.js"

describe("connecting", () => {
  it.effect("says hello with version, auth and subscriptions, then onConnect, then connect settles", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server, session, settle } = yield* setup()
      session.subscribe("/a", "key", { update: () => {} }, settle("subscribe"))
      connect({ auth: "token" })
      expect(server.sockets).toHaveLength(1)
      expect(session.status).toEqual({ _tag: "Connecting", attempt: 0 })
      server.socket.open()
      expect(server.socket.sent).toEqual([{ type: "hello", version: "2", auth: "token", subs: ["/a"], id: 1 }])
      server.socket.answer("hello", { heartbeat: false, socket: "x" })
      expect(heard.take()).toEqual([["connected", "x"]])
      expect(ended).toEqual([["subscribe"], ["connect"]])
      expect(session.id).toBe("x")
      expect(session.status).toEqual({ _tag: "Connected", id: "x" })
    }))

  it.effect("refuses to connect twice, by what interop.md says of either", () =>
    Effect.gen(function*() {
      const { connect, ended, server, session } = yield* setup()
      connect({ reconnect: undefined })
      connect()
      server.socket.accept()
      connect()
      session.disconnect(() => {})
      yield* turn
      connect()
      server.socket.accept()
      connect()
      expect(ended).toEqual([
        ["connect", "user", "Already connected"],
        ["connect"],
        ["connect", "user", "Already connected"],
        ["connect"],
        ["connect", "user", "Cannot connect while client attempts to reconnect"]
      ])
      expect(server.sockets).toHaveLength(2)
    }))

  it.effect("reports what cannot be loaded, and may be tried again", () =>
    Effect.gen(function*() {
      const { connect, ended, server } = yield* setup()
      server.load = Effect.die(new Error("Cannot find package 'ws'"))
      connect()
      yield* turn
      server.load = Effect.void
      connect()
      server.socket.accept()
      expect(ended).toEqual([["connect", "user", "Cannot find package 'ws'"], ["connect"]])
    }))

  it.effect("reports an address that is none, and may be tried again", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server, session } = yield* setup()
      server.onConnection = () => {
        throw new SyntaxError("Invalid URL: fake")
      }
      connect()
      yield* turn
      server.onConnection = () => {}
      connect()
      server.socket.accept()
      expect(ended).toEqual([["connect", "user", "Invalid URL: fake"], ["connect"]])
      expect(heard.names()).toEqual(["connected"])
      expect(session.status._tag).toBe("Connected")
    }))

  it.effect("times out (connect's timeout covers opening only) and goes on in the background", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server } = yield* setup()
      connect({ timeout: Duration.millis(300) })
      yield* adjust(299)
      expect(ended).toEqual([])
      yield* adjust(1)
      expect(ended).toEqual([["connect", "timeout", "Connection timed out"]])
      expect(server.socket.terminated).toBe(true)
      // No disconnection: there was no connection.
      expect(heard.take()).toEqual([["reconnecting", 1, 1000]])
      yield* adjust(1000)
      yield* adjust(300)
      expect(heard.take()).toEqual([["error", "timeout", "Connection timed out"], ["reconnecting", 2, 2000]])
      yield* adjust(2000)
      server.socket.open()
      yield* adjust(1000)
      server.socket.answer("hello", { heartbeat: false, socket: "y" })
      expect(heard.take()).toEqual([["connected", "y"]])
      expect(server.sockets).toHaveLength(3)
      expect(ended).toHaveLength(1)
    }))

  it.effect("without reconnection, a timeout ends it", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server, session } = yield* setup()
      connect({ timeout: Duration.millis(300), reconnect: undefined })
      yield* adjust(300)
      expect(ended).toEqual([["connect", "timeout", "Connection timed out"]])
      expect(heard.take()).toEqual([])
      expect(session.status._tag).toBe("Disconnected")
      yield* adjust("1 day")
      expect(server.sockets).toHaveLength(1)
    }))

  it.effect("a first connection that fails rejects connect after onDisconnect, and is tried again", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server } = yield* setup()
      connect()
      server.socket.fail(new Error("ECONNREFUSED"))
      yield* turn
      expect(ended).toEqual([["connect", "ws", "Connection terminated while waiting to connect"]])
      expect(heard.take()).toEqual([
        ["disconnected", true, log(true, false, "none")],
        ["reconnecting", 1, 1000]
      ])
      yield* adjust(1000)
      server.socket.fail(new Error("ECONNREFUSED"))
      yield* turn
      expect(heard.take()).toEqual([
        ["error", "ws", "Connection terminated while waiting to connect"],
        ["disconnected", true, log(true, false, "none")],
        ["reconnecting", 2, 2000]
      ])
    }))

  it.effect("one that fails and will not be tried again is a Socket error, and no disconnection", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server } = yield* setup()
      connect({ reconnect: undefined })
      server.socket.fail(new Error("ECONNREFUSED"))
      yield* turn
      expect(ended).toEqual([["connect", "ws", "Socket error"]])
      expect(heard.take()).toEqual([])
    }))
})

describe("a hello", () => {
  it.effect("refused by the server ends reconnection; onDisconnect comes before connect rejects", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server, session } = yield* setup()
      connect()
      server.socket.open()
      server.socket.answer("hello", { statusCode: 401, payload: { error: "Unauthorized", message: "No" } })
      expect(ended).toEqual([])
      yield* turn
      expect(heard.take()).toEqual([["disconnected", false, log(false)]])
      expect(ended).toEqual([["connect", "server", "No"]])
      expect(session.status._tag).toBe("Disconnected")
      yield* adjust("1 hour")
      expect(server.sockets).toHaveLength(1)
      connect()
      server.socket.accept()
      expect(ended.at(-1)).toEqual(["connect"])
    }))

  it.effect("refused for a subscription removes that path only (nes-api.txt, client.subscribe, \"Note that\")", () =>
    Effect.gen(function*() {
      const { connect, ended, server, session, settle } = yield* setup()
      const reasons: Array<unknown> = []
      for (const path of ["/a", "/b"]) {
        session.subscribe(
          path,
          path,
          { update: () => {}, ended: (error) => reasons.push(path, error?.message) },
          settle(path)
        )
      }
      connect()
      server.socket.open()
      server.socket.answer("hello", {
        statusCode: 404,
        path: "/a",
        payload: { error: "Not Found", message: "Subscription not found" }
      })
      yield* turn
      expect(ended).toEqual([["/a"], ["/b"], ["connect", "server", "Subscription not found"]])
      expect(reasons).toEqual(["/a", "Subscription not found"])
      expect(session.subscriptions).toEqual(["/b"])
      connect()
      server.socket.open()
      expect(server.socket.last("hello").subs).toEqual(["/b"])
    }))

  it.effect("cut short by a drop is tried again: connect rejects after onDisconnect", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server } = yield* setup()
      connect()
      server.socket.open()
      server.socket.end(1006)
      yield* turn
      expect(heard.take()).toEqual([["disconnected", true, log(true, false, 1006)], ["reconnecting", 1, 1000]])
      expect(ended).toEqual([["connect", "disconnect", "Request failed - server disconnected"]])
      yield* adjust(1000)
      server.socket.open()
      server.socket.end(1006)
      yield* turn
      expect(heard.take()).toEqual([
        ["disconnected", true, log(true, false, 1006)],
        ["error", "disconnect", "Request failed - server disconnected"],
        ["reconnecting", 2, 2000]
      ])
    }))

  it.effect("that is not answered in time, or not with an answer to it, is tried again", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server } = yield* setup({ timeout: 500 })
      connect()
      server.socket.open()
      yield* adjust(500)
      expect(ended).toEqual([["connect", "timeout", "Request timed out"]])
      expect(heard.take()).toEqual([["disconnected", true, log(true)], ["reconnecting", 1, 1000]])
      yield* adjust(1000)
      server.socket.open()
      server.socket.say({ type: "sub", id: server.socket.last("hello").id })
      yield* turn
      expect(heard.take()).toEqual([
        ["error", "protocol", "Received unknown response type: sub"],
        ["disconnected", true, log(true)],
        ["error", "protocol", "Received invalid response"],
        ["reconnecting", 2, 2000]
      ])
      yield* adjust(2000)
      server.socket.accept()
      expect(heard.names()).toEqual(["connected"])
    }))

  it.effect("that cannot be put into JSON is the user's error, and final", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server } = yield* setup()
      const auth: Record<string, unknown> = {}
      auth.self = auth
      connect({ auth })
      server.socket.open()
      yield* turn
      expect(ended).toEqual([["connect", "user", expect.stringContaining("circular")]])
      expect(heard.take()).toEqual([["disconnected", false, log(false)]])
      yield* adjust("1 hour")
      expect(server.sockets).toHaveLength(1)
    }))

  it.effect("of a socket that throws when it sends is tried again", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server } = yield* setup()
      connect()
      server.socket.broken = new Error("cannot send")
      server.socket.open()
      yield* turn
      expect(ended).toEqual([["connect", "ws", "cannot send"]])
      expect(heard.names()).toEqual(["disconnected", "reconnecting"])
    }))
})

describe("disconnecting", () => {
  it.effect("while connecting is a Socket error for connect, and no disconnection", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server, session, settle } = yield* setup()
      connect()
      session.disconnect(settle("disconnect"))
      session.disconnect(settle("again"))
      expect(ended).toEqual([])
      yield* turn
      expect(ended).toEqual([["connect", "ws", "Socket error"], ["disconnect"], ["again"]])
      expect(heard.take()).toEqual([])
      yield* adjust("1 hour")
      expect(server.sockets).toHaveLength(1)
      expect(session.status._tag).toBe("Disconnected")
    }))

  it.effect("in mid-hello rejects connect, between onDisconnect and the end of disconnect", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server, session, settle } = yield* setup()
      connect()
      server.socket.open()
      session.disconnect(settle("disconnect"))
      yield* turn
      expect(heard.take()).toEqual([["disconnected", false, log(false, true)]])
      expect(ended).toEqual([["connect", "disconnect", "Request failed - server disconnected"], ["disconnect"]])
    }))

  it.effect("with calls pending: onDisconnect, then the calls fail, then both disconnects end", () =>
    Effect.gen(function*() {
      const { call, connect, ended, heard, server, session, settle } = yield* setup()
      connect()
      server.socket.accept()
      session.send(message("1"), call("1"))
      session.send(message("2"), call("2"))
      session.disconnect(settle("disconnect"))
      session.disconnect(settle("again"))
      session.send(message("3"), call("3"))
      yield* turn
      expect(heard.take()).toEqual([["connected", expect.any(String)], ["disconnected", false, log(false, true)]])
      expect(ended).toEqual([
        ["connect"],
        ["3", "disconnect", "Failed to send message - server disconnected"],
        ["1", "disconnect", "Request failed - server disconnected"],
        ["2", "disconnect", "Request failed - server disconnected"],
        ["disconnect"],
        ["again"]
      ])
      expect(session.id).toBe(null)
      session.disconnect(settle("idle"))
      expect(ended.at(-1)).toEqual(["idle"])
    }))

  it.effect("while waiting to reconnect ends at once, and for good (nes-api.txt, client.disconnect, \"stops future reconnects\")", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server, session, settle } = yield* setup()
      connect()
      server.socket.accept()
      server.socket.end(1006)
      yield* turn
      session.disconnect(settle("disconnect"))
      expect(ended.at(-1)).toEqual(["disconnect"])
      expect(session.status._tag).toBe("Disconnected")
      heard.take()
      yield* adjust("1 hour")
      expect(server.sockets).toHaveLength(1)
      expect(heard.take()).toEqual([])
      connect()
      expect(server.sockets).toHaveLength(2)
    }))

  it.effect("does not wait for a peer that does not answer the closing handshake", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server, session, settle } = yield* setup()
      connect()
      server.socket.accept()
      server.socket.answersClose = false
      session.disconnect(settle("disconnect"))
      yield* adjust(4999)
      expect(ended).toEqual([["connect"]])
      yield* adjust(1)
      expect(ended.at(-1)).toEqual(["disconnect"])
      expect(heard.take().at(-1)).toEqual(["disconnected", false, log(false, true, 1006)])
      expect(server.socket.terminated).toBe(true)
    }))
})
