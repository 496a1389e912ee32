/** What one connection may ask for: crossing a limit refuses or closes that connection alone, and is counted. */
import Boom from "@hapi/boom"
import { Effect, Metric } from "effect"
import { constants } from "node:buffer"
import type { Socket } from "node:net"
import { setImmediate } from "node:timers/promises"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import * as Nes from "../../src/hapi.js"
import type { Exceeded } from "../../src/server/LimitSettings.js"
import { fakeTime } from "../harness/FakeTime.js"
import { Gate, Journal } from "../harness/Journal.js"
import { type Frame, type RawClient } from "../harness/RawClient.js"
import { frame } from "../harness/RawPeer.js"
import { type Live, live, type Options } from "./LiveServer.js"

type Limits = NonNullable<Nes.PluginOptions["limits"]>

/** What a counter of the process has come to. */
const counted = (name: string, limit?: string): number =>
  Effect.runSync(Metric.snapshot).flatMap(({ attributes = {}, id, state }) =>
    id === name && Object.values(attributes).every((value) => value === limit) && "count" in state
      ? [Number(state.count)]
      : []
  ).reduce((sum, count) => sum + count, 0)

/** How the server closed a socket: code and reason. */
const closure = (client: RawClient): Promise<readonly [number, string]> =>
  new Promise((resolve) => client.socket.once("close", (code, reason) => resolve([code, String(reason)])))

const refusal = ({ payload, statusCode }: Frame): ReadonlyArray<unknown> => [
  statusCode,
  (payload as { readonly message: string }).message
]

const counts = ({ server }: Live): Partial<Exceeded> =>
  Object.fromEntries(Object.entries(server.plugins.nes.node.exceeded).filter(([, count]) => count > 0))

const tcp = (client: RawClient): Socket => (client.socket as unknown as { readonly _socket: Socket })._socket

/** A server with limits, a bystander on it, and a socket that has said hello. */
const limited = async (limits: Limits, options: Options = {}, started: () => void = () => {}) => {
  const host = await live({
    ...options,
    nes: { ...options.nes, limits },
    declare: (server) => {
      server.route({ method: "POST", path: "/", handler: (request) => String(request.payload).length })
      server.subscription("/o/{n}")
      options.declare?.(server)
    }
  })
  started()
  const bystander = await host.connect()
  const client = await host.open()
  await client.hello()
  return { host, client, undisturbed: () => bystander.subscribe("/o/1", () => {}) }
}

describe("maxFrameBytes", () => {
  const text = { "content-type": "text/plain" }
  const post = (client: RawClient, length: number) =>
    client.ask({ type: "request", method: "POST", path: "/", headers: text, payload: "x".repeat(length) })

  it("by default: a payload that is too large is answered 413, a frame longer than its envelope closes with 1009", async () => {
    const { client, host, undisturbed } = await limited({})
    expect(await post(client, 1_048_576)).toMatchObject({ statusCode: 200, payload: 1_048_576 })
    expect(await post(client, 1_048_577)).toMatchObject({ statusCode: 413 })
    expect(await post(client, 1_048_576 + 65_000)).toMatchObject({ statusCode: 413 })
    const closed = closure(client)
    client.say({ type: "request", method: "POST", path: "/", payload: "x".repeat(1_048_576 + 65_536) })
    expect(await closed).toEqual([1009, ""])
    expect(counts(host)).toEqual({ maxFrameBytes: 1 })
    await undisturbed()
  })

  it("by default follows the routes, also those declared after the start", async () => {
    const { client, host } = await limited({})
    const route = (path: string, maxBytes: number) =>
      host.server.route({ method: "POST", path, options: { payload: { maxBytes } }, handler: () => "fine" })
    route("/late", 3_000_000)
    route("/small", 10)
    const later = await host.open()
    await later.hello()
    const payload = "x".repeat(2_999_000)
    expect(await later.ask({ type: "request", method: "POST", path: "/late", headers: text, payload })).toMatchObject({
      payload: "fine"
    })
    const closed = closure(later)
    later.say({ type: "message", message: "x".repeat(3_100_000) })
    expect(await closed).toEqual([1009, ""])
    // Who was there before keeps the limit it was given.
    const before = closure(client)
    client.say({ type: "message", message: payload })
    expect(await before).toEqual([1009, ""])
  })

  it("counts the fragments of a message together", async () => {
    const { client } = await limited({ maxFrameBytes: 1000 })
    const closed = closure(client)
    for (let i = 0; i < 11; i++) {
      client.socket.send("x".repeat(100), { fin: false })
    }
    expect(await closed).toEqual([1009, ""])
  })

  it.each([false, 3_000_000_000] as const)("%s: no frame may be longer than a string", async (maxFrameBytes) => {
    const { client, undisturbed } = await limited({ maxFrameBytes })
    const raw = Reflect.get(client.socket, "_socket") as Socket
    const closed = closure(client)
    // The head of a frame one byte longer; what follows need not come.
    const head = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    head.writeUInt32BE(constants.MAX_STRING_LENGTH + 1, 6)
    raw.write(head)
    expect(await closed).toEqual([1009, ""])
    await undisturbed()
  })

  it.each([false, 3_000_000_000] as const)("%s lets a frame of 3 MB through", async (maxFrameBytes) => {
    const { client } = await limited({ maxFrameBytes })
    expect(refusal(await client.ask({ type: "message", message: "x".repeat(3_000_000) }))).toEqual([
      501,
      "Not Implemented"
    ])
  })

  it("a message may come in a piece for each 256 bytes of it, at least in 1,024: in more, it closes with 1008", async () => {
    const { client, host, undisturbed } = await limited({ maxFrameBytes: 512 * 1024 })
    const fragments = (first: number, count: number) =>
      Buffer.concat(Array.from({ length: count }, (_, i) => frame(" ", { first: i === 0 ? first : 0 })))
    const closed = closure(client)
    tcp(client).write(Buffer.concat([fragments(1, 2047), frame(" ", { first: 0x80 })]))
    expect(refusal(await client.next(({ statusCode }) => statusCode === 400))).toEqual([400, "Cannot parse message"])
    expect(counts(host)).toEqual({})
    tcp(client).write(fragments(1, 2049))
    expect(await closed).toEqual([1008, ""])
    expect(counts(host)).toEqual({ maxFrameBytes: 1 })
    await undisturbed()
  })
})

describe("before the hello is answered", () => {
  const hello = (length: number): string => {
    const text = JSON.stringify({ type: "hello", id: 1, version: "2", filler: "" })
    return text.replace("\"\"", `"${"x".repeat(length - text.length)}"`)
  }

  it("a connection may send 64 KiB, however large the uploads of a route may be; more closes it with 1009", async () => {
    const { host, undisturbed } = await limited({}, {
      declare: (server) =>
        server.route({
          method: "POST",
          path: "/upload",
          options: { payload: { maxBytes: 10_000_000, output: "stream" } },
          handler: () => "fine"
        })
    })
    const ways: ReadonlyArray<(client: RawClient) => void> = [
      ({ socket }) => socket.send(hello(65_537)),
      ({ socket }) => socket.send("x".repeat(5_000_000)),
      ({ socket }) => {
        for (let i = 0; i < 10; i++) {
          socket.send("x".repeat(10_000), { fin: false })
        }
      }
    ]
    for (const way of ways) {
      const client = await host.open()
      const closed = closure(client)
      way(client)
      expect(await closed).toEqual([1009, ""])
    }
    expect(counts(host)).toEqual({ maxHelloBytes: ways.length })
    const client = await host.open()
    client.socket.send(hello(65_400))
    expect(await client.next(({ id }) => id === 1)).toHaveProperty("socket")
    const upload = { type: "request", method: "POST", path: "/upload", payload: "x".repeat(9_000_000) }
    expect(await client.ask(upload)).toMatchObject({ payload: "fine" })
    await undisturbed()
  })

  it("what comes after more than that is thrown away, not gathered, until the socket has ended", async () => {
    const { host, undisturbed } = await limited({ maxFrameBytes: false })
    const { socket } = await host.open()
    const connection = [...host.server.plugins.nes.node.hub.connections.keys()].at(-1)
    const readers = connection?.raw.listeners("data")
    const raw = Reflect.get(socket, "_socket") as Socket
    const ended = new Promise((resolve) => socket.once("close", resolve))
    // The head of a frame of 256 MiB, and what a client sends that does not listen.
    raw.pause()
    raw.write(Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0x0f, 0, 0, 0, 0, 0, 0, 0]))
    const isOpen = (): boolean => connection?.isOpen === true
    while (isOpen()) {
      raw.write(Buffer.alloc(10_000))
      await setImmediate()
    }
    const read = connection?.raw.bytesRead ?? Infinity
    raw.write(Buffer.alloc(10_000_000))
    while ((connection?.raw.bytesRead ?? Infinity) < read + 1_000_000) {
      await setImmediate()
    }
    expect(connection?.raw.listeners("data").filter((listener) => readers?.includes(listener))).toEqual([])
    expect(counts(host)).toEqual({ maxHelloBytes: 1 })
    raw.resume()
    await ended
    await undisturbed()
  })

  it("what is sent while the hello is looked at is read when it has succeeded, however much it is", async () => {
    const gate = new Gate()
    const { host } = await limited({}, {
      nes: {
        onMessage: (_socket, message) => String(message).length,
        onConnection: ({ id }) => id.endsWith(":3") ? gate.hold() : undefined
      }
    })
    const client = await host.open()
    const greeted = client.hello()
    await gate.reached
    const answered = client.ask({ type: "message", message: "x".repeat(1_000_000) })
    const { raw } = [...host.server.plugins.nes.node.hub.connections.keys()].at(-1) ?? {}
    await new Promise<void>((resolve) => raw?.once("pause", () => resolve()))
    for (let turn = 0; turn < 100; turn++) {
      await setImmediate()
    }
    expect(raw?.bytesRead).toBeLessThan(500_000)
    gate.open()
    expect(await greeted).toHaveProperty("socket")
    expect(await answered).toMatchObject({ message: 1_000_000 })
    expect(counts(host)).toEqual({})
  })

  it("is room enough for clients with more subscriptions than that: what a hello cannot carry is asked for afterwards", async () => {
    const { host } = await limited({}, {
      declare: (server) => server.subscription("/long/{name}", { recovery: true })
    })
    const client = await host.connect({ reconnect: true, delay: 10 })
    const errors: Array<unknown> = []
    client.onError = (error) => errors.push(error)
    const paths = Array.from({ length: 800 }, (_, i) => `/long/${String(i).padStart(100, "0")}`)
    const heard = new Map<string, Array<unknown>>(paths.map((path) => [path, []]))
    for (const path of paths) {
      await client.subscribe(path, (message) => heard.get(path)?.push(message))
    }
    const publish = (message: unknown) => Promise.all(paths.map((path) => host.server.publish(path, message)))
    await publish("before")
    for (const connection of host.server.plugins.nes.node.hub.connections.keys()) {
      connection.ws.terminate()
    }
    await publish("meanwhile")
    await new Promise<void>((resolve) => {
      client.onConnect = resolve
    })
    await publish("after")
    await expect.poll(() => [...heard.values()].flat().length).toBeGreaterThanOrEqual(3 * paths.length)
    expect([...heard.values()]).toEqual(paths.map(() => ["before", "meanwhile", "after"]))
    expect(counts(host)).toEqual({})
    expect(errors.length).toBeLessThanOrEqual(1)
  })

  it("who was refused is not read any more", async () => {
    const { host, undisturbed } = await limited({}, {
      nes: { onConnection: ({ id }) => id.endsWith(":3") ? Promise.reject(Boom.forbidden()) : undefined }
    })
    const client = await host.open()
    const closed = closure(client)
    expect(await client.hello()).toMatchObject({ statusCode: 403 })
    client.socket.send("x".repeat(1_000_000))
    expect(await closed).toEqual([1009, ""])
    await undisturbed()
  })

  it("what was sent while the hello was looked at is too much when it has been refused", async () => {
    const gate = new Gate()
    const { host, undisturbed } = await limited({}, {
      nes: {
        onConnection: ({ id }) =>
          id.endsWith(":3") ? gate.hold().then(() => Promise.reject(Boom.forbidden())) : undefined
      }
    })
    const client = await host.open()
    const closed = closure(client)
    const greeted = client.hello()
    await gate.reached
    const { raw } = [...host.server.plugins.nes.node.hub.connections.keys()].at(-1) ?? {}
    client.socket.send("x".repeat(1_000_000))
    await new Promise<void>((resolve) => raw?.once("pause", () => resolve()))
    gate.open()
    expect(await greeted).toMatchObject({ statusCode: 403 })
    expect(await closed).toEqual([1009, ""])
    await undisturbed()
  })

  it("16 messages may come; one more closes with 1008", async () => {
    const { host, undisturbed } = await limited({})
    const late = await host.open()
    for (let i = 0; i < 16; i++) {
      expect(refusal(await late.ask({ type: "message" }))).toEqual([400, "Connection is not initialized"])
    }
    expect(await late.hello()).toHaveProperty("socket")
    const never = await host.open()
    const closed = closure(never)
    for (let i = 0; i < 17; i++) {
      never.say({ type: "ping" })
    }
    expect(await closed).toEqual([1008, "Too many messages before hello"])
    expect(counts(host)).toEqual({ maxHelloMessages: 1 })
    await undisturbed()
  })
})

describe("maxErrors", () => {
  it("closes with 1008 who causes more in a minute, and does not count the server's own faults", async () => {
    const { client, host, undisturbed } = await limited({ maxErrors: 5 }, {
      nes: {
        onMessage: () => {
          throw new Error("broken")
        }
      }
    })
    for (let i = 0; i < 10; i++) {
      expect(await client.ask({ type: "message" })).toMatchObject({ statusCode: 500 })
    }
    const closed = closure(client)
    for (let i = 0; i < 5; i++) {
      expect(await client.ask({ type: "sub", path: "/none" })).toMatchObject({ statusCode: 404 })
    }
    client.socket.send("{")
    expect(await closed).toEqual([1008, "Too many errors"])
    expect(counts(host)).toEqual({ maxErrors: 1 })
    await undisturbed()
  })

  it("by default 1000 may come at once", async () => {
    const { client, host } = await limited({ maxInFlight: 2000 })
    const closed = closure(client)
    for (let i = 0; i < 1000; i++) {
      client.socket.send("{")
    }
    await client.next(({ statusCode }) => statusCode === 400)
    expect(counts(host)).toEqual({})
    for (let i = 0; i < 1000; i++) {
      client.socket.send("{")
    }
    expect(await closed).toEqual([1008, "Too many errors"])
  })
})

const fake = (): void => fakeTime("setTimeout", "clearTimeout")

/** The same where time is the test's: what a busy machine takes is none of it. */
const timed = (limits: Limits, options?: Options): ReturnType<typeof limited> => limited(limits, options, fake)

const passes = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

describe("helloTimeout", () => {
  it("closes with 1008 who does not say hello in time, and leaves who did", async () => {
    const { client, host, undisturbed } = await timed({ helloTimeout: 50 })
    const silent = await host.open()
    const mumbling = await host.open()
    await mumbling.hello({ version: "1" })
    const closed = Promise.all([closure(silent), closure(mumbling)])
    await passes(49)
    await client.fence()
    expect(counts(host)).toEqual({})
    await passes(1)
    expect(await closed).toEqual([[1008, "No hello in time"], [1008, "No hello in time"]])
    expect(counts(host)).toEqual({ helloTimeout: 2 })
    await client.fence()
    await undisturbed()
  })
})

describe("maxConnectionAge", () => {
  it("closes with 1001 what is too old, and a client comes back by itself", async () => {
    const { client, host } = await timed({ maxConnectionAge: 200 })
    const other = new Nes.Client(host.url)
    onTestFinished(() => other.disconnect())
    const comings = new Journal()
    other.onConnect = () => comings.note("connected")
    const lost = new Promise<void>((resolve) => {
      other.onDisconnect = () => resolve()
    })
    await other.connect({ delay: 10 })
    const { id } = other
    const closed = closure(client)
    await passes(200)
    expect(await closed).toEqual([1001, "Connection is too old"])
    await lost
    await passes(10)
    await comings.until("connected", 2)
    expect(other.id).not.toBe(id)
    expect(counts(host).maxConnectionAge).toBeGreaterThanOrEqual(2)
  })

  it("lets what is being answered end, for a second", async () => {
    const gate = new Gate()
    const { client, host } = await timed({ maxConnectionAge: 200 }, { nes: { onMessage: gate.hold } })
    client.say({ type: "message", message: 1 })
    await gate.reached
    const closed = closure(client)
    await passes(200)
    await expect.poll(() => counts(host).maxConnectionAge, { interval: 5 }).toBeGreaterThanOrEqual(1)
    await passes(999)
    await client.fence()
    gate.open()
    expect(await client.next(({ type }) => type === "message")).toMatchObject({ type: "message" })
    expect(await closed).toEqual([1001, "Connection is too old"])
  })

  it("ends what hangs all the same", async () => {
    const gate = new Gate()
    const { client, host } = await timed({ maxConnectionAge: 100 }, { nes: { onMessage: gate.hold } })
    client.say({ type: "message", message: 1 })
    await gate.reached
    const closed = closure(client)
    await passes(100)
    await expect.poll(() => counts(host).maxConnectionAge, { interval: 5 }).toBeGreaterThanOrEqual(2)
    await passes(1_000)
    expect(await closed).toEqual([1001, "Connection is too old"])
  })
})

describe("authTimeout", () => {
  it("refuses a hello and a reauthentication that take too long, and what comes of them later changes nothing", async () => {
    const gate = new Gate()
    const asked = new Journal()
    const host = await live({
      nes: { auth: { type: "direct" }, heartbeat: false, limits: { authTimeout: 50 } },
      prepare: (server) => {
        server.auth.scheme("slow", () => ({
          authenticate: async (request, h) => {
            if (request.headers.authorization === "slow") {
              asked.note("slow")
              await gate.hold()
            }
            return h.authenticated({ credentials: { user: "john" } })
          }
        }))
        server.auth.strategy("slow", "slow")
        server.auth.default("slow")
      }
    })
    const as = (authorization: string): Frame => ({ auth: { headers: { authorization } } })
    fake()
    const client = await host.open()
    const other = await host.open()
    await other.hello(as("fast"))
    for (
      const [n, ask] of [() => client.hello(as("slow")), () => other.ask({ type: "reauth", ...as("slow") })].entries()
    ) {
      const answer = ask()
      await asked.until("slow", n + 1)
      await passes(50)
      expect(refusal(await answer)).toEqual([503, "Authentication took too long"])
    }
    await other.closed
    gate.open()
    await passes(1_000)
    await client.closed
    expect(counts(host)).toEqual({ authTimeout: 2 })
  })
})

describe("maxSubscriptions", () => {
  it("answers 403 to one more, those under way included, and makes room when one ends", async () => {
    const gate = new Gate()
    const { client, host, undisturbed } = await limited({ maxSubscriptions: 2 }, {
      declare: (server) => server.subscription("/slow", { onSubscribe: gate.hold })
    })
    const slow = client.ask({ type: "sub", path: "/slow" })
    await gate.reached
    expect(await client.ask({ type: "sub", path: "/o/1" })).not.toHaveProperty("statusCode")
    expect(refusal(await client.ask({ type: "sub", path: "/o/2" }))).toEqual([403, "Too many subscriptions"])
    gate.open()
    await slow
    await client.ask({ type: "unsub", path: "/o/1" })
    expect(await client.ask({ type: "sub", path: "/o/2" })).not.toHaveProperty("statusCode")
    expect(counts(host)).toEqual({ maxSubscriptions: 1 })
    await undisturbed()
  })
})

describe("maxSubscriptionBytes", () => {
  it("answers 403 to one more long path, those under way included, and makes room when one ends", async () => {
    const gate = new Gate()
    const { client, host, undisturbed } = await limited({ maxSubscriptionBytes: 2_000 }, {
      declare: (server) => server.subscription("/slow/{id}", { onSubscribe: gate.hold })
    })
    const long = (n: number): string => `/o/${n}${"x".repeat(400)}`
    await client.ask({ type: "sub", path: long(1) })
    const slow = client.ask({ type: "sub", path: `/slow/${"x".repeat(400)}` })
    const refused = [403, "Too many subscriptions"]
    expect(refusal(await client.ask({ type: "sub", path: long(2) }))).toEqual(refused)
    await client.ask({ type: "sub", path: "/o/short" })
    await client.ask({ type: "unsub", path: long(1) })
    expect(await client.ask({ type: "sub", path: long(2) })).toMatchObject({ path: long(2) })
    expect(refusal(await client.ask({ type: "sub", path: long(1) }))).toEqual(refused)
    gate.open()
    await slow
    expect(counts(host)).toEqual({ maxSubscriptionBytes: 2 })
    await undisturbed()
  })
})

describe("maxInFlight", () => {
  it("answers 429 to one more, and takes messages again when others have been answered", async () => {
    const gate = new Gate()
    const { client, host, undisturbed } = await limited({ maxInFlight: 3 }, { nes: { onMessage: gate.hold } })
    const held = Array.from({ length: 3 }, () => client.ask({ type: "message", message: 1 }))
    await gate.reached
    expect(refusal(await client.ask({ type: "message" }))).toEqual([429, "Too many messages in flight"])
    await undisturbed()
    gate.open()
    await Promise.all(held)
    expect(await client.ask({ type: "message" })).not.toHaveProperty("statusCode")
    expect(counts(host)).toEqual({ maxInFlight: 1 })
  })

  it("does not count what waits for its turn", async () => {
    const { client, host } = await limited({ maxInFlight: 10 }, { nes: { onMessage: () => "done" } })
    const answers = await Promise.all(Array.from({ length: 1000 }, () => client.ask({ type: "message" })))
    expect(answers.filter(({ message }) => message === "done")).toHaveLength(1000)
    expect(counts(host)).toEqual({})
  })
})

describe("maxMessagesPerSecond", () => {
  it("closes with 1008 who sends more", async () => {
    const { client, host, undisturbed } = await limited({ maxMessagesPerSecond: 20 })
    const closed = closure(client)
    for (let i = 0; i < 100; i++) {
      client.say({ type: "message" })
    }
    expect(await closed).toEqual([1008, "Too many messages"])
    expect(counts(host)).toEqual({ maxMessagesPerSecond: 1 })
    await undisturbed()
  })

  it("counts pings and pongs of the WebSocket's own", async () => {
    const { client, host, undisturbed } = await limited({ maxMessagesPerSecond: 20 })
    const closed = closure(client)
    for (let i = 0; i < 15; i++) {
      client.socket.pong()
      client.socket.ping()
    }
    expect(await closed).toEqual([1008, "Too many messages"])
    expect(counts(host)).toEqual({ maxMessagesPerSecond: 1 })
    await undisturbed()
  })

  it("false is no limit", async () => {
    const { client, host } = await limited({ maxMessagesPerSecond: false })
    await client.fence()
    expect(counts(host)).toEqual({})
  })

  it("by default 10,000 may come at once", async () => {
    const { client, host } = await limited({ maxInFlight: 20_000 })
    const closed = closure(client)
    for (let i = 0; i < 9999; i++) {
      client.say({ type: "ping" })
    }
    await client.fence()
    expect(counts(host)).toEqual({})
    // Made beforehand, masked with nothing: the client must be faster than the server, which reads no faster than it works.
    const ping = Buffer.from("\x81\x97\0\0\0\0{\"type\":\"ping\",\"id\":99}", "latin1")
    tcp(client).write(Buffer.concat(Array.from({ length: 100_000 }, () => ping)))
    expect(await closed).toEqual([1008, "Too many messages"])
  })
})

describe("maxBufferedBytes", () => {
  /** Subscribes without ever reading again, and publishes until the limit is crossed. */
  const stall = async ({ client, host }: { readonly client: RawClient; readonly host: Live }) => {
    await client.ask({ type: "sub", path: "/o/2" })
    client.socket.pause()
    const message = "x".repeat(100_000)
    const { node } = host.server.plugins.nes
    for (let i = 0; i < 1000 && node.exceeded.maxBufferedBytes === 0; i++) {
      await host.server.publish("/o/2", message)
    }
    return node
  }

  it("closes with 1013 who does not read", async () => {
    const { client, host, undisturbed } = await limited({ maxBufferedBytes: 500_000 })
    const node = await stall({ client, host })
    expect(counts(host)).toEqual({ maxBufferedBytes: 1 })
    const closed = closure(client)
    client.socket.resume()
    expect(await closed).toEqual([1013, "Client reads too slowly"])
    await undisturbed()
    expect(node.hub.connections.size).toBe(1)
  })

  it("'drop': publishes and broadcasts pass by who does not read, answers do not, and later ones arrive again", async () => {
    const { client, host, undisturbed } = await limited({ maxBufferedBytes: 500_000, slowClient: "drop" })
    await stall({ client, host })
    await host.server.publish("/o/2", "lost")
    await host.server.broadcast("lost")
    expect(counts(host)).toEqual({ maxBufferedBytes: 3 })
    expect(host.server.plugins.nes.node.totals.updatesDropped).toBe(3)
    expect(counted("nes_server_updates_dropped_total")).toBeGreaterThanOrEqual(3)
    expect(counted("nes_server_limits_exceeded_total", "maxBufferedBytes")).toBeGreaterThanOrEqual(3)
    client.socket.resume()
    await client.fence()
    await host.server.publish("/o/2", "kept")
    await client.next(({ message }) => message === "kept")
    expect(client.frames.map(({ message }) => message)).not.toContain("lost")
    expect(client.frames.every(({ type }) => type === "pub")).toBe(true)
    await undisturbed()
  })

  it("'drop': what could be recovered is not dropped: the client is closed, and can ask for it again", async () => {
    const { client, host } = await limited({ maxBufferedBytes: 500_000, slowClient: "drop" }, {
      declare: (server) => server.subscription("/kept", { recovery: true })
    })
    await client.ask({ type: "sub", path: "/kept" })
    client.socket.pause()
    const { node } = host.server.plugins.nes
    let published = 0
    while (node.exceeded.maxBufferedBytes === 0) {
      await host.server.publish("/kept", [++published, "x".repeat(100_000)])
    }
    const closed = closure(client)
    client.socket.resume()
    expect(await closed).toEqual([1013, "Client reads too slowly"])
    const updates = client.frames.filter(({ type }) => type === "pub")
    expect(updates).toMatchObject(Array.from({ length: published - 1 }, (_, i) => ({ position: { offset: i + 1 } })))
    expect(node.totals.updatesDropped).toBe(0)
  })

  it("who asks and never reads the answers is not heard any more, and closed in time", async () => {
    const { client, host, undisturbed } = await limited({ maxBufferedBytes: 500_000, stallTimeout: 200 }, {
      nes: { onMessage: () => "x".repeat(100_000), heartbeat: false }
    })
    client.socket.pause()
    const { node } = host.server.plugins.nes
    const connection = [...node.hub.connections.keys()].at(-1)
    let most = 0
    while (node.exceeded.stallTimeout === 0) {
      client.say({ type: "message" })
      most = Math.max(most, connection?.bufferedBytes ?? 0)
      await setImmediate()
    }
    expect(most).toBeLessThan(1_200_000)
    const end = closure(client)
    client.socket.resume()
    expect(await end).toEqual([1013, "Client reads too slowly"])
    expect(counts(host)).toEqual({ stallTimeout: 1 })
    await undisturbed()
  })

  it("a client that reads gets a message of any size, and what follows it, however slow it is", async () => {
    const { client, host } = await limited({ maxBufferedBytes: 100_000, stallTimeout: 2_500 }, {
      nes: { onMessage: () => "x".repeat(8_000_000), heartbeat: false }
    })
    await client.ask({ type: "sub", path: "/o/2" })
    const raw = tcp(client)
    // More than five seconds for the whole, of which it is behind for longer than who takes nothing is waited for.
    raw.on("data", () => {
      raw.pause()
      setTimeout(() => raw.resume(), 24)
    })
    const answers = Promise.all([client.ask({ type: "message" }), client.ask({ type: "message" })])
    let published = 0
    const ticks = setInterval(() => void host.server.publish("/o/2", ++published), 5)
    expect((await answers).map(({ message }) => (message as string).length)).toEqual([8_000_000, 8_000_000])
    clearInterval(ticks)
    await client.next(({ message }) => message === published)
    expect(client.frames.flatMap(({ message, type }) => type === "pub" ? [message] : [])).toEqual(
      Array.from({ length: published - 1 }, (_, i) => i + 1)
    )
    expect(counts(host)).toEqual({})
  })

  it("does not mind how much one turn writes to who reads", async () => {
    const { client, host } = await limited({ maxBufferedBytes: 1000 })
    await client.ask({ type: "sub", path: "/o/2" })
    for (let n = 0; n < 500; n++) {
      void host.server.publish("/o/2", { n, filler: "x".repeat(1000) })
    }
    await client.next(({ message }) => (message as { readonly n: number }).n === 499)
    expect(client.frames).toHaveLength(499)
    expect(counts(host)).toEqual({})
  })
})

describe("maxHelloSubs", () => {
  it("refuses the hello with 400", async () => {
    const { host, undisturbed } = await limited({ maxHelloSubs: 2 })
    const [client, other] = await Promise.all([host.open(), host.open()])
    expect(refusal(await client.hello({ subs: ["/o/1", "/o/2", "/o/3"] }))).toEqual([
      400,
      "Message subs has too many paths"
    ])
    expect(await other.hello({ subs: ["/o/1", "/o/2"] })).toMatchObject({ socket: expect.any(String) })
    expect(counts(host)).toEqual({ maxHelloSubs: 1 })
    await undisturbed()
  })
})

describe("maxPathLength", () => {
  it("answers 414 to a request, a subscription and a hello", async () => {
    const { client, host, undisturbed } = await limited({ maxPathLength: 10 })
    const path = "/o/90123456"
    const expected = [414, "Message path is too long"]
    expect(refusal(await client.ask({ type: "sub", path }))).toEqual(expected)
    expect(refusal(await client.ask({ type: "request", method: "GET", path }))).toEqual(expected)
    const other = await host.open()
    expect(refusal(await other.hello({ subs: ["/o/1", path] }))).toEqual(expected)
    expect(await client.ask({ type: "sub", path: path.slice(0, 10) })).not.toHaveProperty("statusCode")
    expect(counts(host)).toEqual({ maxPathLength: 3 })
    await undisturbed()
  })
})

describe("maxDepth", () => {
  it("answers 400 to a message nested more deeply, and says to which", async () => {
    const { client, host, undisturbed } = await limited({ maxDepth: 4 })
    const answer = await client.ask({ type: "message", message: [[[[1]]]] })
    expect(refusal(answer)).toEqual([400, "Message is nested too deeply"])
    expect(answer.type).toBe("message")
    expect(refusal(await client.ask({ type: "message", message: [[[1]]] }))).toEqual([501, "Not Implemented"])
    expect(counts(host)).toEqual({ maxDepth: 1 })
    await undisturbed()
  })

  it("false: no depth ends the server", async () => {
    const { client, undisturbed } = await limited({ maxDepth: false }, { nes: { onMessage: (_, message) => message } })
    const deep = `${"[".repeat(400_000)}${"]".repeat(400_000)}`
    client.socket.send(`{"type":"message","id":"deep","message":${deep}}`)
    client.socket.send(`{"type":"request","id":"deep request","method":"POST","path":"/","payload":${deep}}`)
    expect(await client.next(({ id }) => id === "deep")).toMatchObject({ statusCode: 500 })
    expect(await client.next(({ id }) => id === "deep request")).toMatchObject({ statusCode: 500 })
    await undisturbed()
  })
})

describe("options", () => {
  it.each(
    [
      [{ maxDepth: 0 }, "limits.maxDepth: expected false or a positive integer"],
      [{ slowClient: "wait" }, "limits.slowClient: expected "],
      [{ maxEverything: 1 }, "limits.maxEverything"],
      ["none", "limits: expected an object"]
    ] as const
  )("%j is refused", async (limits, message) => {
    await expect(live({ nes: { limits: limits as unknown as Limits } })).rejects.toThrow(message)
  })
})
