/** nes-api.txt, `server.subscription(path, [options])`: paths, and `onSubscribe` and `onUnsubscribe`. */
import Boom from "@hapi/boom"
import type Hapi from "@hapi/hapi"
import { describe, expect, it } from "vitest"
import { Journal } from "../harness/Journal.js"
import * as fc from "../harness/Property.js"
import { live, updatesOf } from "./LiveServer.js"

const declared = [
  ["/", "/"],
  ["/whole", "/whole"],
  ["/item/{id}", "/item/5"],
  ["/item/{id}", "/item/a%20b%2Fc"],
  ["/item/{id}", "/item/%C3%BC"],
  ["/deep/{a}/{b}", "/deep/1/2"],
  ["/rest/{path*}", "/rest/a/b/c"],
  ["/rest/{path*}", "/rest"],
  ["/two/{path*2}", "/two/a/b"],
  ["/maybe/{b?}", "/maybe"],
  ["/maybe/{b?}", "/maybe/x"],
  ["/mixed/{name}.json", "/mixed/file.json"],
  ["/mixed/v{major}-{minor}", "/mixed/v1-2"],
  ["/item/special", "/item/special"]
] as const

const unknown = ["/missing", "/item", "/item/5/6", "/deep/1", "/two/a", "/two/a/b/c", "/mixed/file.txt", "/WHOLE"]

// The same patterns as routes and as subscriptions, so that hapi's own router is the reference.
const everywhere = (journal: Journal) => (server: Hapi.Server): void => {
  for (const path of new Set(declared.map(([pattern]) => pattern))) {
    server.route({ method: "GET", path, handler: (request) => ({ pattern: path, params: request.params }) })
    server.subscription(path, {
      filter: (_path, _message, { params }) => {
        journal.note("filter", path, { ...params })
        return true
      },
      onSubscribe: (_socket, _path, params) => journal.note("onSubscribe", path, { ...params }),
      onUnsubscribe: (_socket, _path, params) => journal.note("onUnsubscribe", path, { ...params })
    })
  }
}

describe("`path`: may contain path parameters as supported by the hapi route path parser", () => {
  it.each(declared)("%s with %s: every hook gets the params that a route gets", async (pattern, path) => {
    const journal = new Journal()
    const { connect, server } = await live({ declare: everywhere(journal) })
    const { payload } = await server.inject(path)
    const route = JSON.parse(payload) as { readonly pattern: string; readonly params: object }
    expect(route.pattern).toBe(pattern)

    const client = await connect()
    const updates = await updatesOf(client, path)
    await server.publish(path, "update")
    await updates.until("update")
    await client.unsubscribe(path, null)
    expect(journal.entries).toEqual(
      ["onSubscribe", "filter", "onUnsubscribe"].map((hook) => [hook, pattern, route.params])
    )
  })

  it("any parameter value comes through as a route has it", async () => {
    const journal = new Journal()
    const { connect, server } = await live({ declare: everywhere(journal) })
    const client = await connect()
    const value = fc.string({ minLength: 1, unit: "grapheme" })
      .filter((text) => text !== "." && text !== ".." && text !== "special")
    await fc.assert(
      fc.asyncProperty(value, async (text) => {
        const path = `/item/${encodeURIComponent(text)}`
        await client.subscribe(path, () => {})
        await client.unsubscribe(path, null)
        expect(journal.entries.splice(0)).toEqual([
          ["onSubscribe", "/item/{id}", { id: text }],
          ["onUnsubscribe", "/item/{id}", { id: text }]
        ])
        const { payload } = await server.inject(path)
        expect(JSON.parse(payload)).toEqual({ pattern: "/item/{id}", params: { id: text } })
      }),
      { numRuns: 100 }
    )
  })

  it.each(unknown)("%s: what no route would answer is no subscription", async (path) => {
    const { connect, server } = await live({ declare: everywhere(new Journal()) })
    expect((await server.inject(path)).statusCode).toBe(404)
    const client = await connect()
    await expect(client.subscribe(path, () => {})).rejects.toMatchObject({
      statusCode: 404,
      message: "Subscription not found",
      path
    })
  })

  it("the first declared path that matches best wins, in whatever order they were declared", async () => {
    const { connect, server } = await live({
      declare: (server) => {
        server.subscription("/{any*}", { onSubscribe: () => Promise.reject(Boom.conflict("any")) })
        server.subscription("/item/{id}", { onSubscribe: () => Promise.reject(Boom.conflict("id")) })
        server.subscription("/item/5", { onSubscribe: () => Promise.reject(Boom.conflict("five")) })
      }
    })
    const client = await connect()
    await expect(client.subscribe("/item/5", () => {})).rejects.toThrow("five")
    await expect(client.subscribe("/item/6", () => {})).rejects.toThrow("id")
    await expect(client.subscribe("/other/6", () => {})).rejects.toThrow("any")
    expect(() => server.subscription("/item/{other}")).toThrow(/conflict/)
    expect(() => server.subscription("item")).toThrow(/Invalid path/)
    expect(() => server.subscription("")).toThrow("Subscription missing path")
  })

  it("must begin with /", async () => {
    const { connect, server } = await live()
    expect(() => server.subscription("item")).toThrow(/Invalid path/)
    await expect((await connect()).subscribe("item", () => {})).rejects.toThrow("Invalid path")
  })

  it("can be declared while clients are connected", async () => {
    const { connect, server } = await live()
    const client = await connect()
    await expect(client.subscribe("/late", () => {})).rejects.toThrow("Subscription not found")
    server.subscription("/late")
    const updates = await updatesOf(client, "/late")
    await server.publish("/late", 1)
    await updates.until("update")
  })
})

describe("`onSubscribe` and `onUnsubscribe`, with `next` and without", () => {
  const both = (journal: Journal) => (server: Hapi.Server): void => {
    server.subscription("/next/{id}", {
      onSubscribe: (socket, path, params, next) => {
        journal.note("onSubscribe", socket.id, path, params)
        setImmediate(next, params.id === "bad" ? Boom.badData("not that one") : undefined)
      },
      onUnsubscribe: (socket, path, params, next) => {
        journal.note("onUnsubscribe", socket.id, path, params)
        setImmediate(next)
      }
    })
    server.subscription("/promise/{id}", {
      onSubscribe: async (socket, path, params) => {
        journal.note("onSubscribe", socket.id, path, params)
        await new Promise(setImmediate)
        if (params.id === "bad") {
          throw Boom.badData("not that one")
        }
      },
      onUnsubscribe: async (socket, path, params) => {
        await new Promise(setImmediate)
        journal.note("onUnsubscribe", socket.id, path, params)
      }
    })
  }

  it.each(["/next", "/promise"])("%s: socket, path and params; the answer waits for them", async (prefix) => {
    const journal = new Journal()
    const { connect } = await live({ declare: both(journal) })
    const client = await connect()
    await client.subscribe(`${prefix}/5`, () => {})
    expect(journal.entries).toEqual([["onSubscribe", client.id, `${prefix}/5`, { id: "5" }]])
    await client.unsubscribe(`${prefix}/5`, null)
    expect(journal.entries.slice(1)).toEqual([["onUnsubscribe", client.id, `${prefix}/5`, { id: "5" }]])
  })

  it.each(["/next", "/promise"])("%s: `err` fails the subscription and is passed to the client", async (prefix) => {
    const journal = new Journal()
    const { connect, server } = await live({ declare: both(journal) })
    const client = await connect()
    await expect(client.subscribe(`${prefix}/bad`, () => {})).rejects.toMatchObject({
      type: "server",
      statusCode: 422,
      message: "not that one",
      path: `${prefix}/bad`
    })
    let visited = 0
    await server.eachSocket(() => visited++, { subscription: `${prefix}/bad` })
    expect(visited).toBe(0)
    await client.disconnect()
    expect(journal.names).toEqual(["onSubscribe"])
  })

  it.each(["/next", "/promise"])("%s: in a hello, the error comes through connect", async (prefix) => {
    const journal = new Journal()
    const { open } = await live({ declare: both(journal) })
    const raw = await open()
    expect(await raw.hello({ subs: [`${prefix}/1`, `${prefix}/bad`, `${prefix}/2`] })).toMatchObject({
      type: "hello",
      statusCode: 422,
      path: `${prefix}/bad`,
      payload: { message: "not that one" }
    })
    raw.cut()
    await journal.until("onUnsubscribe")
    expect(journal.entries.map(([name, , path]) => [name, path])).toEqual([
      ["onSubscribe", `${prefix}/1`],
      ["onSubscribe", `${prefix}/bad`],
      ["onUnsubscribe", `${prefix}/1`]
    ])
  })

  it("`onUnsubscribe` follows an unsub, a revoke and a disconnect, with the params of the subscription", async () => {
    const journal = new Journal()
    const { connect, server } = await live({ declare: both(journal) })
    const client = await connect()
    for (const id of ["1", "2", "3", "4"]) {
      await client.subscribe(`/next/${id}`, () => {})
    }
    journal.entries.length = 0
    await client.unsubscribe("/next/1", null)
    await server.eachSocket((socket) => socket.revoke("/next/2", null))
    await client.disconnect()
    await journal.until("onUnsubscribe", 4)
    expect(journal.entries.map(([, , path, params]) => [path, params])).toEqual(
      ["1", "2", "3", "4"].map((id) => [`/next/${id}`, { id }])
    )
  })
})
