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
    readonly subject: string
    readonly costs: Readonly<Record<string, { readonly median: number }>>
  }>
}

// Who stands beside us in a scenario without @hapi/nes.
const others: Readonly<Record<string, string>> = {
  // All may be in before the first request has been answered.
  "restart-request": "effect-nes",
  growth: "limit",
  compressed: "effect-nes",
  "compressed-bytes": "effect-nes",
  cluster: "socket.io-redis",
  cores: "effect-nes",
  "redis-plain": "effect-nes-redis-kept",
  "redis-recovery": "effect-nes-redis",
  "paths-plain": "effect-nes-redis-kept",
  "paths-recovery": "effect-nes-redis",
  "paths-caught-up": "effect-nes-redis-kept",
  "client-contract": "effect-nes-decoding",
  "client-contract-poured": "effect-nes-decoding",
  "rpc-unary": "effect-rpc",
  "rpc-stream": "effect-rpc",
  "victim-ping": "effect-http",
  "victim-ping-http": "effect-nes",
  "contract-publish": "effect-http",
  "metrics-fanout-200": "effect-nes-unmetered",
  "metrics-request-small": "effect-nes-unmetered"
}

let folder: string

beforeAll(() => install(), 120_000)

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "effect-nes-bench-"))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

const bench = async (...args: ReadonlyArray<string>) => {
  const child = spawn(process.execPath, ["bench/run.mjs", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    signal: AbortSignal.timeout(290_000)
  })
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")])
  return { code, stdout, stderr }
}

// One scenario of each kind of measure; `npm run test:long` runs them all.
const kinds = "fanout-200,growth,request-small,connections,heartbeat,client-update-poured,cluster,rpc-unary," +
  "victim-request,latency,steady,restart"

describe("the benchmark", () => {
  it("runs scenarios of every kind for every peer, and every byte arrives", { timeout: 300_000 }, async () => {
    const json = join(folder, "smoke.json")
    const svg = join(folder, "latency.svg")
    const { code, stderr, stdout } = await bench("--smoke", "--only", kinds, "--json", json, "--plot", svg)
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(/^\d+ scenarios ran, every byte arrived$/m)

    const { rows } = JSON.parse(await readFile(json, "utf8")) as Report
    expect(rows.length).toBeGreaterThan(15)
    for (const { costs, name, subject } of rows) {
      for (const peer of [subject, others[name] ?? "nes"]) {
        expect(costs[peer]?.median, `${name}, ${peer}`).toSatisfy(Number.isFinite)
      }
    }

    const drawn = await readFile(svg, "utf8")
    expect(drawn).toMatch(/^<svg .*<\/svg>\n$/)
    expect(drawn).toContain("prefers-color-scheme:dark")
    for (const panel of ["published to 10,000", "a request while 5,000", "a request while 2,000"]) {
      expect(drawn).toContain(panel)
    }
    // A bar for each peer in each panel; of so few publishes, none may have had a request meanwhile at the limit.
    const medians = ["latency-1000", "latency-10000", "latency-10000-request", "steady", "restart-request"]
    const told = rows.filter(({ name }) => medians.includes(name)).flatMap(({ costs }) => Object.keys(costs))
    expect(told.length).toBeGreaterThanOrEqual(4 + 4 + 2 + 3 + 2)
    expect(drawn.match(/<circle /g)).toHaveLength(told.length)
  })
})
