/** The acknowledged form of a subscription, and the mark of what a consumer's own buffer dropped. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as NesClient from "../../src/client/NesClient.js"
import { FakeServer, turn } from "./FakeServer.js"
import { adjust } from "./Setup.js"

const made = (server: FakeServer, options: Partial<NesClient.Options> = {}) =>
  Effect.provide(NesClient.make({ url: "ws://fake", ...options }), server.layer)

const connected = Effect.gen(function*() {
  const server = new FakeServer()
  server.acceptAll()
  return { server, nes: yield* made(server) }
})

/** What is asked for in the background, after it has been asked for. */
const asked = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.tap(Effect.forkChild(effect), turn)

const accepted = <E>(fiber: Fiber.Fiber<unknown, E>) => Effect.asVoid(Fiber.join(fiber))

const isWaiting = (fiber: Fiber.Fiber<unknown, unknown>): boolean => fiber.pollUnsafe() === undefined

const say = ({ socket }: FakeServer, ...messages: ReadonlyArray<unknown>): void => {
  for (const message of messages) {
    socket.say({ type: "pub", path: "/a", message })
  }
}

const ofOne = { _tag: "ServerError", statusCode: 403, message: "No", path: "/a" }

describe("subscribed", () => {
  it.effect("succeeds when the server has accepted it, with a Stream of all that has come", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected
      const scope = yield* Scope.make()
      const fiber = yield* asked(Scope.provide(nes.subscribed("/a"), scope))
      say(server, 1)
      expect(isWaiting(fiber)).toBe(true)
      server.socket.answer("sub")
      const updates = yield* Fiber.join(fiber)
      say(server, 2, 3)
      expect(yield* Stream.runCollect(Stream.take(updates, 3))).toEqual(
        [1, 2, 3].map((message) => ({ message, revoked: false }))
      )
      expect(yield* nes.subscriptions).toEqual(["/a"])
      yield* Scope.close(scope, Exit.void)
      expect(server.socket.last("unsub")).toMatchObject({ path: "/a" })
      expect(yield* Stream.runCollect(updates)).toEqual([])
    }))

  it.effect("fails with the server's refusal, and keeps nothing", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected
      const fiber = yield* asked(Effect.flip(nes.subscribed("/a")))
      server.socket.answer("sub", { statusCode: 403, payload: { message: "No" }, path: "/a" })
      expect(yield* Fiber.join(fiber)).toMatchObject(ofOne)
      expect(yield* nes.subscriptions).toEqual([])
      expect(yield* Effect.flip(nes.subscribed("a"))).toMatchObject({ _tag: "UserError" })
    }))

  it.effect("the second on a path waits for the same answer, the third not at all", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected
      const two = [yield* asked(nes.subscribed("/a")), yield* asked(nes.subscribed("/a"))]
      expect(two.map(isWaiting)).toEqual([true, true])
      server.socket.answer("sub")
      yield* Fiber.joinAll(two)
      yield* Effect.asVoid(nes.subscribed("/a"))
      expect(server.socket.sent.filter(({ type }) => type === "sub")).toHaveLength(1)
    }))

  it.effect("without a connection it waits for the next hello's answer: accepted, or refused for its path", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected
      server.onConnection = (socket) => queueMicrotask(() => socket.open())
      server.socket.end(1006)
      yield* turn
      const one = yield* asked(nes.subscribed("/a"))
      const other = yield* asked(Effect.flip(nes.subscribed("/b")))
      yield* adjust(1000)
      const late = yield* asked(nes.subscribed("/c"))
      expect(server.socket.last("hello").subs).toEqual(["/a", "/b"])
      server.socket.answer("hello", { statusCode: 403, payload: { message: "No" }, path: "/b" })
      yield* adjust(0)
      yield* adjust(1000)
      expect(yield* Fiber.join(other)).toMatchObject({ ...ofOne, path: "/b" })
      expect(isWaiting(one)).toBe(true)
      expect(server.socket.last("hello").subs).toEqual(["/a", "/c"])
      server.socket.answer("hello", { heartbeat: false, socket: "x" })
      yield* Fiber.joinAll([one, late])
    }))

  it.effect("one that another has had before a connection was lost waits for the next", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected
      const first = yield* asked(nes.subscribed("/a"))
      server.socket.answer("sub")
      yield* accepted(first)
      server.onConnection = (socket) => queueMicrotask(() => socket.open())
      server.socket.end(1006)
      const second = yield* asked(nes.subscribed("/a"))
      yield* adjust(1000)
      expect(isWaiting(second)).toBe(true)
      server.socket.answer("hello", { heartbeat: false, socket: "x" })
      yield* accepted(second)
    }))

  it.effect("once accepted, its Stream goes on over a reconnect, and fails with a later refusal", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected
      const fiber = yield* asked(nes.subscribed("/a"))
      server.socket.answer("sub")
      const updates = yield* Fiber.join(fiber)
      server.socket.end(1006)
      yield* adjust(1000)
      say(server, 1)
      expect(yield* Stream.runHead(updates)).toMatchObject({ value: { message: 1 } })
      server.onConnection = (socket) => queueMicrotask(() => socket.open())
      server.socket.end(1006)
      yield* adjust(2000)
      server.socket.answer("hello", { statusCode: 403, payload: { message: "No" }, path: "/a" })
      expect(yield* Effect.flip(Stream.runDrain(updates))).toMatchObject(ofOne)
    }))

  it.effect("what a hello has no room for is accepted when it is answered itself", () =>
    Effect.gen(function*() {
      const server = new FakeServer()
      const nes = yield* made(server, { connect: false })
      const long = `/${"x".repeat(50_000)}`
      const short = yield* asked(nes.subscribed("/a"))
      const other = yield* asked(nes.subscribed(long))
      const connecting = yield* asked(nes.connect())
      server.socket.accept()
      yield* Fiber.joinAll([connecting, short])
      expect([isWaiting(other), server.socket.last("sub").path]).toEqual([true, long])
      server.socket.answer("sub")
      yield* accepted(other)
    }))

  it.effect("fails when the client is disconnected for good, before and after", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { nes } = yield* Scope.provide(connected, scope)
      const waiting = yield* asked(Effect.flip(nes.subscribed("/a")))
      yield* Scope.close(scope, Exit.void)
      expect((yield* Fiber.join(waiting))._tag).toBe("DisconnectError")
      expect((yield* Effect.flip(nes.subscribed("/a")))._tag).toBe("DisconnectError")
    }))

  it.effect("interrupted while it waits, it leaves at once", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected
      const fiber = yield* asked(nes.subscribed("/a"))
      yield* Fiber.interrupt(fiber)
      expect(yield* nes.subscriptions).toEqual([])
      expect(server.socket.last("unsub")).toMatchObject({ path: "/a" })
    }))

  it.effect("its Stream has one consumer after another, and a second beside the first is told so", () =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected
      const fiber = yield* asked(nes.subscribed("/a"))
      server.socket.answer("sub")
      const updates = yield* Fiber.join(fiber)
      const one = yield* asked(Stream.runHead(updates))
      expect(yield* Effect.flip(Stream.runHead(updates))).toMatchObject({ _tag: "UserError" })
      say(server, 1)
      expect(yield* Fiber.join(one)).toMatchObject({ value: { message: 1 } })
      say(server, 2)
      expect(yield* Stream.runHead(updates)).toMatchObject({ value: { message: 2 } })
    }))

  it.effect.each(["before", "after"])(
    "what comes %s its consumer is interrupted is there for the next",
    (when) =>
      Effect.gen(function*() {
        const { nes, server } = yield* connected
        const fiber = yield* asked(nes.subscribed("/a"))
        server.socket.answer("sub")
        const updates = yield* Fiber.join(fiber)
        const one = yield* asked(Stream.runDrain(updates))
        // In one turn: the consumer has not been resumed.
        const steps = [() => say(server, 1), () => one.interruptUnsafe()]
        for (const step of when === "before" ? steps : steps.toReversed()) {
          step()
        }
        yield* turn
        expect(yield* Stream.runHead(updates)).toMatchObject({ value: { message: 1 } })
      })
  )
})

describe("the update after some that a consumer was too slow for", () => {
  /** Nothing is taken until all has come. */
  const taken = (options: NesClient.SubscribeOptions, come: (server: FakeServer) => void, more?: unknown) =>
    Effect.gen(function*() {
      const { nes, server } = yield* connected
      const fiber = yield* asked(nes.subscribed("/a", options))
      server.socket.answer("sub", { position: { epoch: "e", offset: 0 } })
      const updates = yield* Fiber.join(fiber)
      come(server)
      const first = yield* Stream.runCollect(Stream.take(updates, options.capacity as number))
      say(server, more)
      return [...first, ...(yield* Stream.runCollect(Stream.take(updates, 1)))]
    })

  it.effect("says how many: the first that is left of a sliding buffer", () =>
    Effect.gen(function*() {
      expect(yield* taken({ capacity: 2, strategy: "sliding" }, (server) => say(server, 1, 2, 3, 4, 5), 6)).toEqual([
        { message: 4, revoked: false, dropped: 3 },
        { message: 5, revoked: false },
        { message: 6, revoked: false }
      ])
      expect(yield* taken({ capacity: 1, strategy: "sliding" }, (server) => say(server, 1, 2, 3), 4)).toEqual([
        { message: 3, revoked: false, dropped: 2 },
        { message: 4, revoked: false }
      ])
    }))

  it.effect("says how many: the first that a dropping buffer has room for again", () =>
    Effect.gen(function*() {
      expect(yield* taken({ capacity: 2, strategy: "dropping" }, (server) => say(server, 1, 2, 3, 4, 5), 6)).toEqual([
        { message: 1, revoked: false },
        { message: 2, revoked: false },
        { message: 6, revoked: false, dropped: 3 }
      ])
    }))

  it.effect("keeps the mark of a gap that was on one of them", () =>
    Effect.gen(function*() {
      const come = (server: FakeServer): void => {
        const { socket } = server
        socket.say({ type: "ping", id: 1, gaps: { "/a": { epoch: "e", offset: 4 } } })
        for (const offset of [5, 6, 7]) {
          socket.say({ type: "pub", path: "/a", message: offset, position: { epoch: "e", offset } })
        }
      }
      expect(yield* taken({ capacity: 1, strategy: "sliding" }, come, 8)).toEqual([
        { message: 7, revoked: false, dropped: 2, gap: true },
        { message: 8, revoked: false }
      ])
      expect(yield* taken({ capacity: 2, strategy: "dropping" }, come, 8)).toEqual([
        { message: 5, revoked: false, gap: true },
        { message: 6, revoked: false },
        { message: 8, revoked: false, dropped: 1 }
      ])
    }))
})
