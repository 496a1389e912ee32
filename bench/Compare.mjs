/** Whether the ratios of a run are worse than those of an earlier one, by more than they vary. */

// Of what has been measured several times in both runs, and of what has not: there the spread is not known.
const least = { known: 0.1, unknown: 0.25 }

const spread = ({ least, median, most }) => (most - least) / median

// A scenario may tell several things under one name.
const label = ({ name, title }) => `${name}: ${title}`

/** How far the ratios of the same row may be apart: as far as what they are made of, and no less than these. */
const toleranceOf = (costs) =>
  Math.max(
    costs.some(({ rounds }) => rounds.length < 2) ? least.unknown : least.known,
    costs.reduce((sum, cost) => sum + spread(cost), 0)
  )

/**
 * Every ratio that both runs have. Those to peers are compared, not the costs: these belong to a machine.
 *
 * @param {{ rows: ReturnType<typeof import("./Report.mjs").row>[] }} before
 * @param {{ rows: ReturnType<typeof import("./Report.mjs").row>[] }} after
 */
export const compare = (before, after) => {
  const earlier = new Map(before.rows.map((row) => [label(row), row]))
  return after.rows.flatMap((row) => {
    const old = earlier.get(label(row))
    return row.targets.flatMap(({ peer }) => {
      const costs = [old, row].flatMap((each) => [each?.costs[each.subject], each?.costs[peer]])
      if (peer === undefined || costs.includes(undefined)) return []
      const [was, wasPeer, is, isPeer] = costs.map(({ median }) => median)
      const tolerance = toleranceOf(costs)
      return [{ row: label(row), peer, was: was / wasPeer, is: is / isPeer, tolerance }]
    }).map((each) => ({ ...each, isWorse: each.is > each.was * (1 + each.tolerance) }))
  })
}

/** What came of it, in words: the worse rows, and how many there are. */
export const describe = (compared) => {
  const worse = compared.filter(({ isWorse }) => isWorse)
  const lines = worse.map(({ is, peer, row, tolerance, was }) =>
    `WORSE ${row}: ${is.toPrecision(3)} × ${peer}, was ${was.toPrecision(3)} (tolerance ${
      (100 * tolerance).toFixed(0)
    } %)`
  )
  return [...lines, `${compared.length} ratios compared, ${worse.length} worse`].join("\n")
}
