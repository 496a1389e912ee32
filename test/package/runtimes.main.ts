/**
 * `npm run test:runtimes`: the packed package on every runtime that it is made for, each from its npm package: both
 * clients and the hapi door, by `import` and by `require`.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { runsOnReactNative } from "./ReactNative.js"
import { install, remove } from "./Tarball.js"

const platform = process.platform === "win32" ? "win" : process.platform
const prefix = process.platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node"
const binary = `${prefix}-${platform}-${process.arch}`

const folder = install("effect", "@hapi/hapi")
const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as object
// Bun and Deno put their program in place when they are installed.
writeFileSync(join(folder, "package.json"), JSON.stringify({ ...manifest, allowScripts: { bun: true, deno: true } }))
const versions = [20, 22, 24, 26]
execFileSync(
  "npm",
  [
    "install",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    "bun",
    "deno",
    ...versions.map((v) => `node${v}@npm:${binary}@${v}`)
  ],
  { cwd: folder, stdio: "inherit" }
)

const runtimes: Readonly<Record<string, ReadonlyArray<string>>> = {
  ...Object.fromEntries(versions.map((version) => [`Node ${version}`, [`node${version}/bin/node`]])),
  Bun: [".bin/bun"],
  Deno: [".bin/deno", "run", "--allow-all", "--node-modules-dir=manual"]
}

let failed = 0
for (const [runtime, [program = "", ...args]] of Object.entries(runtimes)) {
  const path = join(folder, "node_modules", program)
  const version = execFileSync(path, ["--version"], { encoding: "utf8" }).split("\n")[0]
  for (const file of ["import.mjs", "require.cjs"]) {
    const { status, stderr, stdout } = spawnSync(path, [...args, file], {
      cwd: folder,
      encoding: "utf8",
      timeout: 60_000
    })
    const passed = status === 0 && stdout + stderr === ""
    failed += passed ? 0 : 1
    console.log(`${passed ? "passed" : "failed"}  ${runtime} (${version}) ${file}`)
    if (!passed) {
      console.log(stdout + stderr)
    }
  }
}

// A bundle for React Native, by the bundler that its applications have.
execFileSync("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts", "metro"], {
  cwd: folder,
  stdio: "inherit"
})
const native = await (async () => {
  writeFileSync(join(folder, "native.js"), `import { Client } from "effect-nes/client"\nglobalThis.Client = Client\n`)
  execFileSync(process.execPath, ["metro.cjs", "native.js"], { cwd: folder, stdio: "inherit", timeout: 300_000 })
  await runsOnReactNative(readFileSync(join(folder, "native.bundle.js"), "utf8"))
})().then(() => true, (error: unknown) => {
  console.log(error)
  return false
})
failed += native ? 0 : 1
console.log(`${native ? "passed" : "failed"}  React Native (metro)`)
remove(folder)
console.log(`\n${Object.keys(runtimes).length * 2 + 1 - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
