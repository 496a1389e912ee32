/** `npm run soak -- --seconds N`: connections that come and go; afterwards nothing is left of them. */
import * as Figures from "./Figures.js"
import * as Soak from "./Soak.js"

const { seconds } = Figures.parse(600)
const total = { connections: 0, calls: 0, updates: 0, lost: 0, leaks: 0 }
const growths: Array<number> = []
const faults: Array<string> = []
for (const door of ["effect-nes", "NesHttpServer"] as const) {
  const figures = await Soak.run(door, seconds / 2)
  total.connections += figures.connections
  total.calls += figures.calls
  total.updates += figures.updates
  total.lost += figures.lost
  total.leaks += figures.leaks
  growths.push(figures.growth)
  faults.push(...figures.faults.map((fault) => `${door}: ${fault}`))
}
Figures.finish(Figures.line("soak", { ...total, "heap growth (kB)": growths.join(" and ") }), faults)
