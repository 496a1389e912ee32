/** Two servers without hapi in one program, with a Redis between them that Config names. */
import { expect, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Layer, Queue } from "effect"
import { HttpServer } from "effect/http"
import { afterAll, beforeAll } from "vitest"
import { Client } from "../../src/client.js"
import { NesHttpServer, NesServer, TestServer } from "../../src/index.js"
import { RedisBroker } from "../../src/redis.js"
import { RedisServer } from "./RedisServer.js"

let redis: RedisServer
beforeAll(async () => {
  redis = await RedisServer.start({})
  redis.run("acl", "setuser", "shop", "on", ">s3cret", "~*", "&*", "+@all")
}, 120_000)
afterAll(() => redis.stop())

const Broker = RedisBroker.layerConfig({
  url: Config.Redacted("REDIS_URL"),
  client: Config.map(Config.Redacted("REDIS_PASSWORD"), (password) => ({ username: "shop", password })),
  prefix: Config.String("REDIS_PREFIX").pipe(Config.withDefault("shop")),
  timeout: Config.Duration("REDIS_TIMEOUT").pipe(Config.withDefault("10 seconds" as const))
})

const given = (entries: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromUnknown(entries))

const node = (name: string) =>
  Effect.map(
    Layer.build(
      Layer.provideMerge(
        NesHttpServer.layerSubscription("/news/{id}", { recovery: true }),
        TestServer.layer(Layer.empty, { onMessage: () => Effect.succeed(name) })
      ).pipe(
        Layer.provide([
          HttpServer.layerServices,
          Layer.provide(Broker, given({ REDIS_URL: redis.url, REDIS_PASSWORD: "s3cret" }))
        ])
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

it.live("what one publishes reaches the clients of the other", () =>
  Effect.gen(function*() {
    const [one, two] = yield* Effect.all([node("one"), node("two")])
    const [near, far] = yield* Effect.all([one.connect, two.connect])
    const names = yield* Effect.promise(() => Promise.all([near.message(0), far.message(0)]))
    expect(names.map(({ payload }) => payload)).toEqual(["one", "two"])
    const updates = yield* Queue.unbounded<unknown>()
    yield* Effect.promise(() => far.subscribe("/news/1", (message) => Queue.offerUnsafe(updates, message)))
    yield* one.publish("/news/1", "good")
    expect(yield* Queue.take(updates)).toBe("good")
    expect(redis.run("keys", "shop:*")).toContain("/news/1")
    expect(redis.run("client", "list")).toContain("user=shop")
  }))

it.effect("a variable that is missing is one ConfigError", () =>
  Effect.gen(function*() {
    const error = yield* Effect.flip(Effect.scoped(Layer.build(Layer.provide(Broker, given({})))))
    expect(String(error)).toContain("REDIS_URL")
  }))
