/**
 * docs/first-steps.md, followed to the letter from an empty folder: each install line with the packed tarball, without a
 * warning, then the lines of the sections that it is for. `npm test` takes each line with one package manager and each
 * section in one language; `npm run test:install` takes all of them.
 */
import Hapi from "@hapi/hapi"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, expect, it, vi } from "vitest"
import { Client } from "../../src/client.js"
import * as Nes from "../../src/hapi.js"
import { isLong } from "../harness/Long.js"
import { freePort } from "../redis/RedisServer.js"
import { read, root } from "../structure/Repository.js"
import { pack, remove } from "./Tarball.js"

vi.setConfig({ testTimeout: 300_000 })

interface Door {
  readonly title: string
  readonly installs: Readonly<Record<string, string>>
  readonly program: string
}

/** The sections that install something, with their lines. */
const doors: ReadonlyArray<Door> = read("docs/first-steps.md").split(/^## /m).flatMap((section) => {
  const lines = /```sh\n([^]*?)```/.exec(section)?.[1]?.trim().split("\n")
  const program = /```js\n([^]*?)```/.exec(section)?.[1]
  return lines === undefined || program === undefined ? [] : [{
    title: section.split("\n")[0] ?? "",
    installs: Object.fromEntries(lines.map((line) => [line.split(" ")[0] ?? "", line])),
    program
  }]
})

/** How each package manager is run: those that are not there come from where packages come from. */
const managers: Readonly<Record<string, ReadonlyArray<string>>> = {
  npm: ["npm"],
  pnpm: ["npx", "--yes", "pnpm@10.34.9"],
  yarn: ["npx", "--yes", "yarn@1.22.22"]
}

const names = Object.keys(managers)
const alike = [...new Set(doors.map(({ installs }) => installs.npm))].map((line) =>
  doors.filter(({ installs }) => installs.npm === line)
)
const installations = alike.flatMap((doors, index) =>
  names.filter((_, n) => isLong || n === index % names.length).map((manager) =>
    [doors.map(({ title }) => title).join(" and "), manager, doors] as const
  )
)

let tarball: string
const cache = join(root, "node_modules/.cache/yarn")
/** What is kept from run to run; pnpm makes a store of its own wherever it cannot link to the user's. */
const stores: Readonly<Record<string, ReadonlyArray<string>>> = {
  pnpm: ["--store-dir", join(root, "node_modules/.cache/pnpm")],
  yarn: ["--cache-folder", cache]
}

beforeAll(() => {
  tarball = pack()
  // yarn takes a tarball of the same name and version for the one that it has.
  for (const entry of existsSync(cache) ? readdirSync(cache, { recursive: true, encoding: "utf8" }) : []) {
    if (/^v\d+[/\\][^/\\]*effect-nes[^/\\]*$/.test(entry)) {
      rmSync(join(cache, entry), { recursive: true, force: true })
    }
  }
}, 120_000)
afterAll(() => remove(dirname(tarball)))

const run = (
  folder: string,
  command: ReadonlyArray<string>
): { readonly status: number | null; readonly output: string } => {
  const [program = "", ...args] = command
  const { status, stderr, stdout } = spawnSync(program, args, { cwd: folder, encoding: "utf8", timeout: 200_000 })
  return { status, output: stdout + stderr }
}

/** Starts a program; `prints` waits until it has said something. */
const start = (folder: string, file: string) => {
  const child: ChildProcess = spawn(process.execPath, [file], { cwd: folder, env: { ...process.env, NODE_ENV: "" } })
  let output = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text
    })
  }
  return { child, exited: once(child, "exit"), output: () => output }
}

const update = { id: "5", status: "complete" }

/** The server of the document, for those sections that are clients. */
const serve = async (port: number): Promise<Hapi.Server> => {
  const server = Hapi.server({ port, host: "localhost" })
  await server.register(Nes.plugin)
  server.route({
    method: "GET",
    path: "/item/{id}",
    handler: ({ params }) => ({ id: String(params.id), status: "new" })
  })
  server.subscription("/item/{id}", { onSubscribe: (socket, path) => void socket.publish(path, update) })
  await server.start()
  return server
}

/** Is the client of a server that a section describes. */
const visit = async (port: number): Promise<void> => {
  const client = new Client(`ws://localhost:${port}`)
  client.onError = null
  await client.connect({ delay: 50, maxDelay: 50 }).catch(() => {})
  await expect.poll(() => client.isConnected, { timeout: 30_000 }).toBe(true)
  expect(await client.request("/item/5")).toMatchObject({ statusCode: 200, payload: { id: "5", status: "new" } })
  expect(await new Promise((resolve) => void client.subscribe("/item/5", resolve))).toEqual(update)
  await client.disconnect()
}

it("has a section for each door, with a line for each package manager, all of them the same", () => {
  expect(doors.map(({ title }) => title)).toEqual([
    "A hapi server",
    "A client for any JavaScript",
    "An Effect server",
    "An Effect client"
  ])
  for (const { installs } of doors) {
    expect(Object.keys(installs)).toEqual(names)
  }
})

it.each(installations)("%s: the programs run after the line for %s, and compile", async (_titles, manager, doors) => {
  const folder = mkdtempSync(join(tmpdir(), "effect-nes-first-steps-"))
  try {
    const [, ...args] = (doors[0]?.installs[manager] ?? "").split(" ").map((word) =>
      word === "effect-nes" ? tarball : word
    )
    const { output, status } = run(folder, [...(managers[manager] ?? []), ...args, ...(stores[manager] ?? [])])
    expect(status, output).toBe(0)
    expect(output).not.toMatch(/\bwarn|deprecated|\bunmet\b/i)
    // What is optional comes only with who asks for it, as Effect's platform does for Redis.
    const asked = args.includes("@effect/platform-node") ? [...args, "@redis/client"] : args
    const optional = ["@effect/platform-node", "@hapi/hapi", "@redis/client"].filter((name) => !asked.includes(name))
    expect(optional.filter((name) => existsSync(join(folder, "node_modules", name)))).toEqual([])
    if (manager === "npm") {
      const { output } = run(folder, [process.execPath, "node_modules/.bin/effect-nes", "--version"])
      expect(output).toMatch(/^effect-nes v\d+\.\d+\.\d+\n$/)
    }

    for (const [index, door] of doors.entries()) {
      const port = await freePort()
      const program = door.program.replaceAll("8000", String(port))
      const isServer = door.title.endsWith("server")
      writeFileSync(join(folder, `${index}.mjs`), program)
      writeFileSync(join(folder, `${index}.mts`), program)
      for (const language of isLong ? ["mjs", "mts"] : [isServer ? "mjs" : "mts"]) {
        const server = isServer ? undefined : await serve(port)
        const running = start(folder, `${index}.${language}`)
        try {
          if (isServer) {
            await visit(port)
          } else {
            await running.exited
            expect(running.output()).toMatch(/item 200 .*new[^]*update .*complete/)
          }
        } finally {
          running.child.kill("SIGKILL")
          await running.exited.catch(() => {})
          await server?.stop()
        }
        expect(running.output()).not.toMatch(/warn/i)
      }
    }
    const compiler = join(root, "node_modules/typescript/bin/tsc")
    // The types of hapi themselves need those of joi, which it does not bring along; those of the platform are many.
    const lax = args.includes("@hapi/hapi") || (!isLong && args.includes("@effect/platform-node"))
    const options = `--noEmit --strict --skipLibCheck ${lax} --target es2022 --module nodenext --pretty false`
      + " --ignoreConfig --checkers 1"
    const sources = doors.map((_, index) => `${index}.mts`)
    expect(run(folder, [process.execPath, compiler, ...options.split(" "), ...sources]).output).toBe("")
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
