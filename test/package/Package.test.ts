import { execFileSync, spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

// The packed tarball, installed with its peers into an empty folder: what a user gets, not what the checkout has.

const here = dirname(fileURLToPath(import.meta.url))
const root = dirname(dirname(here))
const installed = (name: string): string =>
  (JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")) as { readonly version: string })
    .version

let folder: string

beforeAll(() => {
  if (!existsSync(join(root, "dist/index.js"))) {
    throw new Error("There is no build to pack: run `npm run build` first")
  }
  folder = mkdtempSync(join(tmpdir(), "effect-nes-package-"))
  const npm = (cwd: string, ...args: ReadonlyArray<string>): string =>
    execFileSync("npm", [...args, "--loglevel=error", "--ignore-scripts"], { cwd, encoding: "utf8", stdio: "pipe" })
  npm(root, "pack", "--pack-destination", folder)
  const tarball = readdirSync(folder).find((file) => file.endsWith(".tgz")) ?? ""
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "consumer", private: true }))
  const peers = ["effect", "@effect/platform", "@hapi/hapi", "typescript", "@types/node"]
  npm(
    folder,
    "install",
    "--prefer-offline",
    "--no-audit",
    "--no-fund",
    `./${tarball}`,
    ...peers.map((name) => `${name}@${installed(name)}`)
  )
  cpSync(join(here, "consumer"), folder, { recursive: true })
}, 240_000)

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

const run = (...args: ReadonlyArray<string>): { readonly status: number | null; readonly output: string } => {
  const { status, stderr, stdout } = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: "utf8",
    timeout: 60_000
  })
  return { status, output: stdout + stderr }
}

describe("the installed package", () => {
  it("is what a user needs and nothing else", () => {
    const files = readdirSync(join(folder, "node_modules/effect-nes"))
    expect(files.toSorted()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "dist", "docs", "package.json", "src"])
  })

  it("brings every file that its exports name", () => {
    const folder_ = join(folder, "node_modules/effect-nes")
    const manifest = readFileSync(join(folder_, "package.json"), "utf8")
    const named = [...manifest.matchAll(/"(\.\/(?:dist|src)\/[^"]+)"/g)].map((match) => match[1] ?? "")
    expect(named.length).toBeGreaterThan(10)
    expect(named.filter((file) => !existsSync(join(folder_, file)))).toEqual([])
  })

  it("works with import, without a word on any stream", { timeout: 60_000 }, () => {
    expect(run("import.mjs")).toEqual({ status: 0, output: "" })
  })

  it("works with require, without a word on any stream", { timeout: 60_000 }, () => {
    expect(run("require.cjs")).toEqual({ status: 0, output: "" })
  })

  it.each([
    ["import", "types-import.mts", "nodenext"],
    ["import", "types-import.mts", "node16"],
    ["require", "types-require.cts", "nodenext"],
    ["require", "types-require.cts", "node16"]
  ])("has types for %s (%s on module %s)", { timeout: 60_000 }, (_, file, module) => {
    const { output, status } = run(
      "node_modules/typescript/bin/tsc",
      "--noEmit",
      "--strict",
      "--exactOptionalPropertyTypes",
      "--pretty",
      "false",
      "--target",
      "es2022",
      "--module",
      module,
      "--types",
      "node",
      file
    )
    // Declarations are checked too, ours included; hapi's own name joi, which hapi does not bring.
    const others = /^node_modules\/(?!effect-nes\/)|^\s/
    expect(output.split("\n").filter((line) => line !== "" && !others.test(line))).toEqual([])
    expect([0, 1, 2]).toContain(status)
  })
})
