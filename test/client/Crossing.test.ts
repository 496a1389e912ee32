/** Messages that cross on the wire: the outcome of each pair, as `docs/protocol.md` has it. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { turn } from "./FakeServer.js"
import { message, setup } from "./Setup.js"

const position = (offset: number): object => ({ position: { epoch: "e", offset } })

/** A client that is connected, and subscribed to `/a` for `first`. */
const subscribed = (fields: object = {}) =>
  Effect.gen(function*() {
    const test = yield* setup()
    const { connect, ended, heard, server, session, settle } = test
    const seen: Array<ReadonlyArray<unknown>> = []
    const subscribe = (name: string): void =>
      session.subscribe("/a", name, {
        update: (update, flags) => seen.push([name, update, ...(flags.revoked ? ["revoked"] : [])]),
        ended: (error) => seen.push([name, "ended", error?.message])
      }, settle(`sub ${name}`))
    const unsubscribe = (): void => session.unsubscribe("/a", null, settle("unsub"))
    connect()
    server.socket.accept()
    subscribe("first")
    server.socket.answer("sub", { path: "/a", ...fields })
    ended.length = 0
    heard.take()
    return { ...test, seen, subscribe, unsubscribe }
  })

describe("a revoke crosses", () => {
  it.effect("unsubscribe and subscribe: it is about the subscription before, and the new one stands", () =>
    Effect.gen(function*() {
      const { ended, seen, server, session, subscribe, unsubscribe } = yield* subscribed()
      unsubscribe()
      subscribe("second")
      server.socket.say({ type: "revoke", path: "/a", message: "bye" })
      server.socket.answer("unsub")
      server.socket.answer("sub", { path: "/a" })
      server.socket.say({ type: "pub", path: "/a", message: "news" })
      expect(seen).toEqual([["second", "news"]])
      expect(ended).toEqual([["unsub"], ["sub second"]])
      expect(session.subscriptions).toEqual(["/a"])
      server.socket.say({ type: "revoke", path: "/a", message: "real" })
      expect(seen.slice(1)).toEqual([["second", "real", "revoked"], ["second", "ended", undefined]])
    }))

  it.effect("several of both: none but the last subscription's own ends it", () =>
    Effect.gen(function*() {
      const { seen, server, subscribe, unsubscribe } = yield* subscribed()
      const { socket } = server
      unsubscribe()
      subscribe("second")
      unsubscribe()
      subscribe("third")
      const ids = socket.sent.filter(({ type }) => type === "sub" || type === "unsub").slice(1)
      socket.say({ type: "revoke", path: "/a" })
      socket.say({ type: "unsub", id: ids[0]?.id })
      socket.say({ type: "sub", id: ids[1]?.id, path: "/a" })
      socket.say({ type: "revoke", path: "/a" })
      socket.say({ type: "unsub", id: ids[2]?.id })
      socket.say({ type: "sub", id: ids[3]?.id, path: "/a" })
      socket.say({ type: "pub", path: "/a", message: "news" })
      expect(seen).toEqual([["third", "news"]])
      socket.say({ type: "revoke", path: "/a" })
      expect(seen.at(-1)).toEqual(["third", "ended", undefined])
    }))

  it.effect("unsubscribe: nobody hears of it, and the unsubscribe succeeds", () =>
    Effect.gen(function*() {
      const { ended, heard, seen, server, unsubscribe } = yield* subscribed()
      unsubscribe()
      server.socket.say({ type: "revoke", path: "/a", message: "bye" })
      server.socket.answer("unsub")
      expect([seen, ended, heard.take()]).toEqual([[], [["unsub"]], []])
    }))

  it.effect("a further handler: it ends with the path", () =>
    Effect.gen(function*() {
      const { ended, seen, server, session, subscribe } = yield* subscribed()
      subscribe("second")
      server.socket.say({ type: "revoke", path: "/a" })
      expect(seen).toEqual([["first", "ended", undefined], ["second", "ended", undefined]])
      expect(ended).toEqual([["sub second"]])
      expect(session.subscriptions).toEqual([])
    }))

  it.effect("a sub: its answer says whether it stands", () =>
    Effect.gen(function*() {
      const { seen, server, session, subscribe, unsubscribe } = yield* subscribed()
      unsubscribe()
      server.socket.answer("unsub")
      subscribe("second")
      server.socket.say({ type: "revoke", path: "/a", message: "bye" })
      server.socket.answer("sub", { path: "/a" })
      expect([seen, session.subscriptions]).toEqual([[], ["/a"]])
      unsubscribe()
      server.socket.answer("unsub")
      subscribe("third")
      server.socket.say({ type: "revoke", path: "/a" })
      server.socket.answer("sub", { path: "/a", statusCode: 403, payload: { message: "Subscription revoked" } })
      expect(seen).toEqual([["third", "ended", "Subscription revoked"]])
      expect(session.subscriptions).toEqual([])
    }))

  it.effect("an unsubscribe and subscribe that a lost connection took along: the next connection's counts", () =>
    Effect.gen(function*() {
      const { connect, seen, server, session, settle, subscribe, unsubscribe } = yield* subscribed()
      unsubscribe()
      session.disconnect(settle("disconnect"))
      yield* turn
      subscribe("second")
      connect()
      server.socket.accept()
      server.socket.say({ type: "revoke", path: "/a" })
      expect(seen).toEqual([["second", "ended", undefined]])
    }))
})

describe("a pub crosses", () => {
  it.effect("unsubscribe: it is dropped without a word", () =>
    Effect.gen(function*() {
      const { heard, seen, server, unsubscribe } = yield* subscribed()
      unsubscribe()
      server.socket.say({ type: "pub", path: "/a", message: "late" })
      expect([seen, heard.take()]).toEqual([[], []])
    }))

  it.effect("unsubscribe and subscribe: the new handler hears it", () =>
    Effect.gen(function*() {
      const { seen, server, subscribe, unsubscribe } = yield* subscribed()
      unsubscribe()
      subscribe("second")
      server.socket.say({ type: "pub", path: "/a", message: "early" })
      expect(seen).toEqual([["second", "early"]])
    }))

  it.effect("them with recovery: each update is heard once, and the path goes on from its answer", () =>
    Effect.gen(function*() {
      const { seen, server, subscribe, unsubscribe } = yield* subscribed(position(1))
      unsubscribe()
      subscribe("second")
      server.socket.say({ type: "pub", path: "/a", message: 2, ...position(2) })
      server.socket.answer("unsub")
      server.socket.answer("sub", { path: "/a", ...position(2) })
      server.socket.say({ type: "pub", path: "/a", message: 2, ...position(2) })
      server.socket.say({ type: "pub", path: "/a", message: 3, ...position(3) })
      expect(seen).toEqual([["second", 2], ["second", 3]])
    }))
})

describe("what is published crosses", () => {
  it.effect("a reauthentication: it is delivered", () =>
    Effect.gen(function*() {
      const { call, ended, seen, server, session } = yield* subscribed()
      session.send({ type: "reauth", auth: "token", id: 0 }, call("reauth"))
      server.socket.say({ type: "pub", path: "/a", message: "news" })
      server.socket.answer("reauth")
      expect(seen).toEqual([["first", "news"]])
      expect(ended.map(([name]) => name)).toEqual(["reauth"])
    }))

  it.effect("a disconnect: nobody hears it", () =>
    Effect.gen(function*() {
      const { heard, seen, server, session, settle } = yield* subscribed()
      session.disconnect(settle("disconnect"))
      server.socket.say({ type: "pub", path: "/a", message: "late" })
      server.socket.say({ type: "update", message: "late" })
      expect([seen, heard.take()]).toEqual([[], []])
    }))
})

describe("an answer crosses", () => {
  it.effect("the refusal of a sub, an unsubscribe and subscribe: only the first subscribe fails", () =>
    Effect.gen(function*() {
      const { ended, seen, server, session, subscribe, unsubscribe } = yield* subscribed()
      unsubscribe()
      server.socket.answer("unsub")
      subscribe("second")
      const { id } = server.socket.last("sub")
      unsubscribe()
      subscribe("third")
      server.socket.say({ type: "sub", id, statusCode: 403, path: "/a", payload: { message: "No" } })
      server.socket.answer("unsub")
      server.socket.answer("sub", { path: "/a" })
      expect(ended).toEqual([["unsub"], ["sub second", "server", "No"], ["unsub"], ["sub third"]])
      expect([seen, session.subscriptions]).toEqual([[], ["/a"]])
    }))

  it.effect("a close, a call: the call fails as the connection is gone", () =>
    Effect.gen(function*() {
      const { call, ended, server, session } = yield* subscribed()
      session.send(message(1), call("call"))
      server.socket.end(1001)
      yield* turn
      expect(ended).toEqual([["call", "disconnect", "Request failed - server disconnected"]])
    }))
})
