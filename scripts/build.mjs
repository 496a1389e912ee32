/**
 * `npm run build`: types and modules with tsc, CommonJS for those who cannot load modules, and the browser builds of the
 * plain client.
 *
 * Who gets what (package.json, "exports"):
 * - Node and bundlers: `dist/**.js`, unbundled, with `import` and with `require` alike, so that a process or a bundle
 *   has one effect-nes and the application's own copy of effect.
 * - What cannot `require` a module (jest, older bundlers): `dist/client.cjs`, `hapi.cjs` and `redis.cjs`, which share chunks
 *   and carry their effect; `dist/browser/client.cjs` is the client with the page's WebSocket.
 * - Pages without a bundler: `effect-nes/browser` (dist/browser/client.js, one ESM file) and, for a script tag,
 *   dist/browser/client.global.js, which sets `EffectNes` and `nes`, and its types.
 */
import * as esbuild from "esbuild"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { gzipSync } from "node:zlib"
import { writeCommonJsTypes } from "./commonjs-types.mjs"
import { writeGlobalTypes } from "./global-types.mjs"
import { writeOptionalTypes } from "./optional-types.mjs"
import { fail, manifest, root, run } from "./run.mjs"

process.chdir(root)

rmSync("dist", { recursive: true, force: true })
if (run("node_modules/.bin/tsc", ["-p", "tsconfig.build.json", "--checkers", "1"]) !== 0) {
  fail("build: tsc found errors")
}

// Node reads the nearest manifest for every module, and ours is long: with a small one, loading takes 3 to 6 % less.
const { "#WebSocket": { source: _, ...webSocket } } = manifest.imports
writeFileSync(
  "dist/package.json",
  JSON.stringify({ type: "module", sideEffects: false, imports: { "#WebSocket": webSocket } })
    .replaceAll("./dist/", "./")
)

const common = {
  bundle: true,
  conditions: ["source"],
  target: "es2022",
  legalComments: "none",
  logLevel: "warning",
  // The sources that the maps name are in this package and in effect's: copied into each map, they made most of the package.
  sourcemap: true,
  sourcesContent: false
}
const built = (options) => esbuild.build(options).catch(() => fail(`build: esbuild could not make its files`))

// esbuild shares chunks between modules only; each is made CommonJS by itself.
const { outputFiles } = await built({
  ...common,
  sourcemap: false,
  write: false,
  platform: "node",
  format: "esm",
  splitting: true,
  entryPoints: ["src/client.ts", "src/hapi.ts", "src/redis.ts"],
  chunkNames: "cjs/[hash]",
  outdir: "dist",
  outExtension: { ".js": ".cjs" },
  external: [...Object.keys(manifest.dependencies), "@redis/client"]
})
for (const { path, text } of outputFiles) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(
    path,
    (await esbuild.transform(text, {
      format: "cjs",
      sourcefile: "module.mjs",
      platform: "node",
      // jest has no `import` in CommonJS.
      supported: { "dynamic-import": false }
    })).code
  )
}
for (const entry of ["client", "hapi", "index", "redis"]) {
  await writeCommonJsTypes(`dist/${entry}`)
}

const browser = { ...common, entryPoints: ["src/client.ts"], minify: true, platform: "browser" }
browser.conditions = ["source", "browser"]
const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`
for (
  const options of [
    { format: "esm", outfile: "dist/browser/client.js" },
    { format: "cjs", outfile: "dist/browser/client.cjs" },
    {
      format: "iife",
      globalName: "EffectNes",
      footer: { js: "var nes=EffectNes;" },
      outfile: "dist/browser/client.global.js"
    }
  ]
) {
  await built({ ...browser, ...options })
  const code = readFileSync(options.outfile)
  console.log(`build: ${options.outfile} ${kB(code.length)}, gzip ${kB(gzipSync(code, { level: 9 }).length)}`)
}
await writeGlobalTypes("dist/client", "dist/browser/client.global.d.ts", "../client.js")

const named = JSON.stringify([manifest.exports, manifest.imports]).match(/\.\/(?:dist|src)\/[^"]+/g) ?? []
const missing = [...new Set(named)].filter((file) => !existsSync(file))
if (missing.length > 0) {
  fail(`build: package.json names ${missing.join(", ")}, which is not there`)
}
writeOptionalTypes("dist")
