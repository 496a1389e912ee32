/** A busy server sends no pings, and every client is content with what it gets instead. */
import Hapi from "@hapi/hapi"
import { createRequire } from "node:module"
import { setTimeout } from "node:timers/promises"
import { expect, it, onTestFinished } from "vitest"
import { Client as Ours } from "../../src/client.js"
import * as Nes from "../../src/hapi.js"
import { unhindered } from "../harness/Pace.js"

type Callback = (error?: Error | null) => void

/** What our client and both peers' have in common here. */
interface Subscriber {
  onError: unknown
  onDisconnect: unknown
  connect(options: { readonly reconnect: false }, callback: Callback): unknown
  subscribe(path: string, handler: (message: unknown) => void, callback: Callback): unknown
  disconnect(): unknown
}

const require = createRequire(import.meta.url)
const { Client: Nes14 } = require("@hapi/nes") as { readonly Client: new(url: string) => Subscriber }
const { Client: Nes6 } = require("nes/lib/client") as { readonly Client: new(url: string) => Subscriber }

/** Version 6 takes a callback, version 14 returns a Promise. */
const done = (call: (callback: Callback) => unknown): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const called = call((error) => error ? reject(error) : resolve(undefined))
    if (called instanceof Promise) {
      called.then(resolve, reject)
    }
  })

const heartbeat = { interval: 500, timeout: 400 }

/** What a client makes of a server that publishes for some time. */
const attempt = async (Client: new(url: string) => Subscriber) => {
  const server = Hapi.server({ port: 0, host: "127.0.0.1" })
  await server.register({ plugin: Nes, options: { heartbeat } })
  server.subscription("/updates", {})
  await server.start()
  const client = new Client(server.info.uri.replace("http", "ws"))
  onTestFinished(() => server.stop())
  const trouble: Array<unknown> = []
  client.onError = () => trouble.push("error")
  client.onDisconnect = () => trouble.push("disconnected")
  await done((callback) => client.connect({ reconnect: false }, callback))
  let heard = 0
  await done((callback) => client.subscribe("/updates", () => void heard++, callback))
  const { totals } = server.plugins.nes.node
  const before = totals.sentPing
  const end = performance.now() + 3 * (heartbeat.interval + heartbeat.timeout)
  while (performance.now() < end) {
    await server.publish("/updates", heard)
    await setTimeout(20)
  }
  client.onDisconnect = () => {}
  client.disconnect()
  return { trouble, heard, pings: totals.sentPing - before }
}

it.each<[string, new(url: string) => Subscriber]>([["our", Ours], ["version 14's", Nes14], ["version 6's", Nes6]])(
  "%s client stays connected to a server that publishes and pings nobody",
  async (_, Client) => {
    // A publisher that is held up has the server ping.
    await unhindered(heartbeat.interval / 2, async () => {
      const seen = await attempt(Client)
      expect(seen).toMatchObject({ trouble: [], pings: 0 })
      expect(seen.heard).toBeGreaterThan(0)
    })
  }
)
