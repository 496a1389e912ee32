/** The inspector on hapi: who gets in, what it shows of all nodes, and what it does. */
import * as Boom from "@hapi/boom"
import Hapi from "@hapi/hapi"
import { Effect } from "effect"
import { hostname } from "node:os"
import { Readable } from "node:stream"
import { describe, expect, it, onTestFinished } from "vitest"
import { Client, type RequestOptions } from "../../src/client.js"
import * as Nes from "../../src/hapi.js"
import { Broker } from "../../src/index.js"
import * as Inspector from "../../src/inspector.js"

/** What must never be shown. */
const secret = "s3cret-marker"

const cookieOf = { headers: { cookie: "operator=yes" } }

const startServer = async ({ broker, hosts = {} }: {
  readonly broker?: Nes.PluginOptions["broker"]
  readonly hosts?: Partial<Inspector.PluginOptions>
} = {}) => {
  const server = Hapi.server({ host: "127.0.0.1", port: 0, debug: false })
  server.auth.scheme("named", () => ({
    authenticate: (request, h) => {
      const { authorization, "x-user": user } = request.headers
      if (authorization === undefined) {
        throw Boom.unauthorized(null, "named")
      }
      if (authorization !== secret) {
        throw Boom.unauthorized(`Not ${String(authorization)}`)
      }
      return h.authenticated({ credentials: { user, token: secret }, artifacts: { secret } })
    }
  }))
  server.auth.strategy("named", "named")
  server.auth.scheme("operator", () => ({
    authenticate: (request, h) => {
      if (request.headers.cookie !== "operator=yes") {
        throw Boom.unauthorized("Operators only")
      }
      return h.authenticated({ credentials: { scope: ["admin"] } })
    }
  }))
  server.auth.strategy("operator", "operator")
  await server.register([
    {
      plugin: Nes.plugin,
      options: {
        broker,
        auth: { route: { mode: "optional", strategy: "named" }, index: true },
        limits: { maxSubscriptions: 3 }
      }
    },
    { plugin: Inspector.plugin, options: { auth: { strategy: "operator", scope: "admin" }, ...hosts } }
  ])
  server.subscription("/item/{id}", {
    auth: { mode: "optional" },
    presence: true,
    filter: () => {
      throw new TypeError(secret)
    }
  })
  await server.start()
  onTestFinished(() => server.stop({ timeout: 200 }))
  const url = server.info.uri.replace("http", "ws")
  const connectTo = async (path: string, ws: object, options: object = {}): Promise<Client> => {
    const client = new Client(url + path, { ws })
    client.onError = () => {}
    onTestFinished(() => client.disconnect())
    await client.connect({ reconnect: false, ...options })
    return client
  }
  return {
    server,
    url,
    connect: (user?: string) =>
      connectTo("", { headers: { "x-secret": secret, cookie: `s=${secret}` } }, {
        ...(user !== undefined && { auth: { headers: { authorization: secret, "x-user": user } } })
      }),
    operate: async (ws: object = cookieOf) => {
      const client = await connectTo("/nes/inspector", ws)
      const ask = async (message: unknown): Promise<unknown> => (await client.message(message)).payload
      const list = async (
        question: object
      ): Promise<{ readonly total: number; readonly ids: ReadonlyArray<string> }> => {
        const { rows, total } = await ask({ ...page, ...question }) as {
          readonly total: number
          readonly rows: ReadonlyArray<{ readonly id: string }>
        }
        return { total, ids: rows.map(({ id }) => id) }
      }
      return { client, ask, list }
    }
  }
}

const page = { type: "connections", search: "", from: 0, count: 100 }

it("a node without an inspector has no answer for the operators of others", async () => {
  const server = Hapi.server()
  await server.register(Nes.plugin)
  expect(server.plugins.nes.node.answerOperator({ type: "overview" })).toBeUndefined()
})

describe("who gets in", () => {
  it("is not registered without authentication, or before the plugin that it looks into", async () => {
    const options = { auth: false } as const
    await expect(Hapi.server().register({ plugin: Inspector.plugin, options })).rejects.toThrow("registered before it")
    const server = Hapi.server()
    await server.register(Nes.plugin)
    await expect(server.register({ plugin: Inspector.plugin })).rejects.toThrow("auth: expected false or")
    const slip = { ...options, paht: "/x" }
    await expect(Hapi.server().register({ plugin: Inspector.plugin, options: slip })).rejects.toThrow(
      "paht: is unexpected"
    )
  })

  it("asks the application for the page and for each socket, and refuses the pages of others", async () => {
    const { operate, server } = await startServer()
    const answer = async (headers: Record<string, string>) => server.inject({ url: "/nes/inspector", headers })
    expect(await answer({})).toMatchObject({ statusCode: 401 })
    expect(await answer(cookieOf.headers)).toMatchObject({
      statusCode: 200,
      headers: {
        "cache-control": "no-store",
        "content-security-policy": expect.stringContaining("default-src 'none'") as unknown
      }
    })
    await expect(operate({})).rejects.toThrow("Socket error")
    const cross = { headers: { ...cookieOf.headers, origin: "https://other.test" } }
    await expect(operate(cross)).rejects.toThrow("Socket error")
    const { client } = await operate({ headers: { ...cookieOf.headers, origin: server.info.uri } })
    expect(client.isConnected).toBe(true)
  })

  it("lets nobody in who is given another page in its stead, wherever its own is", async () => {
    const server = Hapi.server({ host: "127.0.0.1", port: 0, debug: false })
    server.auth.scheme("form", () => ({
      authenticate: ({ headers: { cookie } }, h) =>
        cookie === "operator=yes" ? h.authenticated({ credentials: {} }) : h.response("Please log in").takeover()
    }))
    server.auth.strategy("form", "form")
    await server.register(Nes)
    await server.register({ plugin: Inspector.plugin, options: { auth: "form" } }, { routes: { prefix: "/admin" } })
    await server.start()
    onTestFinished(() => server.stop({ timeout: 200 }))
    const url = `${server.info.uri.replace("http", "ws")}/admin/nes/inspector`
    const operate = async (ws: object) => {
      const client = new Client(url, { ws })
      onTestFinished(() => client.disconnect())
      await client.connect({ reconnect: false })
      return (await client.message(page)).payload
    }
    await expect(operate({})).rejects.toThrow("Socket error")
    expect(await operate(cookieOf)).toEqual({ total: 0, silent: [], rows: [] })
  })

  it("lets go of operators when the server stops, and has them back when it starts again", async () => {
    const { operate, server } = await startServer()
    const { client } = await operate()
    const lost = new Promise((resolve) => {
      client.onDisconnect = (_, { code }) => resolve(code)
    })
    // As long as a socket is open, hapi waits.
    await Promise.all([server.stop({ timeout: 60_000 }), lost])
    expect(await lost).toBe(1001)
    await server.start()
    const again = new Client(`${server.info.uri.replace("http", "ws")}/nes/inspector`, { ws: cookieOf })
    onTestFinished(() => again.disconnect())
    await again.connect({ reconnect: false })
    const told = new Promise((resolve) => void again.subscribe("/overview", resolve))
    expect(await told).toMatchObject({
      nodes: [{ isSelf: true, serves: true, process: `${hostname()}:${process.pid}` }]
    })
  }, 20_000)

  it("lets in the origins that it is told", async () => {
    const { operate } = await startServer({ hosts: { origin: "https://other.test" } })
    await operate({ headers: { ...cookieOf.headers, origin: "https://other.test" } })
  })
})

describe("what it shows and does", () => {
  it("finds connections by user, address, id and path", async () => {
    const { connect, operate } = await startServer()
    const { ask, list: found } = await operate()
    const [ann, , none] = [await connect("ann"), await connect("bob"), await connect()]
    await ann.subscribe("/item/5")
    await none.subscribe("/item/5")
    expect(await found({})).toMatchObject({ total: 3 })
    expect(await found({ search: "ANN" })).toEqual({ total: 1, ids: [ann.id] })
    expect(await found({ search: String(none.id) })).toEqual({ total: 1, ids: [none.id] })
    expect(await found({ search: "127.0.0" })).toMatchObject({ total: 3 })
    expect(await found({ path: "/item/5" })).toEqual({ total: 2, ids: [ann.id, none.id] })
    expect(await found({ path: "/item/5", search: "ann" })).toEqual({ total: 1, ids: [ann.id] })
    expect(await found({ path: "/nowhere" })).toEqual({ total: 0, ids: [] })
    expect(await ask({ type: "paths", search: "" })).toEqual({
      declared: [
        { path: "/item/{id}", subscribers: 2, has: ["presence"] },
        expect.objectContaining({ path: "/item/{id}/presence", subscribers: 0 })
      ],
      paths: [{ path: "/item/5", subscribers: 2 }]
    })
    await expect.poll(() => ask({ type: "present", path: "/item/5" })).toEqual({ count: 2, users: ["ann", none.id] })
    expect(await ask({ type: "connection", id: ann.id })).toMatchObject({
      user: "ann",
      isAuthenticated: true,
      strategy: "named",
      paths: ["/item/5"]
    })
    expect(await ask({ type: "connection", id: "nobody" })).toBe(null)
  })

  it("sends, revokes and disconnects, on whatever node", async () => {
    const broker = Effect.runSync(Broker.makeMemory)
    const [here, there] = [await startServer({ broker }), await startServer({ broker })]
    const { ask } = await here.operate()
    const client = await there.connect("ann")
    const heard: Array<unknown> = []
    client.onUpdate = (message) => void heard.push(message)
    await client.subscribe("/item/5", (message, flags) => void heard.push([message, flags]))
    expect(await ask({ type: "send", id: client.id, message: { n: 1 } })).toBe(true)
    expect(await ask({ type: "send", id: "nobody", message: 1 })).toBe(false)
    await expect.poll(() => heard).toEqual([{ n: 1 }])
    expect(await ask({ type: "revoke", socket: client.id, path: "/item/5" })).toBe(true)
    await expect.poll(() => client.subscriptions()).toEqual([])
    const lost = new Promise((resolve) => {
      client.onDisconnect = resolve
    })
    expect(await ask({ type: "disconnect", socket: client.id })).toBe(true)
    await lost
  })

  it("pages through the connections of all nodes, each once", async () => {
    const broker = Effect.runSync(Broker.makeMemory)
    const nodes = [await startServer({ broker }), await startServer({ broker })] as const
    const clients = await Promise.all(
      Array.from({ length: 7 }, (_, i) => nodes[i % 3 === 0 ? 1 : 0].connect(`user${i}`))
    )
    const { list } = await nodes[0].operate()
    for (const search of ["", "user", "user3"]) {
      const expected = clients.filter((_, i) => `user${i}`.includes(search)).map(({ id }) => String(id))
      for (let count = 1; count <= 8; count++) {
        const seen: Array<string> = []
        for (let from = 0; from < expected.length; from += count) {
          const answer = await list({ search, from, count })
          expect(answer.total).toBe(expected.length)
          expect(answer.ids).toHaveLength(Math.min(count, expected.length - from))
          seen.push(...answer.ids)
        }
        expect(seen.toSorted()).toEqual(expected.toSorted())
      }
    }
    expect(await list({ from: 7 })).toEqual({ total: 7, ids: [] })
  })

  it("never shows credentials, nor what applications and clients wrote of them", async () => {
    const { connect, operate, server } = await startServer()
    const { ask, client } = await operate()
    const shown: Array<unknown> = []
    await client.subscribe("/overview", (message) => void shown.push(message))
    const ann = await connect("ann")
    await ann.request({ path: `/nowhere?token=${secret}`, headers: { authorization: secret } } satisfies RequestOptions)
      .catch(() => {})
    await ann.subscribe("/item/5")
    await ann.present("/item/5", secret)
    // Incidents of each kind: a filter that throws, a limit, an authentication that fails.
    await server.publish("/item/5", { secret }).catch(() => {})
    await ann.subscribe("/item/6")
    await ann.subscribe("/item/7")
    await ann.subscribe("/item/8").catch(() => {})
    // What the door itself has nobody to tell: a body that does not end, and what is no JSON.
    server.route({
      method: "GET",
      path: "/events",
      handler: (_, h) => h.response(Readable.from([secret], { objectMode: false })).type("text/event-stream")
    })
    await ann.request("/events").catch(() => {})
    await server.eachSocket((socket) => socket.send(1n).catch(() => {}))
    await new Client(server.info.uri.replace("http", "ws"))
      .connect({ reconnect: false, auth: { headers: { authorization: `not ${secret}` } } }).catch(() => {})
    const kinds = () => {
      const { nodes } = shown.at(-1) as {
        readonly nodes: ReadonlyArray<{ readonly incidents: ReadonlyArray<Readonly<Record<string, unknown>>> }>
      }
      return nodes[0]?.incidents.map(({ kind, reason }) => [kind, reason])
    }
    await expect.poll(kinds).toEqual([
      ["filter error", "TypeError"],
      ["limit exceeded", "maxSubscriptions"],
      ["response error", undefined],
      ["serialization error", undefined],
      ["authentication failed", undefined]
    ])
    for (
      const message of [
        page,
        { type: "connection", id: ann.id },
        { type: "paths", search: "" },
        { type: "present", path: "/item/5" }
      ]
    ) {
      shown.push(await ask(message))
    }
    const text = JSON.stringify(shown)
    expect(text).toContain("ann")
    expect(text).not.toContain(secret)
  })

  it("refuses what it does not know", async () => {
    const { operate } = await startServer()
    const { ask, client } = await operate()
    for (const message of [null, "x", {}, { type: "publish" }, { ...page, count: 501 }, { ...page, from: -1 }]) {
      await expect(ask(message)).rejects.toMatchObject({ statusCode: 400 })
    }
    await expect(ask({ type: "present", path: "/nowhere" })).rejects.toMatchObject({ statusCode: 400 })
    await expect(client.request("/nes/inspector")).rejects.toMatchObject({ statusCode: 404 })
  })
})
