import * as esbuild from "esbuild"
import { join } from "node:path"
import { runInNewContext } from "node:vm"
import { gzipSync } from "node:zlib"
import { beforeAll, describe, expect, it } from "vitest"
import { root } from "./Repository.js"

// Mirrors scripts/build.mjs, whose files the pages load.
const options = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  write: false,
  metafile: true,
  format: "esm",
  platform: "browser",
  conditions: ["source", "browser"],
  target: "es2022",
  legalComments: "none",
  logLevel: "silent"
} as const satisfies esbuild.BuildOptions

interface Bundle {
  readonly inputs: ReadonlyArray<string>
  readonly code: string
  readonly gzip: number
}

const bundle = async (entry: esbuild.BuildOptions): Promise<Bundle> => {
  const { metafile, outputFiles } = await esbuild.build({ ...options, ...entry })
  const code = (outputFiles ?? []).map((file) => file.text).join("")
  return { inputs: Object.keys(metafile?.inputs ?? {}), code, gzip: gzipSync(code, { level: 9 }).length }
}

describe("the browser build of the plain client", () => {
  let client: Bundle
  let runtime: Bundle

  beforeAll(async () => {
    client = await bundle({ entryPoints: [join(root, "src/client.ts")] })
    runtime = await bundle({
      stdin: { contents: "import * as Effect from \"effect/Effect\"\nEffect.runFork(Effect.void)", resolveDir: root }
    })
  })

  it("has our client and Effect's runtime in it", () => {
    expect(client.inputs).toContain("src/client/WebSocket.browser.ts")
    expect(client.inputs.some((file) => file.endsWith("/effect/dist/Effect.js"))).toBe(true)
  })

  it.each([
    ["ws", /node_modules\/ws\//],
    ["a stand-in for Node's modules", /^\(disabled\)|^node:/],
    ["our Node socket", /^src\/client\/WebSocket\.ts$/],
    ["effect/Schema", /\/effect\/dist\/(?:Schema\w*|internal\/schema\/.*)\.js$/],
    ["effect/Stream", /\/effect\/dist\/(?:Stream|Channel|internal\/stream)\.js$/],
    ["HTTP of Effect", /\/effect\/dist\/http\/|@effect\//],
    ["any of our server", /^src\/(?:server|hapi|http)\//]
  ])("has no %s", (_, pattern) => {
    expect(client.inputs.filter((file) => pattern.test(file))).toEqual([])
  })

  it("is one file: it imports and requires nothing", () => {
    expect(/\bfrom\s*"|\bimport\s*[("]|\brequire\(/.exec(client.code)?.[0]).toBeUndefined()
  })

  it("runs where there is no Node, and offers Client", async () => {
    const { code } = await bundle({ entryPoints: ["src/client.ts"], format: "iife", globalName: "EffectNes" })
    const page: Record<string, unknown> = {
      AbortController,
      URL,
      WebSocket: EventTarget,
      clearTimeout,
      console,
      performance,
      queueMicrotask,
      setTimeout
    }
    runInNewContext(`${code}\nthis.client = new EffectNes.Client("ws://localhost")`, page)
    expect(page.client).toHaveProperty("connect")
    expect(page.client).toHaveProperty("id", null)
  })

  it("stays under 24 kB gzipped, of which Effect's runtime alone is about 9 kB", () => {
    expect(runtime.gzip).toBeLessThan(10_000)
    expect(client.gzip).toBeLessThan(24_000)
  })
})
