/**
 * The benchmark: `node bench/run.mjs --help`.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { parseArgs } from "node:util"
import { compare, describe } from "./Compare.mjs"
import { plot } from "./Plot.mjs"
import { start, Unavailable } from "./process/Child.mjs"
import { environment, row, table } from "./Report.mjs"
import { rowsOf, scenarios, shrink } from "./scenarios/index.mjs"

const help = `node bench/run.mjs [options]

  --only A,B      only these scenarios (a name, or the beginning of one); --list names them
  --peers A,B     only these peers
  --rounds N      how often each peer takes its turn, for the medians (default 5)
  --minutes N     start no further round that would not be over by then (default 14)
  --smoke         tiny sizes, one round: checks that everything runs and every byte arrives, not the times
  --profile DIR   write a CPU profile of each measured part into DIR
  --json FILE     where the figures go (default bench/results/latest.json)
  --compare FILE  fail if a ratio is worse than in this file of an earlier run, by more than it varies
  --plot FILE     draw the tail, as SVG
  --list          list the scenarios
`

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    peers: { type: "string" },
    rounds: { type: "string", default: "5" },
    minutes: { type: "string", default: "14" },
    smoke: { type: "boolean", default: false },
    profile: { type: "string" },
    json: { type: "string" },
    compare: { type: "string" },
    plot: { type: "string" },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false }
  }
})

const chosen = () => {
  const names = options.only?.split(",")
  const wanted = names === undefined
    ? scenarios
    : scenarios.filter(({ name }) => names.some((start) => name.startsWith(start)))
  if (wanted.length === 0) throw new Error(`no scenario is named ${options.only}`)
  const peers = options.peers?.split(",")
  const narrowed = peers === undefined
    ? wanted
    : wanted.map((scenario) => ({ ...scenario, peers: scenario.peers.filter((peer) => peers.includes(peer)) }))
  return options.smoke ? narrowed.map(shrink) : narrowed
}

/** Every peer takes its turn in every round, and each round another one goes first. */
const turns = (peers, round) => peers.map((_, i) => peers[(i + round) % peers.length])

const positive = (name) => {
  const value = Number(options[name])
  if (!(value > 0)) throw new Error(`--${name} must be a positive number`)
  return value
}

const seconds = (since) => ((performance.now() - since) / 1000).toFixed(1)

/** Measures each scenario for each of its peers once, and adds what came of it to `samples`. */
const measureAll = async (context, selection, round, samples, unavailable) => {
  for (const scenario of selection.filter(({ once }) => !once || round === 0)) {
    const { measure } = await import(`./measures/${scenario.kind}.mjs`)
    for (const peer of turns(scenario.peers, round).filter((peer) => !unavailable.has(peer))) {
      const since = performance.now()
      try {
        const sample = await measure(context, scenario, peer)
        samples.get(scenario.name)[peer].push(sample)
        const figures = rowsOf(scenario).flatMap(({ metric, unit }) =>
          sample[metric] === undefined ? [] : [`${sample[metric].toPrecision(4)} ${unit}`]
        )
        console.error(`${round + 1} ${scenario.name} ${peer}: ${figures.join(", ")} (${seconds(since)} s)`)
      } catch (error) {
        if (!(error instanceof Unavailable)) throw new Error(`${scenario.name}, ${peer}`, { cause: error })
        console.error(`${peer} is not available: ${error.message}`)
        unavailable.add(peer)
      }
    }
  }
}

const run = async () => {
  const started = performance.now()
  const rounds = options.smoke ? 1 : positive("rounds")
  const minutes = positive("minutes")
  if (options.profile !== undefined) process.env.BENCH_PROFILE = resolve(options.profile)

  const earlier = options.compare !== undefined && JSON.parse(readFileSync(options.compare, "utf8"))
  const selection = chosen()
  const samples = new Map(
    selection.map(({ name, peers }) => [name, Object.fromEntries(peers.map((peer) => [peer, []]))])
  )
  const unavailable = new Set()
  const context = { load: await start(new URL("./load/main.mjs", import.meta.url)) }
  let round = 0
  do await measureAll(context, selection, round++, samples, unavailable)
  while (round < rounds && (performance.now() - started) * (1 + 1 / round) < minutes * 60_000)
  await context.load.stop()

  const rows = selection.flatMap((scenario) => rowsOf(scenario).map((each) => row(each, samples.get(scenario.name))))
  const report = { date: new Date().toISOString(), rounds: round, environment: environment(), rows }
  const file = resolve(options.json ?? new URL("./results/latest.json", import.meta.url).pathname)
  if (options.json !== undefined || !options.smoke) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`)
  }

  const drawing = options.plot !== undefined && plot(rows)
  if (drawing) writeFileSync(resolve(options.plot), drawing)

  if (options.smoke) {
    const missing = unavailable.size === 0 ? "" : `; not available: ${[...unavailable].join(", ")}`
    console.log(`${selection.length} scenarios ran, every byte arrived${missing}`)
    return 0
  }
  const verdicts = rows.flatMap(({ targets }) => targets.map(({ verdict }) => verdict))
  const count = (verdict) => verdicts.filter((each) => each === verdict).length
  console.log(`\n${table(rows)}\n`)
  console.log(
    `${count("PASS")} PASS, ${count("LIMIT")} that the limit misses too, ${count("MISS")} MISS, ` +
      `${count("–")} not measured; ` +
      `medians of ${round} rounds, ${(Number(seconds(started)) / 60).toFixed(1)} minutes`
  )
  console.log(Object.entries(report.environment).map(([name, version]) => `${name} ${version}`).join(", "))
  const compared = earlier ? compare(earlier, report) : []
  if (earlier) console.log(describe(compared))
  return compared.some(({ isWorse }) => isWorse) ? 1 : 0
}

if (options.help) {
  console.log(help)
} else if (options.list) {
  for (const scenario of scenarios) {
    console.log(`${scenario.name.padEnd(16)}${rowsOf(scenario).map(({ title }) => title).join("; ")}`)
  }
} else {
  await run().then((code) => process.exit(code), (error) => {
    console.error(error)
    process.exit(1)
  })
}
