/**
 * Every scenario, in the order of the table. A scenario is data: its `kind` names the module of `measures/` that knows
 * how to run it, `targets` the most its subject (`effect-nes` when absent) may cost, as a multiple of each peer (`null`
 * where the ratio is only told).
 */
import { clients } from "./clients.mjs"
import { cluster } from "./cluster.mjs"
import { connections } from "./connections.mjs"
import { latency } from "./latency.mjs"
import { metrics } from "./metrics.mjs"
import { procedures } from "./procedures.mjs"
import { publish } from "./publish.mjs"
import { requests } from "./requests.mjs"
import { starts } from "./start.mjs"
import { victims } from "./victim.mjs"

/** The rows of the table that a scenario fills: itself, unless it tells several things at once. */
export const rowsOf = (scenario) => (scenario.rows ?? [{ metric: "cost" }]).map((row) => ({ ...scenario, ...row }))

export const scenarios = [
  ...publish,
  ...latency,
  ...cluster,
  ...requests,
  ...victims,
  ...metrics,
  ...connections,
  ...clients,
  ...procedures,
  ...starts
]

/** The same scenario, just large enough to see that everything works and every byte arrives. */
const smoke = {
  publish: { connections: 20, warmup: 2, ticks: 4 },
  cluster: { connections: 20, warmup: 2, ticks: 4 },
  cores: { connections: 20, warmup: 2, ticks: 4 },
  recovery: { warmup: 5, each: 10 },
  paths: { count: 200, rest: 200, probes: 10 },
  growth: { from: { connections: 10, warmup: 2, ticks: 4 }, to: { connections: 40, warmup: 2, ticks: 4 } },
  requests: { connections: 4, warmup: 50, total: 200 },
  victim: { requests: 8, within: 2000 },
  connections: { first: 20, warmup: 20, kept: 20, connections: 40 },
  heartbeat: { connections: 20, warmup: 2, rounds: 1 },
  updates: { warmup: 20, count: 50 },
  calls: { warmup: 50, total: 500 },
  procedures: { warmup: 5, total: 20 },
  idle: { connections: 60 },
  rehearsal: { connections: 60 },
  start: { times: 1 },
  latency: { connections: 100, warmup: 1, publishes: 2 },
  steady: { connections: 100, warmup: 1, publishes: 3, perSecond: 20 },
  restart: { connections: 40, restarts: 1 }
}

/** @param {(typeof scenarios)[number]} scenario */
export const shrink = (scenario) => ({
  ...scenario,
  ...smoke[scenario.kind],
  ...(scenario.name === "selective" && {
    paths: scenario.paths.slice(0, 10),
    perTick: 5,
    warmCrowd: { connections: 4, paths: 2, perTick: 2 }
  }),
  ...(scenario.users && { users: scenario.users.slice(0, 2), perTick: 2 }),
  ...(scenario.server?.heartbeat && { server: { ...scenario.server, heartbeat: { interval: 3000, timeout: 2700 } } })
})
