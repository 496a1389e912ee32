/** What a process holds on to, for a comparison before and after. */
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"
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
const levels = new Set(["nes_server_connections", "nes_server_subscriptions", "nes_server_buffered_bytes"])
const active = new Set(["effect_fiber_active"])

const sumOf = (names: ReadonlySet<string>): number =>
  Metric.unsafeSnapshot(undefined).reduce((sum, { metricKey: { name }, metricState }) => {
    if (!names.has(name)) {
      return sum
    }
    return MetricState.isCounterState(metricState)
      ? sum + Number(metricState.count)
      : MetricState.isGaugeState(metricState)
      ? sum + Number(metricState.value)
      : sum
  }, 0)

const polluted = (): number => [Object.prototype, Array.prototype, Function.prototype].flatMap(Object.keys).length

/** The connections that a server still has, and its subscribers. */
export const entries = ({ connections, router }: Hub): number =>
  ["/o", "/reports", "/item/1", "/hooked/1"].reduce(
    (sum, path) => sum + (router.match(path)?.subscription.size ?? 0),
    connections.size
  )

/** Takes stock, when what is due at once has been done and garbage has been collected. */
export const take = async (): Promise<Holdings> => {
  for (let i = 0; i < 5; i++) {
    await turn()
    collect()
  }
  const resources = process.getActiveResourcesInfo()
  const count = (name: RegExp): number => resources.filter((resource) => name.test(resource)).length
  return {
    heap: process.memoryUsage().heapUsed,
    timers: count(/^(?:Timeout|Immediate)$/),
    sockets: count(/^TCPSocketWrap$/),
    handles: count(/^(?!Timeout|Immediate|TCPSocketWrap)/),
    fibers: sumOf(active),
    gauges: sumOf(levels),
    polluted: polluted()
  }
}
