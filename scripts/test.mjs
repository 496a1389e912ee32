/**
 * `npm test`: every check, named and timed. What reads the code runs beside what runs it; what a step writes is shown
 * whole, one step after another. The first that fails stops all. The last line says how many tests passed and failed.
 */
import { execFileSync, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, statfsSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { root } from "./run.mjs"

const bin = (name) => join(root, "node_modules/.bin", name)

/** Where a machine writes files fastest: in memory, if there is room. */
const fast = () => {
  try {
    const { bavail, bsize } = statfsSync("/dev/shm")
    return bavail * bsize > 4e9 ? "/dev/shm" : tmpdir()
  } catch {
    return tmpdir()
  }
}
const scratch = mkdtempSync(join(fast(), "effect-nes-test-"))
// The compilers are programs in Go, which spends a quarter of its time on memory that it need not save.
const env = { GOGC: "800", ...process.env, TMPDIR: scratch }
const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`
const started = performance.now()
let passed = 0
let failed = 0

/** The steps whose output is still to be shown, the one that is shown now first. */
const shown = ["format", "lint", "types", "build", "tests"].map((name) => ({ name, output: [] }))

/** Shows what a step has written, once those before it have ended. */
const show = (step, chunk) => (step === shown[0] ? process.stdout.write(chunk) : step.output.push(chunk))

const end = (step, text) => {
  show(step, text)
  step.isOver = true
  while (shown[0]?.isOver) {
    shown.shift()
    shown[0]?.output.splice(0).forEach((chunk) => process.stdout.write(chunk))
  }
}

const running = new Set()

/** Runs a step; what fails ends the others. */
const run = async (name, command, ...args) => {
  if (failed > 0) {
    return
  }
  const step = shown.find((step) => step.name === name)
  const since = performance.now()
  show(step, `\n== ${name}\n`)
  const child = spawn(command, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] })
  running.add(child)
  child.stdout.on("data", (chunk) => show(step, chunk))
  child.stderr.on("data", (chunk) => show(step, chunk))
  const status = await new Promise((resolve) => {
    child.once("error", ({ message }) => {
      show(step, `${command}: ${message}\n`)
      resolve(1)
    })
    child.once("close", resolve)
    // What it has started itself may hold its output open.
    child.once("exit", (status) => failed > 0 && resolve(status))
  })
  running.delete(child)
  const stopped = status !== 0 && failed > 0
  end(step, `== ${name}: ${status === 0 ? "passed" : stopped ? "stopped" : "failed"} in ${seconds(since)}\n`)
  if (status !== 0 && !stopped) {
    failed = 1
    running.forEach((other) => other.kill())
  }
}

/** Runs vitest and adds its figures; a run that ends without a report, or failing without a failed test, counts as one. */
const tests = async () => {
  const report = join(scratch, "tests.json")
  await run("tests", bin("vitest"), "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`)
  try {
    const { numFailedTests, numPassedTests } = JSON.parse(readFileSync(report, "utf8"))
    passed += numPassedTests
    failed = Math.max(failed, numFailedTests)
  } catch {
    failed = Math.max(failed, 1)
  }
}

const reading = async () => {
  await run("format", bin("dprint"), "check")
  await run("lint", bin("oxlint"), "--type-aware", "--deny-warnings", "src", "test", "examples", "bench", "scripts")
  // TypeScript, with the diagnostics of Effect. A second checker would check again much of what both need.
  const compiler = execFileSync(bin("effect-tsgo"), ["get-exe-path"], { cwd: root, encoding: "utf8" }).trim()
  await run("types", compiler, "-p", "tsconfig.json", "--checkers", "1")
}
const executing = async () => {
  await run("build", process.execPath, "scripts/build.mjs")
  await tests()
}

await Promise.all([reading(), executing()])
shown.flatMap(({ output }) => output).forEach((chunk) => process.stdout.write(chunk))
rmSync(scratch, { recursive: true, force: true })
console.log(`\n${failed === 0 ? "all checks" : "stopped"} after ${seconds(started)}\n`)
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
