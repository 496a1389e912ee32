/** Which ratios of a run are worse than those of an earlier one. */
import { expect, it } from "vitest"

// Plain JavaScript, which the types of the tests do not follow.
const load = async (file: string): Promise<unknown> =>
  import(/* @vite-ignore */ new URL(`../../bench/${file}.mjs`, import.meta.url).href)
const { row } = (await load("Report")) as { readonly row: (scenario: object, samples: object) => object }
const { compare, describe } = (await load("Compare")) as {
  readonly compare: (before: object, after: object) => ReadonlyArray<object>
  readonly describe: (compared: ReadonlyArray<object>) => string
}

/** A file of results, of samples per peer. */
const results = (...rows: ReadonlyArray<Record<string, ReadonlyArray<number>>>): object =>
  JSON.parse(JSON.stringify({
    rows: rows.map((samples, index) =>
      row(
        { name: "a", title: `row ${index}`, unit: "µs", metric: "cost", targets: { nes: 1 }, most: 5 },
        Object.fromEntries(Object.entries(samples).map(([peer, costs]) => [peer, costs.map((cost) => ({ cost }))]))
      )
    )
  })) as object

const once = { "effect-nes": [5], nes: [10] }
const steady = { "effect-nes": [5, 5], nes: [10, 10] }
const swinging = { "effect-nes": [4, 6], nes: [10, 10] }

it.each([
  ["a machine that is half as fast", steady, { "effect-nes": [10, 10], nes: [20, 20] }, 0],
  ["less than a tenth more", steady, { "effect-nes": [5.4, 5.4], nes: [10, 10] }, 0],
  ["more than a tenth more", steady, { "effect-nes": [5.6, 5.6], nes: [10, 10] }, 1],
  ["as much more as it swings", swinging, { "effect-nes": [6.9, 6.9], nes: [10, 10] }, 0],
  ["more than it swings", swinging, { "effect-nes": [7.1, 7.1], nes: [10, 10] }, 1],
  ["a quarter more, measured once", once, { "effect-nes": [6.2], nes: [10] }, 0],
  ["more than that, measured once", once, { "effect-nes": [6.3], nes: [10] }, 1],
  ["less", steady, { "effect-nes": [1, 1], nes: [10, 10] }, 0]
])("%s", (_, before, after, worse) => {
  expect(describe(compare(results(before), results(after))).split("\n").at(-1)).toBe(
    `1 ratios compared, ${worse} worse`
  )
})

it("tells which, and compares what both runs have", () => {
  const worse = { "effect-nes": [8, 8], nes: [10, 10] }
  expect(describe(compare(results(steady, steady), results(steady, worse, worse)))).toBe(
    "WORSE a: row 1: 0.800 × nes, was 0.500 (tolerance 10 %)\n2 ratios compared, 1 worse"
  )
  expect(compare(results({ "effect-nes": [5] }), results(steady))).toEqual([])
})
