/** The built package in the hands of bundlers, where none of its optional peers is installed. */
import Hapi from "@hapi/hapi"
import { nodeResolve } from "@rollup/plugin-node-resolve"
import * as esbuild from "esbuild"
import { spawnSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { gzipSync } from "node:zlib"
import type { Browser } from "playwright-core"
import { rollup } from "rollup"
import * as vite from "vite"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import * as Nes from "../../src/hapi.js"
import { launch } from "../browser/Chromium.js"
import { manifest, root } from "../structure/Repository.js"
import { runsOnReactNative } from "./ReactNative.js"

vi.setConfig({ testTimeout: 90_000 })

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "effect-nes-bundles-"))
  const modules = join(folder, "node_modules")
  mkdirSync(join(modules, "effect-nes"), { recursive: true })
  cpSync(join(root, "dist"), join(modules, "effect-nes/dist"), { recursive: true })
  cpSync(join(root, "package.json"), join(modules, "effect-nes/package.json"))
  for (const name of ["effect", ...Object.keys(manifest.dependencies)]) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(root, "node_modules", name), join(modules, name))
  }
  cpSync(join(root, "test/package/consumer/page.mjs"), join(folder, "page.mjs"))
  writeFileSync(
    join(folder, "index.html"),
    `<!doctype html><title></title><link rel="icon" href="data:,"><script type="module" src="/page.mjs"></script>`
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const bundled = async (options: esbuild.BuildOptions) => {
  const { metafile, outputFiles } = await esbuild.build({
    absWorkingDir: folder,
    bundle: true,
    write: false,
    metafile: true,
    logLevel: "silent",
    ...options
  })
  return { inputs: Object.keys(metafile?.inputs ?? {}), text: outputFiles?.[0]?.text ?? "" }
}

const ofCode = (contents: string): esbuild.BuildOptions => ({ stdin: { contents, resolveDir: folder } })

/** The page's program, as each bundler makes it. */
const bundlers = {
  esbuild: async () => (await bundled({ entryPoints: ["page.mjs"], format: "esm" })).text,
  rollup: async () => {
    const bundle = await rollup({
      input: join(folder, "page.mjs"),
      plugins: [nodeResolve({ browser: true })],
      onLog: (_level, { code, message }) => {
        if (code !== "CIRCULAR_DEPENDENCY") {
          throw new Error(message)
        }
      }
    })
    const { output: [{ code }] } = await bundle.generate({ format: "es" })
    return code
  },
  vite: async () => {
    const built = await vite.build({ root: folder, configFile: false, logLevel: "silent", build: { write: false } })
    const output = "output" in built ? built.output : []
    return output.flatMap((chunk) => (chunk.type === "chunk" ? [chunk.code] : [])).join("")
  }
}

describe("a page's bundle", () => {
  let browser: Browser
  let server: Hapi.Server
  const programs: Record<string, string> = {}

  beforeAll(async () => {
    browser = await launch()
    server = Hapi.server({ host: "localhost", port: 0 })
    await server.register({ plugin: Nes.plugin, options: { auth: false } })
    server.subscription("/item/{id}", {
      onSubscribe: (socket, path, params) => void socket.publish(path, { id: Number((params as { id: string }).id) })
    })
    server.route([
      { method: "GET", path: "/hello", handler: () => "hello" },
      {
        method: "GET",
        path: "/page/{name}",
        handler: ({ params }) =>
          `<!doctype html><title></title><script type="module" src="/${String(params.name)}.js"></script>`
      },
      {
        method: "GET",
        path: "/{name}.js",
        handler: ({ params }, h) => h.response(programs[String(params.name)]).type("text/javascript")
      }
    ])
    await server.start()
  })
  afterAll(async () => {
    await browser.close()
    await server.stop()
  })

  /** Opens a page with the program in it, and returns the title that it leaves. */
  const titleOf = async (url: string): Promise<string> => {
    const page = await browser.newPage()
    const wrong: Array<string> = []
    page.on("pageerror", (error) => wrong.push(error.message))
    await page.goto(`${url}?server=ws://localhost:${server.info.port}`)
    await expect.poll(async () => wrong.concat(await page.title()).join(), { timeout: 60_000 }).not.toBe("")
    const title = await page.title()
    await page.close()
    return title
  }
  const done = JSON.stringify({ payload: "hello", update: { message: { id: 5 }, revoked: false } })

  it.each(Object.entries(bundlers))("by %s runs in Chromium", async (name, build) => {
    programs[name] = await build()
    expect(await titleOf(`${server.info.uri}/page/${name}`)).toBe(done)
  })

  it("is not needed with Vite's development server", async () => {
    const development = await vite.createServer({
      root: folder,
      configFile: false,
      logLevel: "silent",
      server: { host: "localhost", port: 0, hmr: false, watch: null }
    })
    await development.listen()
    expect(await titleOf(development.resolvedUrls?.local[0] ?? "")).toBe(done)
    await development.close()
  })
})

describe("a bundle", () => {
  it.each(["browser", "react-native", "deno", "bun", "workerd", "edge-light"])(
    "for %s takes the platform's own WebSocket",
    async (condition) => {
      const { inputs } = await bundled({
        ...ofCode(`export * from "effect-nes/client"; export * as NesClient from "effect-nes/NesClient"`),
        format: "esm",
        platform: "neutral",
        mainFields: ["main"],
        conditions: [condition],
        external: ["effect/*"]
      })
      expect(inputs).toContain("node_modules/effect-nes/dist/client/NesClient.js")
      expect(inputs.filter((file) => /node_modules\/ws\/|client\/WebSocket\.js$/.test(file))).toEqual([])
    }
  )

  it("for React Native runs with its WebSocket, and knows no other", async () => {
    const { text } = await bundled({
      ...ofCode(`import { Client } from "effect-nes/client"; globalThis.Client = Client`),
      format: "iife",
      platform: "neutral",
      target: "es2022",
      mainFields: ["react-native", "browser", "main"],
      conditions: ["react-native", "require"]
    })
    await runsOnReactNative(text)
  })

  it("for Node needs none of the optional peers", async () => {
    const { text } = await bundled({
      ...ofCode(
        `import { NesClient, NesServer } from "effect-nes"; console.log(typeof NesClient.layer, typeof NesServer.layer)`
      ),
      format: "cjs",
      platform: "node",
      logOverride: { "require-resolve-not-external": "silent" }
    })
    const { stderr, stdout } = spawnSync(process.execPath, ["--input-type=commonjs"], {
      cwd: tmpdir(),
      encoding: "utf8",
      input: text
    })
    expect({ stderr, stdout }).toEqual({ stderr: "", stdout: "function function\n" })
  })

  it("has one client, whichever way its modules load it", async () => {
    const { text } = await bundled({
      ...ofCode(
        `import { Client } from "effect-nes/client"; console.log(require("effect-nes/client").Client === Client)`
      ),
      format: "cjs",
      platform: "node"
    })
    expect(spawnSync(process.execPath, ["--input-type=commonjs"], { encoding: "utf8", input: text }).stdout).toBe(
      "true\n"
    )
  })
})

it("an Effect client with Stream stays under 40 kB, minified and gzipped", async () => {
  const program = `import * as Effect from "effect/Effect"
import * as NesClient from "effect-nes/NesClient"
import * as Stream from "effect/Stream"
NesClient.NesClient.pipe(
  Effect.flatMap((nes) => nes.subscribe("/item/5").pipe(Stream.take(3), Stream.runForEach(Effect.log))),
  Effect.provide(NesClient.layer({ url: "ws://localhost" })),
  Effect.runFork
)`
  const { text } = await bundled({ ...ofCode(program), format: "esm", minify: true, target: "es2022" })
  expect(gzipSync(text, { level: 9 }).length).toBeLessThan(40_000)
})
