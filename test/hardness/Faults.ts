/**
 * A thousand updates and a hundred requests in flight while the network fails: what was acknowledged has arrived, order
 * is kept, nothing comes twice, and every call ends.
 */
import { Client } from "../../src/client.js"
import { isNesError } from "../../src/protocol/NesError.js"
import { ChildProcess } from "../harness/ChildProcess.js"
import { ends, type Fault, FaultyProxy } from "./FaultyProxy.js"

export interface Figures {
  readonly scenarios: number
  readonly injected: number
  readonly updates: number
  readonly calls: number
  readonly ended: number
  /** Acknowledged, but not carried out. */
  readonly lost: number
  /** Carried out, or delivered, twice or out of order. */
  readonly disordered: number
  readonly faults: ReadonlyArray<string>
}

/** Updates in flight, and requests. */
const updates = 1000
const requests = 200

/** What the network does, one scenario after another. */
export const scenarios = (places: number): ReadonlyArray<Fault> => [
  { name: "delay", delay: 5 },
  { name: "throttle", throttle: 400 },
  { name: "a byte at a time", pieces: 1 },
  ...[2, 3, 7, 100].map((pieces) => ({ name: `pieces of ${pieces}`, pieces })),
  ...ends.flatMap((end) =>
    Array.from({ length: places }, (_, n) => {
      // Everything the client gets is about 60 kB: the handshake, the updates, and the answers between them.
      const after = 1 + Math.floor(n * 60_000 / places) + n
      return { name: `${end} after ${after}`, after, end }
    })
  )
]

interface Seen {
  readonly received: Array<ReadonlyArray<number>>
  readonly acknowledged: Array<number>
  calls: number
  ended: number
}

const reaches = async (done: () => boolean, patience: number): Promise<boolean> => {
  const end = performance.now() + patience
  while (!done()) {
    if (performance.now() > end) {
      return false
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return true
}

/** Has a client work through the proxy until all its calls have ended. */
const work = async (proxy: FaultyProxy, server: ChildProcess, fault: Fault, from: number): Promise<
  Seen & {
    readonly complaints: ReadonlyArray<string>
  }
> => {
  const seen: Seen = { received: [], acknowledged: [], calls: 0, ended: 0 }
  const complaints: Array<string> = []
  const lasts = fault.end === undefined
  proxy.fault = fault
  const client = new Client(proxy.url, { timeout: lasts ? 30_000 : 1_000 })
  let current: Array<number> = []
  client.onError = (error) => {
    if (!isNesError(error)) {
      complaints.push(`an error that is none of nes: ${String(error)}`)
    }
  }
  client.onConnect = () => {
    current = []
    seen.received.push(current)
    // What fails once must not fail the reconnection too.
    proxy.fault = { name: "none" }
  }
  await client.subscribe("/o", (n: number) => {
    current.push(n)
  })

  const call = <A>(promise: Promise<A>, then: (value: A) => void): Promise<void> => {
    seen.calls++
    return promise.then(then, (error: unknown) => {
      if (!isNesError(error)) {
        complaints.push(`a call failed with what is no NesError: ${String(error)}`)
      }
    }).finally(() => {
      seen.ended++
    })
  }

  const first = call(client.connect({ delay: 20, maxDelay: 50, timeout: 500 }), () => {})
  if (fault.end !== undefined) {
    // Where the handshake itself is struck, the client tries again on a network that works.
    void first.then(() => {
      proxy.fault = { name: "none" }
    })
  }
  await reaches(() => client.id !== null, 5_000)
  const publishing = server.call("burst", "/o", 0, updates)
  const asked = Array.from(
    { length: requests },
    (_, n) =>
      call(client.request({ method: "POST", path: `/report/${from + n}` }), () => {
        seen.acknowledged.push(from + n)
      })
  )
  await publishing
  const over = await reaches(() => seen.ended === seen.calls, lasts ? 30_000 : 5_000)
  if (!over) {
    complaints.push(`${seen.calls - seen.ended} calls have not ended`)
  }
  // Of a connection that is lost all the same, the rest never comes.
  if (lasts) {
    await reaches(() => current.length >= updates || seen.received.length > 1, 30_000)
    if (seen.received.length > 1) {
      complaints.push("the connection was lost")
    } else if (current.length < updates) {
      complaints.push(`only ${current.length} of ${updates} updates arrived`)
    }
  }
  void asked
  await client.disconnect()
  proxy.clear()
  return { ...seen, complaints }
}

/** Whether what came over one connection came in order, without gap and only once. */
const isConsecutive = (numbers: ReadonlyArray<number>): boolean =>
  numbers.every((n, index) => index === 0 || n === (numbers[index - 1] ?? 0) + 1)

const isIncreasing = (numbers: ReadonlyArray<number>): boolean =>
  numbers.every((n, index) => index === 0 || n > (numbers[index - 1] ?? 0))

/** Plays all scenarios; `places` says at how many points of the conversation a connection is struck. */
export const run = async (places: number): Promise<Figures> => {
  const server = await ChildProcess.start(new URL("./server.child.ts", import.meta.url), ["effect-nes"])
  const open = async (interval: number, timeout: number): Promise<FaultyProxy> => {
    const url = String(await server.call("start", { nes: { heartbeat: { interval, timeout } } }))
    return await FaultyProxy.start(Number(new URL(url).port))
  }
  // Who is slow is not to be given up, on a busy machine neither.
  let proxy = await open(30_000, 20_000)
  let strikes = false
  const figures = { scenarios: 0, updates: 0, calls: 0, ended: 0, lost: 0, disordered: 0 }
  const faults: Array<string> = []
  for (const [index, fault] of scenarios(places).entries()) {
    const complain = (text: string): void => {
      faults.push(`${fault.name}: ${text}`)
    }
    // Whoever is struck, after those who are slow, is to be noticed soon.
    if (fault.end !== undefined && !strikes) {
      strikes = true
      proxy.stop()
      proxy = await open(300, 200)
    }
    const { acknowledged, calls, complaints, ended, received } = await work(proxy, server, fault, index * requests)
    complaints.forEach(complain)
    const reported = await server.call("reported") as ReadonlyArray<number>
    const carriedOut = new Set(reported)
    const lost = acknowledged.filter((n) => !carriedOut.has(n)).length
    figures.lost += lost
    if (lost > 0) {
      complain(`${lost} requests were acknowledged and not carried out`)
    }
    const disordered = [
      ...received.filter((numbers) => !isConsecutive(numbers)),
      ...(isIncreasing(reported) && isIncreasing(acknowledged) ? [] : [reported])
    ]
    figures.disordered += disordered.length
    disordered.forEach((numbers) => complain(`out of order: ${numbers.slice(0, 20).join()}`))
    figures.scenarios++
    figures.updates += received.flat().length
    figures.calls += calls
    figures.ended += ended
  }
  const { injected } = proxy
  proxy.stop()
  await server.stop()
  return { ...figures, injected, faults }
}
