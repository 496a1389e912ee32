/** What is kept of a path, for how long, and when the path itself is forgotten. */
import { describe, expect, it } from "vitest"
import type { Publish } from "../../../src/server/Command.js"
import { MemoryHistory } from "../../../src/server/recovery/MemoryHistory.js"

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

  it("that was only asked for is forgotten, too, though nothing is ever published", () => {
    const { clock, history } = start()
    const { epoch } = history.read("/x/0", undefined, bounds)
    expect(history.read("/x/0", undefined, bounds).epoch).toBe(epoch)
    for (let i = 1; i <= 3; i++) {
      clock.now += 500
      history.read(`/x/${i}`, undefined, bounds)
    }
    expect(history.read("/x/0", undefined, bounds).epoch).not.toBe(epoch)
  })
})
