/**
 * `npm run mutate -- [--lines 30] [--seed 1] [--only src/server/transport]...`: does a test fail when the code is
 * changed? Stryker changes lines of `src/server` and `src/client`, or of what is named, that a seed chooses, and names
 * the changes that no test noticed.
 */
import { execFileSync } from "node:child_process"
import { readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { fail, root, run } from "./run.mjs"

const { lines, only, seed } = parseArgs({
  options: {
    lines: { type: "string", default: "30" },
    seed: { type: "string", default: "1" },
    only: { type: "string", multiple: true, default: ["src/server", "src/client"] }
  }
}).values
if (!(Number(lines) > 0 && Number(seed) > 0)) {
  fail("--lines and --seed are positive numbers")
}
let state = Number(seed)
const random = () => {
  state = (state * 48271) % 2147483647
  return state / 2147483647
}

const files = execFileSync("git", ["ls-files", ...only], { encoding: "utf8" })
const places = (files.match(/\S+\.ts$/gm) ?? fail(`No source: ${only.join()}`)).flatMap((file) =>
  readFileSync(file, "utf8").split("\n").map((_, line) => `${file}:${line + 1}-${line + 3}`)
)
const mutate = Array.from({ length: Number(lines) }, () => places[Math.floor(random() * places.length)])

// A run that was interrupted leaves its copy of the sources.
rmSync(join(root, "coverage/mutants"), { recursive: true, force: true })
const packages = ["core", "vitest-runner"].map((name) => `@stryker-mutator/${name}@10.1.1`)
process.exit(
  run("npm", ["install", "--no-save", "--no-audit", "--no-fund", ...packages]) ||
    run(process.execPath, ["scripts/build.mjs"]) ||
    run("node_modules/.bin/stryker", ["run", "scripts/stryker.json", "--mutate", mutate.join()])
)
