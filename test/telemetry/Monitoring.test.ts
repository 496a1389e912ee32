/** The dashboard and the alerts name what the code counts, and nothing else; and it is there before something happens. */
import Hapi from "@hapi/hapi"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { beforeAll, expect, it, onTestFinished } from "vitest"
import { WebSocket } from "ws"
import * as NesClient from "../../src/client/NesClient.js"
import * as Metrics from "../../src/cluster/Metrics.js"
import * as Nes from "../../src/hapi.js"
import { publisher, redis } from "../../src/redis.js"
import { RedisServer } from "../redis/RedisServer.js"

const read = (file: string): string => readFileSync(new URL(`../../docs/monitoring/${file}`, import.meta.url), "utf8")

const named = (text: string): ReadonlySet<string> =>
  new Set([...text.matchAll(/nes_\w+/g)].map(([name]) => name.replace(/_bucket$/, "")))

/** What docs/telemetry.md has in its table. */
const documented = new Set(
  [...readFileSync(new URL("../../docs/telemetry.md", import.meta.url), "utf8").matchAll(/^\| (`nes_.*?) +\|/gm)]
    .flatMap(([, names = ""]) => [...named(names)])
)

const series = () => Effect.runSync(Metric.snapshot).filter(({ id }) => id.startsWith("nes_"))

let exported: ReadonlySet<string>
beforeAll(async () => {
  const server = Hapi.server({ port: 0 })
  // It need not be there.
  await server.register({ plugin: Nes.plugin, options: { broker: redis("redis://127.0.0.1:1") } })
  await Effect.runPromise(Effect.scoped(NesClient.make({ url: "ws://127.0.0.1:1", connect: false })))
  exported = new Set(series().map(({ id }) => id))
})

it("every series is there before a server has started, or a client has connected", () => {
  for (const name of [...named(read("dashboard.json")), ...named(read("alerts.yaml")), ...documented]) {
    expect([...exported]).toContain(name)
  }
  const codes = series().flatMap(({ attributes, id }) => id === "nes_server_closes_total" ? [attributes?.code] : [])
  expect(codes).toEqual(expect.arrayContaining(["1000", "1006", "1012", "other"]))
})

it("the dashboard shows, and nobody misses, what is counted", () => {
  const dashboard = named(read("dashboard.json"))
  const known = new Set(exported)
  expect([...dashboard].filter((name) => !known.has(name))).toEqual([])
  expect([...named(read("alerts.yaml"))].filter((name) => !known.has(name))).toEqual([])
  const told = new Set([
    "nes_server_connections_total",
    "nes_server_connections_refused_total",
    "nes_server_heartbeats_missed_total"
  ])
  const isServers = (name: string): boolean => !name.startsWith("nes_client")
  expect([...known].filter((name) => isServers(name) && !dashboard.has(name) && !told.has(name))).toEqual([])
  expect([...known].filter((name) => !documented.has(name))).toEqual([])
})

it("counts how connections end, and how late the loop was", async () => {
  const server = Hapi.server({ host: "127.0.0.1", port: 0 })
  await server.register(Nes.plugin)
  await server.start()
  onTestFinished(() => server.stop({ timeout: 100 }))
  const value = (id: string, code?: string): number => {
    const found = series().find((each) => each.id === id && (code === undefined || each.attributes?.code === code))
    return found && "count" in found.state
      ? Number(found.state.count)
      : found && "value" in found.state
      ? Number(found.state.value)
      : 0
  }
  const before = value("nes_server_closes_total", "1006")
  const open = (): Promise<WebSocket> =>
    new Promise((resolve) => {
      const socket = new WebSocket(server.info.uri.replace("http", "ws"))
      socket.on("open", () => resolve(socket))
    })
  ;(await open()).terminate()
  await expect.poll(() => value("nes_server_closes_total", "1006")).toBe(before + 1)
  // A connection that ends has what has been counted reported.
  const until = performance.now() + 300
  await expect.poll(async () => {
    while (performance.now() < until) {
      // Nothing else can be done meanwhile.
    }
    ;(await open()).terminate()
    return value("nes_server_event_loop_lag_ms")
  }, { interval: 300 }).toBeGreaterThan(100)
  // Whoever collects metrics comes later than the next report.
  const worst = value("nes_server_event_loop_lag_ms")
  for (let n = 0; n < 5; n++) {
    await sleep(300)
    ;(await open()).terminate()
  }
  expect(value("nes_server_event_loop_lag_ms")).toBeGreaterThanOrEqual(worst)
})

it("a second broker of the process does not take the first for one that is not connected", async () => {
  const server = await RedisServer.start()
  onTestFinished(() => server.stop())
  const first = await publisher(server.url)
  onTestFinished(first.close)
  const connected = () => Effect.runSync(Metric.value(Metrics.connected)).value
  expect(connected()).toBe(1)
  const hapi = Hapi.server({ port: 0 })
  await hapi.register({ plugin: Nes.plugin, options: { broker: redis(server.url) } })
  expect(connected()).toBe(1)
})
