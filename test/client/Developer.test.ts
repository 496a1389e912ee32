/** What a developer holds: the client as `this`, its state, its errors, subprotocols, and how long a hello may take. */
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { inspect } from "node:util"
import { onTestFinished } from "vitest"
import { WebSocketServer } from "ws"
import { Client } from "../../src/client/Client.js"
import * as NesClient from "../../src/client/NesClient.js"
import * as NesError from "../../src/protocol/NesError.js"
import { RawServer } from "../harness/RawServer.js"
import { FakeServer, turn } from "./FakeServer.js"
import { adjust, log, setup } from "./Setup.js"

const start = async (): Promise<RawServer> => {
  const server = await RawServer.start()
  onTestFinished(() => server.stop())
  return server
}

it("event properties are called with the client as this, as in nes", async () => {
  const server = await start()
  const client = new Client(server.url)
  const seen: Array<readonly [string, boolean]> = []
  const see = (name: string) =>
    function(this: unknown): void {
      seen.push([name, this === client])
    }
  client.onError = see("onError")
  client.onConnect = see("onConnect")
  client.onDisconnect = see("onDisconnect")
  client.onUpdate = see("onUpdate")
  client.onGap = see("onGap")
  client.onRevoke = see("onRevoke")
  client.onHeartbeatTimeout = see("onHeartbeatTimeout")
  const connecting = client.connect({ delay: 10_000 })
  const socket = await server.next()
  await socket.accept({ heartbeat: { interval: 60, timeout: 30 } })
  await connecting
  const subscribed = client.subscribe("/a", () => {})
  await socket.answer("sub")
  await subscribed
  socket.say({ type: "update", message: 1 })
  socket.say({ type: "ping", gaps: { "/a": { epoch: "e", offset: 1 } } })
  socket.say({ type: "revoke", path: "/a" })
  socket.say({ type: "revoke", path: "/never" })
  await expect.poll(() => seen.at(-1)?.[0]).toBe("onDisconnect")
  expect(seen.map(([name]) => name)).toEqual([
    "onConnect",
    "onUpdate",
    "onGap",
    "onRevoke",
    "onError",
    "onHeartbeatTimeout",
    "onDisconnect"
  ])
  expect(seen.filter(([, isClient]) => !isClient)).toEqual([])
  await client.disconnect()
})

it("isConnected and status tell the state", async () => {
  const server = await start()
  const client = new Client(server.url)
  const states: Array<unknown> = []
  const note = (): number => states.push([client.status, client.isConnected])
  note()
  const connecting = client.connect({ delay: 10_000 })
  note()
  const socket = await server.next()
  note()
  await socket.accept()
  await connecting
  note()
  const lost = new Promise<void>((resolve) => {
    client.onDisconnect = () => resolve()
  })
  socket.cut()
  await lost
  note()
  await client.disconnect()
  note()
  expect(states).toEqual([
    ["disconnected", false],
    ["connecting", false],
    ["connecting", false],
    ["connected", true],
    ["reconnecting", false],
    ["disconnected", false]
  ])
})

it("isConnected is false from disconnect on", async () => {
  const server = await start()
  const client = new Client(server.url)
  const connecting = client.connect()
  await (await server.next()).accept()
  await connecting
  const leaving = client.disconnect()
  expect(client.isConnected).toBe(false)
  await leaving
})

it("errors are named and printed as in nes, with the tag beside", () => {
  const errors = [
    new NesError.DisconnectError({ message: "text" }),
    new NesError.ProtocolError({ message: "text" }),
    new NesError.ServerError({ message: "text", statusCode: 500, data: null, headers: {}, path: undefined }),
    new NesError.TimeoutError({ message: "text" }),
    new NesError.UserError({ message: "text" }),
    new NesError.WsError({ message: "text" })
  ]
  for (const error of errors) {
    expect([error.name, String(error), error.stack?.split("\n")[0]]).toEqual(["Error", "Error: text", "Error: text"])
    expect(error._tag).toBe(error.constructor.name)
  }
})

it("the error of a refused upgrade has its HTTP status; that of a socket that died has none", async () => {
  const statuses: Array<number | "reset"> = [401, 403, 404, 429, 503, 302, "reset"]
  const server = createServer()
  server.on("upgrade", (_, socket) => {
    const status = statuses[seen.length]
    if (status === "reset") {
      socket.destroy()
    } else {
      socket.end(`HTTP/1.1 ${status} No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
    }
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
  const seen: Array<unknown> = []
  for (const _ of statuses) {
    const client = new Client(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
    const error: unknown = await client.connect({ reconnect: false }).catch((error: unknown) => error)
    seen.push(error instanceof NesError.WsError ? error.statusCode : error)
  }
  expect(seen).toEqual([401, 403, 404, 429, 503, 302, undefined])
})

for (const protocols of ["one", ["two", "one"]]) {
  it(`protocols ${JSON.stringify(protocols)} are offered`, async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" })
    await once(server, "listening")
    onTestFinished(() => server.close())
    const offered = once(server, "connection")
    const client = new Client(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, { protocols })
    void client.connect({ reconnect: false })
    const [socket] = (await offered) as [{ readonly protocol: string }]
    expect(socket.protocol).toBe([protocols].flat()[0])
    await client.disconnect()
  })
}

describe("how long a hello may take", () => {
  it.effect("helloTimeout begins with the open socket", () =>
    Effect.gen(function*() {
      const { connect, ended, heard, server } = yield* setup()
      connect({ helloTimeout: Duration.seconds(2) })
      yield* adjust(10_000)
      server.socket.open()
      yield* adjust(1999)
      expect(ended).toEqual([])
      yield* adjust(1)
      expect(ended).toEqual([["connect", "timeout", "Connection timed out"]])
      expect(heard.take()).toEqual([["disconnected", true, log(true, false, "none")], ["reconnecting", 1, 1000]])
      expect(server.socket.terminated).toBe(true)
      yield* adjust(1000)
      server.socket.accept()
      yield* adjust(10_000)
      expect(heard.names()).toEqual(["connected"])
    }))

  it.effect("the Effect client's connectTimeout covers opening and hello together", () =>
    Effect.gen(function*() {
      const server = new FakeServer()
      server.onConnection = (socket) => queueMicrotask(() => socket.open())
      const making = NesClient.make({ url: "ws://fake", connectTimeout: "2 seconds", reconnect: false })
      const failing = yield* Effect.forkChild(Effect.flip(Effect.provide(making, server.layer)))
      yield* turn
      yield* adjust(1999)
      expect(failing.pollUnsafe()).toBe(undefined)
      yield* adjust(1)
      const exit = failing.pollUnsafe()
      expect(exit).toMatchObject({ value: { _tag: "TimeoutError", message: "Connection timed out" } })
    }))
})

it("console.log shows a client in a few lines, without what may be secret", async () => {
  const server = await start()
  const client = new Client(`${server.url.replace("//", "//john:secret@")}/nes?token=secret`)
  const url = `${server.url}/nes`
  expect(inspect(client, { breakLength: Infinity })).toBe(
    `Client { url: '${url}', status: 'disconnected', id: null, subscriptions: 0 }`
  )
  await client.subscribe("/a")
  const connecting = client.connect({ auth: "secret" })
  await (await server.next()).accept({ socket: "1" })
  await connecting
  expect(inspect({ client }, { breakLength: Infinity })).toBe(
    `{ client: Client { url: '${url}', status: 'connected', id: '1', subscriptions: 1 } }`
  )
  await client.disconnect()
  const service = await Effect.runPromise(Effect.scoped(NesClient.make({ url, connect: false })))
  expect(inspect(service)).toMatch(/^NesClient \{[^]{1,200}\}$/)
})
