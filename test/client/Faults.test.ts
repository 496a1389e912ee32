/**
 * What goes wrong between a client and its server, over real sockets. After each: every call has ended, each callback
 * was called once, the state is right, and nothing is left of the client.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { createServer, type Server, type Socket } from "node:net"
import { describe, expect, it } from "vitest"
import { Client, type NesError } from "../../src/client.js"
import * as NesClient from "../../src/client/NesClient.js"
import { RawServer, type RawSocket } from "../harness/RawServer.js"
import { freePort } from "../redis/RedisServer.js"

/** What happened, in order. */
type Ledger = ReturnType<typeof ledger>

const ledger = () => {
  const entries: Array<string> = []
  const open = new Map<string, number>()
  const write = (name: string, error?: { readonly type: string; readonly message: string } | null): void => {
    entries.push(error === undefined || error === null ? name : `${name}: ${error.type}: ${error.message}`)
  }
  return {
    entries,
    write,
    /** A callback that must be called exactly once. */
    callback: (name: string) => {
      open.set(name, 0)
      return (error?: NesError | null) => {
        open.set(name, (open.get(name) ?? 0) + 1)
        write(name, error)
      }
    },
    /** A Promise that must settle. */
    promise: (name: string, promise: Promise<unknown>) => {
      open.set(name, 0)
      return promise.then(
        () => undefined,
        (error: NesError) => error
      ).then((error) => {
        open.set(name, (open.get(name) ?? 0) + 1)
        write(name, error)
      })
    },
    /** Those that were not called exactly once. */
    get unsettled(): ReadonlyArray<string> {
      return [...open].filter(([, count]) => count !== 1).map(([name, count]) => `${name}: ${count}`)
    }
  }
}

const watch = (client: Client, log: Ledger): void => {
  client.onConnect = () => log.write("onConnect")
  client.onDisconnect = (willReconnect, { code, wasRequested }) =>
    log.write(`onDisconnect ${willReconnect} ${code} ${wasRequested}`)
  client.onError = (error) => log.write("onError", error)
  client.onHeartbeatTimeout = (willReconnect) => log.write(`onHeartbeatTimeout ${willReconnect}`)
}

/** What keeps the process alive, beside what kept it alive before. */
const beyond = (before: ReadonlyArray<string>): ReadonlyArray<string> => {
  const known = [...before]
  return process.getActiveResourcesInfo().filter((name) => {
    const index = known.indexOf(name)
    if (index >= 0) {
      known.splice(index, 1)
    }
    return index < 0 && name !== "Immediate"
  })
}

/** Runs a scenario; afterwards no timer, socket or server is left that was not there before. */
const leavesNothing = async (scenario: () => Promise<void>): Promise<void> => {
  const before = process.getActiveResourcesInfo()
  await scenario()
  for (let turn = 0; turn < 2000 && beyond(before).length > 0; turn++) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(beyond(before)).toEqual([])
}

/** A scenario with a raw server, a client of it, and what both did. */
const scenario = (
  run: (parts: { readonly server: RawServer; readonly client: Client; readonly log: Ledger }) => Promise<void>,
  options?: ConstructorParameters<typeof Client>[1]
) =>
() =>
  leavesNothing(async () => {
    const server = await RawServer.start()
    const client = new Client(server.url, options)
    const log = ledger()
    watch(client, log)
    try {
      await run({ server, client, log })
      await client.disconnect()
      expect(client.id).toBe(null)
      expect(log.unsettled).toEqual([])
    } finally {
      await client.disconnect()
      await server.stop()
    }
  })

const connect = async (
  server: RawServer,
  client: Client,
  options: Parameters<Client["connect"]>[0] = { delay: 1 },
  hello: object = {}
): Promise<RawSocket> => {
  const next = server.next()
  const connecting = client.connect(options)
  const socket = await next
  await socket.accept(hello)
  await connecting
  return socket
}

/** A TCP server that treats each connection as told. */
const tcp = async (handle: (socket: Socket) => void): Promise<{ readonly server: Server; readonly url: string }> => {
  const server = createServer((socket) => handle(socket.on("error", () => {}).resume()))
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  return { server, url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}` }
}

const event = (start: (done: () => void) => void): Promise<void> => new Promise((resolve) => start(resolve))

describe("the server is gone", () => {
  it("before it opened: nobody listens", () =>
    leavesNothing(async () => {
      const client = new Client(`ws://127.0.0.1:${await freePort()}`)
      const log = ledger()
      watch(client, log)
      await log.promise("connect", client.connect({ delay: 1, retries: 2 }))
      await event((done) => {
        client.onError = (error) => {
          log.write("onError", error)
          if (error.message === "Socket error") {
            done()
          }
        }
      })
      await log.promise("once", client.connect({ reconnect: false }))
      await event((done) =>
        client.connect({ reconnect: false }, (error) => {
          log.callback("callback")(error)
          done()
        })
      )
      expect(log.entries).toEqual([
        "onDisconnect true undefined false",
        "connect: ws: Connection terminated while waiting to connect",
        "onError: ws: Connection terminated while waiting to connect",
        "onDisconnect true undefined false",
        "onError: ws: Socket error",
        "once: ws: Socket error",
        "callback: ws: Socket error"
      ])
      expect(log.unsettled).toEqual([])
    }))

  for (
    const [name, handle] of [
      ["the connection is cut", (socket: Socket) => socket.destroy()],
      ["the upgrade is refused", (socket: Socket) => socket.end("HTTP/1.1 503 Service Unavailable\r\n\r\n")],
      ["it speaks another language", (socket: Socket) => socket.end("SSH-2.0-OpenSSH\r\n")]
    ] as const
  ) {
    it(`before it opened: ${name}`, () =>
      leavesNothing(async () => {
        const { server, url } = await tcp(handle)
        const client = new Client(url)
        const log = ledger()
        watch(client, log)
        await log.promise("connect", client.connect({ reconnect: false }))
        expect(log.entries).toEqual(["connect: ws: Socket error"])
        await event((done) => server.close(() => done()))
      }))
  }

  it(
    "in mid-hello; the client tries again",
    scenario(async ({ client, log, server }) => {
      const first = server.next()
      const connecting = log.promise("connect", client.connect({ delay: 1 }))
      const socket = await first
      await socket.next("hello")
      const second = server.next()
      socket.cut()
      await connecting
      const next = await second
      const connected = event((done) => {
        client.onConnect = done
      })
      await next.accept()
      await connected
      expect(log.entries).toEqual([
        "onDisconnect true 1006 false",
        "connect: disconnect: Request failed - server disconnected"
      ])
      expect(client.id).toBe("raw")
    })
  )

  it(
    "in the middle of a chunked message, which is forgotten",
    scenario(async ({ client, log, server }) => {
      const socket = await connect(server, client)
      const updates: Array<unknown> = []
      client.onUpdate = (message: unknown) => updates.push(message)
      const second = server.next()
      socket.text("+{\"type\":\"update\",\"mess")
      socket.socket.close()
      const next = await second
      await next.accept()
      next.say({ type: "update", message: 1 })
      const after = client.message("after")
      await next.answer("message")
      await after
      expect(updates).toEqual([1])
      expect(log.entries).toEqual(["onConnect", "onDisconnect true 1005 false", "onConnect"])
    })
  )

  it(
    "while calls are pending: all fail, after onDisconnect",
    scenario(async ({ client, log, server }) => {
      const socket = await connect(server, client, { reconnect: false })
      const ended = [
        log.promise("request", client.request("/")),
        log.promise("message", client.message("x")),
        log.promise("subscribe", client.subscribe("/a", () => {})),
        log.promise("reauthenticate", client.reauthenticate("x")),
        event((done) =>
          client.request("/", (error) => {
            log.callback("request callback")(error)
            done()
          })
        )
      ]
      await socket.next("request")
      socket.cut()
      await Promise.all(ended)
      expect(log.entries[0]).toBe("onConnect")
      expect(log.entries[1]).toBe("onDisconnect false 1006 false")
      expect(new Set(log.entries.slice(2))).toEqual(
        new Set(
          ["request", "message", "subscribe", "reauthenticate", "request callback"].map((name) =>
            `${name}: disconnect: Request failed - server disconnected`
          )
        )
      )
      expect(client.subscriptions()).toEqual([])
    })
  )

  it(
    "during unsubscribe, which fails; the path is gone",
    scenario(async ({ client, log, server }) => {
      const socket = await connect(server, client)
      const subscribed = client.subscribe("/a", () => {})
      await socket.answer("sub")
      await subscribed
      const ended = log.promise("unsubscribe", client.unsubscribe("/a", null))
      await socket.next("unsub")
      const second = server.next()
      socket.cut()
      await ended
      expect(log.entries).toContain("unsubscribe: disconnect: Request failed - server disconnected")
      const hello = await (await second).accept()
      expect(hello.subs).toBe(undefined)
      expect(client.subscriptions()).toEqual([])
    })
  )

  it(
    "silently: the heartbeat notices",
    scenario(async ({ client, log, server }) => {
      await connect(server, client, { delay: 1 }, { heartbeat: { interval: 20, timeout: 10 } })
      const pending = log.promise("request", client.request("/"))
      const next = await server.next()
      await pending
      await next.accept()
      expect(log.entries.slice(0, 5)).toEqual([
        "onConnect",
        "onError: timeout: Disconnecting due to heartbeat timeout",
        "onHeartbeatTimeout true",
        "onDisconnect true 1006 false",
        "request: disconnect: Request failed - server disconnected"
      ])
    })
  )
})

describe("a flood", () => {
  it("of updates to a slow consumer: what its buffer holds arrives in order, the rest is dropped", () =>
    leavesNothing(async () => {
      const server = await RawServer.start()
      const flood = async (): Promise<void> => {
        const socket = await server.next()
        await socket.accept()
        await socket.answer("sub")
        for (let n = 0; n < 20_000; n++) {
          socket.say({ type: "pub", path: "/a", message: n })
        }
        socket.say({ type: "revoke", path: "/a" })
      }
      const flooding = flood()
      const consume = (buffer: NesClient.Buffer, count: number) =>
        Effect.flatMap(NesClient.NesClient, (nes) =>
          nes.subscribeMessages("/a", buffer).pipe(
            Stream.tap(() => Effect.yieldNow),
            Stream.take(count),
            Stream.runCollect
          ))
      const seen = await Effect.runPromise(
        Effect.all([
          consume({ capacity: 100, strategy: "sliding" }, 20_000),
          consume({ capacity: "unbounded" }, 20_000)
        ], {
          concurrency: 2
        }).pipe(Effect.provide(NesClient.layer({ url: server.url })))
      )
      await flooding
      await server.stop()
      const [sliding, all] = seen as ReadonlyArray<ReadonlyArray<number>>
      expect(all).toEqual(Array.from({ length: 20_000 }, (_, n) => n))
      expect(sliding?.at(-1)).toBe(19_999)
      expect(sliding?.every((n, index) => index === 0 || n > sliding[index - 1]!)).toBe(true)
    }))
})

describe("garbage", () => {
  it(
    "of every kind is told, and the connection goes on",
    scenario(async ({ client, log, server }) => {
      const socket = await connect(server, client)
      socket.text("{garbage")
      socket.text("+unfinished")
      socket.say({ type: "nonsense", id: 77 })
      socket.socket.send(Buffer.from([1, 2, 3]))
      const answered = log.promise("request", client.request("/"))
      await socket.answer("request", { type: "nonsense" })
      await answered
      const after = client.message("after")
      await socket.answer("message")
      await after
      expect(log.entries.map((entry) => entry.replace(/protocol: .*JSON.*/, "protocol: JSON"))).toEqual([
        "onConnect",
        "onError: protocol: JSON",
        "onError: protocol: Received an incomplete message",
        "onError: protocol: Received response for unknown request",
        "onError: protocol: Received invalid message",
        "onError: protocol: Received unknown response type: nonsense",
        "request: protocol: Received invalid response"
      ])
    })
  )
})

describe("misuse", () => {
  it(
    "connect while reconnecting; disconnect then ends everything",
    scenario(async ({ client, log, server }) => {
      const socket = await connect(server, client, { delay: 60_000, maxDelay: 60_000 })
      const lost = event((done) => {
        client.onDisconnect = () => done()
      })
      socket.cut()
      await lost
      await log.promise("connect", client.connect())
      await log.promise("request", client.request("/"))
      expect(log.entries.slice(1)).toEqual([
        "connect: user: Cannot connect while client attempts to reconnect",
        "request: disconnect: Failed to send message - server disconnected"
      ])
      expect(server.sockets).toHaveLength(1)
    })
  )

  it(
    "disconnect while connecting, twice",
    scenario(async ({ client, log }) => {
      await Promise.all([
        log.promise("connect", client.connect()),
        log.promise("disconnect", client.disconnect()),
        log.promise("again", client.disconnect())
      ])
      expect(log.entries).toEqual(["connect: ws: Socket error", "disconnect", "again"])
    })
  )

  it(
    "disconnect in mid-hello, and with calls pending",
    scenario(async ({ client, log, server }) => {
      const first = server.next()
      const connecting = log.promise("connect", client.connect())
      const hello = await first
      await hello.next("hello")
      await Promise.all([connecting, log.promise("disconnect", client.disconnect())])
      expect(log.entries).toEqual([
        "onDisconnect false 1005 true",
        "connect: disconnect: Request failed - server disconnected",
        "disconnect"
      ])
      const socket = await connect(server, client)
      log.entries.splice(0)
      const ended = [log.promise("request", client.request("/")), log.promise("disconnect again", client.disconnect())]
      await Promise.all([...ended, socket.closed])
      expect(log.entries).toEqual([
        "onDisconnect false 1005 true",
        "request: disconnect: Request failed - server disconnected",
        "disconnect again"
      ])
    })
  )
})

describe("a reconnect", () => {
  it(
    "whose hello is refused is the last, one that is refused for a path is not",
    scenario(async ({ client, log, server }) => {
      const socket = await connect(server, client)
      const subscribed = client.subscribe("/a", () => {})
      await socket.answer("sub")
      await subscribed
      const second = server.next()
      socket.cut()
      const next = await second
      const refused = event((done) => {
        client.onError = (error) => {
          log.write("onError", error)
          done()
        }
      })
      const third = server.next()
      await next.answer("hello", { statusCode: 403, path: "/a", payload: { error: "Forbidden", message: "No more" } })
      await refused
      expect(client.subscriptions()).toEqual([])
      const last = await third
      const over = event((done) => {
        client.onError = (error) => {
          log.write("onError", error)
          done()
        }
      })
      await last.answer("hello", { statusCode: 403, payload: { error: "Forbidden", message: "Nobody" } })
      await over
      expect(log.entries).toEqual([
        "onConnect",
        "onDisconnect true 1006 false",
        "onDisconnect true 1005 false",
        "onError: server: No more",
        "onDisconnect false 1005 false",
        "onError: server: Nobody"
      ])
      expect(client.overrideReconnectionAuth("x")).toBe(false)
      await connect(server, client)
      expect(client.id).toBe("raw")
    })
  )
})

describe("the wall clock jumps", () => {
  for (const hours of [-5, 5]) {
    it(`by ${hours} hours: nothing times out early or late`, () =>
      leavesNothing(async () => {
        const server = await RawServer.start()
        const wall = Date.now
        /** A client that asks twice. */
        const asking = async (timeout: number, heartbeat: object) => {
          const client = new Client(server.url, { timeout })
          const log = ledger()
          watch(client, log)
          const socket = await connect(server, client, { delay: 1 }, { heartbeat })
          const answered = log.promise("answered", client.request("/"))
          const silent = log.promise("silent", client.request("/"))
          return { client, log, socket, answered, silent }
        }
        const long = { interval: 60_000, timeout: 60_000 }
        const patient = await asking(60_000, long)
        const brief = await asking(50, long)
        const deaf = await asking(60_000, { interval: 20, timeout: 10 })
        Date.now = () => wall() + hours * 3_600_000
        try {
          await patient.socket.answer("request", { statusCode: 200 })
          await patient.answered
          await Promise.all([brief.silent, deaf.silent])
          expect(brief.log.entries).toContain("silent: timeout: Request timed out")
          expect(deaf.log.entries).toContain("onHeartbeatTimeout true")
          expect(patient.log.entries).toEqual(["onConnect", "answered"])
        } finally {
          Date.now = wall
          await Promise.all([patient, brief, deaf].map(({ client }) => client.disconnect()))
          await server.stop()
        }
      }))
  }
})
