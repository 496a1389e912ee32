/**
 * `node scripts/stubs.mjs write`, and `remove`, here or in the folder that is named: a folder with a package.json for
 * each entry, which only the packed package has, for what does not read `exports`: `moduleResolution: node10` and older
 * bundlers, which do not find the modules of effect either.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { manifest, root } from "./run.mjs"

const [, , command, target = root] = process.argv
const entries = Object.entries(manifest.exports).filter(([name, { source }]) => name !== "." && source !== undefined)
for (const [name] of entries) {
  rmSync(join(target, name.split("/")[1] ?? ""), { recursive: true, force: true })
}
if (command === "write") {
  for (const [name, entry] of entries) {
    const folder = join(target, name)
    const up = "../".repeat(name.split("/").length - 1)
    const file = (path) => path.replace("./", up)
    mkdirSync(folder, { recursive: true })
    const stub = {
      main: file(entry.require ?? entry.default),
      types: file(entry.default.replace(/\.js$/, ".d.ts")),
      browser: entry.browser && file(entry.browser.require),
      "react-native": entry["react-native"] && file(entry["react-native"])
    }
    writeFileSync(join(folder, "package.json"), `${JSON.stringify(stub, null, 2)}\n`)
  }
}
