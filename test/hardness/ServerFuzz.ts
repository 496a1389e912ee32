/**
 * Mutated sessions against a server: it must not die, must answer every message once or close, must say only what the
 * protocol has, must not grow nor keep anything of who has left, and nobody else may notice.
 */
import { once } from "node:events"
import { WebSocket } from "ws"
import { ChildExited, ChildProcess } from "../interop/peers/ChildProcess.js"
import { complaint, isAnswer, isOwed } from "./Answer.js"
import type { Holdings } from "./Holdings.js"
import type { Setup as HttpSetup } from "./http.child.js"
import { clientMessage, id, mutate } from "./Mutation.js"
import { Random } from "./Random.js"
import { frame, handshake, RawPeer } from "./RawPeer.js"
import type { Setup as HapiSetup } from "./server.child.js"

/** The servers: our plugin, our server without hapi, and the plugin there was before. */
export type Door = "effect-nes" | "NesHttpServer" | "@hapi/nes"

export interface Figures {
  readonly sessions: number
  readonly messages: number
  readonly answers: number
  /** How often the server's process ended. */
  deaths: number
  /** Sessions of which a message was neither answered nor met by a close. */
  hangs: number
  /** What was no message of the protocol, or one answer too many. */
  malformed: number
  /** Times that someone who behaves was disconnected or kept waiting. */
  disturbed: number
  /** What reached a client whose hello had not been answered, or was done for one whom `onConnection` had not let in. */
  passed: number
  /** Connections, index entries and sockets that were left when everybody had gone. */
  leaks: number
  /** Growth of the heap after the first sessions, in kB. */
  growth: number
  readonly faults: Array<string>
}

/** Sessions that are under way at the same time. */
const crowd = 96
const patience = 5_000
/** Sessions that each of them plays before all wait for each other; fewer at first, whose compiling is no leak. */
const round = 40
const warmup = 4
const growthLimit = 6_000

const hapi: ReadonlyArray<HapiSetup> = [
  { gated: true },
  { auth: true, nes: { auth: { type: "direct" }, payload: { maxChunkChars: 50_000 } } },
  { auth: true, gated: true, nes: { auth: { type: "token", password: "p".repeat(40), index: true }, headers: "*" } }
]

const http: ReadonlyArray<HttpSetup> = [
  { gated: true },
  { auth: "direct", nes: { maxChunkChars: 50_000 } },
  { auth: "token", gated: true, nes: { headers: "*" } }
]

type Held = Holdings & { readonly entries: number; readonly passed: number }

interface Target {
  readonly child: ChildProcess
  readonly port: number
}

const start = async (door: Door, index: number): Promise<Target> => {
  const [module, setup] = door === "NesHttpServer"
    ? ["./http.child.ts", http[index]] as const
    : ["./server.child.ts", hapi[index]] as const
  const child = await ChildProcess.start(new URL(module, import.meta.url), [door])
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

/** Plays one session; returns how many answers are missing, or (below 0) too many. */
const play = async (random: Random, peer: RawPeer, count: (what: "messages" | "answers", n: number) => void) => {
  if (random.chance(0.08)) {
    await peer.open(openings(random), 100)
    peer.destroy()
    return 0
  }
  if (!await peer.open()) {
    return 0
  }
  let owed = 1
  if (random.chance(0.9)) {
    peer.write(frame(JSON.stringify({ type: "hello", id: 1, version: "2", subs: ["/o", "/item/1"] })))
    owed++
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
      owed += isOwed(text) ? 1 : 0
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
  peer.write(frame(JSON.stringify({ type: "fence", id: `fence ${random.next()}` })))
  const answers = (): number => peer.texts.filter(isAnswer).length
  const isOver = (): boolean => peer.ended || peer.closeCode !== undefined
  await peer.until(() => isOver() || (clean && answers() >= owed), clean ? patience : 500)
  const missing = clean && !isOver() ? owed - answers() : 0
  count("answers", peer.texts.length)
  peer.destroy()
  return missing
}

const isPushed = (text: string): boolean => /^\{"type":"(?:pub|update|revoke)"/.test(text)

/** How many messages reached a client before the answer that let it in, if there was one. */
const early = (texts: ReadonlyArray<string>): number => {
  const welcome = texts.findIndex((text) => text.startsWith("{\"type\":\"hello\"") && text.includes("\"socket\":"))
  return texts.slice(0, welcome < 0 ? texts.length : welcome).filter(isPushed).length
}

/** What a server holds once what is closing has closed. */
const settled = async <A extends { readonly entries: number; readonly sockets: number }>(
  holdings: () => Promise<A | undefined>
): Promise<A | undefined> => {
  const end = performance.now() + patience
  for (;;) {
    const held = await holdings()
    if (held === undefined || held.entries + held.sockets === 0 || performance.now() > end) {
      return held
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Plays sessions until the time is up. The same seed plays the same sessions. */
export const run = async (
  door: Door,
  { kinds = hapi.length, seconds, seed }: {
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
    passed: 0,
    leaks: 0,
    growth: 0,
    asked: 0,
    faults: new Array<string>()
  }
  const targets = await Promise.all(Array.from({ length: kinds }, (_, index) => start(door, index)))
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
      const missing = await play(new Random(number), peer, (what, n) => {
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
      const pushed = early(peer.texts)
      if (pushed > 0) {
        figures.passed += pushed
        figures.faults.push(`session ${number} got ${pushed} messages before it was let in`)
      }
      figures.malformed += peer.faults.length
      figures.faults.push(...peer.faults.map((fault) => `session ${number}: ${fault}`))
      if (missing > 0 && child.alive) {
        figures.hangs++
        figures.faults.push(`session ${number} was left without ${missing} answers`)
      } else if (missing < 0) {
        figures.malformed++
        figures.faults.push(`session ${number} got ${-missing} answers too many`)
      }
    }

    // Sessions one after another; now and then all stop, so that the server can be looked at.
    const some = async (): Promise<void> => {
      const sessions = reference === undefined ? warmup : round
      for (let n = 0; n < sessions && target.child.alive && performance.now() < until; n++) {
        await one()
      }
    }

    const holdings = async (): Promise<Held | undefined> => {
      try {
        return await target.child.call("holdings") as Held
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
        target = await start(door, index)
        bystander = new Bystander(target)
        reference = undefined
      } else if (reference === undefined) {
        reference = await holdings()
      }
    }
    await bystander.stop()
    figures.asked += bystander.asked
    figures.disturbed += bystander.disturbed
    const last = await settled(holdings)
    if (last !== undefined && last.polluted > 0) {
      figures.faults.push("every object has a name that it should not have")
    }
    if (last !== undefined && last.passed > 0) {
      figures.passed += last.passed
      figures.faults.push(`${last.passed} messages had an effect before their sender was let in`)
    }
    const left = last === undefined ? 0 : last.entries + last.sockets
    figures.leaks += left
    if (left > 0) {
      figures.faults.push(`when everybody had gone, ${left} sockets and entries were left`)
    }
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
