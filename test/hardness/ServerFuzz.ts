/**
 * Mutated sessions against a server: it must not die, must answer every message once or close, must say only what the
 * protocol has, must not grow nor keep anything of who has left, and nobody else may notice.
 */
import { ChildExited, ChildProcess } from "../harness/ChildProcess.js"
import { RawPeer } from "../harness/RawPeer.js"
import { complaint } from "./Answer.js"
import type { Holdings } from "./Holdings.js"
import type { Setup as HttpSetup } from "./http.child.js"
import { Random } from "./Random.js"
import type { Setup as HapiSetup } from "./server.child.js"
import { trespasses } from "./Trespass.js"
import type { House, Victim } from "./Victim.js"
import { type Keys, play } from "./Visit.js"
import { bearer } from "./Vocabulary.js"

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
  /** Times that someone was let in, or something was done or told, without right. */
  passed: number
  /** Times that someone who behaves was disconnected, kept waiting, or told something else than was asked for. */
  disturbed: number
  /** How long those who behave waited for an answer (ms): the median of all, and of the slowest hundredth. */
  readonly latency: { median: number; slow: number }
  /** Connections, index entries and sockets that were left when everybody had gone. */
  leaks: number
  /** Growth of the heap after the first sessions, in kB. */
  growth: number
  readonly faults: Array<string>
}

/** How long what is closing may take (ms). */
const patience = 10_000

/** Sessions that are under way at the same time, unless told otherwise. */
const manySessions = 96
/** Sessions that each of them plays before all wait for each other; fewer at first, whose compiling is no leak. */
const round = 40
const warmup = 4
const growthLimit = 6_000

const password = "p".repeat(40)

/** Limits that visits reach. */
const limits = { maxSubscriptions: 5, maxInFlight: 8, maxErrors: 20, maxHelloMessages: 2, maxPathLength: 100 }

const heartbeat = { interval: 2000, timeout: 1000 }

/** So short that verifications fall due. */
const minAuthVerifyInterval = 50

const hapi: ReadonlyArray<HapiSetup> = [
  { gated: true },
  { auth: true, nes: { auth: { type: "direct" }, payload: { maxChunkChars: 50_000 } } },
  { auth: true, gated: true, nes: { auth: { type: "token", password, index: true }, headers: "*" } },
  { wide: "required", nes: { headers: "*", heartbeat } },
  {
    wide: "required",
    nes: { auth: { type: "cookie", password, index: true, minAuthVerifyInterval }, heartbeat: false }
  },
  { wide: "required", nes: { auth: { type: "token", password } } },
  { wide: "try", nes: { headers: "*", auth: { index: true }, limits } }
]

const http: ReadonlyArray<HttpSetup> = [
  { gated: true },
  { auth: "direct", nes: { maxChunkChars: 50_000 } },
  { auth: "token", gated: true, nes: { headers: "*" } },
  { wide: "required", auth: "direct", nes: { headers: "*", heartbeat } },
  { wide: "required", auth: "cookie" },
  { wide: "required", auth: "token" },
  { wide: "try", auth: "direct", nes: { headers: "*", limits } }
]

/** The peer knows no limits. */
const ofPeer = ({ nes: { limits: _, ...nes } = {}, ...setup }: HapiSetup): HapiSetup => ({ ...setup, nes })

interface Target extends House {
  readonly child: ChildProcess
  readonly keys: Keys
}

type Life = Pick<Victim, "grievances" | "latencies">

/** What a victim has to know. */
const houseOf = ({ auth, cookie, port }: Target): House => ({ auth, cookie, port })

/** What the endpoint seals for a user. */
const seal = async (port: number, authorization: string): Promise<Keys["sealed"]> => {
  const response = await fetch(`http://127.0.0.1:${port}/nes/auth`, { headers: { authorization, connection: "close" } })
  const { token } = await response.json() as { readonly token?: string }
  const cookie = /^nes=([^;]*)/.exec(response.headers.getSetCookie()[0] ?? "")?.[1]
  return token === undefined
    ? cookie === undefined ? undefined : { by: "cookie", value: cookie }
    : { by: "token", value: token }
}

/** Starts a server, in the process of the one before as long as that lives. */
const start = async (door: Door, index: number, before?: ChildProcess): Promise<Target> => {
  const known = hapi[index] ?? {}
  const setup = door === "NesHttpServer" ? http[index] ?? {} : door === "@hapi/nes" ? ofPeer(known) : known
  const module = door === "NesHttpServer" ? "./http.child.ts" : "./server.child.ts"
  const isThere = before?.alive === true
  const child = isThere ? before : await ChildProcess.start(new URL(module, import.meta.url), [door])
  if (isThere) {
    await child.call("stop")
  }
  const port = Number(new URL(String(await child.call("start", setup))).port)
  const { wide } = setup
  const authorization = wide ? bearer({ user: "sealed" }) : "Custom sealed"
  const sealed = index === 0 ? undefined : await seal(port, authorization)
  const direct = wide ? { headers: { authorization: bearer({ user: "victim" }) } } : undefined
  return {
    child,
    port,
    keys: { required: wide === "required", bearer: wide !== undefined, sealed },
    auth: sealed?.by === "token" ? sealed.value : sealed ? undefined : direct,
    cookie: sealed?.by === "cookie" ? `nes=${sealed.value}` : undefined
  }
}

interface Left {
  readonly sockets: number
  readonly entries: number
  readonly polluted: number
}

/** What a server has of its clients once what is closing has closed. */
const leavings = async (child: ChildProcess): Promise<Left> => {
  const end = performance.now() + patience
  for (;;) {
    const left = await child.call("left") as Left
    if (left.entries + left.sockets === 0 || performance.now() > end) {
      return left
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Plays sessions until the time is up, and there have been enough. The same seed plays the same sessions. */
export const run = async (
  door: Door,
  { crowd = manySessions, isEnough = () => false, kinds = [...hapi.keys()], least = 0, seconds, seed }: {
    readonly seconds: number
    readonly seed: number
    /** How many sessions there are at least, however little the machine does in the time. */
    readonly least?: number
    readonly crowd?: number
    /** Whether so much has been found that no more has to be. */
    readonly isEnough?: (figures: Pick<Figures, "deaths" | "passed">) => boolean
    /** Which of the setups are tried. */
    readonly kinds?: ReadonlyArray<number>
  }
): Promise<Figures & { readonly asked: number }> => {
  const figures = {
    sessions: 0,
    messages: 0,
    answers: 0,
    deaths: 0,
    hangs: 0,
    malformed: 0,
    passed: 0,
    disturbed: 0,
    leaks: 0,
    growth: 0,
    asked: 0,
    faults: new Array<string>()
  }
  const latencies: Array<number> = []
  const victim = await ChildProcess.start(new URL("./victim.child.ts", import.meta.url))
  let child: ChildProcess | undefined
  for (const index of kinds) {
    let target = await start(door, index, child)
    const until = performance.now() + seconds * 1000 / kinds.length
    const enough = figures.sessions + least / kinds.length
    const isOver = (): boolean => performance.now() >= until && figures.sessions >= enough
    await victim.call("live", houseOf(target))
    let reference: Holdings | undefined
    let played = 0
    let known = 0

    /** Notes what the server has done without right since the last look. */
    const look = async (): Promise<void> => {
      const passed = await target.child.call("passed").catch(() => []) as ReadonlyArray<string>
      figures.passed += passed.length - known
      figures.faults.push(...passed.slice(known).map((what) => `the server did without right: ${what}`))
      known = passed.length
    }

    const farewell = async (): Promise<void> => {
      const { alive } = target.child
      const life = await victim.call("leave") as Life
      const grievances = alive ? life.grievances : []
      latencies.push(...life.latencies)
      figures.asked += life.latencies.length
      figures.disturbed += grievances.length
      figures.faults.push(...grievances.map((grievance) => `someone who behaves ${grievance} (setup ${index})`))
    }

    const one = async (): Promise<void> => {
      const number = seed * 1_000_000 + index * 100_000 + played++
      const { child, keys, port } = target
      const peer = new RawPeer(port)
      const { missing, ...expected } = await play(new Random(number), peer, keys, (what, n) => {
        figures[what] += n
      })
      figures.sessions++
      const told = trespasses(peer.texts, expected)
      figures.passed += told.length
      figures.faults.push(...told.map((what) => `session ${number} ${what}`))
      for (const text of peer.texts) {
        const wrong = text.startsWith("+") || text.startsWith("!") ? undefined : complaint(text)
        if (wrong !== undefined) {
          figures.malformed++
          figures.faults.push(`session ${number}: ${wrong}: ${text.slice(0, 200)}`)
        }
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
      for (let n = 0; n < sessions && target.child.alive && !isOver(); n++) {
        await one()
      }
    }

    /** What the dead have left, and what the living hold. */
    const living = async <A>(ask: () => Promise<A>): Promise<A | undefined> => {
      try {
        return await ask()
      } catch (error) {
        if (error instanceof ChildExited) {
          return undefined
        }
        throw error
      }
    }
    const holdings = (): Promise<Holdings | undefined> =>
      living(async () => await target.child.call("holdings") as Holdings)

    while (!isOver() && !isEnough(figures)) {
      await Promise.all(Array.from({ length: crowd }, some))
      if (!target.child.alive) {
        figures.deaths++
        const { stderr } = await target.child.exited
        figures.faults.push(`the server died: ${stderr.split("\n").find((text) => /Error/.test(text)) ?? stderr}`)
        await farewell()
        target = await start(door, index)
        await victim.call("live", houseOf(target))
        reference = undefined
        known = 0
      } else {
        await look()
        // With no time left to grow, there is nothing to compare with.
        if (reference === undefined && !isOver()) {
          // Taking stock takes the server longer than any client waits.
          await victim.call("rest")
          reference = await holdings()
          await victim.call("resume")
        }
      }
    }
    await farewell()
    await look()
    const left = await living(() => leavings(target.child))
    const last = reference && await holdings()
    if (left === undefined || (reference !== undefined && last === undefined)) {
      figures.deaths++
      figures.faults.push(`the server died: ${(await target.child.exited).stderr}`)
    } else if (left.entries + left.sockets > 0) {
      figures.leaks += left.entries + left.sockets
      figures.faults.push(`when everybody had gone (setup ${index}), there were left: ${JSON.stringify(left)}`)
    }
    if (left !== undefined && left.polluted > 0) {
      figures.faults.push("every object has a name that it should not have")
    }
    if (reference !== undefined && last !== undefined) {
      const growth = Math.round((last.heap - reference.heap) / 1000)
      figures.growth = Math.max(figures.growth, growth)
      if (growth > growthLimit) {
        figures.faults.push(`the heap has grown by ${growth} kB`)
      }
    }
    child = target.child
  }
  await child?.stop()
  await victim.stop()
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (share: number): number => Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 10) / 10
  return { ...figures, latency: { median: at(0.5), slow: at(0.99) } }
}
