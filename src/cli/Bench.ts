/** `effect-nes bench`: many clients against one server, and how long it lets them wait. */
import * as Effect from "effect/Effect"
import { setTimeout as sleep } from "node:timers/promises"
import { Client } from "../client/Client.js"
import type { Target } from "./Connecting.js"
import type { Output } from "./Output.js"

export interface Options extends Target {
  readonly clients: number
  readonly concurrency: number
  /** For how long requests are made and updates counted (s). */
  readonly seconds: number
  readonly request: string | undefined
  readonly subscribe: string | undefined
}

const rounded = (milliseconds: number): number => Math.round(milliseconds * 100) / 100

/** Sums durations up, in milliseconds; the `n`-th percentile is the smallest that is not below `n` percent of all. */
const summarize = (durations: ReadonlyArray<number>) => {
  const sorted = Float64Array.from(durations).toSorted()
  const at = (share: number): number => rounded(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0)
  return { count: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}

const words = ({ count, max, p50, p95, p99 }: ReturnType<typeof summarize>): string =>
  count === 0 ? "none" : `${count}: p50 ${p50} ms, p95 ${p95} ms, p99 ${p99} ms, max ${max} ms`

const width = 30

const makeProgress = () => {
  let shown = 0
  return (what: string, done: number): void => {
    const share = Math.min(done, 1)
    const now = performance.now()
    if (now - shown > 50 || share === 1) {
      shown = now
      const bar = "█".repeat(Math.round(share * width)).padEnd(width, "░")
      process.stderr.write(`\r${what.padEnd(12)} ${bar} ${Math.round(share * 100)} %`)
    }
  }
}

export const run = async (options: Options, output: Output) => {
  const show = process.stderr.isTTY && !output.isJson ? makeProgress() : undefined
  const errors: Record<string, number> = {}
  const count = (error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error)
    errors[message] = (errors[message] ?? 0) + 1
  }
  const { auth, clients, concurrency, request, seconds, subscribe, timeout, url, ws } = options
  const durations: Array<number> = []
  const connected: Array<Client> = []
  let settled = 0
  let updates = 0
  const connect = async (): Promise<void> => {
    const client = new Client(url, { ws, timeout })
    client.onError = null
    const since = performance.now()
    try {
      await client.connect({ auth, reconnect: false, timeout, helloTimeout: timeout })
      durations.push(performance.now() - since)
      if (subscribe !== undefined) {
        await client.subscribe(subscribe, () => updates++)
      }
      connected.push(client)
    } catch (error) {
      count(error)
      await client.disconnect()
    }
    show?.("connecting", ++settled / clients)
  }
  await Effect.runPromise(Effect.replicateEffect(Effect.promise(connect), clients, { concurrency, discard: true }))

  const answered: Array<number> = []
  let failedRequests = 0
  updates = 0
  const since = performance.now()
  const isOver = (): boolean => performance.now() - since >= seconds * 1000
  const ask = async (client: Client, path: string): Promise<void> => {
    while (!isOver()) {
      const asked = performance.now()
      try {
        await client.request(path)
        answered.push(performance.now() - asked)
      } catch (error) {
        failedRequests++
        count(error)
        if (!client.isConnected) {
          return
        }
      }
    }
  }
  const watch = async (): Promise<void> => {
    while (!isOver()) {
      await sleep(Math.min(100, seconds * 1000))
      show?.("measuring", (performance.now() - since) / seconds / 1000)
    }
  }
  if (connected.length > 0 && (request !== undefined || subscribe !== undefined)) {
    await Promise.all([watch(), ...connected.map((client) => request === undefined ? undefined : ask(client, request))])
  }
  const elapsed = (performance.now() - since) / 1000
  if (show) {
    process.stderr.write("\r\u001b[K")
  }
  await Promise.all(connected.map((client) => client.disconnect()))

  const perSecond = (total: number): number => Math.round(total / elapsed)
  return {
    clients: connected.length,
    failed: clients - connected.length,
    connect: summarize(durations),
    ...(request !== undefined && {
      requests: { ...summarize(answered), failed: failedRequests, perSecond: perSecond(answered.length) }
    }),
    ...(subscribe !== undefined && { updates: { count: updates, perSecond: perSecond(updates) } }),
    errors
  }
}

export const describe = (
  { clients, connect, errors, failed, requests, updates }: Awaited<ReturnType<typeof run>>
): string =>
  [
    `clients   ${clients} connected, ${failed} failed`,
    `connect   ${words(connect)}`,
    requests && `requests  ${words(requests)}; ${requests.perSecond} a second, ${requests.failed} failed`,
    updates && `updates   ${updates.count}; ${updates.perSecond} a second`,
    ...Object.entries(errors).map(([message, times]) => `error     ${times} × ${message}`)
  ].filter((line) => line !== undefined).join("\n")
