/** Faults of applications that must not open a door, lose a hook or stall (nes-api.txt, "server.subscription", "Socket"). */
import { badRequest, isBoom, unauthorized } from "@hapi/boom"
import Hapi from "@hapi/hapi"
import { once } from "node:events"
import { afterEach, describe, expect, it } from "vitest"
import { Client } from "../../src/client.js"
import * as Nes from "../../src/hapi.js"
import { stopwatch } from "../harness/Pace.js"
import type { RawClient } from "../harness/RawClient.js"
import { live } from "./LiveServer.js"

const servers: Array<Hapi.Server> = []
const clients: Array<Client> = []

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.disconnect()))
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

const credentialsOf: Readonly<Record<string, object>> = {
  joe: { user: "joe", scope: ["x", "banned-joe", "u-joe"] },
  ann: { user: "ann", scope: ["x", "u-joe"] },
  set: { user: "set", scope: new Set(["x", "banned"]) },
  odd: { user: "odd", scope: 5 },
  one: { user: { id: 1, name: "one", of: null } },
  "one again": { user: { name: "one", of: null, id: 1 } },
  two: { user: { id: 2, name: "two" } }
}

const serve = async (options: Nes.PluginOptions = {}) => {
  const server = Hapi.server({ port: 0 })
  server.auth.scheme("named", () => ({
    authenticate: (request, h) => {
      const credentials = credentialsOf[String(request.headers.authorization)]
      return credentials ? h.authenticated({ credentials }) : h.unauthenticated(unauthorized(null, "named"))
    }
  }))
  server.auth.strategy("named", "named")
  server.auth.default({ strategy: "named", mode: "optional" })
  await server.register({ plugin: Nes.plugin, options: { heartbeat: false, ...options } })
  await server.start()
  servers.push(server)
  return server
}

const connect = async (server: Hapi.Server, name?: string): Promise<Client> => {
  const client = new Client(server.info.uri)
  clients.push(client)
  await client.connect({ reconnect: false, ...(name && { auth: { headers: { authorization: name } } }) })
  return client
}

type Filter = Exclude<Nes.SubscriptionOptions["filter"], undefined>

const fault: never = new Error("no database") as never

const filters: ReadonlyArray<readonly [string, Filter]> = [
  ["passes an error to next", (_path, message, _options, next) => setImmediate(() => next(message === "a" || fault))],
  ["passes an error to next at once", (_path, message, _options, next) => next(message === "a" || fault)],
  ["returns an error", (_path, message) => message === "a" || fault],
  ["returns a Promise of an error", (_path, message) => Promise.resolve(message === "a" || fault)]
]

it.each(filters)("a filter that %s: no match, and a log entry", async (_name, filter) => {
  const server = await serve()
  const logged: Array<unknown> = []
  server.events.on("log", ({ error, tags }) => logged.push([tags, error]))
  server.subscription("/a", { filter })
  const client = await connect(server)
  const seen: Array<unknown> = []
  let done: () => void = () => {}
  const arrived = new Promise<void>((resolve) => {
    done = resolve
  })
  await client.subscribe("/a", (message) => {
    seen.push(message)
    done()
  })
  await server.publish("/a", "secret")
  await server.publish("/a", "a")
  await arrived
  expect(seen).toEqual(["a"])
  expect(logged).toEqual([[["nes", "filter", "error"], fault]])
})

const withPayload = (payload: unknown): Error => {
  const boom = badRequest("bad")
  boom.output.payload = payload as typeof boom.output.payload
  return boom
}

const circular: Record<string, unknown> = { error: "Bad Request" }
circular.self = circular

const internal = { error: "Internal Server Error", message: "An internal server error occurred" }

const errors: ReadonlyArray<readonly [what: string, error: unknown, statusCode: number, payload: unknown]> = [
  ["a frozen error", Object.freeze(new Error("secret")), 500, internal],
  ["a Boom whose payload holds itself", withPayload(circular), 500, internal],
  ["a Boom with a bigint", withPayload({ id: 5n }), 500, internal],
  ["a Boom without output", Object.assign(badRequest("secret"), { output: undefined }), 500, internal],
  ["a Boom with a text for its payload", withPayload("text"), 400, "text"],
  ["a Boom with a list for its payload", withPayload([1]), 400, [1]],
  ["a Boom with null for its payload", withPayload(null), 400, null]
]

describe.each(errors)("a hook that throws %s", (_what, error, statusCode, payload) => {
  const fail = (): never => {
    throw error
  }
  const refusal = { type: "server", statusCode, data: payload }

  it("is answered, and ends nothing else", async () => {
    const server = await serve({ onMessage: fail })
    server.subscription("/sub", { onSubscribe: fail })
    server.subscription("/snapshot", { snapshot: fail })
    const client = await connect(server)
    await expect(client.message("x")).rejects.toMatchObject(refusal)
    await expect(client.subscribe("/sub")).rejects.toMatchObject({ ...refusal, path: "/sub" })
    await expect(client.subscribe("/snapshot")).rejects.toMatchObject({ ...refusal, path: "/snapshot" })
    expect(client.isConnected).toBe(true)
  })

  it("refuses a hello or an upgrade", async () => {
    await expect(connect(await serve({ onConnection: fail }))).rejects.toMatchObject(refusal)
    await expect(connect(await serve({ verifyUpgrade: fail }))).rejects.toMatchObject({
      type: "ws",
      // It has no body that could not be made into text.
      statusCode: isBoom(error) && error.output ? 400 : 500
    })
  })
})

it("what a listener of the server's log throws is a warning of Node's, and ends nothing else", async () => {
  const server = await serve({ onMessage: () => Promise.reject(new Error("no database")) })
  server.events.on("log", () => {
    throw new Error("no disk")
  })
  server.subscription("/a", { filter: () => fault })
  const members = await Promise.all(Array.from({ length: 65 }, () => connect(server)))
  await Promise.all(members.map((client) => client.subscribe("/a", () => {})))
  const warned: Array<unknown> = []
  const warning = ({ message, name }: Error): unknown => message === "no disk" && warned.push([name, message])
  process.on("warning", warning)
  await expect(members[0]?.message("a")).rejects.toMatchObject({ statusCode: 500 })
  await server.publish("/a", "secret")
  await new Promise(setImmediate)
  process.off("warning", warning)
  expect(warned).toHaveLength(66)
  expect(warned[0]).toEqual(["NesWarning", "no disk"])
})

it.each<readonly [string, (request: Hapi.Request, listener: () => void) => unknown]>([
  ["disconnect", (request, listener) => request.events.on("disconnect", listener)],
  ["aborted", (request, listener) => request.raw.req.on("aborted", listener)]
])("what a listener to %s throws is logged, and the connection and its other requests end", async (_name, listen) => {
  const gone: Array<string> = []
  const begun: Array<() => void> = []
  let ended: () => void = () => {}
  const end = new Promise<void>((resolve) => {
    ended = resolve
  })
  const server = await serve({ onDisconnection: () => ended() })
  const logged: Array<unknown> = []
  server.events.on("log", ({ error, tags }) => logged.push([tags, error]))
  server.route({
    method: "GET",
    path: "/{id}",
    handler: (request) => {
      listen(request, () => {
        gone.push(request.path)
        throw fault
      })
      begun.shift()?.()
      return new Promise(() => {})
    }
  })
  const client = await connect(server)
  for (const path of ["/1", "/2"]) {
    await new Promise<void>((resolve) => {
      begun.push(resolve)
      client.request(path).catch(() => {})
    })
  }
  await client.disconnect()
  await end
  expect(gone).toEqual(["/1", "/2"])
  expect(logged).toEqual(Array.from({ length: 2 }, () => [["nes", "request", "error"], fault]))
})

it("an error passed to next after the answer is logged", async () => {
  const server = await serve()
  const logged: Array<unknown> = []
  server.events.on("log", ({ error, tags }) => logged.push([tags, error]))
  server.subscription("/a", {
    onSubscribe: (_socket, _path, _params, next) => {
      next()
      next(fault)
    }
  })
  const client = await connect(server)
  await client.subscribe("/a", () => {})
  expect(logged).toEqual([[["nes", "onSubscribe", "error"], fault]])
})

describe("scopes are filled in from the credentials too, as on routes", () => {
  it.each(
    [
      ["!banned-{credentials.user}", "joe", 403],
      ["!banned-{credentials.user}", "ann", undefined],
      ["u-{credentials.user}", "joe", undefined],
      ["u-{credentials.user}", "ann", 403]
    ] as const
  )("%s, %s: %s", async (scope, name, refusal) => {
    const server = await serve()
    server.subscription("/a", { auth: { scope: [scope] } })
    server.route({ method: "GET", path: "/a", options: { auth: { scope: [scope] } }, handler: () => "in" })
    const client = await connect(server, name)
    const outcome = (call: Promise<unknown>) =>
      call.then(() => undefined, (error: { statusCode: number }) => error.statusCode)
    expect(await outcome(client.request("/a"))).toBe(refusal)
    expect(await outcome(client.subscribe("/a", () => {}))).toBe(refusal)
  })
})

describe("scopes of any kind count as on routes, but that one required twice is required once", () => {
  it.each<readonly [string, string, ReadonlyArray<string>, number | undefined, number | undefined]>([
    ["a set", "set", ["x"], undefined, undefined],
    ["a set, required", "set", ["+x"], undefined, undefined],
    ["a set, forbidden", "set", ["!banned"], 403, 403],
    ["neither text nor list", "odd", ["x"], 403, 403],
    ["neither text nor list, required", "odd", ["+5"], 403, 403],
    ["required by one template", "joe", ["+{params.a}"], undefined, undefined],
    ["required by two templates", "joe", ["+{params.a}", "+{params.b}"], 403, undefined]
  ])("%s (%s, %j)", async (_, name, scope, onRoute, onSubscription) => {
    const server = await serve()
    server.subscription("/{a}/{b}", { auth: { scope: [...scope] } })
    server.route({ method: "GET", path: "/{a}/{b}", options: { auth: { scope: [...scope] } }, handler: () => "in" })
    const client = await connect(server, name)
    const outcome = (call: Promise<unknown>) =>
      call.then(() => undefined, (error: { statusCode: number }) => error.statusCode)
    expect(await outcome(client.request("/x/x"))).toBe(onRoute)
    expect(await outcome(client.subscribe("/x/x", () => {}))).toBe(onSubscription)
  })
})

it("users that are objects are one user if they hold the same", async () => {
  const server = await serve({ auth: { index: true, maxConnectionsPerUser: 1 } })
  server.subscription("/a", { auth: { index: true } })
  const one = await connect(server, "one")
  await expect(connect(server, "one again")).rejects.toMatchObject({ statusCode: 503 })
  const two = await connect(server, "two")
  const updates = (client: Client) =>
    new Promise<unknown>((resolve) => {
      client.onUpdate = resolve
    })
  const [first, second] = [updates(one), updates(two)]
  await server.broadcast("for one", { user: { name: "one", of: null, id: 1 } })
  await server.broadcast("for two", { user: { id: 2, name: "two" } })
  expect([await first, await second]).toEqual(["for one", "for two"])
})

describe("a hook that waits for its own socket to close does not wait for itself", () => {
  it("onConnection", async () => {
    const order: Array<string> = []
    let ended: () => void = () => {}
    const over = new Promise<void>((resolve) => {
      ended = resolve
    })
    const server = await serve({
      onConnection: async (socket) => {
        const watch = stopwatch()
        await socket.disconnect()
        order.push(watch.elapsed() < 900 ? "closed" : "stalled")
      },
      onDisconnection: () => {
        order.push("onDisconnection")
        ended()
      }
    })
    await connect(server).catch(() => {})
    await over
    expect(order).toEqual(["closed", "onDisconnection"])
  })

  it.each(["Promise", "callback"])("onSubscribe, by %s", async (style) => {
    const order: Array<string> = []
    let ended: () => void = () => {}
    const over = new Promise<void>((resolve) => {
      ended = resolve
    })
    const server = await serve({
      onDisconnection: () => {
        order.push("onDisconnection")
        ended()
      }
    })
    const onSubscribe: Nes.SubscriptionOptions["onSubscribe"] = style === "Promise"
      ? async (socket) => {
        await socket.disconnect()
        order.push("closed")
      }
      : (socket, _path, _params, next) => {
        socket.disconnect(() => {
          order.push("closed")
          next()
        })
      }
    server.subscription("/a", { onSubscribe, onUnsubscribe: () => order.push("onUnsubscribe") })
    const client = await connect(server)
    const watch = stopwatch()
    await client.subscribe("/a", () => {}).catch(() => {})
    await over
    expect(order).toEqual(["closed", "onUnsubscribe", "onDisconnection"])
    expect(watch.elapsed()).toBeLessThan(900)
  })
})

it("onUnsubscribe gets the parameters of its own subscription, whatever was declared since", async () => {
  const server = await serve()
  const params: Array<unknown> = []
  server.subscription("/i/{id}", { onUnsubscribe: (_socket, _path, given) => params.push(given) })
  const client = await connect(server)
  await client.subscribe("/i/x", () => {})
  server.subscription("/i/x")
  await client.unsubscribe("/i/x", null)
  expect(params).toEqual([{ id: "x" }])
})

it("eachSocket: a callback that throws keeps none from its turn, and the Promise rejects", async () => {
  const server = await serve()
  await connect(server)
  await connect(server)
  let calls = 0
  const promise = server.eachSocket(() => {
    calls++
    throw fault
  })
  expect(calls).toBe(2)
  await expect(promise).rejects.toBe(fault)
})

it("a fault of the server's own on what comes closes that connection with 1011, is logged, and stops no other", async () => {
  const { connect, log, open, server } = await live()
  const other = await connect()
  for (const say of [(raw: RawClient) => raw.say({ type: "ping" }), (raw: RawClient) => raw.socket.ping()]) {
    const raw = await open()
    await raw.hello()
    const closed = once(raw.socket, "close")
    const connection = [...server.plugins.nes.node.hub.connections.keys()].at(-1)
    Object.assign(connection ?? {}, {
      tooMany: () => {
        throw new Error("no database")
      }
    })
    say(raw)
    expect((await closed)[0]).toBe(1011)
  }
  expect(log.entries).toEqual(Array.from({ length: 2 }, () => ["nes connection error", "no database"]))
  await other.message("still there").catch(({ message }: Error) => expect(message).toBe("Not Implemented"))
})
