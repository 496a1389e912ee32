/**
 * One client asks at a steady rate, first alone, then beside another that sends as fast as it can from a process of its
 * own.
 */
import { start } from "../process/Child.mjs"
import { withServer } from "./Server.mjs"

const load = new URL("../load/main.mjs", import.meta.url)

const quantile = (values, q) => values.toSorted((a, b) => a - b)[Math.floor(values.length * q)]

export const measure = (context, scenario, peer) =>
  withServer(context, scenario, peer, async ({ load: { call }, port }) => {
    const { every, flood, path, requests, result, within } = scenario
    await call("asker", { path, peer, port, result })
    await call("askEvery", { count: requests, every, within })
    const alone = await call("askEvery", { count: requests, every, within })
    const flooder = await start(load)
    try {
      await flooder.call("flood", { kind: flood, port })
      const took = await call("askEvery", { count: requests, every, within })
      const { bytes, closed } = await flooder.call("endFlood")
      if (closed) throw new Error(`the flood was closed after ${bytes} bytes`)
      const [before, beside] = [alone, took].map((values) => ({
        median: quantile(values, 0.5),
        p99: quantile(values, 0.99)
      }))
      return { ratio: beside.median / before.median, before, beside, requests: took.length, bytes }
    } finally {
      await flooder.stop()
    }
  })
