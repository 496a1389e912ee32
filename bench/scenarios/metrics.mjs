/** What counting into Effect's metrics costs: the same work with `metrics: true`, the default, and with `false`. */
import { publish } from "./publish.mjs"
import { requests } from "./requests.mjs"

const withAndWithout = (scenario, changes) => ({
  ...scenario,
  ...changes,
  name: `metrics-${scenario.name}`,
  peers: ["effect-nes", "effect-nes-unmetered"],
  targets: { "effect-nes-unmetered": 1.05 }
})

const [fanout] = publish
const [small] = requests

export const metrics = [
  withAndWithout(fanout, { title: "metrics on, beside off: fan-out, 1,000 subscribers, 200 B" }),
  withAndWithout(small, { title: "metrics on, beside off: requests, small JSON" })
]
