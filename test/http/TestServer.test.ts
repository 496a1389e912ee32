/** A server in memory beside a clock that only the test moves. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { NesClient, NesHttpServer, TestServer } from "../../src/index.js"

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
          TestServer.layer(slow, gracePeriod === undefined ? {} : { gracePeriod }).pipe(
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
