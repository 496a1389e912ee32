/** How a row is judged. */
import { expect, it } from "vitest"

// Plain JavaScript, which the types of the tests do not follow.
const module = new URL("../../bench/Report.mjs", import.meta.url).href
const { row, table } = (await import(/* @vite-ignore */ module)) as {
  readonly row: (scenario: object, samples: object) => { readonly targets: ReadonlyArray<object> }
  readonly table: (rows: ReadonlyArray<object>) => string
}

const scenario = { name: "a", title: "a", unit: "µs", metric: "cost" }

const judge = (targets: Record<string, number | null>, costs: Record<string, number>): string => {
  const samples = Object.fromEntries(Object.entries(costs).map(([peer, cost]) => [peer, [{ cost }]]))
  return table([row({ ...scenario, targets }, samples)]).split("|").at(-2)?.trim() ?? ""
}

it.each([
  ["below the target", { nes: 0.5 }, { nes: 10, limit: 6, "effect-nes": 5 }, "0.50 × nes (≤ 0.5) PASS"],
  ["above it, where the limit is not", { nes: 0.5 }, { nes: 10, limit: 5, "effect-nes": 6 }, "0.60 × nes (≤ 0.5) MISS"],
  [
    "above it, as the limit is, and near that",
    { nes: 0.5 },
    { nes: 10, limit: 6, "effect-nes": 6.6 },
    "0.66 × nes (≤ 0.5; the limit itself 0.60) the limit misses it too, 1.10 × limit (≤ 1.1) PASS"
  ],
  [
    "above it, as the limit is, and not near that",
    { nes: 0.5 },
    { nes: 10, limit: 6, "effect-nes": 6.7 },
    "0.67 × nes (≤ 0.5; the limit itself 0.60) MISS, 1.12 × limit (≤ 1.1) MISS"
  ],
  [
    "judged by the row's own target beside the limit",
    { nes: 0.5, "limit-redis": 1.2 },
    { nes: 10, "limit-redis": 6, "effect-nes": 7 },
    "0.70 × nes (≤ 0.5; the limit itself 0.60) the limit misses it too, 1.17 × limit-redis (≤ 1.2) PASS"
  ],
  ["not measured", { nes: 0.5 }, { limit: 6, "effect-nes": 7 }, "– × nes (≤ 0.5) –"],
  ["only told", { nes: null }, { nes: 10, limit: 11, "effect-nes": 12 }, "1.20 × nes (no target)"]
])("%s", (_, targets, costs, verdict) => {
  expect(judge(targets as Record<string, number | null>, costs as Record<string, number>)).toBe(verdict)
})
