/** Whatever applications, servers and networks do, in whatever order: what holds of every life of a client. */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as fc from "../harness/Property.js"
import type { FakeSocket } from "./FakeServer.js"
import { adjust, message, reconnect, setup } from "./Setup.js"

const path = fc.constantFrom("/a", "/b", "/c")
const status = fc.constantFrom(400, 401, 403, 429, 500, 503)
const key = fc.constantFrom("x", "y")

const a = <const Do extends string, Fields extends object>(
  weight: number,
  kind: Do,
  fields: { readonly [K in keyof Fields]: fc.Arbitrary<Fields[K]> }
) => ({ weight, arbitrary: fc.record<Fields>(fields).map((given) => ({ ...given, do: kind })) })

const subscribing = [
  a(4, "subscribe", { path, key }),
  a(3, "unsubscribe", { path, key: fc.option(key) }),
  a(3, "revoke", { path }),
  a(3, "pub", { path })
] as const

const life = fc.oneof(
  ...subscribing,
  a(3, "connect", { reconnects: fc.boolean(), asks: fc.boolean() }),
  a(2, "disconnect", {}),
  a(1, "open", {}),
  a(3, "accept", {}),
  a(2, "refuse", { status, path: fc.option(path, { nil: undefined }) }),
  a(2, "end", { code: fc.constantFrom(1001, 1006, 1012) }),
  a(1, "fail", {}),
  a(1, "mute", {}),
  a(2, "call", {}),
  a(3, "answer", { type: fc.constantFrom("sub", "unsub", "message"), status: fc.option(status) }),
  a(3, "wait", { ms: fc.constantFrom(500, 1000, 5000, 40_000) })
)

const crossing = fc.oneof(
  ...subscribing,
  a(5, "serve", { refuse: fc.boolean() }),
  a(6, "deliver", {}),
  a(1, "drop", {})
)

type Of<A> = A extends fc.Arbitrary<infer B> ? B : never

const holds = <A>(step: fc.Arbitrary<A>, play: (steps: ReadonlyArray<A>) => Effect.Effect<void>) => () =>
  Effect.promise(() =>
    fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 40, size: "max" }),
        (steps) => Effect.runPromise(Effect.provide(play(steps), TestClock.layer()))
      ),
      { numRuns: Number(process.env.RUNS ?? 100) }
    )
  )

/** How often each callback was called. */
const callbacks = () => {
  const calls: Array<number> = []
  return {
    calls,
    once: () => {
      const index = calls.push(0) - 1
      return (): void => {
        calls[index] = Number(calls[index]) + 1
      }
    }
  }
}

const isLive = ({ state, terminated }: FakeSocket): boolean => !terminated && state !== "closed"

it.effect(
  "each callback is called once, there is one socket at a time, and nothing is heard after disconnect",
  holds(life, (steps: ReadonlyArray<Of<typeof life>>) =>
    Effect.gen(function*() {
      const { heard, server, session } = yield* setup()
      const { calls, once } = callbacks()
      let hasLeft = false
      let isConnected = false

      const look = (): void => {
        for (const [event, ...details] of heard.take()) {
          if (event === "connected") {
            expect(isConnected, "connected twice").toBe(false)
          }
          isConnected = event === "connected" || (event !== "disconnected" && isConnected)
          if (hasLeft) {
            expect([event, ...details]).toEqual([
              "disconnected",
              false,
              expect.objectContaining({ wasRequested: true })
            ])
          }
        }
        expect(server.sockets.filter(isLive).length, "sockets at once").toBeLessThanOrEqual(1)
        expect(calls.filter((n) => n > 1)).toEqual([])
      }

      const leave = function*() {
        look()
        hasLeft = true
        session.disconnect(once())
        yield* adjust(6000)
        look()
        expect(calls.filter((n) => n !== 1)).toEqual([])
        expect([server.sockets.filter(isLive), session.status._tag, session.id]).toEqual([[], "Disconnected", null])
      }

      for (const step of steps) {
        const socket = server.sockets.at(-1)
        const isOpen = socket?.state === "open"
        if (step.do === "connect") {
          hasLeft = false
          session.connect({
            reconnect: step.reconnects ? reconnect() : undefined,
            auth: step.asks ? () => "token" : undefined
          }, once())
        } else if (step.do === "disconnect") {
          look()
          hasLeft = true
          session.disconnect(once())
        } else if (step.do === "subscribe") {
          session.subscribe(step.path, step.key, { update: () => expect(hasLeft, "updated").toBe(false) }, once())
        } else if (step.do === "unsubscribe") {
          session.unsubscribe(step.path, step.key, once())
        } else if (step.do === "call") {
          const done = once()
          session.send(message(1), done)
        } else if (step.do === "wait") {
          yield* adjust(step.ms)
        } else if (socket !== undefined && isLive(socket)) {
          if (step.do === "mute") {
            socket.answersClose = false
          } else if (step.do === "fail") {
            socket.fail(new Error("reset"))
          } else if (socket.state === "connecting") {
            if (step.do === "open" || step.do === "refuse") {
              socket.open()
            } else if (step.do === "accept") {
              socket.accept({ heartbeat: { interval: 15_000, timeout: 5_000 } })
            }
          } else if (step.do === "end") {
            socket.end(step.code)
          } else if (isOpen && step.do === "accept") {
            socket.answer("hello", { heartbeat: false, socket: "x" })
          } else if (isOpen && (step.do === "pub" || step.do === "revoke")) {
            socket.say({ type: step.do, path: step.path, message: 1 })
          } else if (isOpen && step.do === "answer" && socket.sent.some(({ type }) => type === step.type)) {
            socket.answer(step.type, step.status === null ? {} : { statusCode: step.status, payload: {} })
          }
          if (step.do === "refuse" && isOpen) {
            socket.answer("hello", { statusCode: step.status, payload: {}, path: step.path })
          }
        }
        look()
        yield* adjust(0)
        look()
      }
      yield* leave()
      const { length } = server.sockets
      yield* adjust("1 day")
      expect(server.sockets).toHaveLength(length)

      // And the next life begins as the first.
      hasLeft = false
      session.connect({}, once())
      yield* adjust(0)
      expect(server.sockets).toHaveLength(length + 1)
      server.socket.accept()
      expect([session.status._tag, server.socket.last("hello").subs ?? []]).toEqual([
        "Connected",
        session.subscriptions
      ])
      yield* leave()
    }))
)

it.effect(
  "a server that answers in order has in the end the subscriptions that its client has, whatever crossed",
  holds(crossing, (steps: ReadonlyArray<Of<typeof crossing>>) =>
    Effect.gen(function*() {
      const { connect, server, session } = yield* setup()
      const { calls, once } = callbacks()
      const seen: Array<readonly [who: string, number: number]> = []
      const subscribed = new Set<string>()
      let read = 0
      let sent: Array<object> = []
      let number = 0

      const serve = (refuses: boolean): void => {
        const message = server.socket.sent[read++]
        if (message === undefined) {
          read--
          return
        }
        const { id, type } = message
        const paths = type === "hello" ? message.subs as Array<string> | undefined ?? [] : [String(message.path)]
        const refused = type === "unsub" || !refuses ? undefined : paths.find((path) => !subscribed.has(path))
        if (refused !== undefined) {
          sent.push({ type, id, path: refused, statusCode: 403, payload: {} })
          return
        }
        paths.forEach((path) => type === "unsub" ? subscribed.delete(path) : subscribed.add(path))
        sent.push({ type, id, socket: "s", heartbeat: false })
      }

      const deliver = (): void => {
        const message = sent.shift()
        if (message !== undefined) {
          server.socket.say(message)
        }
      }

      const back = function*() {
        while (server.socket.state !== "open") {
          subscribed.clear()
          read = 0
          sent = []
          if (server.socket.state === "connecting") {
            server.socket.open()
          }
          yield* adjust(5000)
          expect(session.status._tag, "the client gave up").not.toBe("Disconnected")
        }
      }

      connect()
      yield* back()
      for (const step of steps) {
        if (step.do === "subscribe") {
          const who = step.path + step.key
          session.subscribe(step.path, step.key, { update: (update) => seen.push([who, Number(update)]) }, once())
        } else if (step.do === "unsubscribe") {
          session.unsubscribe(step.path, step.key, once())
        } else if (step.do === "serve") {
          serve(step.refuse)
        } else if (step.do === "deliver") {
          deliver()
        } else if (step.do === "drop") {
          server.socket.end(1006)
        } else if (step.do === "revoke" ? subscribed.delete(step.path) : subscribed.has(step.path)) {
          sent.push({ type: step.do, path: step.path, message: ++number })
        }
        yield* adjust(0)
        yield* back()
      }
      while (sent.length > 0 || read < server.socket.sent.length) {
        serve(false)
        deliver()
        yield* adjust(0)
        yield* back()
      }
      expect(session.status._tag).toBe("Connected")
      expect(session.subscriptions.toSorted()).toEqual(Array.from(subscribed).toSorted())
      expect(calls.filter((n) => n !== 1)).toEqual([])
      for (const [who] of seen) {
        const numbers = seen.filter(([other]) => other === who).map(([, n]) => n)
        expect(numbers).toEqual(Array.from(new Set(numbers)).toSorted((a, b) => a - b))
      }
      session.disconnect(once())
      yield* adjust(6000)
    }))
)
