/** nes-api.txt, `server.eachSocket(each, [options])`. */
import { describe, expect, it } from "vitest"
import { Socket } from "../../src/hapi/Socket.js"
import { Gate } from "../harness/Journal.js"
import { as, authenticating, live } from "./LiveServer.js"

const house = () =>
  live({
    declare: (server) => {
      authenticating(server, "optional")
      server.subscription("/item/{id}", { auth: { mode: "optional", index: true } })
      server.subscription("/plain", { auth: false })
    },
    nes: { auth: { index: true } }
  })

describe("`server.eachSocket`", () => {
  it("iterates over all connected sockets, synchronously and in order", async () => {
    const { connect, server } = await house()
    const clients = [await connect(), await connect(), await connect()]
    const seen: Array<unknown> = []
    const done = server.eachSocket((socket) => {
      expect(socket).toBeInstanceOf(Socket)
      seen.push(socket.id)
    })
    expect(seen).toEqual(clients.map(({ id }) => id))
    await expect(done).resolves.toBeUndefined()
  })

  it("passes the same Socket for the same connection each time", async () => {
    const { connect, server } = await house()
    await connect()
    const seen = new Set<unknown>()
    await server.eachSocket((socket) => void seen.add(socket))
    await server.eachSocket((socket) => void seen.add(socket))
    expect(seen.size).toBe(1)
  })

  it("`subscription`: only the sockets subscribed to that path", async () => {
    const { connect, server } = await house()
    const clients = [await connect(), await connect(), await connect()] as const
    await clients[0].subscribe("/item/5", () => {})
    await clients[1].subscribe("/item/6", () => {})
    await clients[2].subscribe("/item/5", () => {})
    const on = async (subscription: string): Promise<ReadonlyArray<unknown>> => {
      const seen: Array<unknown> = []
      await server.eachSocket((socket) => seen.push(socket.id), { subscription })
      return seen
    }
    expect(await on("/item/5")).toEqual([clients[0].id, clients[2].id])
    expect(await on("/item/6")).toEqual([clients[1].id])
    expect(await on("/item/7")).toEqual([])
    expect(await on("/undeclared")).toEqual([])
    await clients[0].unsubscribe("/item/5", null)
    expect(await on("/item/5")).toEqual([clients[2].id])
  })

  it("`user`: only authenticated sockets of that user, subscribed to the path; needs `auth.index`", async () => {
    const { connect, server } = await house()
    const john = await connect(as("john"))
    const jane = await connect(as("jane"))
    for (const client of [john, jane, await connect()]) {
      await client.subscribe("/item/5", () => {})
      await client.subscribe("/plain", () => {})
    }
    const seen: Array<unknown> = []
    await server.eachSocket((socket) => seen.push(socket.id), { subscription: "/item/5", user: "john" })
    expect(seen).toEqual([john.id])
    await expect(server.eachSocket(() => {}, { subscription: "/plain", user: "john" }))
      .rejects.toThrow("Subscription auth indexing is disabled")
    expect(() => server.eachSocket(() => {}, { user: "john" }))
      .toThrow("Cannot specify user filter without a subscription path")
  })

  it("the Promise waits for what the callbacks returned, and fails with what they failed with", async () => {
    const { connect, server } = await house()
    await connect()
    await connect()
    const gate = new Gate()
    let ended = 0
    const done = server.eachSocket(() => gate.hold().then(() => void ended++))
    await gate.reached
    expect(ended).toBe(0)
    gate.open()
    await done
    expect(ended).toBe(2)
    await expect(server.eachSocket(() => Promise.reject(new Error("no")))).rejects.toThrow("no")
  })

  it("a callback may disconnect, subscribe others to leave, and send", async () => {
    const { connect, server } = await house()
    const clients = [await connect(), await connect()]
    const updates = clients.map((client) =>
      new Promise((resolve) => {
        client.onUpdate = resolve
      })
    )
    await server.eachSocket((socket) => socket.send(socket.id))
    expect(await Promise.all(updates)).toEqual(clients.map(({ id }) => id))
    await server.eachSocket((socket) => socket.disconnect())
    let left = 0
    await server.eachSocket(() => left++)
    expect(left).toBe(0)
  })

  it("sees no socket that has not said hello", async () => {
    const { open, server } = await house()
    const raw = await open()
    let seen = 0
    await server.eachSocket(() => seen++)
    expect(seen).toBe(0)
    await raw.hello()
    await server.eachSocket(() => seen++)
    expect(seen).toBe(1)
  })
})
