/** Who is present in a cluster whose nodes die, are cut off, leave and forget; by the clock of the tests. */
import { expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as ClusterBroker from "../../src/cluster/ClusterBroker.js"
import type { Published } from "../../src/server/Command.js"
import type { Connection } from "../../src/server/connection/Connection.js"
import { Presence, type PresenceContext } from "../../src/server/presence/Presence.js"
import type { Local } from "../../src/server/presence/Present.js"
import * as Epoch from "../../src/server/recovery/Epoch.js"
import { Subscription } from "../../src/server/subscription/Subscription.js"
import * as fc from "../harness/Property.js"
import * as MemoryEngine from "./MemoryEngine.js"

const settled = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

const passes = (seconds: number) =>
  Effect.forEach(
    Array.from({ length: 2 * seconds }),
    () => Effect.andThen(TestClock.adjust(500), Effect.andThen(settled, settled)),
    { discard: true }
  )

const path = "/room/1"
const grace = 3_000

const room = new Subscription<Connection>("/room/{id}", {
  presence: { path: undefined, list: true, grace, access: undefined, identify: undefined }
})

interface Member {
  readonly id: string
}

/** A node that follows who is present, as its clients do: the whole list, then what is told. */
const join = (engine: MemoryEngine.MemoryEngine, id: string, maxInFlight = 10_000) =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const fork = Effect.runForkWith(yield* Effect.context())
    const broker = yield* ClusterBroker.make(engine, { timeout: 1_000, maxInFlight })
    const told: Array<string> = []
    const errors: Array<unknown> = []
    const life = { isStopped: false }
    const membership = yield* broker.join({
      id,
      serves: true,
      deliver: (command) => {
        if (command.type === "publish" && command.position) {
          hear(command as Published)
        }
        return Promise.resolve()
      },
      listens: () => true,
      recovers: () => true,
      reached: () => at,
      refresh: () => refresh(),
      connections: () => 1,
      shed: () => Promise.resolve(),
      count: () => 0,
      presence: (): Local => presence,
      log: () => {}
    })
    const context = {
      application: { log: (_: unknown, error: unknown) => void errors.push(error) },
      clock,
      fork,
      metrics: { totals: { present: 0 } }
    } as unknown as PresenceContext
    const presence = new Presence(id, context, membership.presences, () => life.isStopped)
    const [pattern, options] = presence.told(room.path, room.options, room.options.presence!)
    presence.declare(pattern, room.options.presence!)
    const place = presence.place(`${path}/presence`)!
    let users: Set<string> | undefined
    let at = { epoch: "", offset: 0 }
    const refresh = async (): Promise<void> => {
      const { position, users: members = [] } = await membership.presences.read(place)
      at = position
      users = new Set(members.map(({ id }) => id))
    }
    const hear = ({ message, position }: Published): void => {
      if (position.epoch === at.epoch && position.offset <= at.offset) {
        return
      }
      const isNext = position.offset === at.offset + 1 && Epoch.continues(at, position.epoch)
      at = position
      if (!isNext) {
        users = undefined
        return
      }
      const { join, leave } = message as { readonly join?: Member; readonly leave?: Member }
      if (join) {
        told.push(`+${join.id}`)
        users?.add(join.id)
      } else if (leave) {
        told.push(`-${leave.id}`)
        users?.delete(leave.id)
      }
    }
    const scope = yield* Scope.make()
    const opening = yield* Effect.forkChild(Scope.provide(membership.open ?? Effect.void, scope))
    yield* settled
    yield* passes(1)
    yield* Fiber.join(opening)
    yield* Effect.promise(async () => membership.interest?.(place.path))
    yield* Effect.promise(refresh)
    expect(options.recovery).toBeDefined()
    return {
      told,
      errors,
      read: () => membership.presences.read(place),
      /** The list with which a subscription begins after something was lost. */
      list: async () => {
        await membership.presences.whole?.(true)
        const { users = [] } = await membership.presences.read(place)
        return users.map(({ id }) => id).toSorted()
      },
      /** What a client knows that has heard all, or starts anew where it has not. */
      known: async () => {
        if (!users) {
          await refresh()
        }
        return Array.from(users ?? []).toSorted()
      },
      come: (user: string, at = path): Connection => {
        const connection = {
          id: `${id}:${user}`,
          departed: false,
          auth: { credentials: { user } }
        } as unknown as Connection
        presence.join(connection, at, room, undefined)
        return connection
      },
      say: (connection: Connection, value: unknown): void => presence.say(connection, path, JSON.stringify(value)),
      go: (connection: Connection, isLost: boolean, at = path): void => {
        connection.departed = isLost
        presence.leave(connection, at)
      },
      stop: Effect.suspend(() => {
        life.isStopped = true
        return Scope.close(scope, Exit.void)
      }),
      begin: Effect.gen(function*() {
        yield* Effect.promise(() => presence.stop())
        life.isStopped = false
        const next = yield* Scope.make()
        yield* Effect.forkChild(Scope.provide(membership.open ?? Effect.void, next))
        yield* passes(1)
      })
    }
  })

it.effect("nobody is told of a client that is on another node within the grace period, whatever became of its own", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const nodes = [yield* join(engine, "a"), yield* join(engine, "b"), yield* join(engine, "c")] as const
    const [a, b, c] = nodes
    const ann = a.come("ann")
    const bob = b.come("bob")
    yield* passes(1)
    expect(c.told).toEqual(["+ann", "+bob"])
    // Its connection is lost, and it comes to another node.
    a.go(ann, true)
    yield* passes(1)
    const again = b.come("ann")
    yield* passes(10)
    // Its node leaves.
    b.go(again, true)
    b.go(bob, true)
    yield* b.stop
    c.come("ann")
    c.come("bob")
    yield* passes(20)
    // Its node dies.
    a.come("cyd")
    yield* passes(1)
    engine.cut((index) => index === 0)
    yield* passes(2)
    c.come("cyd")
    yield* passes(30)
    expect(c.told).toEqual(["+ann", "+bob", "+cyd"])
    expect(yield* Effect.promise(c.known)).toEqual(["ann", "bob", "cyd"])
  }))

it.effect("a node that dies takes its users with it within its lease, one that leaves after the grace period", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const [a, b, c] = [yield* join(engine, "a"), yield* join(engine, "b"), yield* join(engine, "c")]
    a.come("ann")
    b.come("bob")
    yield* passes(1)
    engine.cut((index) => index === 0)
    yield* passes(4)
    expect(c.told).toEqual(["+ann", "+bob"])
    yield* passes(3)
    expect(c.told).toEqual(["+ann", "+bob", "-ann"])
    yield* b.stop
    yield* passes(2)
    expect(c.told).toHaveLength(3)
    yield* passes(3)
    expect(c.told).toEqual(["+ann", "+bob", "-ann", "-bob"])
    // Back, it says whom it has.
    engine.restore()
    yield* passes(2)
    expect(yield* Effect.promise(c.known)).toEqual(["ann"])
  }))

it.effect("a node that stops and begins again has those leave who have not come back within the grace period", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const [a, b] = [yield* join(engine, "a"), yield* join(engine, "b")]
    const [ann, bob, cyd] = [a.come("ann"), a.come("bob"), a.come("cyd", "/room/2")]
    yield* passes(1)
    yield* a.stop
    for (const [connection, at] of [[ann, path], [bob, path], [cyd, "/room/2"]] as const) {
      a.go(connection, true, at)
    }
    yield* a.begin
    const again = a.come("ann")
    yield* passes(1)
    expect([b.told, engine.asked.get("unhold")]).toEqual([["+ann", "+bob"], undefined])
    yield* passes(3)
    expect([b.told, engine.asked.get("unhold")]).toEqual([["+ann", "+bob", "-bob"], 1])
    // As long as the first time.
    a.go(again, true)
    yield* passes(2)
    expect(b.told).toHaveLength(3)
    yield* passes(2)
    expect(b.told.at(-1)).toBe("-ann")
  }))

it.effect("nobody leaves because the engine was away for longer than a node's lease", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const [a, b, c] = [yield* join(engine, "a"), yield* join(engine, "b"), yield* join(engine, "c")]
    a.come("ann")
    b.come("bob")
    yield* passes(1)
    engine.cut()
    yield* passes(10)
    engine.restore((index) => index === 2)
    yield* passes(3)
    engine.restore()
    yield* passes(10)
    expect(c.told).toEqual(["+ann", "+bob"])
    expect(yield* Effect.promise(c.known)).toEqual(["ann", "bob"])
    // Who does not come back leaves.
    engine.cut((index) => index === 0)
    yield* passes(8)
    expect(c.told).toEqual(["+ann", "+bob", "-ann"])
  }))

const setBack = (engine: MemoryEngine.MemoryEngine, back: () => void, chosen: (index: number) => boolean) =>
  Effect.gen(function*() {
    engine.cut()
    back()
    engine.restore(chosen)
    yield* settled
  })

it.effect("an engine that comes back with an older state lists nobody of a node that has died or left since", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const [a, b, c, d] = [
      yield* join(engine, "a"),
      yield* join(engine, "b"),
      yield* join(engine, "c"),
      yield* join(engine, "d")
    ]
    a.come("ann")
    b.come("bob")
    c.come("cyd")
    yield* passes(1)
    const back = engine.keep()
    engine.cut((index) => index === 0)
    yield* b.stop
    yield* passes(40)
    expect(d.told).toEqual(["+ann", "+bob", "+cyd", "-ann", "-bob"])
    // Nodes that have seen it know it at once.
    yield* setBack(engine, back, (index) => index > 0)
    const list = yield* Effect.forkChild(Effect.promise(d.list))
    yield* passes(3)
    expect(list.pollUnsafe()).toEqual(Exit.succeed(["cyd"]))
    // Nodes that began later wait until they know.
    const e = yield* join(engine, "e")
    engine.cut((index) => index < 3)
    e.come("eve")
    yield* passes(40)
    yield* setBack(engine, back, (index) => index === 3)
    const late = yield* Effect.forkChild(Effect.promise(e.list))
    yield* passes(10)
    expect(late.pollUnsafe()).toEqual(Exit.succeed(["eve"]))
    expect(e.told).toEqual(["+eve", "-cyd"])
  }))

it.effect("what a client says of itself while the engine is away, or refuses, is told when it is back", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const [a, b] = [yield* join(engine, "a"), yield* join(engine, "b")]
    const [ann, bob] = [a.come("ann"), b.come("bob")]
    yield* passes(1)
    engine.refuse(new Error("Refused"))
    a.say(ann, "busy")
    yield* passes(2)
    engine.refuse(undefined)
    engine.cut((index) => index === 1)
    b.say(bob, "away")
    yield* passes(2)
    engine.restore()
    yield* passes(2)
    const { users } = yield* Effect.promise(a.read)
    expect(users?.toSorted((one, other) => one.id < other.id ? -1 : 1)).toEqual([
      { id: "ann", value: "busy" },
      { id: "bob", value: "away" }
    ])
  }))

it.effect("other commands have room, however many paths are said anew; an outage is logged once", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const a = yield* join(engine, "a", 500)
    for (let n = 0; n < 1_200; n++) {
      a.come("ann", `/room/${n}`)
    }
    yield* passes(2)
    engine.refuse(new Error("Refused"))
    a.come("bob")
    a.come("bob", "/room/2")
    yield* passes(3)
    engine.refuse(undefined)
    engine.cut()
    engine.lose()
    engine.restore()
    yield* passes(3)
    expect(a.errors).toHaveLength(1)
    expect((yield* Effect.promise(a.read)).count).toBe(2)
  }))

it.effect("of paths where somebody was only while the engine was away nothing is said, and nothing kept", () =>
  Effect.gen(function*() {
    const engine = yield* MemoryEngine.make
    const a = yield* join(engine, "a")
    engine.cut()
    const connections = Array.from({ length: 100 }, (_, n) => a.come("ann", `/room/${n}`))
    yield* passes(1)
    connections.forEach((connection, n) => a.go(connection, false, `/room/${n}`))
    yield* passes(1)
    const held = engine.asked.get("hold")
    engine.restore()
    yield* passes(3)
    expect(engine.asked.get("hold")).toBe(held)
  }))

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("come" as const), user: fc.nat(4), node: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("go" as const), nth: fc.nat(9), isLost: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cut" as const), node: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restore" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lose" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("evict" as const),
      what: fc.constantFrom("present" as const, "held" as const)
    })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("keep" as const, "back" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("refuse" as const), isRefused: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), seconds: fc.integer({ min: 1, max: 8 }) }) }
)

it.effect(
  "after any faults all nodes and those who listen agree with the truth: no ghosts, nobody missing",
  () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.nat(2), (steps, victim) =>
          Effect.gen(function*() {
            const engine = yield* MemoryEngine.make
            const nodes = [yield* join(engine, "a"), yield* join(engine, "b"), yield* join(engine, "c")]
            const here: Array<{ readonly node: number; readonly user: string; readonly connection: Connection }> = []
            let back = engine.keep()
            for (const each of steps) {
              switch (each.do) {
                case "come": {
                  const user = `user${each.user}`
                  const connection = nodes[each.node]?.come(user)
                  if (connection) {
                    here.push({ node: each.node, user, connection })
                  }
                  break
                }
                case "go": {
                  const [gone] = here.splice(each.nth % Math.max(1, here.length), 1)
                  if (gone) {
                    nodes[gone.node]?.go(gone.connection, each.isLost)
                  }
                  break
                }
                case "cut":
                  engine.cut((index) => index === each.node)
                  break
                case "restore":
                  engine.restore()
                  break
                case "lose":
                  engine.lose()
                  break
                case "evict":
                  engine.evict(each.what)
                  break
                case "keep":
                  back = engine.keep()
                  break
                case "back":
                  yield* setBack(engine, back, () => true)
                  break
                case "refuse":
                  engine.refuse(each.isRefused ? new Error("Refused") : undefined)
                  break
                case "wait":
                  yield* passes(each.seconds)
              }
              yield* settled
            }
            engine.refuse(undefined)
            engine.restore()
            // What was evicted is noticed.
            yield* passes(3)
            // One is gone for good.
            engine.cut((index) => index === victim)
            yield* passes(20)
            const truth = Array.from(new Set(here.filter(({ node }) => node !== victim).map(({ user }) => user)))
              .toSorted()
            for (const [index, node] of nodes.entries()) {
              if (index !== victim) {
                const { count, users = [] } = yield* Effect.promise(node.read)
                expect(users.map(({ id }) => id).toSorted()).toEqual(truth)
                expect(count).toBe(truth.length)
                expect(yield* Effect.promise(node.known)).toEqual(truth)
              }
            }
          }).pipe(Effect.provide(TestClock.layer()), Effect.scoped, Effect.runPromise)),
        { numRuns: 100 }
      )
    ),
  120_000
)
