/**
 * `npm test`: every check, in order, each named and timed; stops at the first that fails. The last line says how many
 * tests passed and failed.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { run } from "./run.mjs"

const bin = (name) => `node_modules/.bin/${name}`
const folders = ["src", "test", "examples", "bench", "scripts"]
const reports = mkdtempSync(join(tmpdir(), "effect-nes-test-"))
let passed = 0
let failed = 0

/** Runs vitest and adds its figures; a run that ends without a report, or failing without a failed test, counts as one. */
const vitest = (...args) => {
  const report = join(reports, `${args.length}.json`)
  const status = run(bin("vitest"), [
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...args
  ])
  let figures = { numPassedTests: 0, numFailedTests: 0 }
  try {
    figures = JSON.parse(readFileSync(report, "utf8"))
  } catch {
    console.error("vitest wrote no report")
  }
  passed += figures.numPassedTests
  failed += figures.numFailedTests
  return status
}

const steps = {
  format: () => run(bin("dprint"), ["check"]),
  lint: () => run(bin("oxlint"), ["--type-aware", "--deny-warnings", ...folders]),
  types: () => run(bin("tsc"), ["-p", "tsconfig.json"]),
  effects: () => run(bin("effect-tsgo"), ["diagnostics", "--project", "tsconfig.json", "--strict"]),
  build: () => run(process.execPath, ["scripts/build.mjs"]),
  tests: () => vitest("--typecheck", "--exclude", "test/package/**"),
  package: () => vitest("test/package")
}

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`
const started = performance.now()
for (const [name, step] of Object.entries(steps)) {
  const since = performance.now()
  console.log(`\n== ${name}`)
  const status = step()
  console.log(`== ${name}: ${status === 0 ? "passed" : "failed"} in ${seconds(since)}`)
  if (status !== 0) {
    failed = Math.max(failed, 1)
    break
  }
}
rmSync(reports, { recursive: true, force: true })
console.log(`\n${failed === 0 ? "all checks" : "stopped"} after ${seconds(started)}\n`)
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
