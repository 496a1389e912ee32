/** A server in memory beside a clock that only the test moves, and what stands for the services in tests. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import {
  Contract,
  ContractServer,
  NesClient,
  NesHttpServer,
  NesServer,
  Publisher,
  TestServer
} from "../../src/index.js"

const asked = Latch.makeUnsafe()
const slow = HttpRouter.add(
  "GET",
  "/slow",
  Effect.andThen(asked.open, Effect.as(Effect.sleep("1 hour"), HttpServerResponse.text("late")))
)

describe("with a clock that nobody moves any more", () => {
  for (const gracePeriod of [undefined, 0, "1 hour"] as const) {
    it.effect(`a server whose clients have left closes at once, gracePeriod ${gracePeriod}`, () =>
      Effect.gen(function*() {
        yield* asked.close
        const client = yield* TestServer.connect({ timeout: "10 seconds" })
        const request = yield* Effect.forkChild(Effect.flip(client.request("/slow")))
        yield* asked.await
        yield* TestClock.adjust("11 seconds")
        expect(yield* Fiber.join(request)).toMatchObject({ _tag: "TimeoutError" })
      }).pipe(
        Effect.scoped,
        Effect.provide(
          slow.pipe(
            TestServer.layer(gracePeriod === undefined ? {} : { gracePeriod }),
            Layer.provide(HttpServer.layerServices)
          )
        )
      ))
  }

  it.effect("a server that answers, and hooks that do not end, hold it up for a moment only", () =>
    Effect.gen(function*() {
      const subscribed = yield* Latch.make()
      yield* Effect.gen(function*() {
        yield* asked.close
        const client = yield* NesClient.NesClient
        yield* Effect.forkScoped(Stream.runDrain(client.subscribe("/s")))
        yield* Effect.forkScoped(client.request("/slow"))
        yield* asked.await
        yield* subscribed.await
      }).pipe(
        Effect.scoped,
        // The client outlives the server.
        Effect.provide(
          Layer.provideMerge(
            NesHttpServer.layerSubscription("/s", {
              onSubscribe: () => subscribed.open,
              onUnsubscribe: () => Effect.never
            }),
            Layer.provideMerge(
              TestServer.layerClient(),
              TestServer.layer(slow, { gracePeriod: 10, onDisconnection: () => Effect.never })
            )
          ).pipe(Layer.provide(HttpServer.layerServices))
        )
      )
    }))
})

describe("without a server", () => {
  it.effect("a client of which a test gives what is used", () =>
    Effect.gen(function*() {
      const nes = yield* NesClient.NesClient
      expect((yield* nes.request("/item/5")).payload).toBe("/item/5")
      expect(yield* Stream.runCollect(nes.subscribeMessages("/item/5"))).toEqual(["packed"])
      expect(String(yield* Effect.exit(nes.message("?")))).toContain("UnimplementedError")
    }).pipe(Effect.provide(Layer.mock(NesClient.NesClient, {
      request: (request) => Effect.succeed({ payload: request, statusCode: 200, headers: undefined }),
      subscribeMessages: () => Stream.succeed("packed")
    }))))

  it.effect("what publishes, by a contract or plainly, needs no more than what publishes", () =>
    Effect.gen(function*() {
      const Items = Contract.subscription("/item/{id}", { message: Schema.Struct({ at: Schema.Date }) })
      const told: Array<readonly [string, unknown]> = []
      const publish = (path: string, message: unknown) => Effect.sync(() => void told.push([path, message]))
      const plain = Effect.flatMap(Publisher.Publisher, (publisher) => publisher.publish("/item/6", 6))
      yield* Effect.provide(plain, Layer.mock(Publisher.Publisher, { publish }))
      yield* Effect.gen(function*() {
        yield* ContractServer.publish(Items, { id: 5 }, { at: new Date(0) })
        // A server is a publisher, too.
        yield* Effect.provide(plain, Layer.effect(Publisher.Publisher, NesServer.NesServer))
        const nes = yield* NesServer.NesServer
        expect(String(yield* Effect.exit(nes.broadcast("?")))).toContain("UnimplementedError")
      }).pipe(Effect.provide(TestServer.layerMock({ publish })))
      expect(told).toEqual([["/item/6", 6], ["/item/5", { at: "1970-01-01T00:00:00.000Z" }], ["/item/6", 6]])
    }))
})
