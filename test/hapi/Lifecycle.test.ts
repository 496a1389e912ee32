/** The plugin's life with hapi's: start, stop, start again; several servers; every kind of listener. */
import Hapi from "@hapi/hapi"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { connect as connectTcp, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { describe, expect, it, onTestFinished } from "vitest"
import NesDefault, * as Nes from "../../src/hapi.js"
import { Gate, Journal } from "../harness/Journal.js"
import { stopwatch } from "../harness/Pace.js"
import { sources } from "../harness/Sources.js"
import { cert, key } from "./Certificate.js"
import { as, authenticating, fence, live, updatesOf } from "./LiveServer.js"
import { upgrade } from "./MutePeer.js"

const root = fileURLToPath(new URL("../../", import.meta.url))

/** A WebSocket peer that answers nothing. */
const mutePeer = async (server: Hapi.Server): Promise<{ readonly closed: Promise<unknown> }> => {
  const socket = connectTcp(server.info.port as number, "127.0.0.1")
  onTestFinished(() => void socket.destroy())
  await upgrade(socket)
  return { closed: once(socket.resume(), "close") }
}

describe("registration", () => {
  const registrations: ReadonlyArray<readonly [string, (server: Hapi.Server) => Promise<unknown>]> = [
    ["the module", (server) => server.register(Nes)],
    ["its default", (server) => server.register(NesDefault)],
    ["its plugin", (server) => server.register(Nes.plugin)],
    ["with options", (server) => server.register({ plugin: Nes, options: { heartbeat: false } })]
  ]

  it.each(registrations)("%s", async (_name, register) => {
    const server = Hapi.server()
    await register(server)
    await server.register({ plugin: { name: "next", register: (inner) => inner.subscription("/item") } })
    expect(server.registrations).toHaveProperty("effect-nes")
    expect(() => server.subscription("/item")).toThrow(/conflict/)
  })

  it("inside another plugin, with a prefix: its endpoint and the plugin's routes have it, everything works", async () => {
    const feature: Hapi.Plugin<object> = {
      name: "feature",
      register: async (server) => {
        await server.register({ plugin: Nes, options: { auth: { type: "token" }, onMessage: () => "answered" } })
        server.route({ method: "GET", path: "/who", options: { id: "who" }, handler: ({ auth }) => auth.credentials })
        server.subscription("/item/{id}")
      }
    }
    const server = Hapi.server({ port: 0, host: "127.0.0.1" })
    authenticating(server)
    await server.register({ plugin: feature }, { routes: { prefix: "/feature" } })
    onTestFinished(() => server.stop({ timeout: 0 }))
    await server.start()
    const login = await fetch(`${server.info.uri}/feature/nes/auth`, { headers: { authorization: "john" } })
    const { token } = await login.json() as { readonly token: string }

    const client = new Nes.Client(server.info.uri.replace("http", "ws"))
    onTestFinished(() => client.disconnect())
    await client.connect({ auth: token, reconnect: false })
    expect(await client.request("/feature/who")).toMatchObject({ payload: { user: "john" } })
    expect(await client.request("who")).toMatchObject({ payload: { user: "john" } })
    await expect(client.request("/feature/nes/auth")).rejects.toMatchObject({ statusCode: 404 })
    expect(await client.message("")).toEqual({ payload: "answered" })
    const updates = await updatesOf(client, "/item/5")
    await server.publish("/item/5", 1)
    await updates.until("update")
  })

  it("direct authentication with a prefix", async () => {
    const server = Hapi.server({ port: 0, host: "127.0.0.1" })
    authenticating(server)
    await server.register(Nes, { routes: { prefix: "/live" } })
    onTestFinished(() => server.stop({ timeout: 0 }))
    await server.start()
    const client = new Nes.Client(server.info.uri.replace("http", "ws"))
    onTestFinished(() => client.disconnect())
    await client.connect({ ...as("john"), reconnect: false })
    let user: unknown
    await server.eachSocket(({ auth }) => {
      user = auth.credentials?.user
    })
    expect(user).toBe("john")
  })
})

describe("several servers in one process", () => {
  it("share nothing; the end of one is not the other's", async () => {
    const [one, two] = [await live(), await live()]
    const [atOne, atTwo] = [await one.connect(), await two.connect()]
    for (const { server } of [one, two]) {
      server.subscription("/item")
    }
    const updates = await updatesOf(atTwo, "/item")
    await atOne.subscribe("/item", () => updates.note("wrong"))
    await two.server.publish("/item", 1)
    await one.server.stop({ timeout: 100 })
    await two.server.publish("/item", 2)
    await fence(atTwo)
    expect(updates.entries).toEqual([["update", 1], ["update", 2]])
    expect(atOne.id).toBe(null)
  })
})

describe("server.stop", () => {
  it("closes every socket cleanly, and ends after the last hook", async () => {
    const journal = new Journal()
    const gate = new Gate()
    const { connect, server } = await live({
      nes: { onDisconnection: () => journal.note("onDisconnection") },
      declare: (server) => {
        server.subscription("/item", {
          onUnsubscribe: async () => {
            await gate.hold()
            journal.note("onUnsubscribe")
          }
        })
        server.ext("onPostStop", () => journal.note("onPostStop"))
      }
    })
    const client = await connect()
    await client.subscribe("/item", () => {})
    const disconnected = new Promise((resolve) => {
      client.onDisconnect = (_willReconnect, log) => resolve(log)
    })
    const stopped = server.stop({ timeout: 5_000 })
    await gate.reached
    expect(await disconnected).toMatchObject({ code: 1005, wasClean: true })
    gate.open()
    await stopped
    expect(journal.names).toEqual(["onUnsubscribe", "onDisconnection", "onPostStop"])
  })

  it("waits for hooks that are running longer than hapi waits for sockets, one after another", async () => {
    const journal = new Journal()
    const [unsubscribing, leaving] = [new Gate(), new Gate()]
    const slow = (name: string, gate: Gate) => async (): Promise<void> => {
      await gate.hold()
      await new Promise((resolve) => setImmediate(resolve))
      journal.note(name)
    }
    const { connect, server } = await live({
      // Before the plugin's own.
      prepare: (server) => server.ext("onPostStop", () => unsubscribing.open()),
      nes: { onDisconnection: slow("onDisconnection", leaving) },
      declare: (server) => server.subscription("/item", { onUnsubscribe: slow("onUnsubscribe", unsubscribing) })
    })
    await (await connect()).subscribe("/item", () => {})
    const stopped = server.stop()
    await leaving.reached
    leaving.open()
    await stopped
    expect(journal.names).toEqual(["onUnsubscribe", "onDisconnection"])
  })

  it("while it lasts, publish, broadcast and eachSocket do nothing and new connections are refused", async () => {
    const seen = new Journal()
    const { connect, open, server } = await live({
      declare: (server) => {
        server.subscription("/item")
        server.ext("onPreStop", async () => {
          await server.publish("/item", 1)
          await server.broadcast(1)
          await server.eachSocket(() => seen.note("eachSocket"))
          seen.note("late", await open().then(({ closed }) => closed, ({ message }: Error) => message))
        })
      }
    })
    const client = await connect()
    client.onUpdate = (update) => seen.note("update", update)
    await client.subscribe("/item", (update) => seen.note("pub", update))
    await server.stop({ timeout: 500 })
    // As long as sockets are closing, a new one is refused; when all are gone, upgrades are no longer answered.
    expect(seen.entries).toEqual([[
      "late",
      expect.toBeOneOf([503, 404].map((status) => `Unexpected server response: ${status}`))
    ]])
  })

  it("a peer that does not answer the close holds it up for no longer than `timeout`", async () => {
    const journal = new Journal()
    const { connect, server } = await live({ nes: { onDisconnection: () => journal.note("onDisconnection") } })
    await connect()
    const mute = await mutePeer(server)
    const watch = stopwatch()
    await server.stop({ timeout: 100 })
    expect(watch.elapsed()).toBeLessThan(1_500)
    await mute.closed
    expect(journal.names).toEqual(["onDisconnection", "onDisconnection"])
  })

  it("a hook that never answers does not keep it from ending", async () => {
    const { connect, server } = await live({
      nes: { onDisconnection: () => new Promise(() => {}) },
      declare: (server) => server.subscription("/item", { onUnsubscribe: () => new Promise(() => {}) })
    })
    await (await connect()).subscribe("/item", () => {})
    await server.stop({ timeout: 100 })
    expect(server.info.started).toBe(0)
  })

  it("before a start, and after a start that failed: fine", async () => {
    const taken = createServer().listen(0, "127.0.0.1")
    await once(taken, "listening")
    onTestFinished(() => void taken.close())
    const { port } = taken.address() as { readonly port: number }
    const server = Hapi.server({ port, host: "127.0.0.1" })
    await server.register(Nes)
    await server.stop()
    await server.initialize()
    await server.stop()
    await expect(server.start()).rejects.toThrow("EADDRINUSE")
    await server.stop()
    expect(server.listener.listenerCount("upgrade")).toBe(0)
  })

  it("leaves nothing running: the process ends by itself, twice started, with and without a peer that is mute", async () => {
    const child = spawn(
      process.execPath,
      [...sources, fileURLToPath(new URL("lifecycle.child.ts", import.meta.url))],
      { cwd: root, stdio: ["ignore", "pipe", "pipe"] }
    )
    onTestFinished(() => void child.kill("SIGKILL"))
    let output = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text
      })
    }
    const [code] = await once(child, "close") as [number | null]
    expect(output).toBe("[]\n[]\n")
    expect(code).toBe(0)
  })
})

describe("a server that serves nobody keeps no process alive", () => {
  it.each(["registered", "initialised", "failed", "stopped"])("%s", async (how) => {
    const child = spawn(
      process.execPath,
      [...sources, fileURLToPath(new URL("exit.child.ts", import.meta.url)), how],
      { cwd: root, stdio: ["ignore", "pipe", "inherit"] }
    )
    onTestFinished(() => void child.kill("SIGKILL"))
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, "close") as Promise<[number | null]>])
    expect(output).toBe(`end of ${how}\n`)
    expect(code).toBe(0)
  })
})

describe("stopped and started again", () => {
  it("subscriptions and hooks are as before, nothing piles up, clients come back by themselves", async () => {
    const journal = new Journal()
    const { server } = await live({
      nes: {
        onConnection: ({ id }) => journal.note("onConnection", id),
        onDisconnection: () => journal.note("onDisconnection")
      },
      declare: (server) => server.subscription("/item/{id}")
    })
    const { port, uri } = server.info
    const client = new Nes.Client(uri.replace("http", "ws"))
    onTestFinished(() => client.disconnect())
    client.onError = () => {}
    await client.connect({ delay: 10 })
    const updates = await updatesOf(client, "/item/5")
    for (const round of [1, 2, 3]) {
      await server.publish("/item/5", round)
      await updates.until("update", round)
      await server.stop({ timeout: 100 })
      expect(server.listener.listenerCount("upgrade")).toBe(0)
      await journal.until("onDisconnection", round)
      server.settings.port = port
      await server.start()
      expect(server.listener.listenerCount("upgrade")).toBe(1)
      await journal.until("onConnection", round + 1)
      await new Promise<void>((resolve) => {
        client.onConnect = resolve
        if (client.id !== null) {
          resolve()
        }
      })
    }
    expect(new Set(journal.of("onConnection").map(([, id]) => id)).size).toBe(4)
  })
})

describe("listeners", () => {
  const use = async (server: Hapi.Server, url: string, ws: object = {}): Promise<Nes.Socket["info"] | undefined> => {
    const journal = new Journal()
    const client = new Nes.Client(url, { ws })
    onTestFinished(() => client.disconnect())
    client.onDisconnect = (_willReconnect, { code, wasClean }) => journal.note("closed", code, wasClean)
    await client.connect({ reconnect: false })
    const updates = await updatesOf(client, "/item/5")
    await server.publish("/item/5", { n: 1 })
    await updates.until("update")
    expect(await client.request("/")).toMatchObject({ payload: "hello", statusCode: 200 })
    let info: Nes.Socket["info"] | undefined
    await server.eachSocket((socket) => {
      info = socket.info
    })
    await server.stop({ timeout: 1_000 })
    await journal.until("closed")
    expect(journal.entries).toEqual([["closed", 1005, true]])
    return info
  }

  const declare = (server: Hapi.Server): void => {
    server.subscription("/item/{id}")
    server.route({ method: "GET", path: "/", handler: () => "hello" })
  }

  it("TLS", async () => {
    const { server, url } = await live({ hapi: { tls: { cert, key } }, declare })
    expect(url).toMatch(/^wss:/)
    expect(await use(server, url, { ca: cert })).toMatchObject({ remoteAddress: "127.0.0.1" })
  })

  it("a Unix socket: there is no remote address", async () => {
    const folder = mkdtempSync(join(tmpdir(), "effect-nes-unix-"))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const path = join(folder, "socket")
    const server = Hapi.server({ port: path })
    await server.register(Nes)
    declare(server)
    onTestFinished(() => server.stop({ timeout: 0 }))
    await server.start()
    expect(await use(server, `ws+unix://${path}:/`)).toEqual({
      remoteAddress: undefined,
      remotePort: undefined,
      "x-forwarded-for": undefined
    })
  })

  it("IPv6", async () => {
    const { server, url } = await live({ hapi: { host: "::1", uri: undefined }, declare })
    expect(await use(server, url.replace("ws://::1", "ws://[::1]"))).toMatchObject({ remoteAddress: "::1" })
  })

  it("one of the application's own that hapi does not listen on by itself", async () => {
    const { createServer } = await import("node:http")
    const listener = createServer()
    const server = Hapi.server({ listener, autoListen: false })
    await server.register(Nes)
    declare(server)
    await server.start()
    listener.listen(0, "127.0.0.1")
    await once(listener, "listening")
    const { port } = listener.address() as { readonly port: number }
    await use(server, `ws://127.0.0.1:${port}`)
  })
})

describe("server.inject in an application's own tests", () => {
  it("needs no listener: routes answer, publishing reaches nobody and fails nothing", async () => {
    const server = Hapi.server()
    await server.register({ plugin: Nes, options: { auth: false } })
    server.subscription("/item/{id}")
    server.route({
      method: "POST",
      path: "/item/{id}",
      handler: async ({ params, payload, server, socket }) => {
        await server.publish(`/item/${String(params.id)}`, payload)
        await server.broadcast("changed")
        await server.eachSocket(() => {})
        return { over: socket ? "socket" : "http" }
      }
    })
    const request = { method: "POST", url: "/item/5", payload: { n: 1 } }
    expect((await server.inject(request)).result).toEqual({ over: "http" })
    await server.initialize()
    expect((await server.inject(request)).result).toEqual({ over: "http" })
    await server.stop()
  })
})
