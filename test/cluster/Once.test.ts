/** What is asked with a key is done once, whatever the engine does while it is done, or loses afterwards. */
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as ClusterBroker from "../../src/cluster/ClusterBroker.js"
import { MemoryOnce } from "../../src/server/api/Once.js"
import * as Operations from "../../src/server/api/Operations.js"
import type { Node } from "../../src/server/Node.js"
import * as MemoryEngine from "./MemoryEngine.js"

const settled = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

const passes = (seconds: number) =>
  Effect.forEach(
    Array.from({ length: 2 * seconds }),
    () => Effect.andThen(TestClock.adjust(500), Effect.andThen(settled, settled)),
    { discard: true }
  )

const join = (engine: MemoryEngine.MemoryEngine, id: string, broadcast: () => Promise<void>) =>
  Effect.gen(function*() {
    const broker = yield* ClusterBroker.make(engine, { timeout: 1_000, maxInFlight: 100 })
    const membership = yield* broker.join({
      id,
      serves: true,
      deliver: () => Promise.resolve(),
      listens: () => false,
      recovers: () => false,
      reached: () => undefined,
      refresh: () => undefined,
      connections: () => 0,
      shed: () => Promise.resolve(),
      count: () => 0,
      log: () => {}
    })
    yield* Effect.forkChild(Scope.provide(membership.open ?? Effect.void, yield* Scope.make()))
    yield* passes(1)
    const operations = Operations.make({ maxDepth: 10, broadcast } as unknown as Node, membership.once)
    return (key = "key") =>
      Effect.promise(() =>
        operations.broadcast({ message: 1 }, key).then(() => "done", (error: unknown) => String(error))
      )
  })

const faults: Record<string, (engine: MemoryEngine.MemoryEngine) => void> = {
  none: () => {},
  "is cut off": (engine) => engine.cut(),
  "refuses to write": (engine) => engine.refuse(new Error("OOM")),
  "is cut off and loses all": (engine) => {
    engine.cut()
    engine.lose()
  }
}

for (const [name, fault] of Object.entries(faults)) {
  for (const when of ["while", "after"]) {
    it.effect(`${when} it is done, the engine: ${name}`, () =>
      Effect.gen(function*() {
        const engine = yield* MemoryEngine.make
        let count = 0
        const publish = (): Promise<void> => {
          count++
          if (when === "while") {
            fault(engine)
          }
          return Promise.resolve()
        }
        const [a, b] = [yield* join(engine, "a", publish), yield* join(engine, "b", publish)]
        expect(yield* a()).toBe("done")
        if (when === "after") {
          fault(engine)
        }
        // The node that did it knows so at once, others when the engine can be told.
        expect(yield* a()).toBe("done")
        yield* passes(70)
        engine.refuse(undefined)
        engine.restore()
        yield* passes(3)
        expect([yield* b(), yield* a(), count]).toEqual(["done", "done", 1])
      }))
  }
}

it.effect("what fails may be asked again, with its own error; the key of a node that is no more is free after a minute", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const b = yield* join(engine, "b", () => Promise.resolve())
    const a = yield* join(engine, "a", () => {
      engine.refuse(new Error("OOM"))
      return Promise.reject(new Error("No filter"))
    })
    expect(yield* a()).toBe("Error: No filter")
    expect(yield* b()).toContain("OOM")
    engine.refuse(undefined)
    yield* passes(2)
    expect(yield* b()).toBe("done")
    const c = yield* join(engine, "c", () => {
      engine.cut((index) => index === 2)
      return Promise.resolve()
    })
    expect([yield* c("lost"), yield* b("lost")]).toEqual(["done", expect.stringContaining("under way")])
    yield* passes(60)
    expect(yield* b("lost")).toBe("done")
  }))

it("keys are known for a day, the last ten thousand of them", async () => {
  let now = 0
  const once = new MemoryOnce(() => now)
  const did = async (key: string): Promise<boolean> => {
    const standing = await once.begin(key, "a")
    await once.end(key, "a", true)
    return standing === "done"
  }
  expect([await did("a"), await did("a"), await once.begin("a", "b")]).toEqual([false, true, "other"])
  now += 86_400_000 - 1
  expect(await once.begin("a", "a")).toBe("done")
  now += 1
  expect(await did("a")).toBe(false)
  for (let n = 0; n < 10_000; n++) {
    await did(String(n))
  }
  expect([await once.begin("0", "a"), await once.begin("a", "a")]).toEqual(["done", "new"])
})
