/** A server to whom every slice of work seems over as soon as it has begun: all is done all the same, and in order. */
import Hapi from "@hapi/hapi"
import { once } from "node:events"
import { beforeEach, expect, it, onTestFinished, vi } from "vitest"
import { WebSocket } from "ws"
import * as Nes from "../../src/hapi.js"

beforeEach(() => {
  let now = 0
  // Each look at the clock is ten milliseconds after the one before.
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now += 10)
  onTestFinished(() => clock.mockRestore())
})

const host = async () => {
  const server = Hapi.server({ port: 0, host: "127.0.0.1" })
  await server.register({ plugin: Nes, options: { auth: false } })
  server.subscription("/kept", { recovery: true })
  server.subscription("/updates", {})
  server.route({ method: "GET", path: "/answer", handler: () => "answer" })
  await server.start()
  onTestFinished(() => server.stop())
  const open = async (hello: object) => {
    const socket = new WebSocket(server.info.uri.replace("http", "ws"))
    onTestFinished(() => socket.terminate())
    const heard: Array<
      { readonly type: string; readonly socket?: string; readonly message?: unknown; readonly positions?: unknown }
    > = []
    socket.on("message", (data) => heard.push(JSON.parse(String(data)) as typeof heard[number]))
    await once(socket, "open")
    socket.send(JSON.stringify({ type: "hello", id: 1, version: "2", ...hello }))
    const until = async (done: () => boolean): Promise<void> => {
      while (!done()) {
        await once(socket, "message")
      }
    }
    await until(() => heard.length > 0)
    return {
      heard,
      socket,
      until,
      updates: () => heard.flatMap(({ message, type }) => type === "pub" ? [message] : [])
    }
  }
  return { server, open }
}

it("many who come back at once get in, with what they missed and then what follows", async () => {
  const { open, server } = await host()
  const first = await open({ subs: ["/kept"] })
  const recover = first.heard[0]?.positions
  for (let i = 1; i <= 30; i++) {
    await server.publish("/kept", i)
  }
  const clients = await Promise.all(Array.from({ length: 80 }, () => open({ subs: ["/kept"], recover })))
  await server.publish("/kept", 31)
  const all = Array.from({ length: 31 }, (_, i) => i + 1)
  for (const { until, updates } of [first, ...clients]) {
    await until(() => updates().length >= 31)
    expect(updates()).toEqual(all)
  }
})

it("a request is answered while a crowd is written to, and the publish ends when all of it has been", async () => {
  const { open, server } = await host()
  const clients = await Promise.all(Array.from({ length: 400 }, () => open({ subs: ["/updates"] })))
  const other = await open({})
  const order: Array<string> = []
  const { totals } = server.plugins.nes.node
  const published = server.publish("/updates", "a").then(() => {
    order.push(`written ${server.plugins.nes.node.totals.sentPub - totals.sentPub}`)
  })
  other.socket.send(JSON.stringify({ type: "request", id: 2, method: "GET", path: "/answer" }))
  await other.until(() => other.heard.length > 1)
  order.push("answered")
  await published
  expect(order).toEqual(["answered", "written 400"])
  for (const { until, updates } of clients) {
    await until(() => updates().length > 0)
    expect(updates()).toEqual(["a"])
  }
})

it("what is on its way to a crowd is not for who subscribes meanwhile", async () => {
  const { open, server } = await host()
  server.subscription("/news", {
    onSubscribe: (socket) => {
      if (socket.id === late.heard[0]?.socket) {
        void server.publish("/news", "before")
      }
    }
  })
  const late = await open({})
  await Promise.all(Array.from({ length: 100 }, () => open({ subs: ["/news"] })))
  late.socket.send(JSON.stringify({ type: "sub", id: 2, path: "/news" }))
  await late.until(() => late.heard.length > 1)
  await server.publish("/news", "after")
  await late.until(() => late.updates().includes("after"))
  expect(late.updates()).toEqual(["after"])
})
