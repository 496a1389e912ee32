/** nes-api.txt, `server.subscription(path, { filter })`, in every style. */
import Boom from "@hapi/boom"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import type { SubscriptionOptions } from "../../src/hapi.js"
import { Gate, Journal } from "../harness/Journal.js"
import { as, authenticating, fence, type Live, live, users } from "./LiveServer.js"

type Filter = Exclude<SubscriptionOptions["filter"], undefined>

/** What a subscriber of `/item/5` gets of one publish. */
const outcome = async (filter: Filter, message: unknown = "published"): Promise<ReadonlyArray<unknown>> => {
  const { connect, server } = await live({ declare: (server) => server.subscription("/item/{id}", { filter }) })
  const got: Array<unknown> = []
  const client = await connect()
  await client.subscribe("/item/5", (update) => got.push(update))
  await server.publish("/item/5", message)
  await fence(client)
  return got
}

const later = <A>(value: A): Promise<A> => new Promise((resolve) => setImmediate(resolve, value))

const styles: ReadonlyArray<readonly [string, Filter, ReadonlyArray<unknown>]> = [
  ["next(true)", (_path, _message, _options, next) => next(true), ["published"]],
  ["next(false)", (_path, _message, _options, next) => next(false), []],
  ["next(true, override)", (_path, _message, _options, next) => next(true, "instead"), ["instead"]],
  ["next(false, override)", (_path, _message, _options, next) => next(false, "instead"), []],
  ["next(true, undefined)", (_path, _message, _options, next) => next(true, undefined), ["published"]],
  ["next(true, null)", (_path, _message, _options, next) => next(true, null), [null]],
  ["next(true), later", (_path, _message, _options, next) => void setImmediate(next, true), ["published"]],
  ["next(true, override), later", (_path, _message, _options, next) => void setImmediate(next, true, 7), [7]],
  ["next(false), later", (_path, _message, _options, next) => void setImmediate(next, false), []],
  ["next unused, a Promise", (_path, _message, _options, _next) => later({ override: "promised" }), ["promised"]],
  ["true", () => true, ["published"]],
  ["false", () => false, []],
  ["nothing", () => {}, []],
  ["{ override }", () => ({ override: "instead" }), ["instead"]],
  ["{ override: 0 }", () => ({ override: 0 }), [0]],
  ["{ override: undefined }", () => ({ override: undefined }), ["published"]],
  ["{}", () => ({}), ["published"]],
  ["a Promise of true", () => later(true), ["published"]],
  ["a Promise of false", () => later(false), []],
  ["a Promise of { override }", () => later({ override: { instead: true } }), [{ instead: true }]],
  ["an Effect of true", () => Effect.succeed(true), ["published"]],
  ["an Effect of false", () => Effect.succeed(false), []],
  ["an Effect of { override }", () => Effect.succeed({ override: "effect" }), ["effect"]],
  ["an Effect that waits", () => Effect.as(Effect.sleep(1), { override: "waited" }), ["waited"]]
]

describe("the answer: `next(isMatch, [override])`, a value, a Promise or an Effect", () => {
  it.each(styles)("%s", async (_name, filter, expected) => {
    expect(await outcome(filter)).toEqual(expected)
  })
})

describe("an error of a filter means no match, and is logged: nobody else learns of it", () => {
  const failures: ReadonlyArray<readonly [string, Filter]> = [
    ["throws", () => {
      throw new Error("no luck")
    }],
    ["rejects", () => Promise.reject(new Error("no luck"))],
    ["throws a Boom", () => {
      throw Boom.forbidden("no luck")
    }],
    ["throws before next", (_path, _message, _options, _next) => {
      throw new Error("no luck")
    }],
    ["rejects before next", (_path, _message, _options, _next) => Promise.reject(new Error("no luck"))],
    ["fails as an Effect", () => Effect.fail(Boom.forbidden("no luck"))]
  ]

  const withOne = async (filter: Filter): Promise<Live & { readonly got: Array<unknown> }> => {
    const server = await live({ declare: (server) => server.subscription("/item/{id}", { filter }) })
    const got: Array<unknown> = []
    const client = await server.connect()
    await client.subscribe("/item/5", (update) => got.push(update))
    return { ...server, got }
  }

  it.each(failures)("%s", async (_name, filter) => {
    const { got, log, server } = await withOne(filter)
    await server.publish("/item/5", "published")
    expect(log.entries).toEqual([["nes filter error", "no luck"]])
    expect(got).toEqual([])
  })

  it("a programming fault also fails the publish, after everyone else was served", async () => {
    const { connect, got, log, server } = await withOne((_path, _message, { socket }) => {
      if (!socket.app.fine) {
        throw new TypeError("undefined is not a function")
      }
      return true
    })
    const other = await connect()
    const update = new Promise((resolve) => void other.subscribe("/item/5", resolve))
    await server.eachSocket((socket) => void (socket.app.fine = socket.id === other.id))
    await fence(other)
    await expect(server.publish("/item/5", "published")).rejects.toThrow("undefined is not a function")
    expect(await update).toBe("published")
    expect(got).toEqual([])
    expect(log.names).toEqual(["nes filter error"])
  })

  it("one subscriber's error does not keep the update from the others", async () => {
    let calls = 0
    const { connect, got, server } = await withOne(() => {
      if (++calls === 1) {
        throw new Error("the first")
      }
      return true
    })
    const other = await connect()
    const update = new Promise((resolve) => void other.subscribe("/item/5", resolve))
    await fence(other)
    await server.publish("/item/5", "published")
    expect(await update).toBe("published")
    expect(got).toEqual([])
  })
})

describe("`path`, `message` and `options`: `socket`, `credentials`, `params`, `internal`", () => {
  it("are those of the publish and of the subscriber", async () => {
    const journal = new Journal()
    const { connect, server } = await live({
      declare: (server) => {
        authenticating(server, "optional")
        server.subscription("/item/{id}", {
          filter: (path, message, { credentials, internal, params, socket }) => {
            journal.note(path, message, socket.id, credentials, { ...params }, internal)
            return false
          }
        })
      },
      nes: { auth: { index: true } }
    })
    const john = await connect(as("john"))
    const nobody = await connect()
    await john.subscribe("/item/5", () => {})
    await nobody.subscribe("/item/5", () => {})
    await server.publish("/item/5", { n: 1 }, { internal: { secret: 7 } })
    await server.publish("/item/5", { n: 2 })
    expect(journal.entries).toEqual([
      ["/item/5", { n: 1 }, john.id, users.john, { id: "5" }, { secret: 7 }],
      ["/item/5", { n: 1 }, nobody.id, null, { id: "5" }, { secret: 7 }],
      ["/item/5", { n: 2 }, john.id, users.john, { id: "5" }, undefined],
      ["/item/5", { n: 2 }, nobody.id, null, { id: "5" }, undefined]
    ])
  })

  it("an override is for one subscriber; the others get what was published", async () => {
    const { connect, server } = await live({
      declare: (server) =>
        server.subscription("/item", {
          filter: (_path, message, { socket }) =>
            socket.app.own ? { override: { ...message as object, own: true } } : true
        })
    })
    const updates: Array<Promise<unknown>> = []
    for (const _ of [1, 2, 3]) {
      const client = await connect()
      const update = new Promise((resolve) => void client.subscribe("/item", resolve))
      await fence(client)
      updates.push(update)
    }
    let n = 0
    await server.eachSocket((socket) => void (socket.app.own = ++n === 2))
    await server.publish("/item", { n: 1 })
    expect(await Promise.all(updates)).toEqual([{ n: 1 }, { n: 1, own: true }, { n: 1 }])
  })
})

describe("a filter that changes `message`", () => {
  const three = async (filter: Filter): Promise<ReadonlyArray<unknown>> => {
    const { connect, server } = await live({ declare: (server) => server.subscription("/item", { filter }) })
    const updates: Array<Promise<unknown>> = []
    for (const _ of [1, 2, 3]) {
      const client = await connect()
      updates.push(new Promise((resolve) => void client.subscribe("/item", resolve)))
      await fence(client)
    }
    let n = 0
    await server.eachSocket((socket) => void (socket.app.n = ++n))
    await server.publish("/item", { n: 0 })
    return Promise.all(updates)
  }

  it("itself changes it for the others, too", async () => {
    const changed = await three((_path, message, { socket }) => {
      if (socket.app.n === 1) {
        Object.assign(message as object, { n: 1 })
      }
      return true
    })
    expect(changed).toEqual([{ n: 1 }, { n: 1 }, { n: 1 }])
  })

  it("in a clone changes it for one", async () => {
    const changed = await three((_path, message, { socket }) =>
      socket.app.n === 1 ? { override: { ...message as object, n: 1 } } : true
    )
    expect(changed).toEqual([{ n: 1 }, { n: 0 }, { n: 0 }])
  })
})

describe("per publish, one subscriber after another, in order", () => {
  it("an asynchronous filter is asked for the second when it has answered for the first", async () => {
    const journal = new Journal()
    const { connect, server } = await live({
      declare: (server) =>
        server.subscription("/item", {
          filter: async (_path, message, { socket }) => {
            journal.note("begin", message, socket.app.n)
            await later(undefined)
            journal.note("end", message, socket.app.n)
            return true
          }
        })
    })
    for (const _ of [1, 2, 3]) {
      await (await connect()).subscribe("/item", () => {})
    }
    let n = 0
    await server.eachSocket((socket) => void (socket.app.n = ++n))
    await server.publish("/item", "x")
    expect(journal.entries).toEqual([1, 2, 3].flatMap((n) => [["begin", "x", n], ["end", "x", n]]))
  })

  it("a synchronous filter holds nothing up: the update is written before publish returns", async () => {
    const order: Array<string> = []
    const { connect, server } = await live({
      declare: (server) =>
        server.subscription("/item", {
          filter: () => {
            order.push("filter")
            return true
          }
        })
    })
    await (await connect()).subscribe("/item", () => {})
    const published = server.publish("/item", 1)
    order.push("returned")
    await published
    expect(order).toEqual(["filter", "returned"])
  })

  it("a slow filter of one path does not hold up another path", async () => {
    const gate = new Gate()
    const { connect, server } = await live({
      declare: (server) =>
        server.subscription("/item/{id}", { filter: ({ length }) => length > 7 ? gate.hold() : true })
    })
    const client = await connect()
    const got: Array<unknown> = []
    await client.subscribe("/item/slow", (update) => got.push(update))
    await client.subscribe("/item/5", (update) => got.push(update))
    const slow = server.publish("/item/slow", "slow")
    await gate.reached
    await server.publish("/item/5", "quick")
    gate.open()
    await slow
    await fence(client)
    expect(got).toEqual(["quick"])
  })
})
