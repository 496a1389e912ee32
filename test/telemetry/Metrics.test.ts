/** What a server counts, and where an operator finds it. */
import Hapi from "@hapi/hapi"
import { Context, Effect, Metric } from "effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { WebSocket } from "ws"
import { Client } from "../../src/client.js"
import * as Nes from "../../src/hapi.js"
import { Metrics, requestDuration } from "../../src/server/telemetry/Metrics.js"

const metrics = (): ReadonlyMap<string, unknown> =>
  new Map(
    Effect.runSync(Metric.snapshot).map(({ attributes = {}, id, state }) => [
      [id, ...Object.values(attributes)].join(" "),
      "count" in state ? state.count : "value" in state ? state.value : undefined
    ])
  )

const metric = (name: string): number => Number(metrics().get(name) ?? 0)

const names = [
  "nes_server_connections",
  "nes_server_connections_total",
  "nes_server_authentications_failed_total",
  "nes_server_subscriptions",
  "nes_server_updates_published_total",
  "nes_server_updates_delivered_total",
  "nes_server_updates_filtered_total",
  "nes_server_bytes_received_total",
  "nes_server_bytes_sent_total",
  "nes_server_request_duration_ms",
  "nes_server_messages_received_total hello",
  "nes_server_messages_received_total request",
  "nes_server_messages_received_total other",
  "nes_server_messages_sent_total answer",
  "nes_server_messages_sent_total error",
  "nes_server_messages_sent_total pub",
  "nes_server_messages_sent_total update"
] as const

const snapshot = () => Object.fromEntries(names.map((name) => [name, metric(name)]))

const since = (before: Record<string, number>) =>
  Object.fromEntries(Object.entries(snapshot()).map(([name, value]) => [name, value - (before[name] ?? 0)]))

describe.each([{ enabled: true }, { enabled: false }])("metrics: $enabled", ({ enabled }) => {
  let server: Hapi.Server
  let before: Record<string, number>

  beforeEach(async () => {
    before = snapshot()
    server = Hapi.server({ port: 0 })
    await server.register({ plugin: Nes.plugin, options: { auth: false, heartbeat: false, metrics: enabled } })
    server.route({ method: "GET", path: "/", handler: () => "hello" })
    server.subscription("/all")
    server.subscription("/odd", { filter: (_path, message) => Number(message) % 2 === 1 })
    await server.start()
  })

  afterEach(() => server.stop())

  it("counts connections, messages, updates, bytes and the time requests take", async () => {
    const client = new Client(server.info.uri)
    await client.connect()
    await client.request("/")
    await client.subscribe("/all", () => {})
    let seen = 0
    const odd = new Promise<void>((resolve) =>
      void client.subscribe("/odd", () => {
        seen++
        if (seen === 2) {
          resolve()
        }
      })
    )
    await expect(client.subscribe("/none", () => {})).rejects.toMatchObject({ statusCode: 404 })
    await server.publish("/all", "a")
    for (const message of [1, 2, 3]) {
      await server.publish("/odd", message)
    }
    await server.broadcast("b")
    await odd

    const garbage = new WebSocket(server.info.uri)
    await new Promise((resolve) => garbage.once("open", resolve))
    garbage.send("{")
    await new Promise((resolve) => garbage.once("message", resolve))
    garbage.send(JSON.stringify({ type: "hello", id: 1, version: "2", auth: "nobody asked" }))
    await new Promise((resolve) => garbage.once("message", resolve))

    const { totals } = server.plugins.nes.node
    expect(totals).toMatchObject({
      connections: 2,
      connectionsTotal: 2,
      subscriptions: 2,
      authenticationsFailed: 1,
      receivedHello: 2,
      receivedRequest: 1,
      receivedSub: 3,
      receivedOther: 1,
      sentAnswer: 4,
      sentError: 3,
      sentPub: 3,
      sentUpdate: 1,
      updatesPublished: 4,
      updatesDelivered: 3,
      updatesFiltered: 1
    })
    expect(totals.bytesReceived).toBeGreaterThan(200)
    expect(totals.bytesSent).toBeGreaterThan(300)
    expect(Effect.runSync(server.plugins.nes.totals)).toEqual(totals)

    await client.disconnect()
    garbage.terminate()
    await server.stop()
    expect(server.plugins.nes.node.totals).toMatchObject({ connections: 0, subscriptions: 0 })

    const counted = since(before)
    if (!enabled) {
      expect(new Set(Object.values(counted))).toEqual(new Set([0]))
      return
    }
    expect(counted).toMatchObject({
      nes_server_connections: 0,
      nes_server_connections_total: 2,
      nes_server_authentications_failed_total: 1,
      nes_server_subscriptions: 0,
      nes_server_updates_published_total: 4,
      nes_server_updates_delivered_total: 3,
      nes_server_updates_filtered_total: 1,
      nes_server_request_duration_ms: 1,
      "nes_server_messages_received_total hello": 2,
      "nes_server_messages_received_total request": 1,
      "nes_server_messages_received_total other": 1,
      "nes_server_messages_sent_total answer": 4,
      "nes_server_messages_sent_total error": 3,
      "nes_server_messages_sent_total pub": 3,
      "nes_server_messages_sent_total update": 1
    })
    expect(counted.nes_server_bytes_sent_total).toBe(totals.bytesSent)
  })
})

it("the servers of a process count into the same series", () => {
  const registry: Metric.MetricRegistry = new Map()
  const context = Context.make(Metric.MetricRegistry, registry)
  const other = Context.add(context, Metric.CurrentMetricAttributes, { site: "b" })
  const servers = [true, true, false].map((enabled) => new Metrics(enabled, context))
  for (const [i, server] of [...servers, new Metrics(true, other)].entries()) {
    server.totals.connections = 10 ** i
    server.closed(1006)
    server.closed(1999)
    server.exceeded.maxDepth++
    server.refused.origin++
    if (server.own) {
      requestDuration.updateUnsafe(1, server.own)
      requestDuration.updateUnsafe(2, server.own)
    }
  }
  const read = () =>
    Metric.snapshotUnsafe(context).flatMap(({ attributes: { site, ...attributes } = {}, id, state }) => {
      const value = "count" in state ? state.count : "value" in state ? state.value : 0
      return value ? [[site, id, ...Object.values(attributes), value].join(" ").trim()] : []
    })
  const of = (n: number, connections: number, site = "") =>
    [
      `nes_server_connections ${connections}`,
      `nes_server_limits_exceeded_total maxDepth ${n}`,
      `nes_server_refusals_total origin ${n}`,
      `nes_server_closes_total 1006 ${n}`,
      `nes_server_closes_total other ${n}`,
      `nes_server_request_duration_ms ${2 * n}`
    ].map((line) => `${site}${line}`)
  expect(read()).toEqual([...of(2, 11), ...of(1, 1000, "b ")])
  expect(read()).toEqual(read())
})

describe("slow and silent clients", () => {
  let server: Hapi.Server

  beforeEach(async () => {
    server = Hapi.server({ port: 0 })
    await server.register({
      plugin: Nes.plugin,
      options: { auth: false, heartbeat: { interval: 60, timeout: 20 } }
    })
    server.subscription("/all")
    await server.start()
  })

  afterEach(() => server.stop())

  const greet = async (subs: ReadonlyArray<string> = []): Promise<WebSocket> => {
    const socket = new WebSocket(server.info.uri)
    await new Promise((resolve) => socket.once("open", resolve))
    socket.send(JSON.stringify({ type: "hello", id: 1, version: "2", subs }))
    await new Promise((resolve) => socket.once("message", resolve))
    return socket
  }

  it("heartbeats that a client missed", async () => {
    const before = metric("nes_server_heartbeats_missed_total")
    // It never answers a ping.
    const silent = await greet()
    await new Promise((resolve) => silent.once("close", resolve))
    expect(metric("nes_server_heartbeats_missed_total") - before).toBe(1)
    expect(server.plugins.nes.node.totals.heartbeatsMissed).toBe(1)
  })

  it("what waits for a client that does not read", async () => {
    const slow = await greet(["/all"])
    slow.pause()
    // More than the sockets' own buffers hold.
    for (let i = 0; i < 20; i++) {
      await server.publish("/all", "x".repeat(500_000))
    }
    await expect.poll(() => metric("nes_server_buffered_bytes"), { interval: 5 }).toBeGreaterThan(0)
    slow.terminate()
    await expect.poll(() => metric("nes_server_buffered_bytes"), { interval: 5 }).toBe(0)
  })
})
