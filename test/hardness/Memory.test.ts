/** What one connection can bind: each limit driven to its maximum, beside what docs/operations.md promises. */
import { connect, type Socket } from "node:net"
import { setImmediate, setTimeout } from "node:timers/promises"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { defaults } from "../../src/server/LimitSettings.js"
import { ChildProcess } from "../harness/ChildProcess.js"
import { frame, handshake } from "../harness/RawPeer.js"
import type { Door, Setup } from "./memory.child.js"

const KiB = 1024
const MiB = 1024 * KiB

/** A connection that never reads. */
class Peer {
  private constructor(readonly socket: Socket) {}

  static async open(port: number): Promise<Peer> {
    const socket = connect(port, "127.0.0.1").setNoDelay(true)
    socket.on("error", () => {})
    onTestFinished(() => void socket.destroy())
    socket.write(handshake())
    await new Promise((resolve) => socket.once("readable", resolve))
    return new Peer(socket)
  }

  write(bytes: Buffer | string): Promise<void> {
    return new Promise((resolve) => this.socket.write(bytes, () => resolve()))
  }

  say(message: object): Promise<void> {
    return this.write(frame(JSON.stringify({ id: 1, ...message })))
  }

  /** Says what `messages` makes of each number, many in a write. */
  async sayAll(count: number, messages: (n: number) => ReadonlyArray<object>): Promise<void> {
    for (let from = 0; from < count; from += 50) {
      const numbers = Array.from({ length: Math.min(50, count - from) }, (_, n) => from + n)
      const frames = numbers.flatMap(messages).map((message) => frame(JSON.stringify({ id: 1, ...message })))
      await this.write(Buffer.concat(frames))
    }
  }

  /** Writes byte by byte, so that many are probably read one by one. */
  async drip(bytes: Buffer): Promise<void> {
    for (const byte of bytes) {
      this.socket.write(Buffer.of(byte))
      await setImmediate()
    }
  }
}

const hello = { type: "hello", version: "2" }

const repeat = (bytes: Buffer, times: number): Buffer => Buffer.concat(Array.from({ length: times }, () => bytes))

const brackets = (length: number): string => `[${"[],".repeat(length / 3)}[]]`

/** What docs/operations.md promises, in its order. */
const promised = {
  itself: 16 * KiB,
  beforeHello: 24 * defaults.maxHelloBytes,
  receiving: (maxFrameBytes: number) => 3 * maxFrameBytes,
  read: 2 * MiB,
  inFlight: (maxInFlightBytes: number, maxFrameBytes: number) => Math.max(maxInFlightBytes, 32 * maxFrameBytes),
  waiting: (maxInFlightBytes: number) => 2 * maxInFlightBytes,
  requests: (maxInFlight: number) => 16 * KiB * maxInFlight,
  unread: (maxBufferedBytes: number) => 4 * maxBufferedBytes,
  subscriptions: (maxSubscriptionBytes: number, maxSubscriptions: number) =>
    maxSubscriptionBytes + KiB * maxSubscriptions,
  presence: (maxPresenceBytes: number, subscriptions: number) => subscriptions * (KiB + 4 * KiB + 10 * maxPresenceBytes)
}

// What a process takes for itself, or gives back, from one measurement to the next.
const noise = 384 * KiB

interface Case {
  readonly title: string
  readonly setup: Setup
  /** What it binds at most, and a part of that which shows that it was driven there. */
  readonly most: number
  readonly least: number
  /** Goes as far as it can; returns what was in use on the way, where it can be known only then. */
  readonly drive: (peer: Peer, server: ChildProcess) => Promise<unknown>
}

const fragment = frame("x", { first: 0x00 })
const message = (value: string): Buffer => frame(`{"type":"message","id":1,"message":${value}}`)
const maxBufferedBytes = MiB

/** Says hello, and leaves no room in the network. */
const fill = async (peer: Peer, server: ChildProcess): Promise<void> => {
  await peer.say({ ...hello, subs: ["/a"] })
  await server.call("fill", "/a")
}

const published = (length: number, isOneTurn: boolean): Case => ({
  title: `updates of ${length} that nobody reads, published in ${isOneTurn ? "one turn" : "many turns"}`,
  setup: { limits: { maxBufferedBytes } },
  most: promised.unread(maxBufferedBytes),
  least: maxBufferedBytes,
  drive: async (peer, server) => {
    await fill(peer, server)
    return await server.call("publish", "/a", length, isOneTurn)
  }
})

const answered = (length: number, count: number): Case => ({
  title: `${count} answers of ${length} that nobody reads`,
  setup: { limits: { maxBufferedBytes, maxInFlight: 10_000 } },
  most: promised.unread(maxBufferedBytes),
  least: maxBufferedBytes,
  drive: async (peer, server) => {
    await fill(peer, server)
    await peer.write(repeat(message("1"), count))
    while (await server.call("waiting") !== count) {
      // It reads in turns.
      await setTimeout(10)
    }
    await server.call("answer", length)
  }
})

const subscribed = (length: number): Case => ({
  title: `subscriptions to paths of ${length}`,
  setup: { limits: { maxErrors: false } },
  most: promised.subscriptions(defaults.maxSubscriptionBytes, defaults.maxSubscriptions),
  least: 256 * KiB,
  drive: async (peer) => {
    peer.socket.resume()
    await peer.say(hello)
    await peer.sayAll(1100, (i) => [{ type: "sub", path: `/${i}/${"x".repeat(length)}` }])
  }
})

const cases: ReadonlyArray<Case> = [
  {
    title: "an unfinished hello, read by read",
    setup: { limits: {} },
    most: promised.beforeHello,
    least: 48 * KiB,
    drive: (peer) => peer.drip(Buffer.concat([frame("", { length: 65_000 }), Buffer.alloc(1000)]))
  },
  {
    title: "an unfinished hello, in fragments of a byte",
    setup: { limits: { maxFrameBytes: 4 * MiB } },
    most: promised.beforeHello,
    least: MiB,
    drive: (peer) => peer.write(Buffer.concat([frame("x", { first: 0x01 }), repeat(fragment, 9000)]))
  },
  {
    title: "what follows a hello that is being looked at",
    setup: { limits: { maxMessagesPerSecond: false }, greeting: 1 },
    most: promised.beforeHello + promised.read,
    least: 300 * KiB,
    drive: async (peer) => {
      await peer.say(hello)
      void peer.write(repeat(frame("", { first: 0x89 }), 1_000_000))
    }
  },
  {
    title: "an unfinished message",
    setup: { limits: { maxFrameBytes: MiB } },
    most: promised.receiving(MiB),
    least: MiB,
    drive: async (peer) => {
      await peer.say(hello)
      await peer.write(Buffer.concat([frame("x", { first: 0x01 }), repeat(fragment, 4000)]))
      await peer.write(frame("", { first: 0, length: 1_000_000 }))
      await peer.drip(Buffer.alloc(4000))
      await peer.write(Buffer.alloc(990_000))
    }
  },
  {
    title: "messages being answered, and others that wait",
    setup: { limits: { maxFrameBytes: 256 * KiB, maxInFlightBytes: 4 * MiB, maxErrors: false } },
    most: promised.inFlight(4 * MiB, 256 * KiB) + promised.waiting(4 * MiB),
    least: 8 * MiB,
    drive: async (peer) => {
      await peer.say(hello)
      void peer.write(repeat(message(brackets(20_000)), 10))
      void peer.write(repeat(message(`"${"\u0100".repeat(100_000)}"`), 100))
    }
  },
  {
    title: "one message of brackets",
    setup: { limits: { maxFrameBytes: MiB, maxInFlightBytes: MiB } },
    most: promised.inFlight(MiB, MiB),
    least: 10 * MiB,
    drive: async (peer) => {
      await peer.say(hello)
      await peer.write(message(brackets(1_000_000)))
    }
  },
  {
    title: "requests being answered",
    setup: { limits: { maxInFlight: 1000, maxErrors: false } },
    most: promised.requests(1000),
    least: MiB,
    drive: async (peer) => {
      await peer.say(hello)
      await peer.write(repeat(frame(`{"type":"request","id":1,"method":"GET","path":"/never"}`), 1100))
    }
  },
  published(1, false),
  published(1, true),
  published(10_000, false),
  published(10_000, true),
  answered(1, 6000),
  answered(10_000, 300),
  {
    title: "pongs that nobody reads",
    setup: { limits: { maxBufferedBytes, maxMessagesPerSecond: false } },
    most: promised.unread(maxBufferedBytes) + promised.read,
    least: 0.3 * maxBufferedBytes,
    drive: async (peer, server) => {
      await fill(peer, server)
      void peer.write(repeat(frame("", { first: 0x89 }), 1_000_000))
    }
  },
  {
    title: "what is sent before the answer to the hello",
    setup: { limits: { maxBufferedBytes }, greeting: 200 },
    most: promised.unread(maxBufferedBytes),
    least: maxBufferedBytes,
    drive: (peer) => peer.say(hello)
  },
  subscribed(240),
  subscribed(8000),
  {
    title: "values of presence that change again and again",
    setup: { limits: {} },
    most: promised.presence(defaults.maxPresenceBytes, 500),
    least: 500 * KiB,
    drive: async (peer) => {
      peer.socket.resume()
      await peer.say(hello)
      for (let round = 0; round < 15; round++) {
        await peer.sayAll(500, (i) => [{ type: "sub", path: `/room/${i}`, presence: round + "x".repeat(1_000) }])
        // Changes within it are one.
        await setTimeout(100)
      }
    }
  },
  {
    title: "presence at paths that are left at once",
    setup: { limits: {} },
    most: promised.read,
    least: -noise,
    drive: async (peer) => {
      peer.socket.resume()
      await peer.say(hello)
      await peer.sayAll(3_000, (i) => [
        { type: "sub", path: `/room/${i}`, presence: "x".repeat(1_000) },
        { type: "unsub", path: `/room/${i - 100}` }
      ])
      await peer.sayAll(100, (i) => [{ type: "unsub", path: `/room/${2_900 + i}` }])
    }
  },
  {
    title: "errors, and as many messages as a second may have",
    setup: { limits: { maxErrors: 1000, maxMessagesPerSecond: 10_000 } },
    most: 0,
    least: -noise,
    drive: async (peer) => {
      const answered = new Promise<void>((resolve) =>
        peer.socket.on("data", (answers: Buffer) => answers.includes(`"id":99`) && resolve())
      )
      await peer.say(hello)
      await peer.write(Buffer.concat([repeat(frame("{"), 999), repeat(frame(`{"type":"ping","id":1}`), 8000)]))
      await peer.say({ type: "unsub", id: 99, path: "/a" })
      await answered
    }
  }
]

// The core is that of both doors.
const doors: ReadonlyArray<readonly [Door, ReadonlyArray<Case>]> = [
  ["effect-nes", cases],
  ["NesHttpServer", cases.filter(({ title }) => /read by read|being answered|in one turn/.test(title))]
]

describe.each(doors)("%s: one connection binds no more than is promised", (door, cases) => {
  let server: ChildProcess

  beforeAll(async () => {
    server = await ChildProcess.start(new URL("memory.child.ts", import.meta.url), [door])
  })

  afterAll(() => server.stop())

  /** What is in use when nothing changes any more; what has been freed of Buffers is known at the next collection. */
  const settled = async (): Promise<number> => {
    let [last, now] = [0, Infinity]
    while (Math.abs(now - last) > 32 * KiB) {
      await setTimeout(50)
      last = now
      now = await server.call("memory") as number
    }
    return now
  }

  it.each(cases)("$title", { timeout: 120_000 }, async ({ drive, least, most, setup }) => {
    const port = await server.call("start", setup) as number
    await (await Peer.open(port)).say(hello)
    if (most === 0) {
      // What code takes that runs for the first time is the process's own.
      const first = await Peer.open(port)
      await drive(first, server)
      first.socket.destroy()
    }
    const bounds = promised.itself + most + noise
    // Settled is what moves by less than 32 kB, before and after; the rest the process may give back of its own.
    const part = least - 48 * KiB
    const measured = async (): Promise<number> => {
      const before = await settled()
      const onTheWay = await drive(await Peer.open(port), server)
      let bound = (typeof onTheWay === "number" ? onTheWay : await settled()) - before
      // On a busy machine nothing may move because nothing gets its turn.
      const mostLooks = typeof onTheWay === "number" ? 0 : 20
      for (let looks = 0; looks < mostLooks && (bound >= bounds || bound <= part); looks++) {
        bound = await settled() - before
      }
      return bound
    }
    let bound = await measured()
    // Nor before: what was given back meanwhile says nothing of this connection.
    for (let more = 0; more < 3 && bound <= part; more++) {
      bound = await measured()
    }
    expect(bound).toBeLessThan(bounds)
    expect(bound).toBeGreaterThan(part)
  })
})
