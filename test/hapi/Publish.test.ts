/** nes-api.txt, `server.publish(path, message, [options])` and `server.broadcast(message, [options])`. */
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { Journal } from "../harness/Journal.js"
import { as, authenticating, fence, live, updatesOf } from "./LiveServer.js"

const values = [{ a: [1, null, { b: "ü😀" }] }, "text", "", 0, -1.5, true, false, null, [1, "2"]]

describe("`server.publish`", () => {
  it.each(values)("`message` of any type that JSON has: %j", async (message) => {
    const { connect, server } = await live({ declare: (server) => server.subscription("/item/{id}") })
    const updates = await updatesOf(await connect(), "/item/5")
    await server.publish("/item/5", message)
    await updates.until("update")
    expect(updates.entries).toEqual([["update", message]])
  })

  it("`path`: matched against the specific path of each client", async () => {
    const { connect, server } = await live({
      declare: (server) => {
        server.subscription("/item/{id?}")
        server.subscription("/kept", { recovery: true })
      }
    })
    const paths = ["/item", "/item/5", "/item/6"]
    const clients = await Promise.all(paths.map(() => connect()))
    const got = await Promise.all(clients.map((client, index) => updatesOf(client, paths[index] ?? "")))
    for (const path of [...paths, "/item/7", "/other"]) {
      await server.publish(path, path)
    }
    await Promise.all(clients.map(fence))
    expect(got.map(({ entries }) => entries)).toEqual(paths.map((path) => [["update", path]]))
  })

  it("`path` must begin with /: throws before anything is sent", async () => {
    const { server } = await live()
    expect(() => server.publish("item", 1)).toThrow("Missing or invalid subscription path: item")
    expect(() => server.publish("", 1)).toThrow("Missing or invalid subscription path: empty")
  })

  it("`internal` goes to the filter and never to a client; `user` and `internal` together", async () => {
    const journal = new Journal()
    const { connect, server } = await live({
      declare: (server) => {
        authenticating(server)
        server.subscription("/item", {
          auth: { index: true },
          filter: (_path, _message, { credentials, internal }) => {
            journal.note("filter", credentials?.user, internal)
            return true
          }
        })
      },
      nes: { auth: { index: true } }
    })
    const john = await connect(as("john"))
    const jane = await connect(as("jane"))
    const [forJohn, forJane] = [await updatesOf(john, "/item"), await updatesOf(jane, "/item")]
    await server.publish("/item", "seen", { internal: "unseen", user: "john" })
    await Promise.all([john, jane].map(fence))
    expect(journal.entries).toEqual([["filter", "john", "unseen"]])
    expect([forJohn.entries, forJane.entries]).toEqual([[["update", "seen"]], []])
  })

  it("what cannot be serialised is logged, and reaches nobody", async () => {
    const { connect, log, server } = await live({ declare: (server) => server.subscription("/item") })
    const client = await connect()
    const updates = await updatesOf(client, "/item")
    await server.publish("/item", 1n)
    await server.broadcast(1n)
    await fence(client)
    expect(log.entries).toEqual([["nes serialization error", "pub"], ["nes serialization error", "update"]])
    expect(updates.entries).toEqual([])
  })

  it("nobody subscribed: done, and nothing happens", async () => {
    const { server } = await live({ declare: (server) => server.subscription("/item") })
    await expect(server.publish("/item", 1)).resolves.toBeUndefined()
    await expect(server.publish("/undeclared", 1)).resolves.toBeUndefined()
  })

  it("publishes in the order they were made", async () => {
    const { connect, server } = await live({ declare: (server) => server.subscription("/item") })
    const updates = await updatesOf(await connect(), "/item")
    const numbers = Array.from({ length: 200 }, (_, index) => index)
    await Promise.all(numbers.map((n) => server.publish("/item", n)))
    await updates.until("update", numbers.length)
    expect(updates.entries.map(([, n]) => n)).toEqual(numbers)
  })
})

describe("`server.broadcast`", () => {
  it.each(values)("`message` goes to all connected clients: %j", async (message) => {
    const { connect, server } = await live()
    const journal = new Journal()
    for (const name of ["a", "b"]) {
      const client = await connect()
      client.onUpdate = (update) => journal.note(name, update)
    }
    await server.broadcast(message)
    await Promise.all([journal.until("a"), journal.until("b")])
    expect(journal.sorted).toEqual([["a", message], ["b", message]])
  })

  it("`user`: only to sockets with `credentials.user` equal to it; needs `auth.index`", async () => {
    const journal = new Journal()
    const { connect, server } = await live({
      declare: (server) => authenticating(server, "optional"),
      nes: { auth: { index: true } }
    })
    const clients = await Promise.all([connect(as("john")), connect(as("john")), connect(as("jane")), connect()])
    clients.forEach((client, index) => (client.onUpdate = (update) => journal.note(index, update)))
    await server.broadcast("for john", { user: "john" })
    await server.broadcast("for jill", { user: "jill" })
    await Promise.all(clients.map(fence))
    expect(journal.sorted).toEqual([[0, "for john"], [1, "for john"]])

    const without = await live()
    expect(() => without.server.broadcast(1, { user: "john" })).toThrow("Socket auth indexing is disabled")
    for (const target of [{}, { usr: "john" }, { socket: undefined }, { user: null }, null, "x"]) {
      const { disconnect, revoke } = without.server.plugins.nes
      for (const refused of [disconnect(target as never), revoke(target as never, "/item")]) {
        expect(await Effect.runPromise(Effect.flip(refused))).toMatchObject({
          _tag: "UserError",
          message: "Expected { socket } or { user }"
        })
      }
    }
  })

  it("only the clients of the server that broadcasts", async () => {
    const [one, two] = [await live(), await live()]
    const journal = new Journal()
    const clients = [await one.connect(), await two.connect()]
    clients.forEach((client, index) => (client.onUpdate = (update) => journal.note(index, update)))
    await one.server.broadcast("one")
    await two.server.broadcast("two")
    await Promise.all(clients.map(fence))
    expect(journal.sorted).toEqual([[0, "one"], [1, "two"]])
  })
})
