/** What is kept of a path, for how long, and when the path itself is forgotten. */
import { describe, expect, it } from "vitest"
import type { Publish } from "../../../src/server/Command.js"
import * as Epoch from "../../../src/server/recovery/Epoch.js"
import { MemoryHistory } from "../../../src/server/recovery/MemoryHistory.js"
import * as fc from "../../harness/Property.js"

const bounds = { size: 3, age: 1_000 }

const update = (path: string, message: unknown): Publish => ({
  type: "publish",
  path,
  message,
  internal: undefined,
  user: undefined
})

const start = (...followed: ReadonlyArray<string>) => {
  const clock = { now: 0 }
  const history = new MemoryHistory((path) => followed.includes(path), () => clock.now)
  const messages = (path: string, epoch: string, offset: number): ReadonlyArray<unknown> =>
    history.read(path, { epoch, offset }, bounds).updates.map(({ message }) => message)
  return { clock, history, messages }
}

it("keeps the last updates, as many and as long as its bounds say", () => {
  const { clock, history, messages } = start()
  const { epoch } = history.append(update("/a", 1), bounds).position
  for (const message of [2, 3, 4]) {
    clock.now += 400
    history.append(update("/a", message), bounds)
  }
  expect(messages("/a", epoch, 0)).toEqual([2, 3, 4])
  expect(messages("/a", epoch, 3)).toEqual([4])
  clock.now += 900
  expect(messages("/a", epoch, 0)).toEqual([4])
})

it("keeps the state as long as its bound says, also of a path that somebody follows", () => {
  const { clock, history } = start("/a")
  const lasting = { ...bounds, state: 500 }
  history.append(update("/a", 1), lasting)
  clock.now = 500
  expect(history.read("/a", undefined, lasting).last).toMatchObject({ message: 1 })
  clock.now = 501
  expect(history.read("/a", undefined, lasting).last).toBeUndefined()
})

describe("a path", () => {
  it("that nobody follows is forgotten when all that it keeps is too old, and then has a new epoch", () => {
    const { clock, history } = start()
    const { epoch } = history.append(update("/a", 1), bounds).position
    clock.now = 1_000
    history.append(update("/b", 1), bounds)
    expect(history.read("/a", undefined, bounds)).toMatchObject({ epoch, top: 1 })
    clock.now = 1_001
    history.append(update("/b", 2), bounds)
    const { epoch: next, top } = history.read("/a", undefined, bounds)
    expect(top).toBe(0)
    expect(next).not.toBe(epoch)
  })

  it("that someone follows goes on where it was, however quiet it is, and keeps nothing that is too old", () => {
    const { clock, history, messages } = start("/a")
    const { epoch } = history.append(update("/a", 1), bounds).position
    for (clock.now = 600; clock.now < 6_000; clock.now += 600) {
      history.append(update("/b", 1), bounds)
    }
    expect(history.append(update("/a", 2), bounds).position).toEqual({ epoch, offset: 2 })
    expect(messages("/a", epoch, 0)).toEqual([2])
  })
})

describe("a path that nobody has published to", () => {
  it("is not kept, whoever asks for it", () => {
    const { history } = start()
    for (let i = 0; i < 100; i++) {
      history.read(`/x/${i}`, undefined, bounds)
      history.read(`/x/${i}`, { epoch: "e", offset: 1 }, bounds)
    }
    expect(history.size).toBe(0)
  })

  it("is kept as long as it is followed", () => {
    const followed = ["/a", "/b"]
    const { clock, history } = start(...followed)
    const [a, b] = [history.read("/a", undefined, bounds), history.read("/b", undefined, bounds)]
    clock.now = 100_000
    const { epoch, offset } = history.append(update("/a", 1), bounds).position
    expect([offset, Epoch.continues({ epoch: a.epoch, offset: 0 }, epoch)]).toEqual([1, true])
    expect(history.read("/b", undefined, bounds).epoch).toBe(b.epoch)
    expect(history.size).toBe(2)
    history.release("/b")
    expect(history.size).toBe(2)
  })

  it("is released with its last follower; one that has been published to is not", () => {
    const followed = ["/a", "/b"]
    const history = new MemoryHistory((path) => followed.includes(path), () => 0)
    history.read("/a", undefined, bounds)
    history.read("/b", undefined, bounds)
    history.append(update("/b", 1), bounds)
    followed.length = 0
    history.release("/a")
    history.release("/b")
    history.release("/c")
    expect(history.size).toBe(1)
  })

  it("goes on where a reader left it for as long as nothing can have been published and forgotten meanwhile", () => {
    fc.assert(
      fc.property(fc.nat(5_000), fc.nat(5_000), fc.boolean(), (left, away, published) => {
        const { clock, history } = start()
        clock.now = left
        const { epoch } = history.read("/a", undefined, bounds)
        if (published) {
          history.append(update("/a", "missed"), bounds)
        }
        clock.now = left + away
        history.append(update("/other", 1), bounds)
        const page = history.read("/a", { epoch, offset: 0 }, bounds)
        const goesOn = Epoch.continues({ epoch, offset: 0 }, page.epoch)
        if (published) {
          expect(goesOn).toBe(away <= bounds.age)
          expect(page.updates.map(({ message }) => message)).toEqual(goesOn ? ["missed"] : [])
        } else if (away < bounds.age / 2) {
          expect(goesOn).toBe(true)
        }
      })
    )
  })
})

describe("a state that is kept for long", () => {
  const withState = { ...bounds, state: 1_000_000 }

  it("keeps no other path, however many there are, from being forgotten", () => {
    const { clock, history } = start()
    history.append(update("/price", 1), withState)
    for (let n = 0; n < 100; n++) {
      clock.now += 2_000
      history.append(update(`/room/${n}`, n), bounds)
    }
    expect(history.size).toBe(2)
    expect(history.read("/price", undefined, withState).last?.message).toBe(1)
  })

  it("keeps no updates besides for longer than their own bounds say, and is forgotten in the end", () => {
    const { clock, history } = start()
    const messages = (): number =>
      history.read("/a", { epoch, offset: 0 }, { ...withState, age: Infinity }).updates.length
    const { epoch } = history.append(update("/a", 1), withState).position
    history.append(update("/a", 2), withState)
    expect(messages()).toBe(2)
    clock.now += 1_001
    history.append(update("/b", 1), bounds)
    expect(messages()).toBe(0)
    expect(history.read("/a", undefined, withState)).toMatchObject({ epoch, top: 2, last: { message: 2 } })
    for (const step of [1_000_000, 1_000_000]) {
      clock.now += step
      history.append(update("/b", 2), bounds)
    }
    expect(history.size).toBe(1)
  })
})
