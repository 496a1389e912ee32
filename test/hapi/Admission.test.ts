/** Who may upgrade, and what operators see of those who may not. */
import Boom from "@hapi/boom"
import * as Effect from "effect/Effect"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { WebSocket } from "ws"
import * as Broker from "../../src/server/Broker.js"
import { networkOf } from "../../src/server/transport/Admission.js"
import { Gate } from "../harness/Journal.js"
import { as, authenticating, type Live, live, type Options } from "./LiveServer.js"

/** The status an upgrade is answered with: 101 for one that opens. */
const status = (url: string, headers: Record<string, string> = {}): Promise<number | undefined> =>
  new Promise((resolve) => {
    const socket = new WebSocket(url, { headers })
    onTestFinished(() => socket.terminate())
    socket.on("error", () => {})
    socket.once("unexpected-response", (_request, { statusCode }) => resolve(statusCode))
    socket.once("open", () => resolve(101))
  })

/** A server whose whole log is kept. */
const watched = async (options: Options): Promise<Live & { readonly entries: Array<object> }> => {
  const entries: Array<object> = []
  const host = await live({
    ...options,
    prepare: (server) => {
      server.events.on("log", ({ data, tags }) => entries.push({ tags, data }))
      return options.prepare?.(server)
    }
  })
  return { ...host, entries }
}

const redirect = () => {
  const boom = Boom.unauthorized()
  boom.output.statusCode = 302
  return boom
}

const refused = ({ server }: Live) => {
  const { refused, totals: { connectionsRefused } } = server.plugins.nes.node
  return { connectionsRefused, ...Object.fromEntries(Object.entries(refused).filter(([, count]) => count > 0)) }
}

describe("verifyUpgrade", () => {
  it.each<[string, () => unknown, number]>([
    ["true", () => true, 101],
    ["a Promise of true", () => Promise.resolve(true), 101],
    ["false", () => false, 401],
    ["nothing", () => {}, 401],
    ["a status", () => 429, 429],
    ["a Promise of a status", () => Promise.resolve(503), 503],
    ["what is no status of a refusal", () => 200, 401],
    ["a Boom", () => Promise.reject(Boom.notFound()), 404],
    ["a Boom that is no refusal any more", () => Promise.reject(redirect()), 401],
    ["one at once", () => {
      throw redirect()
    }, 401],
    ["an exception", () => {
      throw new Error("broken")
    }, 500],
    ["nothing in time", () => new Promise(() => {}), 503]
  ])("by %s", async (_, verdict, expected) => {
    const host = await live({
      nes: { verifyUpgrade: verdict as () => boolean, limits: { authTimeout: 50 } }
    })
    expect(await status(host.url)).toBe(expected)
    expect(refused(host)).toEqual(
      expected === 101 ? { connectionsRefused: 0 } : { connectionsRefused: 1, verifyUpgrade: 1 }
    )
  })

  it("is told the address, the headers, path and query; a failure of its own is logged", async () => {
    const asked: Array<unknown> = []
    const host = await live({
      nes: {
        verifyUpgrade(request) {
          asked.push(this === undefined, request)
          throw new Error("broken")
        }
      }
    })
    expect(await status(`${host.url}/a?b=1`, { "x-key": "k" })).toBe(500)
    expect(asked).toEqual([
      false,
      { address: "127.0.0.1", headers: expect.objectContaining({ "x-key": "k" }), url: "/a?b=1" }
    ])
    expect(host.log.entries).toEqual([["nes verifyUpgrade error", "broken"]])
  })

  it("is not asked where the origin was refused already", async () => {
    const host = await live({ nes: { origin: "https://our.example", verifyUpgrade: () => 400 } })
    expect(await status(host.url)).toBe(401)
    expect(refused(host)).toEqual({ connectionsRefused: 1, origin: 1 })
  })

  it("may take any time where there is no limit to it", async () => {
    const host = await live({
      nes: {
        verifyUpgrade: () => new Promise<boolean>((resolve) => setImmediate(resolve, true)),
        limits: { authTimeout: false }
      }
    })
    expect(await status(host.url)).toBe(101)
  })

  it("may take its time, in which others come in", async () => {
    const gate = new Gate()
    const host = await live({
      nes: { verifyUpgrade: async ({ url }) => url === "/quick" || (await gate.hold(), true) }
    })
    const slow = status(host.url)
    await gate.reached
    expect(await status(`${host.url}/quick`)).toBe(101)
    gate.open()
    expect(await slow).toBe(101)
  })
})

describe("maxConnectionsPerAddress", () => {
  it("refuses one more of an address with 429, before the upgrade, and has room when one has left", async () => {
    const host = await live({ hapi: { host: "localhost" }, nes: { maxConnectionsPerAddress: 2 } })
    const clients = [await host.open(), await host.open()]
    expect(await status(host.url)).toBe(429)
    clients[0]?.cut()
    while (host.server.plugins.nes.node.hub.connections.size > 1) {
      await new Promise(setImmediate)
    }
    await host.open()
    expect(await status(host.url)).toBe(429)
    expect(refused(host)).toEqual({ connectionsRefused: 2, maxConnectionsPerAddress: 2 })
  })

  it("counts those who wait for verifyUpgrade when they come in", async () => {
    const all = new Gate()
    let waiting = 0
    const host = await live({
      nes: {
        maxConnectionsPerAddress: 1,
        verifyUpgrade: async () => {
          if (++waiting === 5) {
            all.open()
          }
          await all.opened
          return true
        }
      }
    })
    const statuses = await Promise.all(Array.from({ length: 5 }, () => status(host.url)))
    expect(statuses.toSorted((a = 0, b = 0) => a - b)).toEqual([101, 429, 429, 429, 429])
  })

  it.each([
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:db8:1:2::6", "2001:db8:1:2"],
    ["2001:db8::6", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
    ["fe80::1%eth0", "fe80:0:0:0"]
  ])("%s counts as %s", (address, network) => {
    expect(networkOf(address)).toBe(network)
  })
})

describe("the log of the server", () => {
  const forwarded = { "x-forwarded-for": "192.0.2.7, 192.0.2.8" }
  const from = { "client.address": "127.0.0.1", "client.forwarded_for": "192.0.2.7, 192.0.2.8" }

  it("says who was not let in, and why", async () => {
    const host = await watched({ nes: { origin: "https://our.example" } })
    expect(
      await status(`${host.url}/?token=secret`, { ...forwarded, origin: "https://evil.example", cookie: "secret" })
    )
      .toBe(401)
    expect(host.entries).toEqual([{
      tags: ["effect-nes", "connection", "refused"],
      data: { ...from, "nes.origin": "https://evil.example", "nes.error": "origin" }
    }])
    const full = await watched({ nes: { maxConnections: 1 } })
    await full.open()
    const second = await full.open()
    await second.closed
    expect(full.entries).toEqual([{
      tags: ["effect-nes", "connection", "refused"],
      data: { "client.address": "127.0.0.1", "nes.error": "maxConnections" }
    }])
    expect(refused(full)).toEqual({ connectionsRefused: 1, maxConnections: 1 })
  })

  it.each([
    ["https://john:secret@evil.example/?token=secret", "https://evil.example"],
    ["https://evil.example:8443/secret", "https://evil.example:8443"],
    ["https://evil.example#secret", "https://evil.example"],
    ["//john:secret@evil.example", "unreadable"],
    ["https://john:secret@", "unreadable"],
    ["evil.example?token=secret", "unreadable"],
    ["mailto:john?secret", "unreadable"],
    ["null", "null"],
    ["evil\u00e9", "evil%C3%A9"],
    ["x".repeat(300), "x".repeat(256)]
  ])("names the origin %s as %s", async (origin, named) => {
    const host = await watched({ nes: { origin: "https://our.example" } })
    await status(host.url, { origin })
    expect(host.entries).toMatchObject([{ data: { "nes.origin": named } }])
  })

  it("says whose credentials were refused, without them", async () => {
    const host = await watched({ prepare: (server) => authenticating(server), nes: { auth: { type: "direct" } } })
    const client = await host.open({ headers: forwarded })
    expect(await client.hello(as("secret"))).toMatchObject({ statusCode: 401 })
    expect(host.entries).toEqual([{
      tags: ["effect-nes", "authentication", "failed"],
      data: { ...from, "nes.socket.id": expect.any(String), "nes.error": "Unknown user" }
    }])
    expect(host.server.plugins.nes.node.totals.authenticationsFailed).toBe(1)
    expect(JSON.stringify(host.entries)).not.toContain("secret")
  })

  it("says at the start that cookies authenticate from any page, unless origins are named", async () => {
    const start = (origin?: string) =>
      watched({
        prepare: (server) => authenticating(server),
        nes: { origin, auth: { type: "cookie", password: "a password that is at least 32 long" } }
      })
    expect((await start()).entries).toEqual([{
      tags: ["effect-nes", "origin", "missing"],
      data: { "nes.error": expect.stringContaining("any page may connect with its visitor's cookie") }
    }])
    expect((await start("https://our.example")).entries).toEqual([])
  })

  it("says that it sends its clients away, and that they have gone", async () => {
    const { entries, open, server } = await watched({})
    await (await open()).hello()
    await server.stop()
    expect(entries).toEqual([
      { tags: ["effect-nes", "draining"], data: { "nes.connections": 1 } },
      { tags: ["effect-nes", "stopped"], data: {} }
    ])
  })

  it("says at the start that other nodes refuse what this one seals, unless a password is given", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockReturnValue()
    onTestFinished(() => warn.mockRestore())
    const start = async (auth: object, broker?: Broker.Service) => {
      const { entries } = await watched({
        prepare: (server) => authenticating(server),
        nes: { broker, origin: "https://our.example", auth }
      })
      return entries
    }
    const broker = Effect.runSync(Broker.makeMemory)
    for (const type of ["cookie", "token"]) {
      expect(await start({ type }, broker)).toEqual([{
        tags: ["effect-nes", "password", "missing"],
        data: { "nes.error": expect.stringContaining("`auth.password`") }
      }])
      expect(await start({ type })).toEqual([])
      expect(await start({ type, password: "a password that is at least 32 long" }, broker)).toEqual([])
    }
    expect(await start({ type: "direct" }, broker)).toEqual([])
    const naming: unknown = expect.stringContaining("`auth.password`")
    expect(warn.mock.calls.map(([text]) => text)).toEqual([naming, naming])
  })

  it("says once for each connection which limit it crossed, with the path but not its query", async () => {
    const host = await watched({ nes: { limits: { maxPathLength: 10 } } })
    const client = await host.open({ headers: forwarded })
    await client.hello()
    for (let i = 0; i < 2; i++) {
      await client.ask({ type: "request", method: "GET", path: "/a?token=secret" })
    }
    expect(host.entries).toEqual([{
      tags: ["effect-nes", "limit", "exceeded"],
      data: { ...from, "nes.socket.id": expect.any(String), "nes.limit": "maxPathLength", "nes.path": "/a" }
    }])
  })
})
