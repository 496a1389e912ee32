/** `npm run chaos -- --rounds 100 [--seed 1]`: half of the rounds on a Redis that keeps everything, half on one that does not. */
import { parseArgs } from "node:util"
import * as Chaos from "./Chaos.js"
import { add } from "./Ledger.js"

const { values } = parseArgs({ options: { rounds: { type: "string", default: "20" }, seed: { type: "string" } } })
const rounds = Number(values.rounds)
const seed = Number(values.seed ?? Date.now() % 1_000_000)
const report = (line: string): void => console.log(line)

console.log(`seed ${seed}`)
const half = Math.ceil(rounds / 2)
console.log(`${half} rounds on a Redis that keeps all that it has confirmed`)
const durable = await Chaos.run({ rounds: half, durable: true, seed, report })
console.log(`${rounds - half} rounds on a Redis that loses everything when it dies`)
const lossy = await Chaos.run({ rounds: rounds - half, durable: false, seed, report })
const all = add(durable, lossy)
console.log(Chaos.line(all))
process.exit(all.missing + all.duplicated + all.disordered === 0 ? 0 : 1)
