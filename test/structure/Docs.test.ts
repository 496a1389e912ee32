import { Result, Schema } from "effect"
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import * as Message from "../../src/protocol/Message.js"
import { entries, files, read, root } from "./Repository.js"

/**
 * The convention of our documents: each fenced block marked `ts` or `js` is a module of its own and compiles. A block
 * marked `ts signature` shows a shape and is no program: it neither imports nor awaits.
 */
interface Block {
  readonly file: string
  readonly line: number
  readonly info: string
  readonly code: string
}

const documents = files("README.md", "docs").filter((file) => file.endsWith(".md"))

const blocks: ReadonlyArray<Block> = documents.flatMap((file) => {
  const text = read(file)
  return [...text.matchAll(/^```(\S[^\n]*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    file,
    line: text.slice(0, match.index).split("\n").length,
    info: match[1] ?? "",
    code: match[2] ?? ""
  }))
})

const programs = blocks.filter(({ info }) => info === "ts" || info === "js")

/** README.md:12 → README.md.12.ts, so that the compiler's complaints name the place. */
const fileName = ({ code, file, info, line }: Block): string =>
  `${file.replace(/\//g, ".")}.${line}.${info === "js" && /\brequire\(/.test(code) ? "cjs" : info}`

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "effect-nes-docs-"))
  mkdirSync(join(folder, "blocks"))
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }))
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions: {
        allowJs: true,
        checkJs: true,
        noImplicitAny: false,
        noUnusedLocals: false,
        noUnusedParameters: false,
        declaration: false,
        declarationMap: false,
        paths: {
          "effect-nes/browser": [join(root, "src/client.ts")],
          ...Object.fromEntries(entries.map(([subpath, source]) => [`effect-nes${subpath}`, [join(root, source)]]))
        }
      },
      include: ["blocks"]
    })
  )
  for (const block of programs) {
    // The empty export makes a module of a block that imports nothing.
    const end = fileName(block).endsWith(".cjs") ? "" : "\nexport {}\n"
    writeFileSync(join(folder, "blocks", fileName(block)), block.code + end)
  }
})

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

it("the README has programs in it", () => {
  expect(programs.filter(({ file }) => file === "README.md").length).toBeGreaterThan(0)
})

it("every block of TypeScript or JavaScript says which it is, and none opts out but signatures", () => {
  const wrong = blocks
    .filter(({ info }) => /^(?:ts|js|mts|cts|mjs|cjs|tsx|jsx|typescript|javascript)\b/.test(info))
    .filter(({ code, info }) =>
      !(info === "ts" || info === "js" || (info === "ts signature" && !/^\s*import |\bawait\b/m.test(code)))
    )
  expect(wrong.map(({ file, info, line }) => `${file}:${line}: ${info}`)).toEqual([])
})

it("every file that a document links to is there, and the security page names tests for each promise", () => {
  const missing = documents.flatMap((file) =>
    [...read(file).matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)(?:#[^)]*)?\)/g)]
      .map((match) => join(dirname(file), match[1] ?? ""))
      .filter((target) => !existsSync(join(root, target)))
      .map((target) => `${file} links to ${target}`)
  )
  expect(missing).toEqual([])
  const rows = read("docs/security.md").split("## What is promised")[1]?.split("\n## ")[0]?.split("\n")
    .filter((row) => row.startsWith("| **")) ?? []
  expect(rows.length).toBeGreaterThan(10)
  expect(rows.filter((row) => !/test\/[\w/]+\.test\.ts/.test(row))).toEqual([])
})

it("every message in the protocol's page is one, by its Schema", () => {
  const decode = Schema.decodeUnknownResult(Schema.Union([Message.ClientMessage, Message.ServerMessage]), {
    onExcessProperty: "error"
  })
  const examples = blocks
    .filter(({ file, info }) => file === "docs/protocol.md" && info === "json")
    .flatMap(({ code }) => code.split(/\n(?=\{)/))
    .map((text): unknown => JSON.parse(text))
  const messages = examples.filter((example) => !Schema.is(Message.Position)(example))
  expect(messages.length).toBeGreaterThan(20)
  expect(messages.filter((message) => Result.isFailure(decode(message)))).toEqual([])
})

it("every program in the documents compiles", { timeout: 120_000 }, () => {
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    [join(root, "node_modules/typescript/bin/tsc"), "-p", folder, "--pretty", "false", "--checkers", "1"],
    { encoding: "utf8", cwd: folder }
  )
  expect(stdout + stderr).toBe("")
  expect(status).toBe(0)
})
