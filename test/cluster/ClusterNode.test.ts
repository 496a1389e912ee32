/** What a node does about others that die, are cut off or leave, and about what it has missed; by the clock of the tests. */
import { expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import type { BalanceOptions } from "../../src/cluster/Balance.js"
import type { BrokerEvent } from "../../src/cluster/BrokerEvent.js"
import * as ClusterBroker from "../../src/cluster/ClusterBroker.js"
import { Refused } from "../../src/cluster/Engine.js"
import type * as Message from "../../src/protocol/Message.js"
import type { Command } from "../../src/server/Command.js"
import * as MemoryEngine from "./MemoryEngine.js"

const settled = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

const passes = (seconds: number) =>
  Effect.forEach(
    Array.from({ length: 2 * seconds }),
    () => Effect.andThen(TestClock.adjust(500), settled),
    { discard: true }
  )

/** A node that listens to these paths, all of which have recovery, and takes down what it is told. */
const join = (
  engine: MemoryEngine.MemoryEngine,
  id: string,
  paths: ReadonlyArray<string> = [],
  balance?: BalanceOptions
) =>
  Effect.gen(function*() {
    const listening = new Set(paths)
    const delivered: Array<Command> = []
    const reached = new Map<string, Message.Position>()
    const read: Array<string> = []
    const events: Array<BrokerEvent["_tag"]> = []
    const shed: Array<number> = []
    const load = { connections: 1 }
    const refresh = async (path: string): Promise<void> => {
      read.push(path)
      const { epoch, top, updates } = await membership.history.read(path, reached.get(path), bounds, reached.get(path))
      delivered.push(...updates)
      reached.set(path, { epoch, offset: top })
    }
    const broker = yield* ClusterBroker.make(engine, {
      timeout: 1_000,
      maxInFlight: 10_000,
      balance,
      onEvent: ({ _tag }) => void events.push(_tag)
    })
    const membership = yield* broker.join({
      id,
      serves: true,
      deliver: (command) => {
        delivered.push(command)
        if (command.type === "publish" && command.position) {
          reached.set(command.path, command.position)
        }
        return Promise.resolve()
      },
      listens: (path) => listening.has(path),
      recovers: (path) => listening.has(path),
      reached: (path) => reached.get(path),
      refresh: (path) => refresh(path),
      connections: () => load.connections,
      shed: (count) => {
        shed.push(count)
        load.connections -= count
        return Promise.resolve()
      },
      count: () => 0,
      log: () => {}
    })
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    const opening = yield* Effect.forkChild(Scope.provide(membership.open ?? Effect.void, scope))
    yield* settled
    yield* passes(1)
    yield* Fiber.join(opening)
    yield* Effect.promise(() => Promise.all(paths.map(async (path) => membership.interest?.(path))))
    yield* Effect.promise(() => Promise.all(paths.map(refresh)))
    const told = () => delivered.map((command) => command.type === "publish" ? command.message : command.type)
    return { ...membership, told, read, events, listening, shed, load, leave: Scope.close(scope, Exit.void) }
  })

const bounds = { size: 100, age: 60_000 }

const publish = (path: string, message: unknown): Command => ({
  type: "publish",
  path,
  message,
  internal: undefined,
  user: undefined,
  text: JSON.stringify(message),
  recovery: bounds
})

const disconnect: Command = { type: "disconnect", target: { user: "eve" } }

const outcome = (work: Promise<unknown>) => {
  const result = { now: "waits" }
  work.then(() => {
    result.now = "done"
  }, (error: Error) => {
    result.now = error.message.split(" ").slice(0, 2).join(" ")
  })
  return result
}

it.effect("connections of a node that dies count until its lease is over", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const [a, b] = [yield* join(engine, "a"), yield* join(engine, "b")]
    const claim = (node: typeof a, socket: string) => Effect.promise(() => node.claims!.claim("ann", socket, 1))
    expect(yield* claim(a, "a:1")).toBe(true)
    yield* passes(60)
    expect(yield* claim(b, "b:1")).toBe(false)
    engine.cut((index) => index === 0)
    expect(yield* claim(b, "b:1")).toBe(false)
    yield* passes(6)
    expect(yield* claim(b, "b:1")).toBe(true)
    // Back, it counts its own in again.
    engine.restore()
    yield* passes(1)
    b.claims?.release("ann", "b:1")
    yield* settled
    expect(yield* claim(b, "b:2")).toBe(false)
  }))

it.effect("connections of a node that was held up for longer than its lease are counted in again as it goes on", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const clock = yield* Clock.Clock
    let [held, goOn] = [Promise.resolve(), () => {}]
    const stalling: Clock.Clock = Object.create(clock, {
      sleep: { value: (time: Duration.Duration) => Effect.andThen(clock.sleep(time), Effect.promise(() => held)) }
    })
    const [a, b] = [yield* join(engine, "a"), yield* Effect.provideService(join(engine, "b"), Clock.Clock, stalling)]
    const claim = (node: typeof a, socket: string, max: number) =>
      Effect.promise(() => node.claims!.claim("ann", socket, max))
    expect(yield* claim(b, "b:1", 1)).toBe(true)
    held = new Promise((resolve) => {
      goOn = resolve
    })
    yield* passes(7)
    expect(yield* claim(a, "a:1", 1)).toBe(true)
    goOn()
    yield* passes(2)
    expect(yield* claim(a, "a:2", 2)).toBe(false)
  }))

it.effect("an order ends when the others have carried it out, in order, and at once", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const [a, b] = [yield* join(engine, "a"), yield* join(engine, "b")]
    const revoked = outcome(a.send({ type: "revoke", target: { user: "eve" }, path: "/a", message: null }))
    const done = outcome(a.send(disconnect))
    yield* settled
    yield* settled
    expect([revoked.now, done.now]).toEqual(["done", "done"])
    expect([a.told(), b.told()]).toEqual([["revoke", "disconnect"], ["revoke", "disconnect"]])
  }))

it.effect("an order fails while a node is cut off, which carries it out before it hears anything else", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const [a, b] = [yield* join(engine, "a"), yield* join(engine, "b", ["/a"])]
    engine.cut((index) => index === 1)
    const order = outcome(a.send(disconnect))
    yield* passes(3)
    expect(order.now).toBe("Not confirmed")
    yield* Effect.promise(() => a.send(publish("/a", "secret")))
    engine.restore()
    yield* passes(1)
    expect(b.told()).toEqual(["disconnect", "secret"])
    const again = outcome(a.send(disconnect))
    yield* settled
    expect(again.now).toBe("done")
  }))

it.effect("a node that does not come back is given up after half a minute, one that leaves at once", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const [a, b, c] = [yield* join(engine, "a"), yield* join(engine, "b"), yield* join(engine, "c")]
    yield* passes(2)
    yield* c.leave
    const without = outcome(a.send(disconnect))
    yield* passes(1)
    expect(without.now).toBe("done")
    engine.cut((index) => index === 1)
    yield* passes(15)
    const lost = outcome(a.send(disconnect))
    yield* passes(3)
    expect(lost.now).toBe("Not confirmed")
    yield* passes(20)
    const given = outcome(a.send(disconnect))
    yield* passes(1)
    expect(given.now).toBe("done")
    expect(b.told()).toEqual(["disconnect"])
  }))

it.effect("a node that the engine has forgotten is still waited for", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const [a, b] = [yield* join(engine, "a"), yield* join(engine, "b")]
    yield* passes(2)
    engine.cut((index) => index === 1)
    engine.lose()
    const order = outcome(a.send(disconnect))
    yield* passes(3)
    expect(order.now).toBe("Not confirmed")
    engine.restore()
    yield* passes(1)
    expect(b.told()).toEqual(["disconnect"])
  }))

it.effect("an order for a socket concerns its node alone", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const [a, b] = [yield* join(engine, "a"), yield* join(engine, "b"), yield* join(engine, "c")]
    engine.cut((index) => index === 2)
    const order = outcome(a.send({ type: "disconnect", target: { socket: "b:1" } }))
    const own = outcome(a.send({ type: "disconnect", target: { socket: "a:1" } }))
    yield* settled
    yield* settled
    expect([order.now, own.now, b.told()]).toEqual(["done", "done", ["disconnect"]])
  }))

it.effect("an order that is refused keeps no node from hearing the others, and is given as soon as it is accepted", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const [a, b] = [yield* join(engine, "a"), yield* join(engine, "b")]
    engine.refuse(new Refused("OOM"))
    const order = outcome(a.send(disconnect))
    yield* settled
    engine.cut((index) => index === 0)
    engine.restore()
    yield* passes(2)
    yield* Effect.promise(() => b.send({ type: "broadcast", message: "news", user: undefined }))
    yield* settled
    expect([order.now, a.told(), b.told()]).toEqual(["OOM", ["disconnect", "broadcast"], ["broadcast"]])
    engine.refuse(undefined)
    yield* passes(2)
    expect(b.told()).toEqual(["broadcast", "disconnect"])
  }))

it.effect("orders that were not announced are carried out with the next", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const [a, b] = [yield* join(engine, "a"), yield* join(engine, "b")]
    engine.mute(true)
    const silent = outcome(a.send(disconnect))
    yield* passes(3)
    expect(silent.now).toBe("Not confirmed")
    engine.mute(false)
    const next = outcome(a.send({ type: "revoke", target: { user: "eve" }, path: "/a", message: null }))
    yield* passes(1)
    expect([next.now, b.told()]).toEqual(["done", ["disconnect", "revoke"]])
  }))

it.effect("orders given while the engine is away are given when it is back", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const [a, b] = [yield* join(engine, "a"), yield* join(engine, "b", ["/a"])]
    engine.cut()
    const order = outcome(a.send(disconnect))
    yield* settled
    expect(order.now).toBe("Not connected")
    engine.restore()
    yield* passes(1)
    yield* Effect.promise(() => a.send(publish("/a", "secret")))
    yield* settled
    expect(b.told()).toEqual(["disconnect", "secret"])
  }))

it.effect("at rest nothing is written but a sign of life a second, and nothing is read", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const paths = Array.from({ length: 3_000 }, (_, n) => `/${n}`)
    const a = yield* join(engine, "a", paths)
    yield* passes(30)
    const before = new Map(engine.asked)
    const reads = a.read.length
    yield* passes(60)
    const more = Object.fromEntries([...engine.asked].map(([name, count]) => [name, count - (before.get(name) ?? 0)]))
    expect(more).toEqual({ read: 0, subscribe: 0, beat: 60, positions: 56 })
    expect(a.read.length).toBe(reads)
    expect(engine.sizes()).toEqual([0, 0, 1])
  }))

it.effect("after a cut all paths are compared, in parts, and only those are read that were published to", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const paths = Array.from({ length: 3_000 }, (_, n) => `/${n}`)
    const a = yield* join(engine, "a", paths)
    const b = yield* join(engine, "b")
    yield* passes(30)
    engine.cut((index) => index === 0)
    a.read.length = 0
    for (const path of ["/0", "/1500", "/2999"]) {
      yield* Effect.promise(() => b.send(publish(path, path)))
    }
    const before = engine.asked.get("positions") ?? 0
    engine.restore()
    for (let n = 0; n < 30; n++) {
      yield* settled
    }
    expect(a.read).toEqual(["/0", "/1500", "/2999"])
    expect((engine.asked.get("positions") ?? 0) - before).toBe(6)
    expect(a.told()).toEqual(["/0", "/1500", "/2999"])
  }))

it.effect("an announcement that got lost is noticed", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const [a, b] = [yield* join(engine, "a", ["/a", "/b"]), yield* join(engine, "b")]
    yield* passes(2)
    engine.mute(true)
    yield* Effect.promise(() => b.send(publish("/b", "lost")))
    engine.mute(false)
    yield* passes(2)
    expect(a.told()).toEqual(["lost"])
  }))

it.effect("an engine has been given what another confirmed only if a node itself has heard another", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const [a, b] = [yield* join(engine, "a", ["/a", "/b"]), yield* join(engine, "b")]
    const before = yield* Effect.promise(async () => a.history.read("/a", undefined, bounds))
    engine.mute(true)
    yield* Effect.promise(() => b.send(publish("/a", 1)))
    engine.mute(false)
    yield* passes(1)
    yield* Effect.promise(() => a.send(publish("/b", 2)))
    engine.cut((index) => index === 0)
    engine.restore()
    yield* passes(2)
    expect(a.told().at(-1)).toBe(1)
    const read = (since: { readonly epoch: string | undefined }, at?: { readonly epoch: string }) =>
      Effect.promise(async () => a.history.read("/a", { ...since, offset: 0 }, bounds, at && { ...at, offset: 0 }))
    yield* read({ epoch: undefined })
    yield* read({ epoch: "x.another.0.0" })
    yield* read(before, before)
    expect(engine.asked.get("sever")).toBe(undefined)
    yield* read(before, { epoch: "x.another.0.0" })
    expect(engine.asked.get("sever")).toBe(1)
  }))

it.effect("a connection that is lost while the engine is away does not count for its user when it is back", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const [a, b] = [yield* join(engine, "a"), yield* join(engine, "b")]
    const claim = (node: typeof a, socket: string) => Effect.promise(async () => node.claims?.claim("eve", socket, 1))
    expect(yield* claim(a, "a:1")).toBe(true)
    engine.cut((index) => index === 0)
    a.claims?.release("eve", "a:1")
    yield* settled
    engine.restore()
    yield* passes(2)
    expect([yield* claim(b, "b:1"), yield* claim(a, "a:2")]).toEqual([true, false])
  }))

it.effect("what cannot be read is tried again, ever more rarely", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const a = yield* join(engine, "a", ["/a"])
    const from = a.read.length
    for (let n = 0; n < 5; n++) {
      a.history.failed?.("/a")
      yield* passes(20)
    }
    expect(a.read.length - from).toBe(5)
  }))

it.effect("writes that are refused are told once, and when they are accepted again", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const a = yield* join(engine, "a")
    engine.refuse(new Refused("OOM"))
    const failed = outcome(a.send(publish("/a", 1)))
    yield* passes(5)
    engine.refuse(undefined)
    yield* passes(2)
    expect(failed.now).toBe("OOM")
    expect(a.events).toEqual(["Up", "Refusing", "Accepting"])
  }))

it.effect("updates of one turn go out together, in order, up to a bound, and a failure is that of its own", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const [a, b] = [yield* join(engine, "a"), yield* join(engine, "b", ["/a"])]
    const crowd = (count: number, message: unknown) =>
      Array.from({ length: count }, (_, n) => a.send(publish(`/crowd/${n}`, message)))
    yield* Effect.promise(() => Promise.all([1, 2, 3].map((n) => a.send(publish("/a", n))).concat(crowd(100, 0))))
    expect(engine.asked.get("append")).toBe(1)
    yield* Effect.promise(() => Promise.all(crowd(300, 0)))
    expect(engine.asked.get("append")).toBe(1 + 3)
    yield* Effect.promise(() => Promise.all(crowd(5, "x".repeat(100_000))))
    expect(engine.asked.get("append")).toBe(1 + 3 + 3)
    engine.refuse(new Refused("OOM"))
    const failed = outcome(a.send(publish("/a", 4)))
    yield* settled
    engine.refuse(undefined)
    yield* Effect.promise(() => a.send(publish("/a", 5)))
    yield* settled
    expect([failed.now, b.told()]).toEqual(["OOM", [1, 2, 3, 5]])
  }))

it.effect("a node that holds far more than its share sends some away, when nothing has changed for a while", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const balance = { patience: 10_000, tolerance: 0.1 }
    const nodes = [yield* join(engine, "a", [], balance), yield* join(engine, "b", [], balance)]
    const [a, b] = nodes as [typeof nodes[0], typeof nodes[0]]
    a.load.connections = 290
    b.load.connections = 10
    yield* passes(5)
    const c = yield* join(engine, "c", [], balance)
    c.load.connections = 0
    yield* passes(9)
    expect([a.shed, b.shed, c.shed]).toEqual([[], [], []])
    for (let second = 0; second < 40; second++) {
      const before = a.load.connections
      yield* passes(1)
      // A load balancer that spreads them.
      for (let back = before - a.load.connections; back > 0; back--) {
        const least = [a, b, c].toSorted((x, y) => x.load.connections - y.load.connections)[0]
        if (least) {
          least.load.connections++
        }
      }
    }
    expect([b.shed, c.shed]).toEqual([[], []])
    expect(a.load.connections).toBeLessThan(118)
    expect(a.load.connections).toBeGreaterThanOrEqual(100)
    const total = a.shed.length
    yield* passes(10)
    expect(a.shed.length).toBe(total)
  }))
