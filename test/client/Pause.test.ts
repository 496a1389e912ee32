/** A client that stood still: what arrived meanwhile is read before anything is judged late. */
import * as Effect from "effect/Effect"
import { once } from "node:events"
import { Worker } from "node:worker_threads"
import { afterEach, beforeEach, expect, it } from "vitest"
import { Client } from "../../src/client/Client.js"
import * as NesClient from "../../src/client/NesClient.js"

// A server in a thread of its own: it talks while the client's thread stands still.
const source = `
const { WebSocketServer } = require("ws")
const { parentPort } = require("node:worker_threads")
const server = new WebSocketServer({ port: 0, host: "127.0.0.1" })
server.on("listening", () => parentPort.postMessage(server.address().port))
server.on("connection", (socket) => {
  const beat = setInterval(() => socket.send('{"type":"update","message":1}'), 10)
  socket.on("close", () => clearInterval(beat))
  socket.on("message", (data) => {
    const { id, type } = JSON.parse(data)
    const answer = { type, id, message: "answer" }
    if (type === "hello") {
      socket.send(JSON.stringify({ type, id, socket: "s", heartbeat: { interval: 100, timeout: 50 } }))
    } else {
      setTimeout(() => socket.send(JSON.stringify(answer)), 20)
    }
  })
})
`

const naps = 20
const nap = 200

const block = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

// The application's own timers are late as well, and take their time: what they delay is not judged late either.
const sleep = (): void => {
  for (let ms = 5; ms < nap; ms += 5) {
    setTimeout(block, ms, 2)
  }
  block(nap)
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))

let worker: Worker
let url: string

beforeEach(async () => {
  worker = new Worker(source, { eval: true })
  const [port] = (await once(worker, "message")) as [number]
  url = `ws://127.0.0.1:${port}`
})

afterEach(async () => {
  await worker.terminate()
})

it(`misses no heartbeat and times no call out in ${naps} naps, each longer than both`, async () => {
  const client = new Client(url, { timeout: 100 })
  const heard: Array<string> = []
  client.onError = (error) => heard.push(error.message)
  client.onDisconnect = () => heard.push("disconnected")
  await client.connect({ timeout: 5000 })
  for (let n = 0; n < naps; n++) {
    const answer = client.message(n)
    // The message leaves; the answer comes during the nap.
    await turn()
    sleep()
    expect(await answer).toEqual({ payload: "answer" })
  }
  expect(heard).toEqual([])
  await client.disconnect()
})

it("nor does the Effect client, with the timeout of one call", () =>
  Effect.runPromise(Effect.scoped(Effect.gen(function*() {
    const nes = yield* NesClient.make({ url })
    for (let n = 0; n < naps; n++) {
      const waiting = Effect.runPromise(nes.message(n, { timeout: 100 }))
      yield* Effect.promise(turn)
      sleep()
      expect(yield* Effect.promise(() => waiting)).toBe("answer")
    }
    expect((yield* nes.status)._tag).toBe("Connected")
  }))))

it("nor is an opening given up that was done in time", async () => {
  for (let n = 0; n < 5; n++) {
    const client = new Client(url)
    const connecting = client.connect({ timeout: 100, helloTimeout: 100, reconnect: false })
    await turn()
    await turn()
    sleep()
    await connecting
    await client.disconnect()
  }
})
