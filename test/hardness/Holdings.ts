/** What a process holds on to, for a comparison before and after. */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as v8 from "node:v8"
import { runInNewContext } from "node:vm"
import type { Hub } from "../../src/server/subscription/Hub.js"

export interface Holdings {
  /** Bytes in use after garbage collection. */
  readonly heap: number
  readonly timers: number
  readonly sockets: number
  /** Whatever else keeps the process alive: servers, pipes, requests under way. */
  readonly handles: number
  readonly fibers: number
  /** Connections, subscriptions and buffered bytes, as the metrics have them. */
  readonly gauges: number
  /** Names that every object has and none should have. */
  readonly polluted: number
}

v8.setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Metrics that tell what is there now. */
const levels = new Set([
  "nes_server_connections",
  "nes_server_subscriptions",
  "nes_server_buffered_bytes",
  "nes_server_present"
])

const gauges = (): number =>
  Effect.runSync(Metric.snapshot).reduce((sum, { id, state }) => {
    if (!levels.has(id)) {
      return sum
    }
    return sum + Number("count" in state ? state.count : "value" in state ? state.value : 0)
  }, 0)

const { constructor: Fiber } = Effect.runFork(Effect.void)

/** Fibers that something still refers to. */
const fibers = (): number => v8.queryObjects(Fiber, { format: "count" })

/** Names that every object has and none should have. */
export const polluted = (): number =>
  [Object.prototype, Array.prototype, Function.prototype].flatMap(Object.keys).length

/** The connections that a server still has, and its subscribers. */
export const entries = ({ connections, router }: Hub): number =>
  ["/o", "/reports", "/item/1", "/hooked/1", "/live/1", "/live/1/presence"]
    .flatMap((path) => [...router.match(path)?.followed() ?? []])
    .reduce((sum, [, subscribers]) => sum + subscribers, connections.size)

const active = (name: RegExp): number => process.getActiveResourcesInfo().filter((_) => name.test(_)).length

/** The sockets there are, of whatever. */
export const sockets = (): number => active(/^TCPSocketWrap$/)

/** Takes stock, when what is due at once has been done and garbage has been collected. */
export const take = async (): Promise<Holdings> => {
  for (let i = 0; i < 2; i++) {
    await turn()
    await turn()
    collect()
  }
  return {
    heap: process.memoryUsage().heapUsed,
    timers: active(/^(?:Timeout|Immediate)$/),
    sockets: sockets(),
    handles: active(/^(?!Timeout|Immediate|TCPSocketWrap)/),
    fibers: fibers(),
    gauges: gauges(),
    polluted: polluted()
  }
}
