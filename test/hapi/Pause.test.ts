/** A server that stood still: what arrived meanwhile is read before anybody is judged late. */
import Hapi from "@hapi/hapi"
import { once } from "node:events"
import { Worker } from "node:worker_threads"
import { expect, it, onTestFinished } from "vitest"
import * as Nes from "../../src/hapi.js"

// Clients in a thread of their own: they answer while the server's thread stands still.
const clients = `
const { WebSocket } = require("ws")
const { parentPort, workerData } = require("node:worker_threads")
for (let i = 0; i < workerData.count; i++) {
  const ws = new WebSocket(workerData.uri)
  ws.on("open", () => ws.send(JSON.stringify({ type: "hello", id: 1, version: "2" })))
  ws.on("message", (data) => {
    const { type } = JSON.parse(data)
    parentPort.postMessage(type)
    if (type === "ping") {
      // By then the server stands still.
      setTimeout(() => ws.send(JSON.stringify({ type: "ping", id: 2 })), 30)
    }
  })
  ws.on("close", () => parentPort.postMessage("close"))
}
`

const block = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

const count = 20
const rounds = 5
const heartbeat = { interval: 200, timeout: 100 }

it("ends none of its clients, though each check is due before their answers are read", async () => {
  const server = Hapi.server({ port: 0, host: "127.0.0.1" })
  await server.register({ plugin: Nes, options: { heartbeat } })
  await server.start()
  const worker = new Worker(clients, { eval: true, workerData: { uri: server.info.uri.replace("http", "ws"), count } })
  onTestFinished(async () => {
    await worker.terminate()
    await server.stop()
  })
  const seen = { hello: 0, ping: 0, close: 0 }
  worker.on("message", (type: keyof typeof seen) => seen[type]++)
  const until = async (type: keyof typeof seen, times: number): Promise<void> => {
    while (seen[type] < times) {
      await once(worker, "message")
    }
  }
  await until("hello", count)
  for (let round = 1; round <= rounds; round++) {
    // Of the round before, every answer has been read and counted: all depends on those of this one.
    await until("ping", 2 * round * count)
    block(heartbeat.interval + heartbeat.timeout)
  }
  await until("ping", (2 * rounds + 2) * count)
  expect(seen.close).toBe(0)
  expect(server.plugins.nes.node.totals.heartbeatsMissed).toBe(0)
})
