import { once } from "node:events"
import { createServer, type Server } from "node:net"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type WebSocket, WebSocketServer } from "ws"

interface Fleet {
  connect(options: { readonly count: number; readonly paths: ReadonlyArray<string> }): Promise<void>
  listen(expected: object): void
  drain(expected: object): void
  arrived(): Promise<unknown>
  close(): Promise<void>
}

// Plain JavaScript, which the types of the tests do not follow.
const module = new URL("../../bench/load/Fleet.mjs", import.meta.url).href
const { Fleet } = (await import(/* @vite-ignore */ module)) as {
  readonly Fleet: new(server: { readonly port: number; readonly control: number; readonly dialect: string }) => Fleet
}

const path = "/updates"
const message = { seq: 100_000, body: "a body" }
const one = { path, message, body: message.body, rounds: 1, perRound: 2, publishes: 1, targets: 1 }
const text = (body: string) => JSON.stringify({ type: "pub", path, message: { ...message, body } })

const portOf = (server: { readonly address: () => unknown }): number =>
  (server.address() as { readonly port: number }).port

let server: WebSocketServer
let control: Server
let sockets: Array<WebSocket>
let fleet: Fleet

beforeEach(async () => {
  sockets = []
  server = new WebSocketServer({ host: "127.0.0.1", port: 0 })
  server.on("connection", (socket) => {
    socket.on("error", () => undefined)
    socket.on("message", (data: Buffer) => {
      const { type } = JSON.parse(data.toString()) as { readonly type: string }
      if (type === "sub") {
        sockets.push(socket)
      }
      socket.send(JSON.stringify({ type, id: 1 }))
    })
  })
  control = createServer().listen(0, "127.0.0.1")
  await Promise.all([once(server, "listening"), once(control, "listening")])
  fleet = new Fleet({ port: portOf(server), control: portOf(control), dialect: "nes" })
  await fleet.connect({ count: 2, paths: [path] })
})

afterEach(async () => {
  await fleet.close()
  control.close()
  server.close()
})

const send = (first: ReadonlyArray<string>, second: ReadonlyArray<string>): void => {
  for (const each of first) sockets[0]?.send(each)
  for (const each of second) sockets[1]?.send(each)
}

describe("the benchmark's load", () => {
  it("is content when every connection got what is due to it", async () => {
    fleet.listen(one)
    send([text("a body")], [text("a body")])
    await fleet.arrived()
    fleet.drain(one)
    send([text("a body")], [text("a body")])
    await expect(fleet.arrived()).resolves.toEqual({ bytes: 2 * text("a body").length })
  })

  it("notices a wrong text", async () => {
    fleet.listen(one)
    send([text("a body")], [text("a bodi")])
    await expect(fleet.arrived()).rejects.toThrow("a wrong update arrived")
  })

  it("notices a byte too many", async () => {
    fleet.drain(one)
    send([text("a body")], [text("a body.")])
    await expect(fleet.arrived()).rejects.toThrow("bytes arrived of")
  })

  it("notices an update that went to the wrong connection", async () => {
    fleet.drain(one)
    send([text("a body"), text("a body")], [])
    await expect(fleet.arrived()).rejects.toThrow("a connection got")
  })

  it("notices a connection that the server closed", async () => {
    fleet.drain(one)
    sockets[0]?.terminate()
    await expect(fleet.arrived()).rejects.toThrow("the server closed a connection")
  })

  it("cuts frames wherever the stream was cut", async () => {
    fleet.drain({ ...one, message: { ...message, body: "x".repeat(70_000) }, rounds: 1 })
    send([text("x".repeat(70_000))], [text("x".repeat(70_000))])
    await expect(fleet.arrived()).resolves.toEqual({ bytes: 2 * text("x".repeat(70_000)).length })
  })
})
