/** Where a fiber may be interrupted: wherever it yields, which it does after so many steps, whatever comes next. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as NesClient from "../../src/client/NesClient.js"
import { FakeServer, turn } from "./FakeServer.js"

/** Runs an effect, and interrupts it before its step number `at`, or as it waits; returns whether it came so far. */
const interruptedAt = async (effect: Effect.Effect<unknown, unknown>, at: number): Promise<boolean> => {
  let steps = 0
  let root: Fiber.Fiber<unknown, unknown> | undefined
  class Counting extends Scheduler.MixedScheduler {
    override shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
      if (fiber !== root || ++steps !== at) {
        return super.shouldYield(fiber)
      }
      queueMicrotask(() => fiber.interruptUnsafe())
      return true
    }
  }
  root = Effect.runFork(
    Effect.provideService(Effect.andThen(Effect.yieldNow, effect), Scheduler.Scheduler, new Counting())
  )
  const exit = new Promise((resolve) => root?.addObserver(resolve))
  await Effect.runPromise(Effect.andThen(turn, turn))
  root.interruptUnsafe()
  await exit
  return steps >= at
}

describe("interrupted at any step", () => {
  const connect = async () => {
    const server = new FakeServer()
    server.acceptAll()
    const scope = Scope.makeUnsafe()
    const nes = await Effect.runPromise(
      NesClient.make({ url: "ws://fake" }).pipe(Effect.provide(server.layer), Scope.provide(scope))
    )
    return { nes, scope, server, close: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
  }

  const table: Record<string, (nes: NesClient.Service) => Effect.Effect<unknown, unknown>> = {
    "a Stream": (nes) => Stream.runDrain(nes.subscribe("/a")),
    "subscribed": (nes) => Effect.scoped(Effect.flatMap(nes.subscribed("/a"), Stream.runDrain)),
    "a Stream with a buffer, in another": (nes) =>
      nes.updates.pipe(
        Stream.merge(nes.subscribe("/a", { capacity: 1, strategy: "sliding" })),
        Stream.runHead
      )
  }
  for (const [name, consume] of Object.entries(table)) {
    it(`${name} leaves no subscription behind`, async () => {
      const { close, nes } = await connect()
      const left: Array<number> = []
      let at = 1
      while (await interruptedAt(consume(nes), at)) {
        if ((await Effect.runPromise(nes.subscriptions)).length > 0) {
          left.push(at)
        }
        at++
      }
      expect(left).toEqual([])
      expect(at).toBeGreaterThan(5)
      await close()
    })
  }

  it("the Stream of what is subscribed can be consumed again", async () => {
    const { close, nes, scope, server } = await connect()
    const accepted = Effect.runPromise(Scope.provide(nes.subscribed("/a"), scope))
    server.socket.answer("sub")
    const stream = await accepted
    let at = 1
    while (await interruptedAt(Stream.runDrain(stream), at)) {
      at++
    }
    const again = Effect.runFork(Stream.runDrain(stream))
    await Effect.runPromise(turn)
    expect(again.pollUnsafe()).toBeUndefined()
    await close()
  })
})
