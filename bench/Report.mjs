/** Turns what was measured into the table and the JSON file. */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { cpus } from "node:os"

const require = createRequire(import.meta.url)

const versionOf = (name) => {
  for (const folder of require.resolve.paths(name)) {
    try {
      return JSON.parse(readFileSync(`${folder}/${name}/package.json`, "utf8")).version
    } catch {
      continue
    }
  }
  return "not installed"
}

/** The versions and the machine that figures belong to. */
export const environment = () => ({
  node: process.version,
  ...Object.fromEntries(
    ["@hapi/hapi", "@hapi/nes", "socket.io", "@socket.io/redis-adapter", "ws", "effect"].map((
      name
    ) => [name, versionOf(name)])
  ),
  cpu: `${cpus().length} × ${cpus()[0].model.trim()}`
})

const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** What a row may cost of the limit where the limit itself misses another target. */
const mostOfLimit = 1.1

const verdictOf = (value, most) => most === null ? "" : value === undefined ? "–" : value <= most ? "PASS" : "MISS"

/**
 * One row: each peer's median with the spread of its rounds (of the longest, that of all rounds), and the subject's ratio
 * to each peer that has a target, or what it may be at `most`. A target that the limit of the same run misses, too, is judged by the ratio to the limit.
 *
 * @param {{ name: string, title: string, unit: string, metric: string, subject?: string,
 *   targets: Record<string, number | null> }} scenario
 * @param {Record<string, Array<Record<string, number>>>} samples per peer, one per round
 */
export const row = (scenario, samples) => {
  const subject = scenario.subject ?? "effect-nes"
  const costs = Object.fromEntries(
    Object.entries(samples).filter(([, rounds]) => rounds[0]?.[scenario.metric] !== undefined).map(([peer, rounds]) => {
      const values = rounds.map((sample) => sample[scenario.metric])
      const [least, most] = [Math.min(...values), Math.max(...values)]
      return [peer, { median: scenario.metric.endsWith("100") ? most : median(values), least, most, rounds }]
    })
  )
  const ratio = (one, other) => one in costs && other in costs ? costs[one].median / costs[other].median : undefined
  const limit = Object.keys(costs).find((peer) => peer.startsWith("limit"))
  const goals = { ...scenario.targets }
  const targets = Object.entries(scenario.targets).map(([peer, target]) => {
    const own = { peer, target, ratio: ratio(subject, peer), verdict: verdictOf(ratio(subject, peer), target) }
    const best = ratio(limit, peer)
    if (own.verdict !== "MISS" || peer === limit || !(best > target)) return own
    goals[limit] ??= mostOfLimit
    return {
      ...own,
      limit: best,
      verdict: verdictOf(ratio(subject, limit), goals[limit]) === "PASS" ? "LIMIT" : "MISS"
    }
  })
  if (limit in goals && !(limit in scenario.targets)) {
    const own = ratio(subject, limit)
    targets.push({ peer: limit, target: mostOfLimit, ratio: own, verdict: verdictOf(own, mostOfLimit) })
  }
  if (scenario.most !== undefined) {
    targets.push({ target: scenario.most, verdict: verdictOf(costs[subject]?.median, scenario.most) })
  }
  return { name: scenario.name, title: scenario.title, unit: scenario.unit, subject, costs, targets }
}

const figure = (cost) =>
  cost === undefined ? "–" : cost.median >= 1000 ? cost.median.toFixed(0) : cost.median.toPrecision(3)

const digits = (ratio) => ratio.toFixed(ratio < 0.1 ? 3 : 2)

const columns = ["scenario", "unit", "effect-nes", "@hapi/nes", "socket.io", "limit", "ratio (target)"]

const cells = ({ costs, subject, targets, title, unit }) => [
  title,
  unit,
  figure(costs[subject]),
  figure(costs.nes),
  figure(costs["socket.io"] ?? costs["socket.io-redis"]),
  figure(costs.limit),
  targets.map(({ limit, peer, ratio, target, verdict }) => {
    const said = verdict === "LIMIT" ? "the limit misses it too" : verdict
    if (peer === undefined) return `≤ ${target} ${said}`
    const best = limit === undefined ? "" : `; the limit itself ${digits(limit)}`
    const told = `${ratio === undefined ? "–" : digits(ratio)} × ${peer}`
    return target === null ? `${told} (no target)` : `${told} (≤ ${target}${best}) ${said}`
  }).join(", ")
]

const peers = columns.slice(3, 6)

/** The table, in Markdown, aligned for the terminal, with the peers that any of its rows has. */
export const table = (rows) => {
  const all = [columns, ...rows.map(cells)]
  const isEmpty = (column) => peers.includes(columns[column]) && all.slice(1).every((line) => line[column] === "–")
  const lines = all.map((line) => line.filter((_, column) => !isEmpty(column)))
  const [names] = lines
  const widths = names.map((_, column) => Math.max(...lines.map((line) => line[column].length)))
  const isFigure = (column) => column >= 2 && column < names.length - 1
  const render = (line) =>
    `| ${line.map((cell, i) => isFigure(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])).join(" | ")} |`
  const rule = `| ${
    widths.map((width, i) => isFigure(i) ? `${"-".repeat(width - 1)}:` : "-".repeat(width)).join(" | ")
  } |`
  return [render(lines[0]), rule, ...lines.slice(1).map(render)].join("\n")
}
