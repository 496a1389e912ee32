/**
 * Churn: connect, subscribe, ask, be published to, leave, in every way, thousands of times; afterwards nothing is left
 * of it, neither at the server nor at the clients.
 */
import { ChildProcess } from "../interop/peers/ChildProcess.js"

export interface Figures {
  /** Connections there were. */
  readonly connections: number
  readonly calls: number
  readonly updates: number
  /** Calls that never ended. */
  readonly lost: number
  /** Timers, sockets, fibers and index entries that were not there before. */
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

/** Churn of this length (ms) before the first look: what is compiled and cached once is no leak. */
const warmup = 3_000
/** Churn between two words with the clients' process, which must not be silent for too long (ms). */
const round = 5_000
const growthLimit = 4_000

const add = (a: Churned, b: Churned): Churned => ({
  connections: a.connections + b.connections,
  calls: a.calls + b.calls,
  updates: a.updates + b.updates,
  lost: a.lost + b.lost
})

const countable = ["timers", "sockets", "fibers", "entries"] as const

export const run = async (seconds: number): Promise<Figures> => {
  const [server, clients] = await Promise.all([
    ChildProcess.start(new URL("./server.child.ts", import.meta.url), ["effect-nes"]),
    ChildProcess.start(new URL("./churn.child.ts", import.meta.url))
  ])
  const url = String(await server.call("start", { nes: { heartbeat: { interval: 500, timeout: 250 } } }))

  const publishing = setInterval(() => void server.call("publish", "/o", 0, 1), 20)
  const churn = async (ms: number): Promise<Churned> => await clients.call("churn", url, ms) as Churned

  /** What both hold, once what is closing has closed. */
  const look = async (): Promise<ReadonlyArray<Held>> => {
    let left = Infinity
    for (let attempt = 0; attempt < 100; attempt++) {
      const held = await server.call("holdings") as Held
      if (held.entries === 0 && (held.sockets ?? 0) >= left) {
        break
      }
      left = held.sockets ?? 0
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return [await server.call("holdings") as Held, await clients.call("holdings") as Held]
  }

  let figures: Churned = await churn(warmup)
  clearInterval(publishing)
  const before = await look()
  const again = setInterval(() => void server.call("publish", "/o", 0, 1), 20)
  const end = performance.now() + seconds * 1000
  while (performance.now() < end) {
    figures = add(figures, await churn(Math.min(round, Math.max(100, end - performance.now()))))
  }
  clearInterval(again)
  const after = await look()

  const faults: Array<string> = []
  let leaks = 0
  let growth = 0
  for (const [index, who] of ["server", "clients"].entries()) {
    const [old, now] = [before[index], after[index]]
    for (const what of countable) {
      const left = (now?.[what] ?? 0) - (old?.[what] ?? 0)
      if (left > 0) {
        leaks += left
        faults.push(`${who}: ${left} more ${what} than before`)
      }
    }
    const grown = Math.round(((now?.heap ?? 0) - (old?.heap ?? 0)) / 1000)
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
