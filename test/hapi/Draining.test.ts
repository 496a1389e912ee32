/** A node that sends its clients away: over a time, with a code they come back on, and no request is lost by it. */
import Hapi from "@hapi/hapi"
import { once } from "node:events"
import { setTimeout as sleep } from "node:timers/promises"
import { afterEach, expect, it, onTestFinished } from "vitest"
import { WebSocket } from "ws"
import { Client } from "../../src/client.js"
import * as Nes from "../../src/hapi.js"
import { stopwatch } from "../harness/Pace.js"
import { Balancer } from "../redis/chaos/Balancer.js"

const start = async (name: string): Promise<Hapi.Server> => {
  const server = Hapi.server({ host: "127.0.0.1", port: 0 })
  await server.register({ plugin: Nes.plugin })
  server.route({ method: "GET", path: "/who", handler: () => name })
  server.route({ method: "GET", path: "/slow", handler: () => sleep(300).then(() => name) })
  await server.start()
  onTestFinished(() => server.stop({ timeout: 100 }))
  return server
}

const urlOf = (server: Hapi.Server): string => server.info.uri.replace("http", "ws")

const leaving: Array<() => Promise<void>> = []
afterEach(() => Promise.all(leaving.splice(0).map((leave) => leave())))

const connect = async (url: string): Promise<Client> => {
  const client = new Client(url)
  leaving.push(() => client.disconnect())
  await client.connect({ delay: 200 })
  return client
}

it("clients are sent away over the time given, with 1012, while new ones are refused and the node is not ready", async () => {
  const server = await start("a")
  const { node } = server.plugins.nes
  expect(node.ready).toBe(true)
  const closed: Array<{ readonly code: number; readonly at: number }> = []
  for (let n = 0; n < 10; n++) {
    const socket = new WebSocket(urlOf(server))
    socket.on("close", (code) => void closed.push({ code, at: performance.now() - drained }))
    await once(socket, "open")
  }
  const drained = performance.now()
  const watch = stopwatch()
  const draining = node.drain({ within: 500 })
  expect(node.ready).toBe(false)
  const refused = new WebSocket(urlOf(server))
  const [error] = await once(refused, "error") as [Error]
  expect(error.message).toContain("503")
  await draining
  await expect.poll(() => closed.length).toBe(10)
  expect(new Set(closed.map(({ code }) => code))).toEqual(new Set([1012]))
  // Those that were due while the loop was held up left together.
  const all = watch.withheld()
  expect((closed[9]?.at ?? 0) - (closed[0]?.at ?? 0)).toBeGreaterThan(200 - all)
  expect((closed[9]?.at ?? 0) - (closed[4]?.at ?? 0)).toBeGreaterThan(80 - all)
})

it("what is being answered is answered first, and what comes too late is asked again of the next node", async () => {
  const nodes = [await start("a"), await start("b")]
  const balancer = await Balancer.start(() =>
    nodes.filter(({ plugins }) => plugins.nes.node.ready).map(({ info }) => Number(info.port))
  )
  onTestFinished(() => balancer.stop())
  const clients = await Promise.all(Array.from({ length: 20 }, () => connect(balancer.url)))
  const asking = { on: true }
  let answered = 0
  const failures: Array<string> = []
  const gone: Array<number> = []
  for (const client of clients) {
    client.onDisconnect = (_willReconnect, { code }) => void gone.push(code ?? 0)
  }
  const loops = clients.map(async (client) => {
    while (asking.on) {
      await sleep(1)
      if (client.id !== null) {
        await client.request("/who").then(() => answered++, ({ message }: Error) => void failures.push(message))
      }
    }
  })
  const slow = clients.map((client) => client.request("/slow"))
  await sleep(1_050)
  await nodes[0]?.plugins.nes.node.drain({ within: 400 })
  await sleep(100)
  asking.on = false
  await Promise.all(loops)
  await Promise.all(slow)
  expect(failures).toEqual([])
  expect(gone).toEqual(Array.from({ length: 10 }, () => 1012))
  expect(answered).toBeGreaterThan(100)
  expect((await Promise.all(clients.map((client) => client.request("/who")))).map(({ payload }) => payload))
    .toEqual(clients.map(() => "b"))
})

it("what was asked again fails when the client disconnects, or nobody answers", async () => {
  for (const end of ["disconnect", "nobody"]) {
    const server = await start("a")
    const client = new Client(urlOf(server))
    client.onError = null
    await client.connect({ delay: 50, retries: 3 })
    await sleep(20)
    const { node } = server.plugins.nes
    const drained = node.drain({ within: 1 })
    const request = client.request("/who").then(() => "answered", ({ message }: Error) => message)
    await drained
    if (end === "disconnect") {
      await client.disconnect()
    }
    expect(["answered", "Failed to send message - server disconnected"]).toContain(await request)
    await client.disconnect()
  }
})

it("some are sent away, of those that wait for nothing", async () => {
  const server = await start("a")
  const clients = await Promise.all(Array.from({ length: 6 }, () => connect(urlOf(server))))
  const busy = clients.slice(0, 2).map((client) => client.request("/slow"))
  await sleep(50)
  const gone: Array<unknown> = []
  for (const client of clients) {
    client.onDisconnect = (_willReconnect, { code, reason }) => void gone.push([code, reason])
  }
  await server.plugins.nes.node.shed(3, 50)
  await expect.poll(() => gone).toEqual(Array.from({ length: 3 }, () => [1012, "Rebalancing"]))
  expect((await Promise.all(busy)).map(({ payload }) => payload)).toEqual(["a", "a"])
  expect(server.plugins.nes.node.ready).toBe(true)
})
