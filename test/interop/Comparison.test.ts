/** What the README's table of features says of others, shown by them. */
import { NodeHttpServer, NodeSocket } from "@effect/platform-node"
import Hapi from "@hapi/hapi"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpRouter from "effect/http/HttpRouter"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Queue from "effect/Queue"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as RpcServer from "effect/rpc/RpcServer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import { Server as SocketIo } from "socket.io"
import { describe, expect, it, onTestFinished } from "vitest"
import { WebSocket } from "ws"
import { makeNes14Client } from "./peers/ClientUnderTest.js"
import { decorations, loadPlugin } from "./peers/Plugin.js"

describe("socket.io", () => {
  const start = async () => {
    const server = createServer()
    const io = new SocketIo(server, { connectionStateRecovery: {} })
    onTestFinished(() => new Promise<void>((resolve) => void io.close(() => resolve())))
    io.on("connection", (socket) => {
      socket.data = { mood: "fine" }
      void socket.join("room")
    })
    server.listen(0, "127.0.0.1")
    await once(server, "listening")
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}/socket.io/?EIO=4&transport=`
    const open = async (session: object = {}) => {
      const ws = new WebSocket(`ws://${host}websocket`)
      onTestFinished(() => ws.terminate())
      const texts: Array<string> = []
      ws.on("message", (data: Buffer) => void texts.push(data.toString()))
      await once(ws, "open")
      ws.send(`40${JSON.stringify(session)}`)
      await expect.poll(() => texts.some((text) => text.startsWith("40{"))).toBe(true)
      const greeting = JSON.parse(texts.find((text) => text.startsWith("40{"))?.slice(2) ?? "") as { pid: string }
      const heard = (): ReadonlyArray<readonly [string, unknown, string]> =>
        texts.filter((text) => text.startsWith("42")).map((text) => JSON.parse(text.slice(2)))
      return { ws, heard, pid: greeting.pid }
    }
    const here = async (count: number) => {
      await expect.poll(async () => (await io.in("room").fetchSockets()).length, { interval: 5 }).toBe(count)
      return io.in("room").fetchSockets()
    }
    return { here, host, io, open }
  }

  it("sends what was missed, or tells by the session that it cannot; nothing of before to a new socket", async () => {
    const { here, io, open } = await start()
    const first = await open()
    io.to("room").emit("pub", 1)
    await expect.poll(() => first.heard().length).toBe(1)
    first.ws.terminate()
    await here(0)
    io.to("room").emit("pub", 2)
    io.to("room").emit("pub", 3)
    const session = { pid: first.pid, offset: first.heard()[0]?.[2] }
    const back = await open(session)
    await expect.poll(() => back.heard().map(([, n]) => n)).toEqual([2, 3])
    expect(back.pid).toBe(first.pid)
    const lost = await open({ ...session, pid: "unknown" })
    expect(lost.pid).not.toBe("unknown")
    io.to("room").emit("pub", 4)
    await expect.poll(() => lost.heard().map(([, n]) => n)).toEqual([4])
  })

  it("lists the sockets of a room, with their data, not who is back at once; disconnects unconfirmed", async () => {
    const { here, io, open } = await start()
    const first = await open()
    expect((await here(1)).map(({ data }) => data as unknown)).toEqual([{ mood: "fine" }])
    first.ws.terminate()
    await here(0)
    await open()
    await here(1)
    expect(io.disconnectSockets(true)).toBeUndefined()
  })

  it("answers where WebSockets do not get through", async () => {
    const { host } = await start()
    expect(await (await fetch(`http://${host}polling`)).text()).toContain("\"upgrades\":[\"websocket\"]")
  })
})

describe("`@hapi/nes`", () => {
  const start = async (options: object = {}) => {
    const server = Hapi.server({ host: "127.0.0.1", port: 0, debug: false })
    onTestFinished(() => server.stop({ timeout: 100 }))
    await server.register({ plugin: (await loadPlugin("@hapi/nes")).plugin, options })
    return { server, nes: decorations(server) }
  }

  it.each(["recovery", "state", "snapshot", "presence"])("has no `%s` of a subscription", async (name) => {
    const { nes } = await start()
    expect(() => nes.subscription("/a", { [name]: true })).toThrow(`"${name}" is not allowed`)
  })

  it.each(["api", "broker"])("has no option `%s`", async (name) => {
    await expect(start({ [name]: {} })).rejects.toThrow(`"${name}" is not allowed`)
  })

  it("loses what is published while a client is away, and tells nobody; knows the sockets of a path", async () => {
    const { nes, server } = await start()
    nes.subscription("/a")
    await server.start()
    const client = await makeNes14Client(server.info.uri.replace("http", "ws"))
    onTestFinished(() => client.stop())
    await client.connect({ delay: 20 })
    await client.events.next("connect")
    await client.subscribe("/a")
    let sockets = 0
    await nes.eachSocket((socket) => {
      sockets++
      void socket.disconnect()
    }, { subscription: "/a" })
    expect(sockets).toBe(1)
    expect(await client.events.next("disconnect")).toEqual([true])
    await nes.publish("/a", 1)
    await client.events.next("connect")
    await nes.publish("/a", 2)
    expect(await client.events.next("publish")).toEqual(["/a", 2, false])
  })
})

describe("`effect/rpc`", () => {
  const group = RpcGroup.make(
    Rpc.make("Values", { payload: { least: Schema.Number }, success: Schema.Number, stream: true })
  )

  const start = async (protocol: "http" | "websocket") => {
    const value = Effect.runSync(SubscriptionRef.make(1))
    const handlers = group.toLayer({
      Values: ({ least }) => Stream.filter(SubscriptionRef.changes(value), (n) => n >= least)
    })
    const server = createServer()
    const runtime = ManagedRuntime.make(
      HttpRouter.serve(
        RpcServer.layerHttp({ group, path: "/", protocol }).pipe(
          Layer.provide([handlers, RpcSerialization.layerNdjson])
        ),
        { disableLogger: true, disableListenLog: true }
      ).pipe(Layer.provideMerge(NodeHttpServer.layer(() => server, { host: "127.0.0.1", port: 0 })))
    )
    onTestFinished(() => runtime.dispose())
    await runtime.runPromise(Effect.void)
    return { server, value, host: `127.0.0.1:${(server.address() as AddressInfo).port}` }
  }

  it("has filters and a first value in the handler's own Stream, which fails when its connection is lost", async () => {
    const { host, server, value } = await start("websocket")
    const sockets = new Set<Duplex>()
    server.on("upgrade", (_request, socket) => sockets.add(socket))
    const scope = Scope.makeUnsafe()
    onTestFinished(() => Effect.runPromise(Scope.close(scope, Exit.void)))
    const heard = Effect.runSync(Queue.unbounded<number>())
    const context = await Effect.runPromise(
      Layer.buildWithScope(
        RpcClient.layerProtocolSocket().pipe(
          Layer.provide([NodeSocket.layerWebSocket(`ws://${host}/`), RpcSerialization.layerNdjson])
        ),
        scope
      )
    )
    const client = await Effect.runPromise(
      RpcClient.make(group).pipe(Effect.provideContext(context), Effect.provideService(Scope.Scope, scope))
    )
    const ended = Effect.runPromise(
      client.Values({ least: 1 }).pipe(Stream.runForEach((n) => Queue.offer(heard, n)), Effect.flip)
    )
    expect(await Effect.runPromise(Queue.take(heard))).toBe(1)
    await Effect.runPromise(SubscriptionRef.set(value, 0))
    await Effect.runPromise(SubscriptionRef.set(value, 2))
    expect(await Effect.runPromise(Queue.take(heard))).toBe(2)
    sockets.forEach((socket) => socket.destroy())
    expect(await ended).toMatchObject({ _tag: "RpcClientError" })
  })

  it("answers over HTTP", async () => {
    const { host } = await start("http")
    const abort = new AbortController()
    const response = await fetch(`http://${host}/`, {
      method: "POST",
      signal: abort.signal,
      body: `${JSON.stringify({ _tag: "Request", id: "1", tag: "Values", payload: { least: 1 }, headers: [] })}\n`
    })
    const reader = response.body?.getReader()
    expect(new TextDecoder().decode((await reader?.read())?.value)).toContain("\"values\":[1]")
    abort.abort()
  })
})
