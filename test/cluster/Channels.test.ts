/** The channels of a node whose engine comes and goes. */
import { expect, it } from "vitest"
import { Channels } from "../../src/cluster/Channels.js"
import type { Session } from "../../src/cluster/Engine.js"
import type { Host } from "../../src/cluster/Host.js"
import type { Node } from "../../src/server/Broker.js"

const stage = () => {
  const listening = new Set<string>()
  const subscribed: Array<string> = []
  const compared: Array<string> = []
  const read: Array<string> = []
  const reached = new Map<string, number>()
  const state = { isUp: true, lasts: Infinity }
  const settled = <A>(answer: A): Promise<A> => Promise.resolve(answer)
  const session: Session = {
    get isUp() {
      return state.isUp
    },
    publish: () => settled(0),
    subscribe: (_, names) => {
      subscribed.push(...names)
      return settled(undefined)
    },
    unsubscribe: (_, names) => {
      subscribed.push(...names.map((name) => `not ${name}`))
      return settled(undefined)
    },
    append: () => settled([{ epoch: "", offset: 0 }]),
    read: () => settled({ epoch: "", start: 0, top: 0, entries: [] }),
    positions: (paths) => {
      if (--state.lasts < 0) {
        state.isUp = false
        return Promise.reject(new Error("Cut off"))
      }
      compared.push(...paths)
      return settled(paths.map(() => ({ epoch: "e", offset: 1 })))
    },
    sever: () => settled(false),
    clear: () => settled(undefined),
    enter: () => settled({ before: 0, after: 0 }),
    present: () => settled({ epoch: "", top: 0, count: 0, members: [] }),
    begin: () => settled("new" as const),
    end: () => settled(undefined),
    hold: () => settled(undefined),
    unhold: () => settled(undefined),
    members: () => settled(0),
    holders: () => settled([]),
    holds: () => settled(0),
    held: () => settled([]),
    claim: () => settled(undefined),
    release: () => settled(undefined),
    beat: () => settled([]),
    leave: () => settled(undefined),
    close: () => settled(undefined)
  }
  const node: Pick<Node, "listens" | "recovers" | "reached" | "refresh"> = {
    listens: (path) => listening.has(path),
    recovers: (path) => listening.has(path),
    reached: (path) => ({ epoch: "e", offset: reached.get(path) ?? 1 }),
    refresh: (path) => {
      read.push(path)
      return undefined
    }
  }
  const host: Pick<Host, "session"> = {
    session: () => {
      if (!state.isUp) {
        throw new Error("Not connected")
      }
      return session
    }
  }
  const channels = new Channels({ ...host, node } as Host)
  const add = (path: string): Promise<void> | undefined => {
    listening.add(path)
    return channels.follow(path)
  }
  const remove = (path: string): Promise<void> | undefined => {
    listening.delete(path)
    return channels.follow(path)
  }
  return { channels, subscribed, compared, read, reached, state, add, remove }
}

it("a path is heard for as long as somebody listens, whoever comes and goes meanwhile", async () => {
  const { add, channels, remove, subscribed } = stage()
  const first = add("/a")
  expect(add("/a")).toBeInstanceOf(Promise)
  expect(channels.has("/a")).toBe(false)
  await first
  expect(channels.has("/a")).toBe(true)
  expect(add("/a")).toBeUndefined()
  const leaving = remove("/a")
  const coming = add("/a")
  await Promise.all([leaving, coming])
  expect(channels.has("/a")).toBe(true)
  await remove("/a")
  expect(channels.has("/a")).toBe(false)
  expect(remove("/a")).toBeUndefined()
  expect(subscribed).toEqual(["/a", "not /a"])
})

it("those of one turn are subscribed to together", async () => {
  const { add, subscribed } = stage()
  const all = Promise.all(["/a", "/b", "/c"].map(async (path) => add(path)))
  expect(subscribed).toEqual([])
  await all
  expect(subscribed).toEqual(["/a", "/b", "/c"])
})

it("a path that nobody listens to any more is forgotten while the engine is away, too", async () => {
  const { add, channels, remove, state, subscribed } = stage()
  state.isUp = false
  await add("/stays")
  await add("/leaves")
  await remove("/leaves")
  expect(subscribed).toEqual([])
  state.isUp = true
  channels.reset()
  await channels.catchUp()
  expect(subscribed).toEqual(["/stays"])
  expect(channels.missing).toBe(0)
})

it("catching up goes on where it was cut off, and always gets to the end", async () => {
  const { add, channels, compared, state, subscribed } = stage()
  const paths = Array.from({ length: 5_000 }, (_, n) => `/${n}`)
  await Promise.all(paths.map(async (path) => add(path)))
  subscribed.length = 0
  // Never long enough for more than two parts of ten.
  for (let cuts = 1; cuts <= 5; cuts++) {
    channels.reset()
    state.isUp = true
    state.lasts = 2
    await channels.catchUp()
    expect(new Set(compared).size).toBe(Math.min(cuts * 1_000, 5_000))
  }
  expect(new Set(subscribed).size).toBe(5_000)
  state.isUp = true
  state.lasts = Infinity
  await channels.catchUp()
  expect(channels.missing).toBe(0)
})

it("an announcement that is on its way when the engine is asked is not read; one that is lost is", async () => {
  const { add, channels, reached, read } = stage()
  await Promise.all([add("/late"), add("/lost")])
  reached.set("/late", 0).set("/lost", 0)
  await channels.stroll()
  expect(read).toEqual([])
  reached.set("/late", 1)
  await channels.stroll()
  expect(read).toEqual(["/lost"])
})

it("a path that nobody listens to any more is not read again", async () => {
  const { add, channels, read, remove } = stage()
  await Promise.all([add("/a"), add("/b")])
  channels.failed("/a")
  channels.failed("/b")
  await remove("/a")
  expect(channels.retry()).toBe(true)
  expect(read).toEqual(["/b"])
})
