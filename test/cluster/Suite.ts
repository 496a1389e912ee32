/** What every cluster does, whatever its engine: publish, broadcast, revoke, disconnect, limits and counts over nodes. */
import type { Server } from "@hapi/hapi"
import { expect, it } from "vitest"
import { snapshotAt } from "../../src/hapi.js"
import * as Operations from "../../src/server/api/Operations.js"
import { as, hear, type Node, type NodeOptions, until } from "./Cluster.js"

/** `start` starts a node, of the same cluster each time; names are made different by `label`. */
export const suite = (label: string, start: (options: NodeOptions) => Promise<Node>): void => {
  // What a database would be to all nodes.
  const views: Record<string, number> = {}
  const auth = { index: true, route: "named", isSecure: false } as const
  const items = {
    options: { auth },
    declare: (server: Server) => {
      server.subscription("/item/{id}", { auth: { mode: "optional", index: true } })
      server.subscription("/kept/{id}", { recovery: true })
      server.subscription("/room/{id}", { auth: { mode: "optional", index: true }, presence: { grace: 200 } })
      server.subscription("/crowd/{id}", { presence: { grace: false, list: false } })
      server.subscription("/state/{id}", { state: true })
      server.subscription("/view/{id}", { snapshot: (_socket, path) => snapshotAt(views[path] ?? 0, views[path] ?? 0) })
      server.subscription("/secret/{id}", {
        filter: (_path, message, { internal }) =>
          internal === "open" ? { override: { seen: message } } : internal !== "closed"
      })
    }
  }
  const cast = async () => {
    const [a, b] = [await start(items), await start(items)]
    return { a, b, ann: await a.connect(as("ann")), bob: await b.connect(as("bob")) }
  }

  it("publish reaches the subscribers of every node, once each and in order", async () => {
    const { a, ann, b, bob } = await cast()
    const [near, far] = [await hear(ann, "/item/5"), await hear(bob, "/item/5")]
    const messages = [{ n: 1 }, "two", 3, null, [4], { "ünï": "\n" }]
    for (const message of messages) {
      await a.server.publish("/item/5", message)
    }
    await until(() => far.length === messages.length && near.length === messages.length)
    expect(far).toEqual(messages)
    expect(near).toEqual(messages)
    await b.server.publish("/item/5", "back")
    await until(() => near.length === messages.length + 1)
    expect(far.length).toBe(messages.length + 1)
  })

  it("publish with `user` reaches this user alone, with `internal` the filter of the other node", async () => {
    const { a, ann, bob } = await cast()
    const [near, far] = [await hear(ann, "/item/6"), await hear(bob, "/item/6")]
    const secrets = await hear(bob, "/secret/1")
    await a.server.publish("/item/6", "for bob", { user: "bob" })
    await a.server.publish("/item/6", "for all")
    await until(() => far.length === 2)
    expect([near, far]).toEqual([["for all"], ["for bob", "for all"]])
    await a.server.publish("/secret/1", 1, { internal: "closed" })
    await a.server.publish("/secret/1", 2, { internal: "open" })
    await a.server.publish("/secret/1", 3)
    await until(() => secrets.length === 2)
    expect(secrets).toEqual([{ seen: 2 }, 3])
  })

  it("broadcast reaches everyone, or one user, on every node", async () => {
    const { a, ann, bob } = await cast()
    const heard: Array<readonly [name: string, message: unknown]> = []
    ann.onUpdate = (message) => void heard.push(["ann", message])
    bob.onUpdate = (message) => void heard.push(["bob", message])
    await a.server.broadcast("for bob", { user: "bob" })
    await a.server.broadcast("for all")
    await until(() => heard.length === 3)
    expect(heard.filter(([name]) => name === "bob")).toEqual([["bob", "for bob"], ["bob", "for all"]])
    expect(heard.filter(([name]) => name === "ann")).toEqual([["ann", "for all"]])
  })

  it("revoke and disconnect by socket and by user, from a node that does not have them", async () => {
    const { a, b, bob } = await cast()
    const revoked: Array<unknown> = []
    await bob.subscribe("/item/7", (message, flags) => void revoked.push([message, flags]))
    await bob.subscribe("/item/8", (message, flags) => void revoked.push([message, flags]))
    const { node } = a.server.plugins.nes
    await node.revoke({ socket: bob.id ?? "" }, "/item/7", "bye")
    await until(() => revoked.length === 1)
    await node.revoke({ user: "bob" }, "/item/8", "also")
    await until(() => revoked.length === 2)
    expect(revoked).toEqual([["bye", { revoked: true }], ["also", { revoked: true }]])
    expect(bob.subscriptions()).toEqual([])

    let lost = 0
    bob.onDisconnect = () => void lost++
    const first = bob.id
    await node.disconnect({ socket: first ?? "" })
    await until(() => lost === 1 && bob.id !== null && bob.id !== first)
    await node.disconnect({ user: "bob" })
    await until(() => lost === 2 && bob.id !== null)
    expect(b.server.plugins.nes.node.hub.connections.size).toBe(1)
  })

  it("a user's connections are counted over the nodes", async () => {
    const limited = { ...items, options: { auth: { ...auth, maxConnectionsPerUser: 2 } } }
    const [a, b] = [await start(limited), await start(limited)]
    const user = as(`max-${label}`)
    const first = await a.connect(user)
    await b.connect(user)
    await expect(b.connect(user)).rejects.toMatchObject({ statusCode: 503 })
    await expect(a.connect(user)).rejects.toMatchObject({ statusCode: 503 })
    await first.disconnect()
    // One of those that were refused, and try again.
    await until(async () => (await b.server.plugins.nes.node.count()).total === 2)
    await expect(a.connect(user)).rejects.toMatchObject({ statusCode: 503 })
  })

  it("a node that stops leaves no connections counted, and what it said last is heard", async () => {
    const limited = { ...items, options: { auth: { ...auth, maxConnectionsPerUser: 1 } } }
    const [a, b] = [await start(limited), await start(limited)]
    const user = as(`stops-${label}`)
    const bob = await b.connect(as(`stays-${label}`))
    const heard: Array<unknown> = []
    bob.onUpdate = (message) => void heard.push(message)
    await a.connect(user)
    await expect(b.connect(user)).rejects.toMatchObject({ statusCode: 503 })
    await a.server.broadcast("last")
    await a.stop()
    // The one that was refused tries again, and finds the place free.
    await until(async () => (await b.server.plugins.nes.node.count()).total === 2)
    await until(() => heard.length === 1)
    expect(heard).toEqual(["last"])
  })

  it("operators are answered by every node that lets them ask", async () => {
    const { a, ann, b, bob } = await cast()
    const { id: here, totals } = a.server.plugins.nes.node
    const { id: there } = b.server.plugins.nes.node
    const inspection = a.server.plugins.nes.node.inspect()
    const { answers, silent } = await inspection.ask({ type: "overview" })
    expect([Array.from(answers.keys()), silent]).toEqual([[here], [there]])
    expect(answers.get(here)).toMatchObject({ totals, broker: { connected: true, counts: { outages: 0 } } })
    b.server.plugins.nes.node.inspect()
    const asked = await inspection.ask({
      type: "connections",
      search: "",
      path: undefined,
      ranges: { [there]: [0, 9] }
    })
    expect(asked.silent).toEqual([])
    expect(asked.answers.get(here)).toEqual({ matched: 1, rows: [] })
    expect(asked.answers.get(there)).toMatchObject({ matched: 1, rows: [{ id: bob.id, user: "bob" }] })
    const heard: Array<unknown> = []
    bob.onUpdate = (message) => void heard.push(message)
    const sent = await inspection.ask({ type: "send", id: String(bob.id), text: "{\"n\":1}" })
    expect([sent.answers.get(here), sent.answers.get(there)]).toEqual([false, true])
    await until(() => heard.length === 1)
    expect(heard).toEqual([{ n: 1 }])
    expect(ann.isConnected).toBe(true)
  })

  it("counts connections and subscribers of a path over the nodes", async () => {
    const { a, ann, b, bob } = await cast()
    await hear(ann, "/item/9")
    await hear(bob, "/item/9")
    expect(await a.server.plugins.nes.node.count()).toEqual({ total: 2, nodes: 2, silent: 0 })
    expect(await b.server.plugins.nes.node.count("/item/9")).toEqual({ total: 2, nodes: 2, silent: 0 })
    expect(await b.server.plugins.nes.node.count("/item/10")).toEqual({ total: 0, nodes: 1, silent: 0 })
  })

  it("a state is sent first on every node, and no update is lost or seen twice by whoever comes meanwhile", async () => {
    const { a, b } = await cast()
    const path = `/state/${label}`
    const view = `/view/${label}`
    const all = Array.from({ length: 40 }, (_, n) => n + 1)
    await a.server.publish(path, 0)
    const heard: Array<Array<unknown>> = []
    const seen: Array<Array<unknown>> = []
    for (const n of all) {
      views[view] = n
      void a.server.publish(path, n)
      void a.server.publish(view, n, { version: n })
      if (n % 10 === 0) {
        const client = await b.connect(as("cyd"))
        heard.push(await hear(client, path))
        seen.push(await hear(client, view))
      }
    }
    await until(() => [...heard, ...seen].every((each) => each.at(-1) === all.length))
    for (const each of [...heard, ...seen]) {
      expect(each).toEqual(all.slice(Number(each[0]) - 1))
    }
    const late: Array<unknown> = []
    await (await b.connect(as("cyd"))).subscribe(path, (message, flags) => void late.push([message, flags]))
    expect(late).toEqual([[40, { snapshot: true }]])
  })

  it("a new subscriber gets the last updates it asks for on every node, then what follows", async () => {
    const { a, b } = await cast()
    const path = `/kept/history-${label}`
    for (const n of [1, 2, 3, 4, 5]) {
      await a.server.publish(path, n)
    }
    const heard: Array<unknown> = []
    await (await b.connect(as("cyd"))).subscribe(path, (message) => void heard.push(message), { history: 3 })
    await a.server.publish(path, 6)
    await until(() => heard.length === 4)
    expect(heard).toEqual([3, 4, 5, 6])
    expect((await b.server.history(path).read({ limit: 2 })).updates).toMatchObject([{ message: 5 }, { message: 6 }])
    await b.server.history(path).clear()
    expect(await a.server.history(path).read()).toMatchObject({ updates: [], position: { offset: 6 } })
  })

  it("what is asked with one key is done once, on whatever node it is asked again", async () => {
    const { a, ann, b } = await cast()
    const heard = await hear(ann, "/item/once")
    const [one, other] = [a, b].map(({ server }) => server.plugins.nes.node).map((node) =>
      Operations.make(node, node.once)
    )
    const update = { path: "/item/once", message: 1 }
    await one?.publish(update, `key-${label}`)
    await other?.publish(update, `key-${label}`)
    await expect(other?.publish({ ...update, message: 2 }, `key-${label}`)).rejects.toMatchObject({
      output: { statusCode: 422 }
    })
    await expect(one?.publish({ path: "nowhere", message: 1 }, `free-${label}`)).rejects.toThrow()
    await other?.publish({ ...update, message: 3 }, `free-${label}`)
    await until(() => heard.length === 2)
    expect(heard).toEqual([1, 3])
  })

  it(
    "who is present is known on every node: users, values, counts, and nobody of a node that has stopped",
    async () => {
      const { a, ann, b, bob } = await cast()
      const room = `/room/${label}`
      const heard = await hear(bob, `${room}/presence`)
      await ann.subscribe(room, () => {}, { presence: { from: "a" } })
      await until(() => heard.length === 2)
      // Who comes without a value, on whatever node, changes none.
      const again = await b.connect(as("ann"))
      await again.subscribe(room, () => {})
      await bob.subscribe(room, () => {})
      await until(() => heard.length === 3)
      await b.server.presence(room).set("ann", "set on b")
      await until(() => heard.length === 4)
      const users = [{ id: "ann", value: "set on b" }, { id: "bob", value: null }]
      for (const { server } of [a, b]) {
        const present = await server.presence(room).read()
        expect({ ...present, users: present.users?.toSorted((one, other) => one.id < other.id ? -1 : 1) }).toEqual({
          count: 2,
          users
        })
      }
      await ann.disconnect()
      await again.unsubscribe(room, null)
      await until(() => heard.length === 5)
      expect(heard).toEqual([
        { count: 0, users: [] },
        { join: { id: "ann", value: { from: "a" } }, count: 1 },
        { join: { id: "bob", value: null }, count: 2 },
        { change: { id: "ann", value: "set on b" }, count: 2 },
        { leave: { id: "ann" }, count: 1 }
      ])
      await (await a.connect(as("cyd"))).subscribe(room, () => {})
      await until(() => heard.length === 6)
      await a.stop()
      await until(() => heard.length === 7)
      expect(heard[6]).toEqual({ leave: { id: "cyd" }, count: 1 })
    },
    30_000
  )

  it("how many are present is known on every node where nobody is listed", async () => {
    const { a, ann, b, bob } = await cast()
    const crowd = `/crowd/${label}`
    const heard = await hear(bob, `${crowd}/presence`)
    await ann.subscribe(crowd, () => {})
    await bob.subscribe(crowd, () => {})
    await until(async () => await a.server.presence(crowd).count() === 2)
    await until(() => JSON.stringify(heard.at(-1)) === JSON.stringify({ count: 2 }))
    expect(await b.server.presence(crowd).read()).toEqual({ count: 2 })
    expect(heard[0]).toEqual({ count: 0 })
  })

  it("who reconnects to any node gets what they missed, in order and once", async () => {
    const { a, ann, b, bob } = await cast()
    const path = `/kept/${label}`
    const [near, far] = [await hear(ann, path), await hear(bob, path)]
    await a.server.publish(path, 1)
    await until(() => far.length === 1)
    const back = new Promise<void>((resolve) => {
      bob.onConnect = resolve
    })
    for (const connection of b.server.plugins.nes.node.hub.connections.keys()) {
      connection.ws.terminate()
    }
    await a.server.publish(path, 2)
    await b.server.publish(path, 3, { internal: "x" })
    await back
    await a.server.publish(path, 4)
    await until(() => far.length === 4 && near.length === 4)
    expect([near, far]).toEqual([[1, 2, 3, 4], [1, 2, 3, 4]])
  })
}
