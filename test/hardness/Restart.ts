/**
 * A server that is restarted under a fleet of clients that ask and are published to: nothing goes unhandled, every client
 * comes back, spread over time, and every request is answered or fails with a typed error.
 */
import { ChildProcess } from "../harness/ChildProcess.js"
import type { State } from "./fleet.child.js"

export interface Figures {
  readonly clients: number
  readonly restarts: number
  readonly reconnects: number
  readonly answered: number
  readonly refused: number
  readonly lost: number
  readonly updates: number
  /** Reconnects by the time since the loss, in steps of 100 ms. */
  readonly histogram: ReadonlyArray<number>
  /** For how long the process of the clients did not get its turn, at most (ms): they come back together then. */
  readonly withheld: number
  readonly faults: ReadonlyArray<string>
}

const step = 100

const reaches = async (done: () => Promise<boolean>, patience: number): Promise<boolean> => {
  const end = performance.now() + patience
  while (!await done()) {
    if (performance.now() > end) {
      return false
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return true
}

const histogram = (delays: ReadonlyArray<number>): ReadonlyArray<number> => {
  const steps = Array.from({ length: Math.floor(Math.max(0, ...delays) / step) + 1 }, () => 0)
  for (const delay of delays) {
    const at = Math.floor(delay / step)
    steps[at] = (steps[at] ?? 0) + 1
  }
  return steps
}

export const run = async (
  { clients, restarts }: { readonly clients: number; readonly restarts: number }
): Promise<Figures> => {
  const module = new URL("./server.child.ts", import.meta.url)
  const faults: Array<string> = []
  let server = await ChildProcess.start(module, ["effect-nes"])
  const url = String(await server.call("start", {}))
  const fleet = await ChildProcess.start(new URL("./fleet.child.ts", import.meta.url))
  const state = async (): Promise<State> => await fleet.call("state") as State
  const everybody = (): Promise<boolean> => reaches(async () => (await state()).connected === clients, 14_000)

  await fleet.call("join", url, clients)
  await fleet.call("begin")
  await fleet.withheld()
  for (let restart = 1; restart <= restarts; restart++) {
    // The next process is ready before the old one lets go of the port.
    const next = await ChildProcess.start(module, ["effect-nes"])
    await server.call("stop")
    const { stderr } = await server.stop()
    if (stderr !== "") {
      faults.push(`the server wrote: ${stderr}`)
    }
    server = next
    await server.call("start", { port: Number(new URL(url).port) })
    if (!await everybody()) {
      faults.push(`after restart ${restart}, ${clients - (await state()).connected} clients have not come back`)
    }
  }
  const withheld = await fleet.withheld()
  await fleet.call("end")
  await reaches(async () => (await state()).open === 0, 12_000)
  const { delays, faults: theirs, open, ...counts } = await state()
  if (open > 0) {
    faults.push(`${open} requests have no end`)
  }
  await Promise.all([fleet.stop(), server.stop()])
  return {
    clients,
    restarts,
    reconnects: counts.reconnects,
    answered: counts.answered,
    refused: counts.refused,
    lost: open,
    updates: counts.updates,
    histogram: histogram(delays),
    withheld,
    faults: [...faults, ...theirs]
  }
}
