/** Whose message is begun when: fair turns between connections, and the order of each. */
import { setImmediate } from "node:timers/promises"
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest"
import type { Inbox } from "../../../src/server/connection/Connection.js"
import { type Rules, type Sender, TurnLimiter } from "../../../src/server/transport/Intake.js"
import { Turns } from "../../../src/server/transport/Turns.js"
import * as fc from "../../harness/Property.js"

interface Message {
  readonly text: string
  /** How long it keeps the loop (ms). */
  readonly takes?: number
}

class Client implements Sender<Message> {
  inbox: Inbox<Message> | undefined
  stops = 0
  free = true
  idle = 0

  constructor(readonly name: string) {}

  readonly stopReading = (): void => {
    this.stops++
  }

  readonly readOn = (): void => {
    this.stops--
  }

  readonly rest = (): void => {
    this.idle++
  }
}

/** What messages have taken, and each look at the clock a moment: what the machine takes besides is none of it. */
let now = 0

beforeEach(() => {
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now += 0.001)
  onTestFinished(() => clock.mockRestore())
})

const start = (rules: Partial<Rules<Message, Client>> = {}) => {
  const turns = new Turns()
  const begun: Array<string> = []
  /** The turn in which each was begun. */
  const at: Array<number> = []
  const limiter = new TurnLimiter<Message, Client>(turns, {
    begin: ({ name }, { takes = 0, text }) => {
      now += takes
      begun.push(`${name}${text}`)
      at.push(turns.count)
    },
    mayBegin: ({ free }) => free,
    isWaiting: () => false,
    isCrowded: () => false,
    lengthOf: ({ text }) => text.length,
    refuse: () => {},
    failed: () => {},
    ...rules
  })
  const send = (client: Client, ...texts: ReadonlyArray<string>): void =>
    texts.forEach((text) => limiter.receive(client, { text }))
  const until = async (count: number): Promise<void> => {
    while (begun.length < count) {
      await setImmediate()
    }
  }
  return { turns, begun, at, limiter, send, until }
}

const numbers = (count: number): ReadonlyArray<string> => Array.from({ length: count }, (_, i) => String(i))

describe("a message", () => {
  it("that comes alone is begun at once", () => {
    const { begun, send } = start()
    send(new Client("a"), "1")
    expect(begun).toEqual(["a1"])
  })

  it("that comes alone is begun at once also after many that did", async () => {
    const { begun, send } = start()
    const client = new Client("a")
    for (const text of numbers(50)) {
      send(client, text)
      expect(begun.at(-1)).toBe(`a${text}`)
      await setImmediate()
    }
  })

  it("of a client that sends one beside a flood is begun in the next turn at the latest", async () => {
    const { at, begun, send, turns, until } = start()
    const [flood, victim] = [new Client("f"), new Client("v")]
    send(flood, ...numbers(2_000))
    for (let i = 0; i < 10; i++) {
      await setImmediate()
      const { count } = turns
      send(victim, String(i))
      await until(begun.length + 8)
      expect(at[begun.indexOf(`v${i}`)]).toBeLessThanOrEqual(count + 1)
    }
    await until(2_010)
    expect(begun.filter((name) => name.startsWith("f"))).toEqual(numbers(2_000).map((n) => `f${n}`))
  })

  it("that is long is begun of each of many clients before the second of any", async () => {
    const { begun, send, until } = start()
    const clients = Array.from({ length: 100 }, (_, i) => new Client(`${i}:`))
    for (const client of clients) {
      send(client, "x".repeat(70_000), "y")
    }
    await until(200)
    expect(begun.slice(0, 100).every((name) => name.endsWith("x"))).toBe(true)
  })

  it("that is short is begun with the others of its client, so that their answers leave together", async () => {
    const { begun, send, until } = start()
    const clients = Array.from({ length: 6 }, (_, i) => new Client(`${i}:`))
    clients.forEach((client) => send(client, ...numbers(4)))
    await until(24)
    expect(begun).toEqual(clients.flatMap(({ name }) => numbers(4).map((n) => `${name}${n}`)))
  })
})

it("a turn begins only a few messages of one client, and not many of all", async () => {
  const { at, send, until } = start()
  const client = new Client("a")
  send(client, ...numbers(1_000))
  await until(1_000)
  // The first also has those that were begun as they came.
  const perTurn = [...new Set(at)].slice(1).map((turn) => at.filter((each) => each === turn).length)
  expect(Math.max(...perTurn)).toBeLessThanOrEqual(8)
})

it("nothing is read from who has sent too much, until all of it has been begun", async () => {
  const { send, until } = start()
  const client = new Client("a")
  send(client, ...numbers(20))
  expect(client.stops).toBe(0)
  send(client, ...numbers(100))
  expect(client.stops).toBe(1)
  await until(120)
  expect([client.stops, client.inbox]).toEqual([0, undefined])
  expect(client.idle).toBeGreaterThan(0)
})

it("who is not free waits, keeps the order, and is heard when woken", async () => {
  const { begun, limiter, send, until } = start()
  const [client, other] = [new Client("a"), new Client("b")]
  client.free = false
  send(client, ...numbers(5))
  send(other, "1")
  await setImmediate()
  await setImmediate()
  expect(begun).toEqual(["b1"])
  client.free = true
  limiter.wake(client)
  send(client, "5")
  await until(7)
  expect(begun.slice(1)).toEqual(numbers(6).map((n) => `a${n}`))
})

/** One whose messages take so long (ms) beside another, and the timers that are set. */
const burdened = (takes: number) => {
  const { limiter, ...rest } = start()
  const [heavy, other] = [new Client("h"), new Client("o")]
  const timer = vi.spyOn(globalThis, "setTimeout")
  onTestFinished(() => timer.mockRestore())
  const burden = (text: string): void => limiter.receive(heavy, { text: text.padEnd(70_000), takes })
  return { ...rest, burden, other, timer }
}

it("who has taken very long gives others a tenth of a second: it may have been the machine", async () => {
  const { burden, other, send, timer, until } = burdened(60)
  send(other, "1")
  burden("1")
  await until(2)
  send(other, "2")
  burden("2")
  await until(4)
  expect(timer.mock.calls.map(([, ms]) => ms)).toContain(100)
  expect(Math.max(...timer.mock.calls.map(([, ms]) => ms ?? 0))).toBe(100)
})

it("who takes long gives others twice as long, unless it is alone", async () => {
  const { begun, burden, other, send, timer, until } = burdened(10)
  burden("1")
  burden("2")
  burden("3")
  await until(3)
  expect(timer).not.toHaveBeenCalled()
  send(other, "1")
  burden("4")
  await until(5)
  send(other, "2")
  burden("5")
  await until(7)
  expect(Math.min(...timer.mock.calls.map(([, ms]) => ms ?? 0))).toBeGreaterThanOrEqual(20)
  expect(begun.map((name) => name.trim())).toEqual(["h1", "h2", "h3", "o1", "h4", "o2", "h5"])
})

it("what waits for earlier ones is refused from the end when it is too much; the rest keeps its order", async () => {
  const refused: Array<string> = []
  const { begun, limiter, send, until } = start({
    isWaiting: ({ free }) => !free,
    isCrowded: ({ free }, waiting) => !free && waiting > 3,
    refuse: (_, { text }) => refused.push(text)
  })
  const client = new Client("a")
  client.free = false
  send(client, ...numbers(6))
  while (refused.length < 3) {
    await setImmediate()
  }
  expect(client.stops).toBe(0)
  client.free = true
  limiter.wake(client)
  await until(3)
  expect(begun).toEqual(["a0", "a1", "a2"])
  expect(refused).toEqual(["5", "4", "3"])
})

it("each client's messages are begun once and in order, whatever others do", async () => {
  const step = fc.record({ who: fc.nat(4), count: fc.nat(60), free: fc.boolean(), turn: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const { begun, limiter, send, until } = start()
      const clients = numbers(5).map((n) => new Client(`${n}:`))
      const sent = new Map(clients.map((client) => [client, 0]))
      for (const { count, free, turn, who } of steps) {
        const client = clients[who] as Client
        client.free = free
        limiter.wake(client)
        for (let i = 0; i < count; i++) {
          const n = sent.get(client) ?? 0
          sent.set(client, n + 1)
          send(client, String(n))
        }
        if (turn) {
          await setImmediate()
        }
      }
      for (const client of clients) {
        client.free = true
        limiter.wake(client)
      }
      await until([...sent.values()].reduce((sum, count) => sum + count, 0))
      for (const [{ inbox, name, stops }, count] of sent) {
        expect(begun.filter((each) => each.startsWith(name))).toEqual(numbers(count).map((n) => `${name}${n}`))
        // Whoever rests, as the machine took its time, has an inbox with nothing in it.
        expect([stops, inbox?.messages ?? []]).toEqual([0, []])
      }
    }),
    { numRuns: 100 }
  )
})

it("what has had its turn is forgotten, even where something always waits", async () => {
  const { begun, send, until } = start()
  const client = new Client("a")
  send(client, ...numbers(1_000))
  let most = 0
  for (let n = 0; n < 100; n++) {
    await until(begun.length + 8)
    send(client, ...numbers(8))
    most = Math.max(most, client.inbox?.messages.length ?? Infinity)
  }
  expect(most).toBeLessThan(1_100)
})

it("a client that is forgotten while it rests, and sends again, keeps what it has sent", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout"] })
  onTestFinished(() => void vi.useRealTimers())
  const { begun, limiter, send, until } = start()
  const [a, b] = [new Client("a"), new Client("b")]
  send(b, "1")
  limiter.receive(a, { text: "x".repeat(70_000), takes: 3 })
  await until(2)
  expect(vi.getTimerCount()).toBe(1)
  limiter.forget(a)
  a.free = false
  send(a, "2")
  vi.runAllTimers()
  a.free = true
  limiter.wake(a)
  await until(3)
  expect(begun.at(-1)).toBe("a2")
})

it.each([
  ["a few", false, 31, 32],
  ["as many as the rules have it, where they wait for their own", true, 100, 101]
])("nothing more of a client is read when so many of its messages wait: %s", (_, isWaiting, few, many) => {
  const { send } = start({
    isWaiting: () => isWaiting,
    isCrowded: (_, waiting) => waiting > 100,
    mayBegin: () => false
  })
  const client = new Client("a")
  send(client, ...numbers(few))
  expect(client.stops).toBe(0)
  send(client, ...numbers(many - few))
  expect(client.stops).toBe(1)
})

it("a client that is alone does not rest, however long its messages take", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout"] })
  onTestFinished(() => void vi.useRealTimers())
  const { limiter, send, until } = start()
  const client = new Client("a")
  for (const text of numbers(3)) {
    send(client, "short", "short")
    limiter.receive(client, { text: text.repeat(70_000), takes: 3 })
    await until(3 * Number(text) + 3)
  }
  expect(vi.getTimerCount()).toBe(0)
})
