/** What a process holds on to, for a comparison before and after. */
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"
import * as v8 from "node:v8"
import { runInNewContext } from "node:vm"

export interface Holdings {
  /** Bytes in use after garbage collection. */
  readonly heap: number
  readonly timers: number
  readonly sockets: number
  readonly fibers: number
}

v8.setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const fibers = (): number =>
  Metric.unsafeSnapshot(undefined).reduce(
    (sum, { metricKey, metricState }) =>
      metricKey.name === "effect_fiber_active" && MetricState.isCounterState(metricState)
        ? sum + Number(metricState.count)
        : sum,
    0
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
    fibers: fibers()
  }
}
