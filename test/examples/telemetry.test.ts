/** The telemetry example, run: its spans form one tree, and its metrics are Prometheus text. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect, it } from "vitest"
import { sources } from "../harness/Sources.js"

it("prints the spans of one request and the metrics of client and server", async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...sources, "examples/telemetry.ts"],
    { cwd: fileURLToPath(new URL("../..", import.meta.url)), timeout: 60_000, maxBuffer: 1 << 24 }
  )
  const spans = Array.from(stdout.matchAll(/^span (\w+) (.+)$/gm), ([, trace, name]) => ({
    trace,
    name
  }))
  const { trace } = spans.find(({ name }) => name === "caller") ?? {}
  expect(
    spans.filter((span) => span.trace === trace).map(({ name }) => name).toSorted((a = "", b = "") => a < b ? -1 : 1)
  ).toEqual([
    "GET",
    "caller",
    "look up",
    "nes.request GET",
    "nes.request GET"
  ])
  expect(stdout).toMatch(/^nes_server_connections_total 1$/m)
  expect(stdout).toMatch(/^nes_server_messages_received_total\{type="request"\} 1$/m)
  expect(stdout).toMatch(/^nes_server_updates_delivered_total 1$/m)
})
