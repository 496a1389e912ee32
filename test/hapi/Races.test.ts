/**
 * What happens while something else is still happening. Nobody who has left stays behind, `onUnsubscribe` pairs with
 * every completed `onSubscribe`, and `onDisconnection` comes once and last.
 */
import Boom from "@hapi/boom"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import type { PluginOptions, Socket, SubscriptionOptions } from "../../src/hapi.js"
import { makeMemory, type Service } from "../../src/server/Broker.js"
import { Gate, Journal } from "../harness/Journal.js"
import * as fc from "../harness/Property.js"
import { type RawClient } from "../harness/RawClient.js"
import { as, authenticating, fence, type Live, live } from "./LiveServer.js"

interface House extends Live {
  readonly journal: Journal
  /** Who is subscribed to a path. */
  readonly subscribers: (path?: string) => ReadonlyArray<string>
}

const house = async (
  subscription: SubscriptionOptions = {},
  nes: PluginOptions = {},
  more: Parameters<typeof live>[0] = {}
): Promise<House> => {
  const journal = new Journal()
  const server = await live({
    ...more,
    nes: { onDisconnection: () => journal.note("onDisconnection"), ...nes },
    declare: (server) => {
      server.subscription("/item/{id}", {
        onSubscribe: (_socket, path) => journal.note("onSubscribe", path),
        onUnsubscribe: (_socket, path) => journal.note("onUnsubscribe", path),
        ...subscription
      })
      return more.declare?.(server)
    }
  })
  const subscribers = (path = "/item/5"): ReadonlyArray<string> => {
    const ids: Array<string> = []
    void server.server.eachSocket((socket) => ids.push(socket.id), { subscription: path })
    return ids
  }
  return { ...server, journal, subscribers }
}

/** Cuts a client off and waits until the server has noticed. */
const cut = async (raw: RawClient, { plugins }: Live["server"]): Promise<void> => {
  const { connections } = plugins.nes.node.hub
  const before = connections.size
  raw.cut()
  while (connections.size === before) {
    await new Promise(setImmediate)
  }
}

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) {
    await new Promise(setImmediate)
  }
}

describe("the client disconnects", () => {
  it("while onSubscribe is running: not subscribed, onUnsubscribe follows, then onDisconnection", async () => {
    const gate = new Gate()
    const { journal, open, server, subscribers } = await house({
      onSubscribe: async (_socket, path) => {
        await gate.hold()
        journal.note("onSubscribe", path)
      }
    })
    const raw = await open()
    await raw.hello()
    raw.say({ type: "sub", path: "/item/5" })
    await gate.reached
    await cut(raw, server)
    await settled()
    expect(journal.entries).toEqual([])
    gate.open()
    await journal.until("onDisconnection")
    expect(journal.names).toEqual(["onSubscribe", "onUnsubscribe", "onDisconnection"])
    expect(subscribers()).toEqual([])
  })

  it.each<[string, (raw: RawClient, socket: Socket) => Promise<unknown>]>([
    ["the client", (raw) => raw.ask({ type: "unsub", path: "/item/5" })],
    ["the server", (_raw, socket) => socket.revoke("/item/5", null)]
  ])(
    "while an onSubscribe is running that %s has given up: onUnsubscribe follows, then onDisconnection",
    async (_, giveUp) => {
      const gate = new Gate()
      const sockets: Array<Socket> = []
      const { journal, open, server } = await house({
        onSubscribe: async (socket) => {
          sockets.push(socket)
          await gate.hold()
          journal.note("onSubscribe")
        }
      })
      const raw = await open()
      await raw.hello()
      raw.say({ type: "sub", path: "/item/5" })
      await gate.reached
      for (const socket of sockets) {
        await giveUp(raw, socket)
      }
      await cut(raw, server)
      await settled()
      gate.open()
      await journal.until("onDisconnection")
      await settled()
      expect(journal.names).toEqual(["onSubscribe", "onUnsubscribe", "onDisconnection"])
    }
  )

  it("while onSubscribe is running, which then fails: no onUnsubscribe", async () => {
    const gate = new Gate()
    const { journal, log, open, server, subscribers } = await house({
      onSubscribe: async () => {
        await gate.hold()
        throw new Error("no")
      }
    })
    const raw = await open()
    await raw.hello()
    raw.say({ type: "sub", path: "/item/5" })
    await gate.reached
    await cut(raw, server)
    gate.open()
    await journal.until("onDisconnection")
    expect(journal.names).toEqual(["onDisconnection"])
    expect(subscribers()).toEqual([])
    expect(log.entries).toEqual([["nes onSubscribe error", "no"]])
  })

  it("while onSubscribe of a hello is running: the paths behind it are not subscribed", async () => {
    const gate = new Gate()
    const { journal, open, server, subscribers } = await house({
      onSubscribe: async (_socket, path) => {
        await gate.hold()
        journal.note("onSubscribe", path)
      }
    })
    const raw = await open()
    raw.say({ type: "hello", version: "2", subs: ["/item/5", "/item/6"] })
    await gate.reached
    await cut(raw, server)
    gate.open()
    await journal.until("onDisconnection")
    await settled()
    expect(journal.entries).toEqual([
      ["onSubscribe", "/item/5"],
      ["onUnsubscribe", "/item/5"],
      ["onDisconnection"]
    ])
    expect([...subscribers("/item/5"), ...subscribers("/item/6")]).toEqual([])
  })

  it("while onSubscribe is running that never answers: onDisconnection comes, no onUnsubscribe", async () => {
    const gate = new Gate()
    const { journal, open, server, subscribers } = await house({ onSubscribe: gate.hold })
    const raw = await open()
    await raw.hello({ subs: [] })
    raw.say({ type: "sub", path: "/item/5" })
    await gate.reached
    await cut(raw, server)
    await journal.until("onDisconnection")
    expect(journal.names).toEqual(["onDisconnection"])
    expect(subscribers()).toEqual([])
  })

  it("while onConnection is running: onDisconnection waits for it, nothing is subscribed", async () => {
    const gate = new Gate()
    const { journal, open, server, subscribers } = await house({}, {
      onConnection: async () => {
        await gate.hold()
        journal.note("onConnection")
      },
      onDisconnection: () => journal.note("onDisconnection")
    })
    const raw = await open()
    raw.say({ type: "hello", version: "2", subs: ["/item/5"] })
    await gate.reached
    await cut(raw, server)
    gate.open()
    await journal.until("onDisconnection")
    await settled()
    expect(journal.names).toEqual(["onConnection", "onDisconnection"])
    expect(subscribers()).toEqual([])
  })

  it("while its authentication is running: not indexed, onConnection does not run, onDisconnection does once", async () => {
    const gate = new Gate()
    const journal = new Journal()
    const { open, server } = await house({}, {
      auth: { index: true, maxConnectionsPerUser: 1 },
      onConnection: () => journal.note("onConnection"),
      onDisconnection: () => journal.note("onDisconnection")
    }, {
      prepare: (server) => {
        server.auth.scheme("slow", () => ({
          authenticate: async (_request, h) => {
            await gate.hold()
            return h.authenticated({ credentials: { user: "john" } })
          }
        }))
        server.auth.strategy("slow", "slow")
        server.auth.default("slow")
      }
    })
    const raw = await open()
    raw.say({ type: "hello", version: "2", auth: { headers: {} } })
    await gate.reached
    await cut(raw, server)
    gate.open()
    await journal.until("onDisconnection")
    await settled()
    expect(journal.names).toEqual(["onDisconnection"])
    // The place of the one connection that john may have is free.
    const next = await open()
    expect(await next.hello({ auth: { headers: {} } })).toMatchObject({ socket: expect.any(String) })
    expect(journal.names).toEqual(["onDisconnection", "onConnection"])
  })

  it("while its hello waits: what it sent behind it has no effect, then or later", async () => {
    const gate = new Gate()
    const { journal, open, server, subscribers } = await house({}, {
      onConnection: gate.hold,
      onMessage: (_socket, message) => journal.note("onMessage", message)
    })
    const raw = await open()
    raw.say({ type: "hello", version: "2", subs: ["/item/6"] })
    raw.say({ type: "message", message: 1 })
    raw.say({ type: "sub", path: "/item/5" })
    await gate.reached
    await settled()
    await cut(raw, server)
    gate.open()
    await journal.until("onDisconnection")
    await settled()
    expect(journal.names).toEqual(["onDisconnection"])
    expect([...subscribers("/item/5"), ...subscribers("/item/6")]).toEqual([])
  })

  it("while its hello waits for other nodes to count it in: its place is given back", async () => {
    const gate = new Gate()
    const places = new Journal()
    const memory = await Effect.runPromise(makeMemory)
    const broker: Service = {
      join: (node) =>
        Effect.map(memory.join(node), (membership) => ({
          ...membership,
          claims: {
            claim: async (user, socket, max) => {
              const claimed = await membership.claims?.claim(user, socket, max) ?? false
              await gate.hold()
              return claimed
            },
            release: (user, socket) => {
              membership.claims?.release(user, socket)
              places.note("release", user)
            }
          }
        }))
    }
    const { journal, open, server } = await house({}, {
      broker,
      auth: { index: true, maxConnectionsPerUser: 1 },
      onConnection: () => journal.note("onConnection")
    }, { prepare: authenticating })
    const raw = await open()
    raw.say({ type: "hello", version: "2", ...as("john") })
    await gate.reached
    await cut(raw, server)
    gate.open()
    await places.until("release")
    expect(journal.names).toEqual(["onDisconnection"])
    const next = await open()
    expect(await next.hello(as("john"))).toMatchObject({ socket: expect.any(String) })
    expect(server.plugins.nes.node.hub.connections.ofUser("john").size).toBe(1)
  })

  it("while a filter is running for it: skipped, and the others are served", async () => {
    const gate = new Gate()
    const { journal, open, server, subscribers } = await house({
      filter: (_path, _message, { socket }) => socket.app.slow ? gate.hold().then(() => true) : true
    })
    const [slow, other] = [await open(), await open()]
    await slow.hello({ subs: ["/item/5"] })
    await other.hello({ subs: ["/item/5"] })
    let n = 0
    await server.eachSocket((socket) => void (socket.app.slow = ++n === 1))
    const published = server.publish("/item/5", "update")
    await gate.reached
    await cut(slow, server)
    gate.open()
    await published
    expect(await other.next(({ type }) => type === "pub")).toMatchObject({ message: "update" })
    await journal.until("onDisconnection")
    expect(subscribers()).toHaveLength(1)
  })

  it("while a request is running: the handler goes on, and sees that the socket has closed", async () => {
    const gate = new Gate()
    const seen = new Journal()
    const { open, server } = await house({}, {}, {
      declare: (server) =>
        server.route({
          method: "GET",
          path: "/slow",
          handler: async ({ socket }) => {
            await gate.hold()
            seen.note("open", socket?.isOpen())
            return "too late"
          }
        })
    })
    const raw = await open()
    await raw.hello()
    raw.say({ type: "request", method: "GET", path: "/slow" })
    await gate.reached
    await cut(raw, server)
    gate.open()
    await seen.until("open")
    expect(seen.entries).toEqual([["open", false]])
  })
})

describe("in onConnection", () => {
  it("socket.disconnect() ends it: no answer, no subscription, and nothing of what waits", async () => {
    const { journal, open } = await house({}, {
      onConnection: (socket) => void socket.disconnect(),
      onMessage: (_socket, message) => journal.note("onMessage", message)
    })
    const raw = await open()
    raw.say({ type: "hello", version: "2", subs: ["/item/5"] })
    raw.say({ type: "message", message: 1 })
    expect(await raw.closed).toBe(1005)
    await journal.until("onDisconnection")
    expect(journal.names).toEqual(["onDisconnection"])
    expect(raw.frames).toEqual([])
  })

  it("socket.disconnect() can be awaited", async () => {
    const { journal, open } = await house({}, {
      onConnection: async (socket) => {
        await socket.disconnect()
        journal.note("disconnected")
      }
    })
    const raw = await open()
    raw.say({ type: "hello", version: "2", subs: ["/item/5"] })
    await raw.closed
    await journal.until("onDisconnection")
    expect(journal.names).toEqual(["disconnected", "onDisconnection"])
  })

  it("send, publish and revoke can be awaited, and follow the hello's answer in their order", async () => {
    const { open } = await house({}, {
      onConnection: async (socket) => {
        await socket.send(1)
        await socket.publish("/item/5", 2)
        await socket.revoke("/item/5", 3)
        await socket.send(4)
      }
    })
    const raw = await open()
    raw.say({ type: "hello", version: "2" })
    await raw.fence()
    expect(raw.frames).toMatchObject([
      { type: "hello" },
      { type: "update", message: 1 },
      { type: "pub", path: "/item/5", message: 2 },
      { type: "revoke", path: "/item/5", message: 3 },
      { type: "update", message: 4 }
    ])
  })

  it("a socket that is refused gets nothing, also later, and says so", async () => {
    const sent: Array<unknown> = []
    let kept: Socket | undefined
    const { open } = await house({}, {
      onConnection: async (socket) => {
        kept = socket
        sent.push(await socket.send(1))
        throw Boom.forbidden("banned")
      }
    })
    const raw = await open()
    expect(await raw.hello()).toMatchObject({ statusCode: 403 })
    await expect(kept?.send(2)).rejects.toThrow("Socket not open")
    await raw.closed
    expect(sent).toEqual([undefined])
    expect(raw.frames).toEqual([])
  })

  it("what is kept for after the answer is limited like what a client does not read", async () => {
    const { open, server } = await house({}, {
      limits: { maxBufferedBytes: 100_000 },
      onConnection: async (socket) => {
        for (let i = 0; i < 200; i++) {
          await socket.send("x".repeat(1_000)).catch(() => {})
        }
      }
    })
    const raw = await open()
    raw.say({ type: "hello", version: "2" })
    expect(await raw.closed).toBe(1013)
    expect(raw.frames).toEqual([])
    expect(server.plugins.nes.node.exceeded.maxBufferedBytes).toBeGreaterThan(0)
  })
})

describe("the server stops", () => {
  it("while a hello waits: at once, without its answer or what waits behind it", async () => {
    const gate = new Gate()
    const { journal, open, server, subscribers } = await house({}, {
      onConnection: async () => {
        await gate.hold()
        journal.note("onConnection")
      },
      onMessage: (_socket, message) => journal.note("onMessage", message)
    })
    const raw = await open()
    raw.say({ type: "hello", version: "2", subs: ["/item/5"] })
    raw.say({ type: "message", message: 1 })
    await gate.reached
    const stopped = server.stop({ timeout: 2_000 })
    expect(await raw.closed).toBe(1005)
    gate.open()
    await stopped
    await journal.until("onDisconnection")
    await settled()
    expect(journal.names).toEqual(["onConnection", "onDisconnection"])
    expect(raw.frames).toEqual([])
    expect(subscribers()).toEqual([])
  })
})

describe("the same path", () => {
  it("subscribed twice at once: one onSubscribe, both answered, delivered once, one onUnsubscribe", async () => {
    const gate = new Gate()
    const { journal, open, server, subscribers } = await house({
      onSubscribe: async (_socket, path) => {
        journal.note("onSubscribe", path)
        await gate.hold()
      }
    })
    const raw = await open()
    await raw.hello()
    const answers = [raw.ask({ type: "sub", path: "/item/5" }), raw.ask({ type: "sub", path: "/item/5" })]
    await raw.fence()
    gate.open()
    expect(await Promise.all(answers)).toMatchObject([{ type: "sub" }, { type: "sub" }])
    expect(subscribers()).toHaveLength(1)
    await server.publish("/item/5", 1)
    await raw.ask({ type: "unsub", path: "/item/5" })
    expect(raw.frames).toEqual([{ type: "pub", path: "/item/5", message: 1 }])
    expect(journal.names).toEqual(["onSubscribe", "onUnsubscribe"])
  })

  it("subscribed twice at once, and refused: both are", async () => {
    const gate = new Gate()
    const { open } = await house({ onSubscribe: () => gate.hold().then(() => Promise.reject(new Error("no"))) })
    const raw = await open()
    await raw.hello()
    const answers = [raw.ask({ type: "sub", path: "/item/5" }), raw.ask({ type: "sub", path: "/item/5" })]
    await gate.reached
    gate.open()
    expect(await Promise.all(answers)).toMatchObject([{ statusCode: 500 }, { statusCode: 500 }])
  })

  it("given up while onSubscribe is running, and subscribed again: the second counts", async () => {
    const gates = [new Gate(), new Gate()]
    const { journal, open, server, subscribers } = await house({
      onSubscribe: async () => {
        const n = journal.of("begin").length
        journal.note("begin", n)
        await gates[n]?.hold()
        journal.note("onSubscribe", n)
      }
    })
    const raw = await open()
    await raw.hello()
    const first = raw.ask({ type: "sub", path: "/item/5" })
    await gates[0]?.reached
    await raw.ask({ type: "unsub", path: "/item/5" })
    const second = raw.ask({ type: "sub", path: "/item/5" })
    await gates[1]?.reached
    gates[1]?.open()
    await second
    expect(subscribers()).toHaveLength(1)
    gates[0]?.open()
    await first
    expect(subscribers()).toHaveLength(1)
    await server.publish("/item/5", 1)
    await raw.fence()
    expect(raw.frames).toMatchObject([{ type: "pub", message: 1 }])
    raw.cut()
    await journal.until("onDisconnection")
    expect(journal.names.filter((name) => name !== "begin"))
      .toEqual(["onSubscribe", "onSubscribe", "onUnsubscribe", "onUnsubscribe", "onDisconnection"])
  })
})

describe("a revoke during a publish", () => {
  it("by the filter itself: the revoked subscriber gets the last update alone", async () => {
    const { open, server } = await house({
      filter: async (path, _message, { socket }) => {
        await socket.revoke(path, "last")
        return true
      }
    })
    const raw = await open()
    await raw.hello({ subs: ["/item/5"] })
    await server.publish("/item/5", "update")
    await raw.fence()
    expect(raw.frames).toEqual([{ type: "revoke", path: "/item/5", message: "last" }])
  })

  it("of a subscriber whose turn has not come: it is skipped", async () => {
    const gate = new Gate()
    const { open, server, subscribers } = await house({
      filter: (_path, _message, { socket }) => socket.app.slow ? gate.hold().then(() => true) : true
    })
    const raws = [await open(), await open(), await open()]
    for (const raw of raws) {
      await raw.hello({ subs: ["/item/5"] })
    }
    const sockets: Array<{ revoke: (path: string, message: unknown) => Promise<void> }> = []
    await server.eachSocket((socket) => {
      socket.app.slow = sockets.push(socket) === 1
    })
    const published = server.publish("/item/5", "update")
    await gate.reached
    await sockets[1]?.revoke("/item/5", "last")
    gate.open()
    await published
    await Promise.all(raws.map((raw) => raw.fence()))
    expect(raws.map(({ frames }) => frames.map(({ type }) => type))).toEqual([["pub"], ["revoke"], ["pub"]])
    expect(subscribers()).toHaveLength(2)
  })

  it("in the same turn: no update after the revoke, on any socket", async () => {
    const { open, server } = await house()
    const raws = await Promise.all([open(), open(), open()])
    for (const raw of raws) {
      await raw.hello({ subs: ["/item/5"] })
    }
    const work: Array<Promise<void>> = [server.publish("/item/5", 1)]
    await server.eachSocket((socket) => void work.push(socket.revoke("/item/5", 2)))
    work.push(server.publish("/item/5", 3))
    await Promise.all(work)
    await Promise.all(raws.map((raw) => raw.fence()))
    for (const { frames } of raws) {
      expect(frames.map(({ message, type }) => [type, message])).toEqual([["pub", 1], ["revoke", 2]])
    }
  })
})

describe("publishing while sockets come and go", () => {
  it("everyone who stays gets every update in order, nobody gets one twice, nobody stays behind", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("open", "cut", "unsub", "sub", "publish"), { minLength: 10, maxLength: 40 }),
        async (steps) => {
          const { journal, open, server, subscribers } = await house({ filter: () => Promise.resolve(true) })
          const stayer = await open()
          await stayer.hello({ subs: ["/item/5"] })
          const others: Array<RawClient> = []
          const work: Array<Promise<unknown>> = []
          let published = 0
          for (const step of steps) {
            const other = others.at(-1)
            if (step === "open") {
              const raw = await open()
              raw.say({ type: "hello", version: "2", subs: ["/item/5"] })
              others.push(raw)
            } else if (step === "publish") {
              work.push(server.publish("/item/5", ++published))
            } else if (step === "cut") {
              others.pop()?.cut()
            } else {
              other?.say({ type: step, path: "/item/5" })
            }
          }
          await Promise.all(work)
          await stayer.fence()
          expect(stayer.frames.map(({ message }) => message))
            .toEqual(Array.from({ length: published }, (_, index) => index + 1))
          for (const { frames } of others) {
            const messages = frames.filter(({ type }) => type === "pub").map(({ message }) => Number(message))
            expect(messages).toEqual([...new Set(messages)].toSorted((a, b) => a - b))
          }
          for (const raw of [stayer, ...others]) {
            raw.cut()
          }
          await server.stop({ timeout: 0 })
          expect(subscribers()).toEqual([])
          expect(server.plugins.nes.node.hub.connections.size).toBe(0)
          expect(journal.of("onUnsubscribe")).toHaveLength(journal.of("onSubscribe").length)
        }
      ),
      { numRuns: 15 }
    )
  })
})

describe("a hook", () => {
  it("that calls next twice: the first call counts", async () => {
    const { open } = await house({
      onSubscribe: (_socket, _path, { id }, next) => {
        next(id === "good" ? undefined : Boom.conflict("first"))
        next(id === "good" ? Boom.conflict("second") : undefined)
      }
    }, {
      onMessage: (_socket, message, next) => {
        next(message)
        setImmediate(next, "again")
      }
    })
    const raw = await open()
    await raw.hello()
    expect(await raw.ask({ type: "message", message: 1 })).toMatchObject({ type: "message", message: 1 })
    expect(await raw.ask({ type: "sub", path: "/item/good" })).toMatchObject({ type: "sub", path: "/item/good" })
    expect(await raw.ask({ type: "sub", path: "/item/bad" })).toMatchObject({ payload: { message: "first" } })
    await raw.fence()
    expect(raw.frames).toEqual([])
  })

  it.each([
    ["throws", () => {
      throw new Error("too late")
    }],
    ["rejects", () => Promise.reject(new Error("too late"))],
    ["rejects later", () => new Promise((_, reject) => setImmediate(reject, new Error("too late")))]
  ])("that %s after next: the answer counts, and the failure is logged", async (_name, fail) => {
    const { log, open, server } = await house({
      filter: (_path, _message, _options, next) => {
        next(true)
        return fail() as Promise<boolean>
      },
      onSubscribe: (_socket, _path, _params, next) => {
        next()
        return fail()
      },
      onUnsubscribe: (_socket, _path, _params, next) => {
        next()
        return fail()
      }
    }, {
      onMessage: (_socket, message, next) => {
        setImmediate(next, message)
        return new Promise((resolve) => setImmediate(resolve)).then(fail)
      }
    })
    const raw = await open()
    await raw.hello()
    expect(await raw.ask({ type: "message", message: 1 })).toMatchObject({ type: "message", message: 1 })
    expect(await raw.ask({ type: "sub", path: "/item/5" })).toMatchObject({ type: "sub", path: "/item/5" })
    await server.publish("/item/5", 2)
    await raw.ask({ type: "unsub", path: "/item/5" })
    expect(raw.frames).toEqual([{ type: "pub", path: "/item/5", message: 2 }])
    await Promise.all(
      ["onMessage", "onSubscribe", "filter", "onUnsubscribe"].map((hook) => log.until(`nes ${hook} error`))
    )
    expect(log.entries.map(([, message]) => message)).toEqual(Array.from({ length: 4 }, () => "too late"))
  })

  const failures: ReadonlyArray<readonly [string, () => unknown]> = [
    ["throws", () => {
      throw new Error("secret")
    }],
    ["rejects", () => Promise.reject(new Error("secret"))],
    ["throws a programming fault", () => {
      throw new TypeError("secret")
    }],
    ["throws what is no Error", () => {
      throw "secret"
    }]
  ]

  it.each(failures)("that %s: the client learns that it failed, the log why, and all goes on", async (_name, fail) => {
    const { log, open } = await house({ onSubscribe: fail }, { onMessage: fail })
    const raw = await open()
    await raw.hello()
    const generic = { statusCode: 500, payload: { message: "An internal server error occurred" } }
    expect(await raw.ask({ type: "message", message: 1 })).toMatchObject(generic)
    expect(await raw.ask({ type: "sub", path: "/item/5" })).toMatchObject(generic)
    expect(log.entries).toEqual([["nes onMessage error", "secret"], ["nes onSubscribe error", "secret"]])

    const refusing = await house({}, { onConnection: fail })
    expect(await (await refusing.open()).hello()).toMatchObject(generic)
    expect(refusing.log.entries).toEqual([["nes onConnection error", "secret"]])
  })

  it.each(failures)("of the end that %s: logged, and the next are called", async (_name, fail) => {
    const { journal, log, open } = await house({
      onUnsubscribe: (_socket, path) => {
        journal.note("onUnsubscribe", path)
        return fail()
      }
    }, {
      onDisconnection: () => {
        journal.note("onDisconnection")
        return fail()
      }
    })
    const raw = await open()
    await raw.hello({ subs: ["/item/5", "/item/6", "/item/7"] })
    journal.entries.length = 0
    expect(await raw.ask({ type: "unsub", path: "/item/5" })).toMatchObject({ type: "unsub" })
    raw.cut()
    await log.until("nes onDisconnection error")
    expect(journal.entries).toEqual([
      ["onUnsubscribe", "/item/5"],
      ["onUnsubscribe", "/item/6"],
      ["onUnsubscribe", "/item/7"],
      ["onDisconnection"]
    ])
    expect(log.of("nes onUnsubscribe error")).toHaveLength(3)
  })

  it("that never answers holds up only its own message", async () => {
    const never = (): Promise<never> => new Promise(() => {})
    const { journal, open, server, subscribers } = await house({
      onSubscribe: (_socket, path) => path.endsWith("never") ? never() : undefined,
      onUnsubscribe: (_socket, path) => {
        journal.note("onUnsubscribe", path)
        return never()
      }
    }, {
      onMessage: never,
      onDisconnection: () => {
        journal.note("onDisconnection")
        return never()
      }
    })
    const raw = await open()
    await raw.hello({ subs: ["/item/5", "/item/6"] })
    raw.say({ type: "message", message: 1 })
    raw.say({ type: "sub", path: "/item/never" })
    raw.say({ type: "unsub", path: "/item/5" })
    expect(await raw.ask({ type: "sub", path: "/item/7" })).toMatchObject({ type: "sub" })
    expect(raw.frames).toEqual([])
    raw.cut()
    await journal.until("onDisconnection")
    expect(journal.entries).toEqual([
      ["onUnsubscribe", "/item/5"],
      ["onUnsubscribe", "/item/6"],
      ["onUnsubscribe", "/item/7"],
      ["onDisconnection"]
    ])
    expect(subscribers("/item/7")).toEqual([])
    await server.stop({ timeout: 50 })
  })

  it("that never answers a hello holds up only that hello", async () => {
    const { connect, open } = await house({}, {
      onConnection: (socket) => socket.info["x-forwarded-for"] ? new Promise(() => {}) : undefined
    })
    const stuck = await open({ headers: { "x-forwarded-for": "stuck" } })
    stuck.say({ type: "hello", version: "2" })
    await fence(await connect())
    expect(stuck.frames).toEqual([])
  })
})
