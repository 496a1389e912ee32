import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { install } from "../redis/RedisServer.js"

interface Report {
  readonly rows: ReadonlyArray<{
    readonly name: string
    readonly costs: Readonly<Record<string, { readonly median: number }>>
  }>
}

let folder: string

beforeAll(() => install(), 120_000)

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "effect-nes-bench-"))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

/** Runs scenarios, tiny and one round; returns the rows of what was measured. */
const smoke = async (scenarios: string, ...args: ReadonlyArray<string>) => {
  const json = join(folder, "smoke.json")
  const child = spawn(process.execPath, ["bench/run.mjs", "--smoke", "--only", scenarios, "--json", json, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    signal: AbortSignal.timeout(290_000)
  })
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")])
  expect(code, stderr).toBe(0)
  // A peer that is not available would be named there.
  expect(stdout.split("\n")).toContain(`${scenarios.split(",").length} scenarios ran, every byte arrived`)
  const { rows } = JSON.parse(await readFile(json, "utf8")) as Report
  const medians = rows.map(({ costs, name }) => [name, Object.values(costs).map(({ median }) => median)] as const)
  expect(medians.filter(([, all]) => !all.every(Number.isFinite))).toEqual([])
  return rows
}

// One scenario of each kind of measure: some with every peer, some with ours. `npm run test:long` runs all.
describe("the benchmark", { timeout: 300_000 }, () => {
  it("runs what publishes and what waits for every peer, every byte arrives, and the tail is drawn", async () => {
    const svg = join(folder, "latency.svg")
    const rows = await smoke(
      "fanout-200,latency-10000,steady,restart,rpc-unary,client-update-poured",
      "--plot",
      svg
    )
    const peers = (name: string) => Object.keys(rows.find((row) => row.name === name)?.costs ?? {})
    expect(peers("fanout-200")).toEqual(["effect-nes", "nes", "socket.io", "limit"])
    expect(peers("rpc-unary")).toEqual(["effect-nes-rpc", "effect-rpc"])
    expect(peers("client-update-poured")).toEqual(["effect-nes", "nes"])

    const drawn = await readFile(svg, "utf8")
    expect(drawn).toMatch(/^<svg .*<\/svg>\n$/)
    expect(drawn).toContain("prefers-color-scheme:dark")
    for (const panel of ["published to 10,000", "a request while 5,000", "a request while 2,000"]) {
      expect(drawn).toContain(panel)
    }
    // A bar for each peer in each panel; of so few publishes, none may have had a request meanwhile at the limit.
    const medians = ["latency-10000", "latency-10000-request", "steady", "restart-request"]
    const told = rows.filter(({ name }) => medians.includes(name)).flatMap(({ costs }) => Object.keys(costs))
    expect(told.length).toBeGreaterThanOrEqual(4 + 2 + 3 + 1)
    expect(drawn.match(/<circle /g)).toHaveLength(told.length)
  })

  it("runs every other kind for us, and a cluster beside socket.io's", async () => {
    const rows = await smoke(
      "growth,request-small,connections,heartbeat,victim-request,cluster",
      "--peers",
      "effect-nes,effect-nes-redis,socket.io-redis"
    )
    for (const { costs, name } of rows.filter(({ name }) => name !== "victim-request-http")) {
      const peers = name.startsWith("cluster") ? ["effect-nes-redis", "socket.io-redis"] : ["effect-nes"]
      expect([name, Object.keys(costs)]).toEqual([name, peers])
    }
  })
})
