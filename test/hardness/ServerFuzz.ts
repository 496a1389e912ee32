/**
 * Mutated sessions against a server: it must not die, must not leave a message that has an id without an answer, must
 * say only what the protocol has, must not grow, and nobody else may notice.
 */
import { once } from "node:events"
import { WebSocket } from "ws"
import { ChildExited, ChildProcess } from "../interop/peers/ChildProcess.js"
import type { Implementation } from "../interop/peers/Plugin.js"
import { complaint } from "./Answer.js"
import type { Holdings } from "./Holdings.js"
import { clientMessage, id, mutate } from "./Mutation.js"
import { Random } from "./Random.js"
import { frame, handshake, RawPeer } from "./RawPeer.js"
import type { Setup } from "./server.child.js"

export interface Figures {
  readonly sessions: number
  readonly messages: number
  readonly answers: number
  /** How often the server's process ended. */
  deaths: number
  /** Sessions whose last message was neither answered nor met by a close. */
  hangs: number
  malformed: number
  /** Times that someone who behaves was disconnected or kept waiting. */
  disturbed: number
  /** Growth of the heap after the first sessions, in kB. */
  growth: number
  readonly faults: Array<string>
}

/** Sessions that are under way at the same time. */
const crowd = 96
const patience = 5_000
/** Sessions that each of them plays before all wait for each other. */
const round = 40
/** What the first sessions compile and cache is no leak. */
const warmup = 300
const growthLimit = 6_000

const setups: ReadonlyArray<Setup> = [
  {},
  { auth: true, nes: { auth: { type: "direct" }, payload: { maxChunkChars: 50_000 } } },
  { auth: true, nes: { auth: { type: "token", password: "p".repeat(40), index: true }, headers: "*" } }
]

interface Target {
  readonly child: ChildProcess
  readonly port: number
}

const start = async (implementation: Implementation, setup: Setup): Promise<Target> => {
  const child = await ChildProcess.start(new URL("./server.child.ts", import.meta.url), [implementation])
  return { child, port: Number(new URL(String(await child.call("start", setup))).port) }
}

/** Someone who behaves: asks and asks again, as long as the server lives. */
class Bystander {
  asked = 0
  disturbed = 0
  readonly #ended: Promise<void>
  #over = false

  constructor(target: Target) {
    this.#ended = this.#live(target)
  }

  async stop(): Promise<void> {
    this.#over = true
    await this.#ended
  }

  async #live({ child, port }: Target): Promise<void> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`)
    socket.on("error", () => {})
    try {
      await once(socket, "open")
      let n = 0
      const ask = async (message: object): Promise<void> => {
        const given = ++n
        socket.send(JSON.stringify({ id: given, ...message }))
        await new Promise<void>((resolve, reject) => {
          const timer = setTimeout(() => done(new Error("late")), patience)
          const done = (error?: Error): void => {
            clearTimeout(timer)
            socket.off("message", onMessage)
            socket.off("close", onClose)
            if (error) {
              reject(error)
            } else {
              resolve()
            }
          }
          const onClose = (): void => done(new Error("closed"))
          const onMessage = (data: unknown): void => {
            const answer = JSON.parse(String(data)) as { readonly id?: number; readonly type?: string }
            if (answer.type === "ping") {
              socket.send(`{"type":"ping","id":"p"}`)
            } else if (answer.id === given) {
              done()
            }
          }
          socket.on("message", onMessage)
          socket.on("close", onClose)
        })
        this.asked++
      }
      await ask({ type: "hello", version: "2" })
      while (!this.#over) {
        await ask({ type: "request", method: "GET", path: "/" })
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    } catch {
      if (child.alive && !this.#over) {
        this.disturbed++
      }
    }
    socket.terminate()
  }
}

const openings = (random: Random): string =>
  random.choose(
    () => handshake({ path: random.pick(["/x?y=1", "/%", "*", "/".repeat(3000)]) }),
    () => handshake({ method: random.pick(["POST", "HEAD", "CONNECT", "NONSENSE"]) }),
    () => handshake({ key: random.pick(["", "x", "a".repeat(200)]), version: random.pick(["8", "13", "x"]) }),
    () => handshake({ extra: "Cookie: nes=Fe26.2**a*b*c; nes=\"x\r\n" }),
    () => handshake({ extra: "Sec-WebSocket-Extensions: permessage-deflate; x=\r\nOrigin: http://evil\r\n" }),
    () => handshake().slice(0, random.int(1, 150))
  )

const bytes = (random: Random, text: string): ReadonlyArray<Buffer> =>
  random.choose<ReadonlyArray<Buffer>>(
    () => [frame(text, { first: 0x82 })],
    () => {
      const half = Math.floor(text.length / 2)
      return [
        frame(text.slice(0, half), { first: 0x01 }),
        frame("", { first: 0x89 }),
        frame(text.slice(half), { first: 0x80 })
      ]
    },
    () => [frame(text, { first: random.pick([0x80, 0x83, 0xc1, 0x8b, 0xf1]) })],
    () => [frame(text, { masked: false })],
    () => [frame(text, { length: random.pick([1, 125, 65_535, 2_000_000, 4_000_000_000]) })],
    () => [frame(Buffer.from([0xff, 0xfe, 0x80]))],
    () => [frame(Buffer.from([random.int(0, 255), random.int(0, 255), 0x80]), { first: 0x88 })],
    () => [frame("x".repeat(200), { first: 0x89 })]
  )

/** Plays one session; false where the server left its last message without any answer. */
const play = async (random: Random, peer: RawPeer, count: (what: "messages" | "answers", n: number) => void) => {
  if (random.chance(0.08)) {
    await peer.open(openings(random), 100)
    peer.destroy()
    return true
  }
  if (!await peer.open()) {
    return true
  }
  if (random.chance(0.9)) {
    peer.write(frame(JSON.stringify({ type: "hello", id: 1, version: "2", subs: ["/o", "/item/1"] })))
  }
  let clean = true
  const steps = random.int(1, 25)
  for (let n = 2; n < steps + 2 && !peer.ended; n++) {
    const text = mutate(random, clientMessage(random, id(random, n)))
    if (random.chance(0.04)) {
      clean = false
      bytes(random, text).forEach((each) => peer.write(each))
    } else {
      peer.write(frame(text))
    }
    count("messages", 1)
    if (random.chance(0.1)) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    if (random.chance(0.01)) {
      random.choose(() => peer.halfClose(), () => peer.reset(), () => peer.destroy())
      clean = false
    }
  }
  const fence = `fence ${random.next()}`
  peer.write(frame(JSON.stringify({ type: "fence", id: fence })))
  const answered = await peer.until(
    () => peer.ended || peer.closeCode !== undefined || peer.texts.some((text) => text.includes(fence)),
    clean ? patience : 500
  )
  count("answers", peer.texts.length)
  peer.destroy()
  return answered || !clean
}

/** Plays sessions until the time is up. The same seed plays the same sessions. */
export const run = async (
  implementation: Implementation,
  { kinds = setups.length, seconds, seed }: {
    readonly seconds: number
    readonly seed: number
    /** How many of the setups are tried. */
    readonly kinds?: number
  }
): Promise<Figures & { readonly asked: number }> => {
  const figures = {
    sessions: 0,
    messages: 0,
    answers: 0,
    deaths: 0,
    hangs: 0,
    malformed: 0,
    disturbed: 0,
    growth: 0,
    asked: 0,
    faults: new Array<string>()
  }
  const targets = await Promise.all(setups.slice(0, kinds).map((setup) => start(implementation, setup)))
  for (const [index, first] of targets.entries()) {
    const until = performance.now() + seconds * 1000 / kinds
    let target = first
    let bystander = new Bystander(target)
    let reference: Holdings | undefined
    let played = 0

    const one = async (): Promise<void> => {
      const number = seed * 1_000_000 + index * 100_000 + played++
      const { child, port } = target
      const peer = new RawPeer(port)
      const answered = await play(new Random(number), peer, (what, n) => {
        figures[what] += n
      })
      figures.sessions++
      for (const text of peer.texts) {
        const wrong = text.startsWith("+") || text.startsWith("!") ? undefined : complaint(text)
        if (wrong !== undefined) {
          figures.malformed++
          figures.faults.push(`session ${number}: ${wrong}: ${text.slice(0, 200)}`)
        }
      }
      figures.malformed += peer.faults.length
      figures.faults.push(...peer.faults.map((fault) => `session ${number}: ${fault}`))
      if (!answered && child.alive) {
        figures.hangs++
        figures.faults.push(`session ${number} was left without an answer`)
      }
    }

    // Sessions one after another; now and then all stop, so that the server can be looked at.
    const some = async (): Promise<void> => {
      for (let n = 0; n < round && target.child.alive && performance.now() < until; n++) {
        await one()
      }
    }

    const holdings = async (): Promise<Holdings | undefined> => {
      try {
        return await target.child.call("holdings") as Holdings
      } catch (error) {
        if (error instanceof ChildExited) {
          return undefined
        }
        throw error
      }
    }

    while (performance.now() < until) {
      await Promise.all(Array.from({ length: crowd }, some))
      if (!target.child.alive) {
        figures.deaths++
        const { stderr } = await target.child.exited
        figures.faults.push(`the server died: ${stderr.split("\n").find((text) => /Error/.test(text)) ?? stderr}`)
        await bystander.stop()
        figures.asked += bystander.asked
        target = await start(implementation, setups[index] ?? {})
        bystander = new Bystander(target)
        reference = undefined
      } else if (reference === undefined && played > warmup) {
        reference = await holdings()
      }
    }
    await bystander.stop()
    figures.asked += bystander.asked
    figures.disturbed += bystander.disturbed
    const last = await holdings()
    if (last === undefined) {
      figures.deaths++
      figures.faults.push(`the server died: ${(await target.child.exited).stderr}`)
    }
    if (reference !== undefined && last !== undefined) {
      const growth = Math.round((last.heap - reference.heap) / 1000)
      figures.growth = Math.max(figures.growth, growth)
      if (growth > growthLimit) {
        figures.faults.push(`the heap has grown by ${growth} kB`)
      }
    }
    await target.child.stop()
  }
  if (figures.disturbed > 0) {
    figures.faults.push(`${figures.disturbed} bystanders were disturbed`)
  }
  return figures
}
