/**
 * `npm run chaos -- --rounds 200 [--seed 1] [--kind sentinel] [--fault "Redis freezes"]`: a third of the rounds each on a
 * Redis that keeps everything and on one that does not, the rest on one that Sentinels watch over and on a Redis Cluster.
 * At the end it prints the table of docs/scaling.md.
 */
import { execFileSync } from "node:child_process"
import { parseArgs } from "node:util"
import { usual } from "../RedisServer.js"
import * as Chaos from "./Chaos.js"
import { broken } from "./Ledger.js"
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
const parts: ReadonlyArray<readonly [kind: Kind, rounds: number]> = values.kind === undefined
  ? [["durable", third], ["lossy", third], ["sentinel", sixth], ["cluster", rounds - 2 * third - sixth]]
  : [[values.kind as Kind, rounds]]

console.log(`seed ${seed}`)
const shares: Chaos.Shares = new Map()
for (const [kind, count] of parts.filter(([, count]) => count > 0)) {
  const outcome = await Chaos.run({
    rounds: count,
    kind,
    seed,
    fault: values.fault,
    report: (line) => console.log(line)
  })
  outcome.forEach((share, fault) => Chaos.count(shares, fault, share))
}
const total = [...shares.values()].reduce(Chaos.combine)
const [server = ""] = execFileSync(usual, ["--version"], { encoding: "utf8" }).split(" sha=")
console.log(`\n${Chaos.table(shares, total)}\n`)
console.log(`${total.rounds} rounds, seed ${seed}, ${server}, Node.js ${process.version}: ${Chaos.line(total.figures)}`)
process.exit(broken(total.figures) === 0 ? 0 : 1)
