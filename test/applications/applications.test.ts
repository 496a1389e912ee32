/** Applications written for the peers run here with only the import changed. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { afterAll, beforeAll, expect, it } from "vitest"
import { sources } from "../harness/Sources.js"

const root = fileURLToPath(new URL("../../", import.meta.url))
const read = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8")

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "effect-nes-applications-"))
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs an application with another module in the place of the one it imports; returns all it printed. */
const run = async (name: string, from: string, to: string): Promise<string> => {
  const source = read(`${name}.mjs`)
  const imported = `import Nes from ${JSON.stringify(from)}\n`
  expect(source.split(imported)).toHaveLength(2)
  const file = join(folder, `${name}-${to.replace(/\W/g, "").slice(-8)}.mjs`)
  writeFileSync(file, source.replace(imported, `import Nes from ${JSON.stringify(to)}\n`))
  const child = spawn(process.execPath, [...sources, file], { cwd: root })
  let output = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text
    })
  }
  const timer = setTimeout(() => child.kill("SIGKILL"), 15_000)
  const [code] = await once(child, "close") as [number | null]
  clearTimeout(timer)
  return `${output}exit ${code}\n`
}

/** What each speaker of an output said, in order: who comes first is nobody's promise. */
const lanes = (output: string): Readonly<Record<string, ReadonlyArray<string>>> => {
  const spoken: Record<string, Array<string>> = {}
  for (const line of output.split("\n")) {
    const [speaker = ""] = line.split(":")
    spoken[speaker] = [...spoken[speaker] ?? [], line]
  }
  return spoken
}

const ours = pathToFileURL(join(root, "src/hapi.ts")).href

it("promises.mjs, written against @hapi/nes 14: the same on @hapi/nes 14 and here", async () => {
  const [there, here] = [
    await run("promises", "@hapi/nes", "@hapi/nes"),
    await run("promises", "@hapi/nes", ours)
  ]
  expect(there).toBe(read("promises.txt"))
  expect(here).toBe(read("promises.txt"))
})

it("callbacks.mjs, in the documented callback style", async () => {
  expect(lanes(await run("callbacks", "nes", ours))).toEqual(lanes(read("callbacks.txt")))
})
