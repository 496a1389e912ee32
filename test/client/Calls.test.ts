/** Calls and their ends, against a scripted server and under the test's clock. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Answered } from "../../src/client/Pending.js"
import { FakeSocket, turn } from "./FakeServer.js"
import { adjust, message, reconnect, setup } from "./Setup.js"

const connected = (options?: Parameters<typeof setup>[0]) =>
  Effect.tap(setup(options), ({ connect, ended, heard, server }) =>
    Effect.sync(() => {
      connect()
      server.socket.accept()
      ended.splice(0)
      heard.take()
    }))

describe("a call", () => {
  it.effect("has an id of its own and gets the answer to it, in whatever order", () =>
    Effect.gen(function*() {
      const { call, ended, server, session } = yield* connected()
      session.send(message("a"), call("a"))
      session.send(message("b"), call("b"))
      expect(server.socket.sent.slice(1)).toEqual([
        { type: "message", message: "a", id: 2 },
        { type: "message", message: "b", id: 3 }
      ])
      server.socket.say({ type: "message", id: 3, message: "for b" })
      server.socket.say({ type: "message", id: "2", message: "for a" })
      expect(ended).toEqual([["b", "for b"], ["a", "for a"]])
    }))

  it.effect("fails at once when it cannot be sent: not connected, not JSON, the socket throws", () =>
    Effect.gen(function*() {
      const { call, ended, server, session } = yield* setup()
      session.send(message("a"), call("idle"))
      session.connect({}, () => {})
      session.send(message("a"), call("connecting"))
      server.socket.accept()
      session.send(message(1n), call("bigint"))
      server.socket.broken = new Error("cannot send")
      session.send(message("a"), call("broken"))
      expect(ended).toEqual([
        ["idle", "disconnect", "Failed to send message - server disconnected"],
        ["connecting", "disconnect", "Failed to send message - server disconnected"],
        ["bigint", "user", expect.stringContaining("BigInt")],
        ["broken", "ws", "cannot send"]
      ])
    }))

  it.effect("fails with the server's error: its message, else its error, else Error, for any payload", () =>
    Effect.gen(function*() {
      const { call, ended, server, session } = yield* connected()
      const payloads: ReadonlyArray<unknown> = [
        { error: "Bad Request", message: "No such thing" },
        { error: "Bad Request" },
        { error: "Bad Request", message: "" },
        { message: { not: "a text" } },
        {},
        "a text",
        null,
        undefined
      ]
      for (const payload of payloads) {
        session.send(message("a"), call("a"))
        server.socket.answer("message", { statusCode: 400, payload })
      }
      expect(ended.map(([, type, text]) => `${String(type)}: ${String(text)}`)).toEqual([
        "server: No such thing",
        "server: Bad Request",
        "server: Bad Request",
        ...Array.from({ length: 5 }, () => "server: Error")
      ])
    }))

  it.effect("that is answered piece by piece waits anew after each, and whatever is late is silent", () =>
    Effect.gen(function*() {
      const { heard, server, session } = yield* connected({ timeout: 1000 })
      const failed: Array<string> = []
      const answered: Answered = (error, answer) => {
        if (error) {
          failed.push(error.message)
        } else {
          session.pending.resume(Number(answer.id))
        }
      }
      session.send({ type: "rpc", tag: "Count", id: 0 }, answered)
      const piece = { type: "rpc", id: 2, values: [1] }
      for (let pieces = 0; pieces < 3; pieces++) {
        yield* adjust(600)
        server.socket.say(piece)
      }
      yield* adjust(999)
      expect(failed).toEqual([])
      yield* adjust(1)
      expect(failed).toEqual(["Request timed out"])
      server.socket.say(piece)
      server.socket.say(piece)
      server.socket.say({ type: "rpc", id: 2, exit: { _tag: "Success" } })
      expect(heard.take()).toEqual([])
    }))

  it.effect("that times out fails, and its late answer is silent (nes-api.txt, timeout)", () =>
    Effect.gen(function*() {
      const { call, ended, heard, server, session } = yield* connected({ timeout: 1000 })
      session.send(message("a"), call("a"))
      yield* adjust(400)
      session.send(message("b"), call("b"))
      session.send(message("c"), call("c"))
      server.socket.say({ type: "message", id: 4, message: "in time" })
      yield* adjust(599)
      expect(ended).toEqual([["c", "in time"]])
      yield* adjust(1)
      expect(ended.slice(1)).toEqual([["a", "timeout", "Request timed out"]])
      yield* adjust(399)
      expect(ended).toHaveLength(2)
      yield* adjust(1)
      expect(ended.slice(2)).toEqual([["b", "timeout", "Request timed out"]])
      server.socket.say({ type: "message", id: 2, message: "late" })
      server.socket.say({ type: "message", id: 3, message: "late" })
      expect(heard.take()).toEqual([])
      server.socket.say({ type: "message", id: 3, message: "twice" })
      expect(heard.take()).toEqual([["error", "protocol", "Received response for unknown request"]])
      expect(ended).toHaveLength(3)
    }))

  it.effect("times out anew after a pause in which nothing waited, and after a reconnect", () =>
    Effect.gen(function*() {
      const { call, ended, server, session } = yield* connected({ timeout: 1000 })
      session.send(message("a"), call("a"))
      server.socket.answer("message")
      yield* adjust("1 hour")
      session.send(message("b"), call("b"))
      yield* adjust(999)
      expect(ended).toEqual([["a", undefined]])
      yield* adjust(1)
      expect(ended.at(-1)).toEqual(["b", "timeout", "Request timed out"])
      session.send(message("c"), call("c"))
      server.socket.end(1006)
      yield* adjust(1000)
      server.socket.accept()
      session.send(message("d"), call("d"))
      yield* adjust(1000)
      expect(ended.slice(2)).toEqual([
        ["c", "disconnect", "Request failed - server disconnected"],
        ["d", "timeout", "Request timed out"]
      ])
    }))

  it.effect("that is to be asked again of the next node has the time that it is left, connected or not", () =>
    Effect.gen(function*() {
      const { call, connect, ended, server, session } = yield* setup({ timeout: 1000 })
      connect({ reconnect: reconnect({ delay: 5000 }) })
      server.socket.accept()
      session.send(message("a"), call("a"))
      yield* adjust(600)
      session.send(message("b"), call("b"))
      server.socket.end(1012)
      yield* adjust(399)
      expect(ended).toEqual([["connect"]])
      yield* adjust(1)
      expect(ended.slice(1)).toEqual([["a", "timeout", "Request timed out"]])
      yield* adjust(600)
      expect(ended.slice(2)).toEqual([["b", "timeout", "Request timed out"]])
      yield* adjust(4000)
      server.socket.accept()
      expect(server.socket.sent.map(({ type }) => type)).toEqual(["hello"])
    }))

  it.effect("that is asked again of the next node in time has what is left of it, too", () =>
    Effect.gen(function*() {
      const { call, connect, ended, server, session } = yield* setup({ timeout: 1000 })
      connect({ reconnect: reconnect({ delay: 100 }) })
      server.socket.accept()
      session.send(message("a"), call("a"))
      yield* adjust(400)
      server.socket.end(1012)
      yield* adjust(100)
      server.socket.accept()
      session.send(message("b"), call("b"))
      expect(server.socket.sent.map(({ type }) => type)).toEqual(["hello", "message", "message"])
      yield* adjust(499)
      expect(ended).toEqual([["connect"]])
      yield* adjust(1)
      expect(ended.slice(1)).toEqual([["a", "timeout", "Request timed out"]])
      yield* adjust(500)
      expect(ended.slice(2)).toEqual([["b", "timeout", "Request timed out"]])
    }))

  it.effect("that is asked again of the next node is what it was, whatever has become of its message since", () =>
    Effect.gen(function*() {
      const { call, connect, ended, server, session } = yield* setup()
      connect({ reconnect: reconnect({ delay: 100 }) })
      server.socket.accept()
      const given = { n: 1 }
      session.send(message(given), call("a"))
      server.socket.state = "closing"
      session.send(message(given), call("b"))
      Object.assign(given, { n: 2n })
      server.socket.end(1012)
      yield* adjust(100)
      server.socket.accept()
      expect(server.socket.sent.slice(1)).toEqual([
        { type: "message", message: { n: 1 }, id: 5 },
        { type: "message", message: { n: 1 }, id: 6 }
      ])
      expect(ended).toEqual([["connect"]])
    }))

  it.effect("that would be asked again of the next node fails where onDisconnect disconnects", () =>
    Effect.gen(function*() {
      const { call, connect, ended, heard, server, session, settle } = yield* setup()
      connect()
      server.socket.accept()
      session.send(message("a"), call("a"))
      heard.disconnected = () => session.disconnect(settle("disconnect"))
      server.socket.end(1012)
      yield* adjust("1 hour")
      expect(ended).toEqual([
        ["connect"],
        ["disconnect"],
        ["a", "disconnect", "Request failed - server disconnected"]
      ])
      expect(server.sockets).toHaveLength(1)
    }))

  it.effect("never hangs: a hundred are answered, fail, time out or are cut off, each once", () =>
    Effect.gen(function*() {
      const { call, ended, server, session } = yield* connected({ timeout: 1000 })
      for (let index = 0; index < 100; index++) {
        session.send(message(index), call(String(index)))
      }
      for (let id = 2; id < 27; id++) {
        server.socket.say({ type: "message", id, message: "answer" })
        server.socket.say({ type: "message", id: id + 25, statusCode: 500, payload: null })
      }
      yield* adjust(999)
      for (let index = 100; index < 110; index++) {
        session.send(message(index), call(String(index)))
      }
      yield* adjust(1)
      server.socket.end(1006)
      yield* turn
      expect(ended.map(([name]) => Number(name)).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: 110 }, (_, index) => index)
      )
      expect(ended.slice(-10).every(([, type]) => type === "disconnect")).toBe(true)
      expect(ended.filter(([, type]) => type === "timeout")).toHaveLength(50)
    }))
})

describe("what a server must not send", () => {
  it.effect("is told to onError, and the connection goes on (interop.md, \"Client errors\")", () =>
    Effect.gen(function*() {
      const { call, ended, heard, server, session } = yield* connected()
      const { socket } = server
      socket.text("{nonsense")
      socket.text("!null")
      socket.text("![1]")
      socket.text("!")
      socket.binary()
      socket.say({ type: "message", id: 99 })
      socket.say({ statusCode: 400, payload: { error: "Bad Request", message: "Cannot parse message" } })
      socket.say({ type: "pub", path: 5 })
      expect(heard.take().map(([name, type, text]) => [name, type, String(text).replace(/^.* JSON .*$/, "JSON")]))
        .toEqual([
          ["error", "protocol", "JSON"],
          ["error", "protocol", "Received invalid message"],
          ["error", "protocol", "Received invalid message"],
          ["error", "protocol", "JSON"],
          ["error", "protocol", "Received invalid message"],
          ["error", "protocol", "Received response for unknown request"],
          ["error", "protocol", "Received response for unknown request"],
          ["error", "protocol", "Received invalid message"]
        ])
      session.send(message("a"), call("a"))
      socket.answer("message", { message: "still here" })
      expect(ended).toEqual([["a", "still here"]])
    }))

  it.effect("in answer to a call ends that call as well", () =>
    Effect.gen(function*() {
      const { call, ended, heard, server, session } = yield* connected()
      const answers = [
        { type: "nonsense" },
        {},
        { type: "sub" },
        { type: "message", statusCode: "500" },
        { type: "message", headers: [] },
        { type: "constructor", statusCode: 500 }
      ]
      for (const answer of answers) {
        session.send(message("a"), call("a"))
        server.socket.say({ id: server.socket.last("message").id, ...answer })
      }
      expect(ended).toEqual(answers.map(() => ["a", "protocol", "Received invalid response"]))
      expect(heard.take().map(([, , text]) => text)).toEqual([
        "Received unknown response type: nonsense",
        "Received unknown response type: undefined",
        "Received unknown response type: sub",
        "Received invalid message",
        "Received invalid message",
        "Received unknown response type: constructor"
      ])
    }))

  it.effect("an incomplete chunk sequence: the message that interrupts it is still processed", () =>
    Effect.gen(function*() {
      const { heard, server } = yield* connected()
      server.socket.text("+{\"type\":\"update\",")
      server.socket.text("+\"message\":")
      server.socket.say({ type: "update", message: "whole" })
      server.socket.text("+{\"type\":\"upda")
      server.socket.text("te\",\"message\":\"j")
      server.socket.text("!oined\"}")
      expect(heard.take()).toEqual([
        ["error", "protocol", "Received an incomplete message"],
        ["update", "whole"],
        // A text that starts with neither { nor ! continues, whatever its first character is: here it made "updae".
        ["error", "protocol", "Received response for unknown request"]
      ])
      server.socket.text("+{\"type\":\"upda")
      server.socket.text("+te\",\"message\":\"j")
      server.socket.text("!oined\"}")
      expect(heard.take()).toEqual([["update", "joined"]])
    }))

  it.effect("chunks cut off by a drop are forgotten", () =>
    Effect.gen(function*() {
      const { heard, server } = yield* connected()
      server.socket.text("+{\"type\":\"update\",")
      server.socket.end(1006)
      yield* adjust(1000)
      server.socket.accept()
      server.socket.say({ type: "update", message: "whole" })
      expect(heard.names()).toEqual(["disconnected", "reconnecting", "connected", "update"])
    }))

  it.effect("more than maxMessageChars closes the connection with 1009", () =>
    Effect.gen(function*() {
      const { heard, server } = yield* connected({ maxMessageChars: 10 })
      server.socket.text("+12345")
      server.socket.text("+67890")
      expect(heard.take()).toEqual([])
      server.socket.text("+1")
      server.socket.text("+2")
      expect(server.socket.closedWith).toEqual([1009, "Message too big"])
      yield* turn
      expect(heard.take()).toEqual([
        ["error", "protocol", "Received message exceeds the maximum length"],
        ["disconnected", true, expect.objectContaining({ code: 1009 })],
        ["reconnecting", 1, 1000]
      ])
    }))

  it.effect("and nothing is heard of a socket that is over", () =>
    Effect.gen(function*() {
      const { heard, server } = yield* connected()
      const { socket } = server
      socket.end(1001)
      yield* adjust(1000)
      server.socket.accept()
      heard.take()
      socket.say({ type: "update", message: "late" })
      socket.binary()
      socket.fail(new Error("late"))
      socket.open()
      expect(heard.take()).toEqual([])
      expect(socket).not.toBe(server.socket)
      expect(server.socket).toBeInstanceOf(FakeSocket)
    }))
})
