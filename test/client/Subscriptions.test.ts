/** Subscriptions at listener level, against a scripted server and under the test's clock. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Listener } from "../../src/client/Subscriptions.js"
import { turn } from "./FakeServer.js"
import { adjust, setup } from "./Setup.js"

const connected = Effect.gen(function*() {
  const all = yield* setup()
  const got: Array<ReadonlyArray<unknown>> = []
  all.connect()
  all.server.socket.accept()
  all.ended.splice(0)
  all.heard.take()
  const listener = (name: string): Listener => ({
    update: (message, flags) => got.push([name, message, flags]),
    ended: (error) => got.push([name, "ended", error?.message])
  })
  return { ...all, got, listener, sent: () => all.server.socket.sent.splice(0).map(({ path, type }) => [type, path]) }
})

describe("subscriptions", () => {
  it.effect("a path is subscribed once, by its first listener; the others wait for the same answer", () =>
    Effect.gen(function*() {
      const { ended, got, listener, sent, server, session, settle } = yield* connected
      sent()
      session.subscribe("/a", 1, listener("1"), settle("1"))
      session.subscribe("/a", 2, listener("2"), settle("2"))
      session.subscribe("/a", 2, listener("2 again"), settle("2 again"))
      expect(ended).toEqual([])
      expect(server.socket.sent.map(({ type }) => type)).toEqual(["sub"])
      server.socket.say({ type: "pub", path: "/a", message: "before the answer" })
      server.socket.answer("sub", { path: "/a" })
      session.subscribe("/a", 3, listener("3"), settle("3"))
      server.socket.say({ type: "pub", path: "/a", message: "after" })
      server.socket.say({ type: "pub", path: "/b", message: "of another path" })
      server.socket.say({ type: "pub", path: "/a" })
      expect(ended).toEqual([["1"], ["2"], ["2 again"], ["3"]])
      expect(got).toEqual([
        ["1", "before the answer", {}],
        ["2", "before the answer", {}],
        ["1", "after", {}],
        ["2", "after", {}],
        ["3", "after", {}]
      ])
      expect(sent()).toEqual([["sub", "/a"]])
    }))

  it.effect("a refused path is dropped with all its listeners", () =>
    Effect.gen(function*() {
      const { ended, got, listener, server, session, settle } = yield* connected
      session.subscribe("/a", 1, listener("1"), settle("1"))
      session.subscribe("/a", 2, listener("2"), settle("2"))
      server.socket.answer("sub", { statusCode: 404, path: "/a", payload: { message: "Subscription not found" } })
      expect(ended).toEqual([
        ["1", "server", "Subscription not found"],
        ["2", "server", "Subscription not found"]
      ])
      expect(got).toEqual([["1", "ended", "Subscription not found"], ["2", "ended", "Subscription not found"]])
      expect(session.subscriptions).toEqual([])
    }))

  it.effect("a refusal that comes after the path was given up and taken again is not of the new one", () =>
    Effect.gen(function*() {
      const { ended, listener, sent, server, session, settle } = yield* connected
      sent()
      session.subscribe("/a", 1, listener("1"), settle("1"))
      const first = server.socket.last("sub")
      session.unsubscribe("/a", 1, settle("unsubscribe"))
      session.subscribe("/a", 1, listener("1"), settle("1 again"))
      server.socket.say({ type: "sub", id: first.id, statusCode: 500, payload: {} })
      expect(session.subscriptions).toEqual(["/a"])
      server.socket.answer("unsub")
      server.socket.answer("sub")
      expect(ended).toEqual([["1", "server", "Error"], ["unsubscribe"], ["1 again"]])
    }))

  it.effect("paths that are none are refused (interop.md, Invalid path)", () =>
    Effect.gen(function*() {
      const { ended, listener, session, settle } = yield* connected
      for (const path of ["", "a", undefined as unknown as string]) {
        session.subscribe(path, 1, listener("1"), settle("subscribe"))
        session.unsubscribe(path, 1, settle("unsubscribe"))
      }
      expect(ended.map(([, ...error]) => error)).toEqual(Array.from({ length: 6 }, () => ["user", "Invalid path"]))
    }))

  it.effect("the path is unsubscribed with its last listener, or with all at once", () =>
    Effect.gen(function*() {
      const { ended, got, listener, sent, server, session, settle } = yield* connected
      for (const key of [1, 2, 3]) {
        session.subscribe("/a", key, listener(String(key)), () => {})
      }
      server.socket.answer("sub")
      sent()
      session.unsubscribe("/a", 1, settle("1"))
      session.unsubscribe("/a", 1, settle("1 again"))
      session.unsubscribe("/b", 1, settle("unknown"))
      expect(sent()).toEqual([])
      server.socket.say({ type: "pub", path: "/a", message: 1 })
      expect(got.splice(0).map(([name]) => name)).toEqual(["2", "3"])
      session.unsubscribe("/a", null, settle("all"))
      expect(ended).toEqual([["1"], ["1 again"], ["unknown"]])
      server.socket.say({ type: "pub", path: "/a", message: 2 })
      server.socket.answer("unsub")
      expect(got).toEqual([])
      expect(ended.slice(3)).toEqual([["all"]])
      session.subscribe("/a", 1, listener("1"), () => {})
      session.unsubscribe("/a", 1, settle("last"))
      server.socket.answer("unsub", { statusCode: 500, payload: { message: "no" } })
      expect(ended.slice(4)).toEqual([["last", "server", "no"]])
      expect(session.subscriptions).toEqual([])
    }))

  it.effect("a listener that throws does not keep a message from the others", () =>
    Effect.gen(function*() {
      const { got, heard, listener, server, session } = yield* connected
      session.subscribe("/a", 1, {
        update: () => {
          throw new Error("bad listener")
        }
      }, () => {})
      session.subscribe("/a", 2, listener("2"), () => {})
      server.socket.answer("sub")
      server.socket.say({ type: "pub", path: "/a", message: 1 })
      server.socket.say({ type: "revoke", path: "/a", message: 2 })
      expect(got).toEqual([["2", 1, {}], ["2", 2, { revoked: true }], ["2", "ended", undefined]])
      expect(heard.take().filter(([kind]) => kind === "error")).toEqual([["error", "user", "bad listener"], [
        "error",
        "user",
        "bad listener"
      ]])
    }))

  it.effect("listeners come and go while a message is handed on", () =>
    Effect.gen(function*() {
      const { got, listener, server, session } = yield* connected
      session.subscribe("/a", 1, {
        update: (message, flags) => {
          listener("1").update(message, flags)
          session.unsubscribe("/a", 1, () => {})
          session.unsubscribe("/a", 2, () => {})
          session.subscribe("/a", 4, listener("4"), () => {})
        }
      }, () => {})
      session.subscribe("/a", 2, listener("2"), () => {})
      session.subscribe("/a", 3, listener("3"), () => {})
      server.socket.say({ type: "pub", path: "/a", message: 1 })
      expect(got.map(([name]) => name)).toEqual(["1", "3", "4"])
    }))

  it.effect("a revoked path is gone, with its last message (falsy ones too) or without", () =>
    Effect.gen(function*() {
      const { got, listener, sent, server, session } = yield* connected
      for (const message of ["last", null, false, 0, ""]) {
        session.subscribe("/a", 1, listener("1"), () => {})
        server.socket.answer("sub")
        server.socket.say({ type: "revoke", path: "/a", message })
        expect(got.splice(0)).toEqual([["1", message, { revoked: true }], ["1", "ended", undefined]])
        expect(session.subscriptions).toEqual([])
      }
      session.subscribe("/a", 1, listener("1"), () => {})
      server.socket.answer("sub")
      sent()
      server.socket.say({ type: "revoke", path: "/a" })
      server.socket.say({ type: "revoke", path: "/never" })
      server.socket.say({ type: "pub", path: "/a", message: "late" })
      expect(got).toEqual([["1", "ended", undefined]])
      expect(sent()).toEqual([])
    }))

  it.effect("they outlive connections: the next hello has them all", () =>
    Effect.gen(function*() {
      const { got, listener, server, session } = yield* connected
      session.subscribe("/a", 1, listener("1"), () => {})
      server.socket.answer("sub")
      server.socket.end(1006)
      yield* turn
      session.subscribe("/b", 1, listener("2"), () => {})
      yield* adjust(1000)
      server.socket.open()
      expect(server.socket.sent).toEqual([expect.objectContaining({ type: "hello", subs: ["/a", "/b"] })])
      server.socket.say({ type: "pub", path: "/b", message: "before the hello's answer" })
      expect(got).toEqual([["2", "before the hello's answer", {}]])
    }))

  it.effect("begun or ended while the hello is being answered, they are sent after it", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server, session, settle } = yield* setup()
      session.subscribe("/a", 1, { update: () => {} }, settle("a"))
      connect()
      server.socket.open()
      session.unsubscribe("/a", 1, settle("no a"))
      session.subscribe("/b", 1, { update: () => {} }, settle("b"))
      session.subscribe("/b", 2, { update: () => {} }, settle("b again"))
      expect(ended).toEqual([["a"]])
      expect(server.socket.sent).toEqual([expect.objectContaining({ type: "hello", subs: ["/a"] })])
      server.socket.answer("hello", { socket: "s1", heartbeat: false })
      expect(server.socket.sent.slice(1).map(({ path, type }) => [type, path])).toEqual([["unsub", "/a"], [
        "sub",
        "/b"
      ]])
      expect(ended.slice(1)).toEqual([["connect"]])
      server.socket.answer("unsub")
      server.socket.answer("sub")
      expect(ended.slice(2)).toEqual([["no a"], ["b"], ["b again"]])
      expect(session.subscriptions).toEqual(["/b"])
      expect(heard.take().filter(([name]) => name === "error")).toEqual([])
    }))

  it.effect("begun while a hello is being answered that never is, they fail with the connection", () =>
    Effect.gen(function*() {
      const { connect, ended, server, session, settle } = yield* setup()
      connect()
      server.socket.open()
      session.subscribe("/a", 1, { update: () => {} }, settle("a"))
      server.socket.end(1006)
      yield* turn
      expect(ended).toEqual([
        ["a", "disconnect", "Failed to send message - server disconnected"],
        ["connect", "disconnect", "Request failed - server disconnected"]
      ])
      expect(session.subscriptions).toEqual([])
      yield* adjust(1000)
      server.socket.accept()
      expect(server.socket.sent).toEqual([expect.not.objectContaining({ subs: expect.anything() as unknown })])
    }))

  it.effect("a subscription or its end, under way when the connection is lost, fails", () =>
    Effect.gen(function*() {
      const { ended, listener, server, session, settle } = yield* connected
      session.subscribe("/a", 1, listener("1"), settle("first"))
      server.socket.answer("sub")
      session.subscribe("/b", 1, listener("1"), settle("subscribe"))
      session.unsubscribe("/a", null, settle("unsubscribe"))
      server.socket.end(1006)
      yield* turn
      expect(ended.slice(1)).toEqual([
        ["subscribe", "disconnect", "Request failed - server disconnected"],
        ["unsubscribe", "disconnect", "Request failed - server disconnected"]
      ])
      expect(session.subscriptions).toEqual([])
      yield* adjust(1000)
      server.socket.open()
      expect(server.socket.last("hello").subs).toBe(undefined)
    }))

  it.effect("what is said with a path is said as it was, and only if it is JSON", () =>
    Effect.gen(function*() {
      const { ended, listener, server, session, settle } = yield* connected
      const circular: Record<string, unknown> = {}
      circular.self = circular
      const fails = {
        toJSON() {
          throw new Error("cannot be read")
        }
      }
      const mood = { is: "fine" }
      session.subscribe("/a", 1, listener("1"), settle("/a"), { presence: mood })
      server.socket.answer("sub")
      session.present("/a", mood, settle("mood"))
      server.socket.answer("sub")
      mood.is = "worse"
      const refused = [5n, circular, fails]
      refused.forEach((value) => session.present("/a", value, settle("present")))
      server.socket.end(1006)
      yield* turn
      refused.forEach((value, index) => {
        session.present("/a", value, settle("present"))
        session.subscribe(`/b/${index}`, 1, listener("1"), settle("subscribe"), { presence: value })
      })
      expect(ended.splice(0).map(([name, error]) => [name, error])).toEqual([
        ["/a", undefined],
        ["mood", undefined],
        ...refused.map(() => ["present", "user"]),
        ...refused.flatMap(() => [["present", "user"], ["subscribe", "user"]])
      ])
      yield* adjust(1000)
      server.socket.accept()
      expect(server.socket.last("hello")).toMatchObject({ subs: ["/a"], presence: { "/a": { is: "fine" } } })
      expect(session.status._tag).toBe("Connected")
    }))
})
