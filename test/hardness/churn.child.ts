/** Clients that come and go, in a process of their own. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { WebSocket } from "ws"
import { Client } from "../../src/client.js"
import * as NesClient from "../../src/client/NesClient.js"
import { serve } from "../harness/ChildEndpoint.js"
import * as Holdings from "./Holdings.js"
import type { Churned } from "./Soak.js"

/** Clients at the same time. */
const crowd = 32

const counts = { connections: 0, calls: 0, ended: 0, updates: 0 }
let turn = 0

const call = async (promise: Promise<unknown>): Promise<void> => {
  counts.calls++
  await promise.then(() => {}, () => {})
  counts.ended++
}

const onUpdate = (): void => {
  counts.updates++
}

/** One life of the Effect client, which disconnects as its scope closes. */
const liveInScope = (url: string, n: number): Promise<void> =>
  call(Effect.runPromise(Effect.scoped(Effect.gen(function*() {
    const client = yield* NesClient.make({ url, timeout: 5_000, connect: "required", reconnect: false })
    counts.connections++
    yield* Effect.forkScoped(Stream.runDrain(client.updates))
    yield* Effect.forkScoped(Stream.runForEach(client.subscribe("/hooked/1"), () => Effect.sync(onUpdate)))
    yield* Effect.all([
      Stream.runForEach(Stream.take(client.subscribe("/o"), 1), () => Effect.sync(onUpdate)),
      Effect.promise(() => call(Effect.runPromise(client.request("/")))),
      Effect.promise(() => call(Effect.runPromise(client.message(n))))
    ], { concurrency: "unbounded" })
  }))))

/** One life of the plain client. */
const live = async (url: string, n: number): Promise<void> => {
  const client = new Client(url, { timeout: 5_000 })
  client.onError = () => {}
  await call(client.connect({ reconnect: false }))
  counts.connections++
  await Promise.all([
    call(client.subscribe("/o", onUpdate)),
    call(client.subscribe("/item/1", onUpdate)),
    call(client.subscribe("/hooked/1", onUpdate)),
    call(client.request("/")),
    call(client.message(n))
  ])
  if (n % 4 === 0) {
    await call(client.unsubscribe("/item/1", onUpdate))
  }
  if (n % 3 === 0) {
    // Leaves in the middle of its calls.
    void call(client.request("/item/5"))
    void call(client.subscribe("/hooked/2", onUpdate))
  }
  await call(client.disconnect())
}

/** One life that ends without a word, at any point. */
const vanish = (url: string, n: number): Promise<void> =>
  new Promise((resolve) => {
    const socket = new WebSocket(url)
    counts.connections++
    socket.on("error", () => {})
    socket.once("close", () => resolve())
    socket.once("open", () => {
      if (n % 3 > 0) {
        socket.send(`{"type":"hello","id":1,"version":"2","subs":["/o","/hooked/1"]}`)
      }
      if (n % 3 > 1) {
        socket.send(`{"type":"request","id":2,"method":"GET","path":"/"}`, () => socket.terminate())
      } else {
        socket.terminate()
      }
    })
  })

const churn = async (url: string, ms: number): Promise<Churned> => {
  const before = { ...counts }
  const end = performance.now() + ms
  await Promise.all(Array.from({ length: crowd }, async () => {
    while (performance.now() < end) {
      const n = turn++
      await (n % 4 === 3 ? vanish(url, n) : n % 8 === 1 ? liveInScope(url, n) : live(url, n))
    }
  }))
  return {
    connections: counts.connections - before.connections,
    calls: counts.calls - before.calls,
    updates: counts.updates - before.updates,
    lost: counts.calls - counts.ended
  }
}

serve({
  churn: (url, ms) => churn(url as string, ms as number),
  holdings: () => Holdings.take()
})
