/** The cost of a delivery in a large crowd over that in a small one. */
import * as publish from "./publish.mjs"

export const measure = async (context, scenario, peer) => {
  const from = await publish.measure(context, { ...scenario, ...scenario.from }, peer)
  const to = await publish.measure(context, { ...scenario, ...scenario.to }, peer)
  return { cost: to.cost / from.cost, from: from.cost, to: to.cost, bytes: from.bytes + to.bytes }
}
