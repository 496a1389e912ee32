/** A node of the Effect door that sends its clients away: over a time, with a code they come back on; `ready` says so. */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import { NesServer } from "../../src/index.js"
import { stopwatch } from "../harness/Pace.js"
import { bare, connect, outcome, serving } from "./Serving.js"

// What docs/scaling.md has on hapi: what a load balancer asks.
const readiness = HttpRouter.add(
  "GET",
  "/ready",
  Effect.gen(function*() {
    const { ready } = yield* NesServer.NesServer
    return HttpServerResponse.empty({ status: (yield* ready) ? 204 : 503 })
  })
)
const slow = HttpRouter.add("GET", "/slow", Effect.as(Effect.sleep(300), HttpServerResponse.text("answered")))

it.live("sends its clients away over the time given, with 1012, what is being answered first", () =>
  Effect.gen(function*() {
    const { drain, ready } = yield* NesServer.NesServer
    const sockets = yield* Effect.forEach(Array.from({ length: 5 }), () => bare())
    const client = yield* connect()
    const isReady = Effect.map(
      Effect.promise(() => client.request("/ready").then(({ statusCode }) => statusCode, (e) => e.statusCode)),
      (status) => status === 204
    )
    expect([yield* ready, yield* isReady]).toEqual([true, true])
    const answer = client.request("/slow")
    const gone = new Promise<number | undefined>((resolve) => {
      client.onDisconnect = (_, { code }) => resolve(code)
    })
    yield* Effect.sleep(50)
    const from = performance.now()
    const watch = stopwatch()
    const closes = sockets.map(({ closed }) => closed.then((code) => ({ code, at: performance.now() - from })))
    const draining = yield* Effect.forkChild(drain({ within: "400 millis" }))
    yield* Effect.sleep(20)
    expect(yield* ready).toBe(false)
    expect(yield* Effect.exit(bare())).toMatchObject({ _tag: "Failure" })
    expect((yield* Effect.promise(() => answer)).payload).toBe("answered")
    expect(yield* Effect.promise(() => gone)).toBe(1012)
    const ends = yield* Effect.promise(() => Promise.all(closes))
    expect(new Set(ends.map(({ code }) => code))).toEqual(new Set([1012]))
    expect(Math.max(...ends.map(({ at }) => at)) - Math.min(...ends.map(({ at }) => at))).toBeGreaterThan(
      150 - watch.withheld()
    )
    yield* Fiber.join(draining)
  }).pipe(Effect.provide(serving(Layer.merge(readiness, slow)))))

it.live("sends them away at once, with a code and a reason of its own", () =>
  Effect.gen(function*() {
    const { drain } = yield* NesServer.NesServer
    const client = yield* connect()
    const gone = new Promise((resolve) => {
      client.onDisconnect = (_, { code, reason }) => resolve([code, reason])
    })
    yield* drain({ code: 4000, reason: "moved" })
    expect(yield* Effect.promise(() => gone)).toEqual([4000, "moved"])
    expect(yield* outcome(() => client.connect({ reconnect: false }))).toMatchObject({ statusCode: 503 })
  }).pipe(Effect.provide(serving(slow))))
