/** What presence keeps in memory: no more than who is present and who follows account for, and nobody is misled by it. */
import { expect, it } from "vitest"
import type * as Message from "../../../src/protocol/Message.js"
import { MemoryPresence } from "../../../src/server/presence/MemoryPresence.js"
import type { Place } from "../../../src/server/presence/Present.js"
import * as Epoch from "../../../src/server/recovery/Epoch.js"
import { MemoryHistory } from "../../../src/server/recovery/MemoryHistory.js"
import * as fc from "../../harness/Property.js"

const bounds = { size: 5, age: 1_000, transient: true }

const place = (path: string): Place => ({ path, bounds, list: path !== "/n" })

const places = ["/a", "/b", "/n"].map(place)

/** What a reader knows of a path, from the list and the changes that it was told. */
interface Known {
  position: Message.Position
  count: number
  users: Map<string, unknown>
}

interface Told {
  readonly count: number
  readonly join?: { readonly id: string; readonly value: unknown }
  readonly change?: { readonly id: string; readonly value: unknown }
  readonly leave?: { readonly id: string }
}

const start = () => {
  const clock = { now: 0 }
  const followed = new Set<string>()
  const history = new MemoryHistory((path) => followed.has(path), () => clock.now)
  const presence = new MemoryPresence(history, () => Promise.resolve())
  const known = new Map<string, Known>()
  const all = async (place: Place): Promise<Known> => {
    const { count, position, users = [] } = await presence.read(place)
    return { count, position, users: new Map(users.map(({ id, value }) => [id, value])) }
  }
  const unfollow = (path: string): void => {
    followed.delete(path)
    history.release(path)
  }
  return {
    clock,
    followed,
    history,
    presence,
    all,
    toggle: ({ path }: Place): void => {
      if (followed.has(path)) {
        unfollow(path)
      } else {
        followed.add(path)
        history.read(path, undefined, bounds)
      }
    },
    /** Reads on from where it was, as a client that comes back, or the whole list where something is lost. */
    catchUp: async (place: Place): Promise<Known> => {
      const { path } = place
      const isFollowed = followed.has(path)
      followed.add(path)
      const reader = known.get(path)
      const page = history.read(path, reader?.position, bounds)
      const missed = page.updates.filter(({ position }) => position.offset > (reader?.position.offset ?? 0))
      const goesOn = reader && Epoch.continues(reader.position, page.epoch) &&
        missed.length === page.top - reader.position.offset
      const next = goesOn ? reader : await all(place)
      for (const { message, position } of goesOn ? missed : []) {
        const { change, count, join, leave } = message as Told
        const come = join ?? change
        if (come) {
          next.users.set(come.id, come.value)
        }
        next.users.delete(leave?.id ?? "")
        Object.assign(next, { count, position })
      }
      known.set(path, next)
      if (!isFollowed) {
        unfollow(path)
      }
      return next
    }
  }
}

const step = fc.record({
  kind: fc.constantFrom("come", "come", "go", "go", "toggle", "read", "wait"),
  place: fc.constantFrom(...places),
  id: fc.constantFrom("ann", "bob", "cyd"),
  n: fc.nat(1_200)
})

it("keeps no more changes than are present and no path that nobody is at or follows; readers know who is there", () =>
  fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { all, catchUp, clock, followed, history, presence, toggle } = start()
      for (const { id, kind, n, place } of steps) {
        if (kind === "come" || kind === "go") {
          await presence.change(place, "node", [[id, kind === "come" ? String(n) : undefined]], "some")
        } else if (kind === "toggle") {
          toggle(place)
        } else if (kind === "wait") {
          clock.now += n
        } else {
          const reader = await catchUp(place)
          const { count, users } = await all(place)
          expect([reader.count, reader.users]).toEqual([count, users])
        }
        const counts = await Promise.all(places.map(async (each) => (await presence.read(each)).count))
        const remaining = places.filter(({ path }, i) => followed.has(path) || (counts[i] ?? 0) > 0)
        expect(history.size).toBeLessThanOrEqual(remaining.length)
        for (const [i, { path }] of places.entries()) {
          const { updates } = history.read(path, { epoch: undefined, offset: 0 }, { ...bounds, size: Infinity })
          expect(updates.length).toBeLessThan(2 * Math.max(1, counts[i] ?? 0))
        }
      }
    }),
    { numRuns: 300 }
  ))

it("remembers nothing of paths where people came and went, however many", async () => {
  const { followed, history, presence } = start()
  followed.add("/room/7")
  for (let n = 0; n < 1_000; n++) {
    const room = place(`/room/${n}`)
    for (let value = 0; value < 3; value++) {
      await presence.change(room, "node", [["ann", String(value)]], "some")
    }
    await presence.change(room, "node", [["ann", undefined]], "some")
  }
  expect(history.size).toBe(1)
  followed.clear()
  history.release("/room/7")
  expect(history.size).toBe(0)
})

it("tells a reader who left at a path that was forgotten before, and again as soon as it was empty", async () => {
  const { catchUp, clock, history, presence } = start()
  const [room, other] = [place("/a"), place("/b")]
  await presence.change(room, "node", [["ann", "1"]], "some")
  clock.now = 1_001
  await presence.change(other, "node", [["bob", "1"]], "some")
  expect(history.size).toBe(1)
  expect((await catchUp(room)).users).toEqual(new Map([["ann", 1]]))
  await presence.change(room, "node", [["ann", undefined]], "some")
  expect((await catchUp(room)).users).toEqual(new Map())
})
