/** Two servers without hapi in one program, with a Redis between them that Config names. */
import { HttpRouter, HttpServer } from "@effect/platform"
import { expect, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Layer, Queue } from "effect"
import { afterAll, beforeAll } from "vitest"
import { Client } from "../../src/client.js"
import { NesHttpServer, NesServer, TestServer } from "../../src/index.js"
import { RedisBroker } from "../../src/redis.js"
import { RedisServer } from "./RedisServer.js"

let redis: RedisServer
beforeAll(async () => {
  redis = await RedisServer.start({})
}, 120_000)
afterAll(() => redis.stop())

const Broker = RedisBroker.layerConfig({
  url: Config.string("REDIS_URL"),
  prefix: Config.string("REDIS_PREFIX").pipe(Config.withDefault("shop")),
  timeout: Config.integer("REDIS_TIMEOUT").pipe(Config.withDefault(2_000))
})

const given = (entries: Record<string, string>) =>
  Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(entries))))

const node = (name: string) =>
  Effect.map(
    Layer.build(
      Layer.provideMerge(
        NesHttpServer.layerSubscription("/news/{id}", { recovery: true }),
        TestServer.layer(HttpRouter.empty, { onMessage: () => Effect.succeed(name) })
      ).pipe(
        Layer.provide([HttpServer.layerContext, Layer.provide(Broker, given({ REDIS_URL: redis.url }))])
      )
    ),
    (context) => ({
      publish: (path: string, message: unknown) =>
        Effect.flatMap(NesServer.NesServer, (nes) => nes.publish(path, message)).pipe(Effect.provide(context)),
      connect: Effect.flatMap(TestServer.TestServer, ({ url, ws }) =>
        Effect.acquireRelease(
          Effect.promise(async () => {
            const client = new Client(url, { ws })
            await client.connect()
            return client
          }),
          (client) => Effect.promise(() => client.disconnect())
        )).pipe(Effect.provide(context))
    })
  )

it.scopedLive("what one publishes reaches the clients of the other", () =>
  Effect.gen(function*() {
    const [one, two] = yield* Effect.all([node("one"), node("two")])
    const [near, far] = yield* Effect.all([one.connect, two.connect])
    const names = yield* Effect.promise(() => Promise.all([near.message(0), far.message(0)]))
    expect(names.map(({ payload }) => payload)).toEqual(["one", "two"])
    const updates = yield* Queue.unbounded<unknown>()
    yield* Effect.promise(() => far.subscribe("/news/1", (message) => Queue.unsafeOffer(updates, message)))
    yield* one.publish("/news/1", "good")
    expect(yield* Queue.take(updates)).toBe("good")
    expect(redis.run("keys", "shop:*")).toContain("/news/1")
  }))

it.effect("a variable that is missing is one ConfigError", () =>
  Effect.gen(function*() {
    const error = yield* Effect.flip(Effect.scoped(Layer.build(Layer.provide(Broker, given({})))))
    expect(String(error)).toContain("REDIS_URL")
  }))
