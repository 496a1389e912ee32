import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { delimiter, dirname, join } from "node:path"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { isLong } from "../harness/Long.js"
import { entries, read, root } from "../structure/Repository.js"
import { install, remove, unpack } from "./Tarball.js"

vi.setConfig({ testTimeout: 120_000 })

let folder: string

beforeAll(() => {
  folder = (isLong ? install : unpack)("effect", "@hapi/hapi", "@types/node")
}, 240_000)
afterAll(() => remove(folder))

const run = (
  node: string,
  ...args: ReadonlyArray<string>
): { readonly status: number | null; readonly output: string } => {
  const { status, stderr, stdout } = spawnSync(node, args, { cwd: folder, encoding: "utf8", timeout: 100_000 })
  return { status, output: stdout + stderr }
}

/** The Node of development, and the machine's own, by version. */
const nodes = new Map(
  [
    process.execPath,
    ...(process.env.PATH ?? "").split(delimiter).filter((bin) => !/node_modules/.test(bin)).map((bin) =>
      join(bin, "node")
    )
  ].filter((node) => existsSync(node)).slice(0, 2).map((node) => [
    execFileSync(node, ["--version"], { encoding: "utf8" }).trim(),
    node
  ])
)

const newest = [...nodes].slice(0, isLong ? undefined : 1)
const oldest = [...nodes].slice(isLong ? 0 : -1)

describe("the installed package", () => {
  it("brings every file that its documents link to", () => {
    const installed = join(folder, "node_modules/effect-nes")
    const documents = readdirSync(installed, { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith(".md")
    )
    const broken = documents.flatMap((file) =>
      [...readFileSync(join(installed, file), "utf8").matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
        .map((match) => join(dirname(file), match[1] ?? ""))
        .filter((target) => !existsSync(join(installed, target)))
        .map((target) => `${file} links to ${target}`)
    )
    expect(documents.length).toBeGreaterThan(15)
    expect(broken).toEqual([])
  })

  it("is what a user needs and nothing else", () => {
    const files = readdirSync(join(folder, "node_modules/effect-nes"))
    const pages = ["CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
    const stubs = entries.flatMap(([subpath]) => subpath.split("/")[1] ?? [])
    expect(files.toSorted()).toEqual(
      [
        ...new Set([
          ...stubs,
          ...pages,
          "LICENSE",
          "README.md",
          "bench",
          "dist",
          "docs",
          "examples",
          "package.json",
          "src"
        ])
      ]
        .toSorted()
    )
  })

  it("brings every file that its manifest names", () => {
    const installed = join(folder, "node_modules/effect-nes")
    const text = readFileSync(join(installed, "package.json"), "utf8")
    const named = [...text.matchAll(/"(\.\/(?:dist|src)\/[^"]+)"/g)].map((match) => match[1] ?? "")
    expect(named.length).toBeGreaterThan(10)
    expect(named.filter((file) => !existsSync(join(installed, file)))).toEqual([])
  })

  it.each([...nodes])("works with import on Node %s, without a word on any stream", (_, node) => {
    expect(run(node, "import.mjs")).toEqual({ status: 0, output: "" })
  })

  it.each([...nodes])("works with require on Node %s, without a word on any stream", (_, node) => {
    expect(run(node, "require.cjs")).toEqual({ status: 0, output: "" })
  })

  it.each(newest)("adds one global on Node %s, which is Effect's", (_, node) => {
    expect(run(node, "globals.mjs")).toEqual({ status: 0, output: "~effect/Fiber/currentFiber\n" })
  })

  it.each(oldest)("has a command line on Node %s", (_, node) => {
    expect(run(node, "node_modules/effect-nes/dist/cli/Main.js", "--version")).toMatchObject({
      status: 0,
      output: expect.stringMatching(/^effect-nes v\d+\.\d+\.\d+\n$/)
    })
  })

  it.each(oldest)("works in jest on Node %s, without configuration", (_, node) => {
    const { output, status } = run(node, join(root, "node_modules/jest/bin/jest.js"), "--rootDir", folder)
    expect(output).toContain("4 passed, 4 total")
    expect(status).toBe(0)
  })
})

/** The compilers of the checkout: the oldest and the newest of TypeScript 5, and the present one. */
const compilers = {
  "TypeScript 5.4": "typescript-5.4/typescript/lib/tsc.js",
  "TypeScript 5.9": "typescript-5.9/typescript/lib/tsc.js",
  "TypeScript 7": "typescript/bin/tsc"
} as const

const compile = (compiler: keyof typeof compilers, options: string, ...files: ReadonlyArray<string>) => {
  const { output } = run(
    process.execPath,
    join(root, "node_modules", compilers[compiler]),
    ...`--strict --pretty false --target es2022 --types node --esModuleInterop ${options}`.split(" "),
    ...(compiler === "TypeScript 7" ? ["--ignoreConfig", "--checkers", "1"] : []),
    ...files
  )
  // Declarations are checked too, ours included; hapi's own, here or in the checkout, name joi, which hapi does not bring.
  const others = /^node_modules\/(?!effect-nes\/|@hapi\/nes\/)|^\.\.\/|^\s/
  return output.split("\n").filter((line) => line !== "" && !others.test(line))
}

/** The interfaces without parameters that a module exports, without what is passed on for its name only. */
const interfaces = (source: string): ReadonlyArray<string> =>
  [
    ...[...source.matchAll(/^export interface (\w+)(?= (?:extends|\{))/gm)].map((match) => match[1] ?? ""),
    ...[...source.matchAll(/^export type \{([^}]*)\}/gm)].flatMap((match) =>
      (match[1] ?? "").split(",").map((item) => item.trim().split(" as ").at(-1) ?? "")
    )
  ].filter((name) =>
    !["Awaitable", "Connection", "ConnectionLimitOptions", "Node"].includes(name) && !name.endsWith("Error")
  )

describe("the types", () => {
  beforeAll(() => {
    for (const name of ["types-plain", "types-alias"]) {
      const text = readFileSync(join(folder, `${name}.ts`), "utf8")
      writeFileSync(join(folder, `${name}.mts`), text)
      writeFileSync(join(folder, `${name}.cts`), text)
    }
  })

  const globals = ["types-global.ts", "types-global-module.mts"]
  const both = ["types-plain.mts", "types-plain.cts", "types-alias.mts", "types-alias.cts"]

  // The oldest and the newest compiler, each with the oldest and the newest way to find modules that it has.
  it.each(
    [
      ["TypeScript 5.4", "--module commonjs --moduleResolution node10", ["types-plain.ts", "types-alias.ts"]],
      ["TypeScript 5.4", "--module node16", [...both, ...globals]],
      ["TypeScript 7", "--module preserve", ["types-effect.mts", "types-plain.ts", "types-alias.ts", ...globals]],
      ...isLong
        ? [
          ["TypeScript 5.9", "--module esnext --moduleResolution node10", ["types-plain.ts", "types-alias.ts"]],
          ["TypeScript 5.9", "--module nodenext", ["types-effect.mts", ...both, ...globals]],
          ["TypeScript 7", "--module node16", ["types-effect.mts", ...both, ...globals]]
        ] as const
        : []
    ] as const
  )("are found by %s with %s", (compiler, options, files) => {
    expect(compile(compiler, `--noEmit --skipLibCheck ${options}`, ...files)).toEqual([])
  })

  it("are sound in every declaration of ours", () => {
    expect(compile(
      "TypeScript 7",
      "--noEmit --exactOptionalPropertyTypes --module nodenext",
      "types-effect.mts",
      ...both
    )).toEqual([])
  })

  it("can all be named by a program that emits declarations", async () => {
    const lines = await Promise.all(
      entries.map(async ([subpath, source], index) => {
        const values = Object.keys(await import(join(root, source)) as object)
        return [
          `import * as M${index} from "effect-nes${subpath}"`,
          ...values.filter((value) => value !== "default").map((value) =>
            `export const v${index}_${value} = M${index}.${value}`
          ),
          ...interfaces(read(source)).map((type) => `export const t${index}_${type} = open<M${index}.${type}>()`)
        ]
      })
    )
    lines.push(["declare const open: <A>() => { [K in keyof A]: A[K] }"])
    expect(lines.flat().length).toBeGreaterThan(100)
    writeFileSync(join(folder, "names.mts"), lines.flat().join("\n"))
    expect(compile(
      "TypeScript 7",
      "--declaration --emitDeclarationOnly --outDir declarations --skipLibCheck --module nodenext",
      "names.mts"
    )).toEqual([])
  })
})
