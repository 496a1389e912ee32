/**
 * `npm run build`: types and modules with tsc, declarations for CommonJS, and the browser build of the plain client.
 *
 * Who gets what:
 * - Node and bundlers: `dist/*.js`, unbundled. A bundler user of `effect-nes/client` shares the application's own copy
 *   of effect; the `browser` condition of `#WebSocket` (package.json, "imports") leaves `ws` and Node code out.
 * - Pages without a bundler: `effect-nes/browser` (dist/browser/client.js, one ESM file) and, for a script tag,
 *   dist/browser/client.global.js, which sets `EffectNes`.
 * - CommonJS: `require` of the same ESM files (Node 20.19 and later), with `.d.cts` types beside them.
 */
import * as esbuild from "esbuild"
import { existsSync, readFileSync, rmSync } from "node:fs"
import { gzipSync } from "node:zlib"
import { writeCommonJsTypes } from "./commonjs-types.mjs"
import { fail, root, run } from "./run.mjs"

process.chdir(root)
const entries = ["client", "hapi", "index", "redis"]

rmSync("dist", { recursive: true, force: true })
if (run("node_modules/.bin/tsc", ["-p", "tsconfig.build.json"]) !== 0) {
  fail("build: tsc found errors")
}

const missing = entries.filter((entry) => !existsSync(`dist/${entry}.js`))
if (missing.length > 0) {
  fail(`build: there is no ${missing.map((entry) => `src/${entry}.ts`).join(", ")}`)
}
for (const entry of entries) {
  await writeCommonJsTypes(`dist/${entry}`)
}

const common = {
  bundle: true,
  minify: true,
  platform: "browser",
  conditions: ["source", "browser"],
  target: "es2022",
  legalComments: "none",
  logLevel: "warning"
}
// The sources that the maps name are in this package and in effect's: copied into each map, they made most of the package.
const client = { ...common, entryPoints: ["src/client.ts"], sourcemap: true, sourcesContent: false }
const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`
const gzip = (code) => gzipSync(code, { level: 9 }).length

const bundles = [
  { ...client, format: "esm", outfile: "dist/browser/client.js" },
  { ...client, format: "iife", globalName: "EffectNes", outfile: "dist/browser/client.global.js" }
]
for (const options of bundles) {
  await esbuild.build(options).catch(() => fail(`build: esbuild could not make ${options.outfile}`))
  const code = readFileSync(options.outfile)
  console.log(`build: ${options.outfile} ${kB(code.length)}, gzip ${kB(gzip(code))}`)
}

const runtime = await esbuild.build({
  ...common,
  format: "esm",
  write: false,
  stdin: { contents: `import * as Effect from "effect/Effect"\nEffect.runFork(Effect.void)`, resolveDir: root }
})
console.log(`build: Effect's runtime alone, for comparison: gzip ${kB(gzip(runtime.outputFiles[0].text))}`)
