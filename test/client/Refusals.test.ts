/** A hello that is refused: for the moment, for one path, for its credentials, or for good. */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Attempt } from "../../src/client/Credentials.js"
import { UserError } from "../../src/protocol/NesError.js"
import { turn } from "./FakeServer.js"
import { adjust, log, reconnect, setup } from "./Setup.js"
import type { Setup } from "./Setup.js"

const refuse = ({ server }: Setup, statusCode: number, fields: object = {}): Effect.Effect<void> =>
  Effect.suspend(() => {
    server.socket.open()
    server.socket.answer("hello", { statusCode, payload: { message: `Refused ${statusCode}` }, ...fields })
    return turn
  })

/** Loses a connection that was accepted, and waits for the next attempt. */
const lose = ({ heard, server }: Setup): Effect.Effect<void> =>
  Effect.gen(function*() {
    server.socket.accept()
    server.socket.end(1006)
    yield* adjust(1000)
    heard.take()
  })

const temporary = [429, 500, 502, 503, 504, 599]
const final = [400, 401, 403, 404, 409, 410, 428, 430, 600]

describe("a refusal of the hello", () => {
  for (const statusCode of temporary) {
    it.effect(`with ${statusCode} is temporary: connect rejects, and attempts follow`, () =>
      Effect.gen(function*() {
        const test = yield* setup()
        const { connect, ended, heard, server, session } = test
        connect()
        yield* refuse(test, statusCode)
        expect(ended).toEqual([["connect", "server", `Refused ${statusCode}`]])
        expect(heard.take()).toEqual([["disconnected", true, log(true)], ["reconnecting", 1, 1000]])
        yield* adjust(1000)
        yield* refuse(test, statusCode)
        expect(heard.take()).toEqual([
          ["disconnected", true, log(true)],
          ["error", "server", `Refused ${statusCode}`],
          ["reconnecting", 2, 2000]
        ])
        yield* adjust(2000)
        server.socket.accept()
        expect(session.isConnected).toBe(true)
      }))
  }

  it.effect("that is temporary uses the retries up, and is final without any", () =>
    Effect.gen(function*() {
      const test = yield* setup()
      test.connect({ reconnect: reconnect({ retries: 1 }) })
      yield* lose(test)
      yield* refuse(test, 503)
      expect(test.heard.take()).toEqual([["disconnected", false, log(false)], ["error", "server", "Refused 503"]])
      test.connect({ reconnect: undefined })
      yield* refuse(test, 503)
      expect(test.ended.at(-1)).toEqual(["connect", "server", "Refused 503"])
      yield* adjust("1 hour")
      expect(test.server.sockets).toHaveLength(3)
    }))

  for (const statusCode of final) {
    it.effect(`with ${statusCode} is final, on connect and on a reconnect`, () =>
      Effect.gen(function*() {
        const test = yield* setup()
        test.connect()
        yield* refuse(test, statusCode)
        expect(test.heard.take()).toEqual([["disconnected", false, log(false)]])
        test.connect()
        yield* lose(test)
        yield* refuse(test, statusCode)
        expect(test.heard.take()).toEqual([
          ["disconnected", false, log(false)],
          ["error", "server", `Refused ${statusCode}`]
        ])
        yield* adjust("1 hour")
        expect(test.server.sockets).toHaveLength(3)
      }))
  }
})

describe("a path refused in a reconnect's hello", () => {
  const subscribed = (paths: ReadonlyArray<string>, retries = 1) =>
    Effect.gen(function*() {
      const test = yield* setup()
      const dropped: Array<string> = []
      for (const path of paths) {
        test.session.subscribe(path, path, { update: () => {}, ended: () => dropped.push(path) }, () => {})
      }
      test.connect({ reconnect: reconnect({ retries }) })
      yield* lose(test)
      return { ...test, dropped }
    })

  it.effect("ends that path alone, whatever the status; the client reconnects without it, at once", () =>
    Effect.gen(function*() {
      const paths = ["/a", "/b", "/c", "/d"]
      const test = yield* subscribed(paths)
      const { dropped, heard, server, session } = test
      for (const [n, statusCode] of [403, 404, 500].entries()) {
        const path = paths[n]
        yield* refuse(test, statusCode, { path })
        expect(heard.take()).toEqual([
          ["disconnected", true, log(true)],
          ["error", "server", `Refused ${statusCode}`],
          ["reconnecting", n + 2, 0]
        ])
        expect(dropped.at(-1)).toBe(path)
        yield* adjust(0)
      }
      server.socket.accept()
      expect(server.socket.last("hello").subs).toEqual(["/d"])
      expect(session.isConnected).toBe(true)
      expect(dropped).toEqual(["/a", "/b", "/c"])
    }))

  it.effect("that is subscribed again, and refused again, waits for its turn", () =>
    Effect.gen(function*() {
      const test = yield* subscribed(["/a"], 2)
      yield* refuse(test, 403, { path: "/a" })
      test.session.subscribe("/a", "key", { update: () => {} }, () => {})
      yield* adjust(0)
      yield* refuse(test, 403, { path: "/a" })
      yield* adjust(0)
      expect(test.server.sockets).toHaveLength(3)
      yield* adjust("1 hour")
      test.server.socket.accept()
      expect(test.session.status._tag).toBe("Connected")
      expect(test.server.sockets).toHaveLength(4)
      expect(test.session.subscriptions).toEqual([])
    }))

  it.effect("that is left meanwhile does not end the client either", () =>
    Effect.gen(function*() {
      const test = yield* subscribed(["/a", "/b"])
      const { socket } = test.server
      socket.open()
      test.session.unsubscribe("/a", null, () => {})
      socket.answer("hello", { statusCode: 403, payload: {}, path: "/a" })
      yield* adjust(0)
      test.server.socket.accept()
      expect(test.server.socket.last("hello").subs).toEqual(["/b"])
      expect(test.session.isConnected).toBe(true)
    }))

  it.effect("that the client has not asked for is a refusal of the client", () =>
    Effect.gen(function*() {
      const test = yield* subscribed(["/a"])
      yield* refuse(test, 403, { path: "/other" })
      expect(test.session.status._tag).toBe("Disconnected")
      expect(test.session.subscriptions).toEqual(["/a"])
    }))
})

describe("auth as a function", () => {
  const asking = (answer: (attempt: Attempt) => unknown) =>
    Effect.gen(function*() {
      const test = yield* setup()
      const asked: Array<readonly [number, string | undefined]> = []
      const auth = (attempt: Attempt): unknown => {
        asked.push([attempt.attempt, attempt.error?.message])
        return answer(attempt)
      }
      return { ...test, asked, auth }
    })

  const answers: ReadonlyArray<readonly [string, (value: string) => unknown]> = [
    ["a value", (value) => value],
    ["a Promise", (value) => Promise.resolve(value)],
    ["an Effect", (value) => Effect.succeed(value)]
  ]
  for (const [name, answer] of answers) {
    it.effect(`that gives ${name} is called for each hello`, () =>
      Effect.gen(function*() {
        let tokens = 0
        const test = yield* asking(() => answer(`token ${++tokens}`))
        const { asked, auth, connect, server } = test
        connect({ auth })
        yield* turn
        server.socket.accept()
        expect(server.socket.last("hello").auth).toBe("token 1")
        server.socket.end(1006)
        yield* adjust(1000)
        server.socket.fail(new Error("refused"))
        yield* adjust(2000)
        server.socket.accept()
        expect(server.socket.last("hello").auth).toBe("token 3")
        server.socket.end(1006)
        yield* adjust(3000)
        server.socket.open()
        expect(server.socket.last("hello").auth).toBe("token 4")
        expect(asked).toEqual([
          [0, undefined],
          [1, undefined],
          [2, "Connection terminated while waiting to connect"],
          [1, undefined]
        ])
      }))
  }

  it.effect("is called once more after a 401 on a reconnect, and its answer tried once, at once", () =>
    Effect.gen(function*() {
      const test = yield* asking(({ error }) => (error === undefined ? "old" : "fresh"))
      const { asked, auth, connect, heard, server } = test
      connect({ auth, reconnect: reconnect({ retries: 2 }) })
      yield* turn
      yield* lose(test)
      yield* refuse(test, 401)
      expect(heard.take()).toEqual([
        ["disconnected", true, log(true)],
        ["error", "server", "Refused 401"],
        ["reconnecting", 2, 0]
      ])
      yield* adjust(0)
      server.socket.open()
      expect(server.socket.last("hello").auth).toBe("fresh")
      expect(asked.at(-1)).toEqual([2, "Refused 401"])
      server.socket.answer("hello", { heartbeat: false, socket: "x" })
      // It has another try after each connection.
      server.socket.end(1006)
      yield* adjust(2000)
      yield* refuse(test, 401)
      yield* adjust(0)
      yield* refuse(test, 401)
      expect(test.session.status._tag).toBe("Disconnected")
      yield* adjust("1 hour")
      expect(asked).toHaveLength(5)
    }))

  it.effect("is not called again after a 401 on connect", () =>
    Effect.gen(function*() {
      const test = yield* asking(() => "old")
      test.connect({ auth: test.auth })
      yield* turn
      yield* refuse(test, 401)
      expect(test.ended).toEqual([["connect", "server", "Refused 401"]])
      yield* adjust("1 hour")
      expect(test.asked).toHaveLength(1)
    }))

  const failures: ReadonlyArray<readonly [string, () => unknown]> = [
    ["throws", () => {
      throw new Error("no token")
    }],
    ["rejects", () => Promise.reject(new Error("no token"))],
    ["fails", () => Effect.fail(new UserError({ message: "no token" }))],
    ["dies", () => Effect.die(new Error("no token"))]
  ]
  for (const [name, fails] of failures) {
    it.effect(`that ${name} fails the attempt, and others follow`, () =>
      Effect.gen(function*() {
        let broken = true
        const { auth, connect, ended, heard, server } = yield* asking(() => (broken ? fails() : "token"))
        connect({ auth })
        yield* turn
        expect(ended).toEqual([["connect", "user", "no token"]])
        expect(server.sockets).toEqual([])
        yield* adjust(1000)
        expect(heard.take().filter(([name]) => name === "error")).toEqual([["error", "user", "no token"]])
        broken = false
        yield* adjust(2000)
        server.socket.accept()
        expect(server.socket.last("hello").auth).toBe("token")
      }))
  }

  it.effect("is not waited for after disconnect", () =>
    Effect.gen(function*() {
      const { auth, connect, ended, server, session, settle } = yield* asking(() => Effect.never)
      connect({ auth })
      yield* turn
      session.disconnect(settle("disconnect"))
      yield* turn
      expect(ended).toEqual([["connect", "ws", "Socket error"], ["disconnect"]])
      expect(server.sockets).toEqual([])
    }))

  it.effect("set for reconnects, or replaced while it is asked: the newest counts", () =>
    Effect.gen(function*() {
      const { auth, connect, server, session } = yield* asking(() => Effect.as(Effect.sleep("1 minute"), "slow"))
      connect({ auth: "first" })
      server.socket.accept()
      expect(session.overrideReconnectionAuth(auth)).toBe(true)
      server.socket.end(1006)
      yield* adjust(1000)
      expect(server.sockets).toHaveLength(1)
      yield* adjust("1 minute")
      server.socket.accept()
      expect(server.socket.last("hello").auth).toBe("slow")
      server.socket.end(1006)
      yield* adjust(2000)
      session.overrideReconnectionAuth("newest")
      yield* adjust("1 minute")
      server.socket.open()
      expect(server.socket.last("hello").auth).toBe("newest")
    }))

  it.effect("credentials replaced while the old ones are being refused are tried", () =>
    Effect.gen(function*() {
      const test = yield* setup()
      test.connect({ auth: "old" })
      yield* lose(test)
      test.server.socket.open()
      test.session.overrideReconnectionAuth("fresh")
      test.server.socket.answer("hello", { statusCode: 401 })
      yield* adjust(0)
      test.server.socket.open()
      expect(test.server.socket.last("hello").auth).toBe("fresh")
      test.server.socket.answer("hello", { statusCode: 401 })
      yield* adjust(Duration.hours(1))
      expect(test.server.sockets).toHaveLength(3)
    }))
})
