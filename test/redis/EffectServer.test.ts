/** Effect servers as nodes: the broker as a Layer, recovery without hapi, a program that only publishes. */
import { expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { HttpApplication, NesClient, NesHttpServer, NesServer } from "../../src/index.js"
import { RedisBroker } from "../../src/redis.js"
import { address, serving } from "../http/Serving.js"
import { until } from "./Cluster.js"
import { RedisServer } from "./RedisServer.js"

const redisServer = Effect.acquireRelease(
  Effect.promise(() => RedisServer.start()),
  (redis) => Effect.promise(() => redis.stop())
)

const start = (redis: RedisServer, options: NesHttpServer.Options = {}) => {
  const live = Layer.mergeAll(
    NesHttpServer.layerSubscription("/kept/{id}", { recovery: true }),
    NesHttpServer.layerSubscription("/short/{id}", { recovery: { size: 1, age: "1 minute" } })
  ).pipe(
    Layer.provideMerge(serving(Layer.empty, options)),
    Layer.provideMerge(RedisBroker.layer({ url: redis.url, timeout: 10_000 }))
  )
  return Effect.gen(function*() {
    const context = yield* Layer.build(live)
    const url = `ws:${yield* Effect.provide(address, context)}`
    return {
      nes: Context.get(context, NesServer.NesServer),
      broker: Context.get(context, RedisBroker.RedisBroker),
      url
    }
  })
}

/** What a client hears of a path, with whether it was told of a gap before. */
const hear = (url: string, path: string) =>
  Effect.gen(function*() {
    const heard = yield* Queue.unbounded<readonly [message: unknown, gap: boolean]>()
    const context = yield* Layer.build(NesClient.layer({ url, reconnect: { delay: "20 millis" } }))
    yield* Context.get(context, NesClient.NesClient).subscribe(path).pipe(
      Stream.runForEach(({ gap, message }) => Queue.offer(heard, [message, gap === true])),
      Effect.forkScoped
    )
    return heard
  })

const subscribed = ({ count }: NesServer.Service, path: string) =>
  Effect.promise(() => until(() => Effect.runPromise(Effect.map(count(path), ({ total }) => total === 1))))

const cut = ({ node }: NesServer.Service) =>
  Effect.sync(() => {
    for (const connection of node.hub.connections.keys()) {
      connection.ws.terminate()
    }
  })

it.live("who reconnects gets what was published on another node, or is told of a gap", () =>
  Effect.gen(function*() {
    const redis = yield* redisServer
    const door = Latch.makeUnsafe(true)
    const a = yield* start(redis)
    const b = yield* start(redis, { verifyUpgrade: () => Effect.as(door.await, true) })
    const [kept, short] = [yield* hear(b.url, "/kept/1"), yield* hear(b.url, "/short/1")]
    yield* subscribed(a.nes, "/kept/1")
    yield* subscribed(a.nes, "/short/1")
    for (const path of ["/kept/1", "/short/1"]) {
      yield* a.nes.publish(path, 1)
    }
    expect([yield* Queue.take(kept), yield* Queue.take(short)]).toEqual([[1, false], [1, false]])
    // Nobody is back before all of it has been published.
    yield* door.close
    yield* cut(b.nes)
    for (const n of [2, 3]) {
      yield* a.nes.publish("/kept/1", n)
      yield* a.nes.publish("/short/1", n)
    }
    yield* door.open
    expect([yield* Queue.take(kept), yield* Queue.take(kept), yield* Queue.take(short)]).toEqual([[2, false], [
      3,
      false
    ], [3, true]])
  }))

it.live("a program that only publishes is heard, however soon it ends", () =>
  Effect.gen(function*() {
    const redis = yield* redisServer
    const a = yield* start(redis)
    const kept = yield* hear(a.url, "/kept/1")
    yield* subscribed(a.nes, "/kept/1")
    yield* Effect.gen(function*() {
      const nes = yield* NesServer.make()
      yield* nes.subscription("/kept/{id}", { recovery: { size: 10, age: 60_000 } })
      yield* nes.join
      yield* nes.publish("/kept/1", "kept")
    }).pipe(
      Effect.scoped,
      Effect.provide([HttpApplication.layer(Layer.empty), RedisBroker.layer({ url: redis.url })])
    )
    expect(yield* Queue.take(kept)).toEqual(["kept", false])
  }))

it.live("events tell when Redis is away and back", () =>
  Effect.gen(function*() {
    const redis = yield* redisServer
    const { broker } = yield* start(redis)
    const events = yield* broker.events.pipe(Stream.take(2), Stream.runCollect, Effect.forkChild)
    yield* Effect.yieldNow
    yield* Effect.promise(() => redis.kill())
    yield* Effect.promise(() => redis.start())
    expect(Array.from(yield* Fiber.join(events), ({ _tag }) => _tag)).toEqual(["Down", "Up"])
  }))

it.live("the log says why", () =>
  Effect.gen(function*() {
    const causes: Array<string> = []
    const logger = Logger.make(({ cause }) => void causes.push(Cause.pretty(cause)))
    const scope = yield* Scope.make()
    yield* Effect.gen(function*() {
      const nes = yield* NesServer.make()
      yield* nes.join
    }).pipe(
      Effect.provide([
        HttpApplication.layer(Layer.empty),
        RedisBroker.layer({ url: "redis://127.0.0.1:1", timeout: 200 })
      ]),
      Effect.provideService(Logger.CurrentLoggers, new Set([logger])),
      Scope.provide(scope)
    )
    yield* Effect.promise(() => until(() => causes.length > 0))
    yield* Scope.close(scope, Exit.void)
    expect(causes[0]).toContain("ECONNREFUSED")
  }))

it.live("bounds that keep nothing are refused", () =>
  Effect.gen(function*() {
    const nes = yield* NesServer.make()
    for (const recovery of [{ size: 0, age: 1 }, { size: 1, age: 0.5 }, { size: 1, age: Infinity }]) {
      const error = yield* Effect.flip(nes.subscription("/a", { recovery }))
      expect(error.message).toBe("Subscription recovery requires positive integers for size and age")
    }
  }).pipe(Effect.provide(HttpApplication.layer(Layer.empty))))
