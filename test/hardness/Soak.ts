/**
 * Churn: connect, subscribe, ask, be published to, leave, in every way, thousands of times; afterwards nothing is left
 * of it, neither at the server nor at the clients.
 */
import { ChildProcess } from "../harness/ChildProcess.js"

export interface Figures {
  /** Connections there were. */
  readonly connections: number
  readonly calls: number
  readonly updates: number
  /** Calls that never ended. */
  readonly lost: number
  /** Timers, sockets, other handles, fibers, index entries, and what the gauges count, that were not there before. */
  readonly leaks: number
  /** Growth of the heaps of server and clients together, in kB. */
  readonly growth: number
  readonly faults: ReadonlyArray<string>
}

/** What one round of churn came to. */
export interface Churned {
  readonly connections: number
  readonly calls: number
  readonly updates: number
  readonly lost: number
}

type Held = Readonly<Record<string, number>>

const warmupRound = 500
/** Churn between two words with the clients' process, which must not be silent for too long (ms). */
const round = 5_000
const growthLimit = 4_000
/** How long what is closing may take to close, and a watch that has nothing left to watch to end (ms). */
const patience = 15_000

// What is lost in one round may still end in the next.
const add = (a: Churned, b: Churned): Churned => ({
  connections: a.connections + b.connections,
  calls: a.calls + b.calls,
  updates: a.updates + b.updates,
  lost: b.lost
})

const countable = ["timers", "sockets", "handles", "fibers", "entries", "gauges"] as const

/** The servers there are. */
export type Door = "effect-nes" | "NesHttpServer"

const modules: Readonly<Record<Door, string>> = { "effect-nes": "./server.child.ts", NesHttpServer: "./http.child.ts" }

/** `warmup`: connections before the first look, and after it at least; what is compiled and cached once is no leak. */
export const run = async (door: Door, seconds: number, warmup = 600): Promise<Figures> => {
  const [server, clients] = await Promise.all([
    ChildProcess.start(new URL(modules[door], import.meta.url), [door]),
    ChildProcess.start(new URL("./churn.child.ts", import.meta.url))
  ])
  const url = String(await server.call("start", { nes: { heartbeat: { interval: 500, timeout: 250 } } }))

  const publishing = setInterval(() => void server.call("publish", "/o", 0, 1), 20)
  const churn = async (ms: number): Promise<Churned> => await clients.call("churn", url, ms) as Churned

  /** What both hold, as soon as this holds of it or there is no hope that it will. */
  const look = async (isOver: (held: ReadonlyArray<Held>) => boolean): Promise<ReadonlyArray<Held>> => {
    const end = performance.now() + patience
    for (;;) {
      const held = [await server.call("holdings") as Held, await clients.call("holdings") as Held]
      if (isOver(held) || performance.now() > end) {
        return held
      }
      // Each look collects garbage: it costs more than it waits.
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }
  const more = (what: string, old: Held | undefined, now: Held | undefined): number =>
    (now?.[what] ?? 0) - (old?.[what] ?? 0)

  let figures = await churn(warmupRound)
  while (figures.connections < warmup) {
    figures = add(figures, await churn(warmupRound))
  }
  clearInterval(publishing)
  const before = await look((held) => held.every(({ entries, gauges, sockets }) => !entries && !gauges && !sockets))
  const again = setInterval(() => void server.call("publish", "/o", 0, 1), 20)
  const end = performance.now() + seconds * 1000
  const enough = figures.connections + warmup
  while (performance.now() < end || figures.connections < enough) {
    figures = add(figures, await churn(Math.min(round, Math.max(100, end - performance.now()))))
  }
  clearInterval(again)
  const after = await look((held) =>
    held.every((now, index) => countable.every((what) => more(what, before[index], now) <= 0))
  )

  const faults: Array<string> = []
  let leaks = 0
  let growth = 0
  for (const [index, who] of ["server", "clients"].entries()) {
    const [old, now] = [before[index], after[index]]
    for (const what of countable) {
      const left = more(what, old, now)
      if (left > 0) {
        leaks += left
        faults.push(`${who}: ${left} more ${what} than before`)
      }
    }
    const grown = Math.round(more("heap", old, now) / 1000)
    growth += grown
    if (grown > growthLimit) {
      leaks++
      faults.push(`${who}: the heap has grown by ${grown} kB`)
    }
  }
  if (figures.lost > 0) {
    faults.push(`${figures.lost} calls have not ended`)
  }
  await Promise.all([server.stop(), clients.stop()])
  return { ...figures, leaks, growth, faults }
}
