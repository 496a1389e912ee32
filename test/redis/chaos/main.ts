/**
 * `npm run chaos -- --rounds 200 [--seed 1] [--kind sentinel] [--fault "Redis freezes"]`: a third of the rounds each on a Redis that keeps everything
 * and on one that does not, the rest on one that Sentinels watch over and on a Redis Cluster.
 */
import { parseArgs } from "node:util"
import * as Chaos from "./Chaos.js"
import { add, isSound, none } from "./Ledger.js"
import type { Kind } from "./Topology.js"

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "20" },
    seed: { type: "string" },
    kind: { type: "string" },
    fault: { type: "string" }
  }
})
const rounds = Number(values.rounds)
const seed = Number(values.seed ?? Date.now() % 1_000_000)
const third = Math.ceil(rounds / 3)
const sixth = Math.ceil((rounds - 2 * third) / 2)
const shares: ReadonlyArray<readonly [kind: Kind, rounds: number]> = values.kind === undefined
  ? [["durable", third], ["lossy", third], ["sentinel", sixth], ["cluster", rounds - 2 * third - sixth]]
  : [[values.kind as Kind, rounds]]

console.log(`seed ${seed}`)
let all = none
for (const [kind, count] of shares) {
  all = add(
    all,
    await Chaos.run({ rounds: count, kind, seed, fault: values.fault, report: (line) => console.log(line) })
  )
}
console.log(`${rounds} rounds: ${Chaos.line(all)}`)
process.exit(isSound(all) ? 0 : 1)
