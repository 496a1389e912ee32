/**
 * `npm run release:check`: packs what would be published, and checks it as package tools and TypeScript see it. Ends
 * with what is left to be done by hand.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fail, manifest, root, run } from "./run.mjs"

const bin = (name) => join(root, "node_modules/.bin", name)
const { version } = manifest
const folder = mkdtempSync(join(tmpdir(), "effect-nes-release-"))
process.on("exit", () => rmSync(folder, { recursive: true, force: true }))

if (!readFileSync(join(root, "CHANGELOG.md"), "utf8").includes(`## [${version}]`)) {
  fail(`CHANGELOG.md says nothing of ${version}`)
}

const check = (name, ...command) => {
  console.log(`\n== ${name}`)
  if (run(...command) !== 0) {
    fail(`${name} failed`)
  }
}

// Its `prepack` builds.
check("pack", "npm", ["pack", "--silent", "--pack-destination", folder])
const tarball = join(folder, readdirSync(folder).find((file) => file.endsWith(".tgz")) ?? "")
check("publint", bin("publint"), ["run", tarball, "--strict"])
// The modules of Effect programs are ESM as Effect is, and what stands in a page's script tag is no module of Node's.
check("types", bin("attw"), [
  tarball,
  "--format",
  "table-flipped",
  "--ignore-rules",
  "cjs-resolves-to-esm",
  "--exclude-entrypoints",
  "browser",
  "browser/global"
])

// Where the repository is, only whoever publishes it knows. npm refuses provenance without it.
const unsaid = ["repository", "homepage", "bugs"].filter((name) => !(name in manifest))
const first = unsaid.map((name) => `  npm pkg set ${name}=ADDRESS # and commit it\n`).join("")

console.log(`
effect-nes ${version} can be released:

${first}  git tag v${version}
  git push origin v${version}
  npm publish --provenance
`)
