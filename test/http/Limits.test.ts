/** The limits of one connection, on a server without hapi; test/hapi/Limits.test.ts looks at each more closely. */
import { describe, expect, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { once } from "node:events"
import { WebSocket } from "ws"
import { Authentication, NesHttpServer, NesServer } from "../../src/index.js"
import * as LimitSettings from "../../src/server/LimitSettings.js"
import { type Frame, RawClient } from "../harness/RawClient.js"
import { address, connect, outcome, serving } from "./Serving.js"

const router = Layer.mergeAll(
  HttpRouter.add("GET", "/", HttpServerResponse.text("here")),
  HttpRouter.add("GET", "/never", Effect.never)
)

/** A server with these limits. */
const limited = (limits: NesHttpServer.LimitOptions, options: NesHttpServer.Options = {}) =>
  NesHttpServer.layerSubscription("/o/{n}").pipe(
    Layer.provideMerge(serving(router, { ...options, limits, gracePeriod: 10 }))
  )

/** A socket that has said nothing yet. */
const open = Effect.flatMap(address, (address) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new RawClient(new WebSocket(`ws:${address}`))
      await once(client.socket, "open")
      return client
    }),
    (client) => Effect.sync(() => client.cut())
  ))

const refusal = ({ payload, statusCode }: Frame): ReadonlyArray<unknown> => [
  statusCode,
  (payload as { readonly message: string }).message
]

const closure = async ({ socket }: RawClient): Promise<ReadonlyArray<unknown>> => {
  const [code, reason] = await once(socket, "close") as [number, Buffer]
  return [code, String(reason)]
}

const counts = Effect.map(NesServer.NesServer, ({ node }) => Object.entries(node.exceeded).filter(([, n]) => n > 0))

/** Goes too far, and says what came of it. */
type Provoke = (client: RawClient, nes: NesServer.Service) => Promise<ReadonlyArray<unknown>>

const flood = async (client: RawClient, { node }: NesServer.Service): Promise<void> => {
  await client.ask({ type: "sub", path: "/o/2" })
  client.socket.pause()
  for (let i = 0; i < 1000 && node.exceeded.maxBufferedBytes === 0; i++) {
    await node.publish("/o/2", "x".repeat(100_000))
  }
}

const greeted = (provoke: Provoke): Provoke => async (client, nes) => {
  await client.hello()
  return await provoke(client, nes)
}

const cases: ReadonlyArray<readonly [NesHttpServer.LimitOptions, Provoke, ReadonlyArray<unknown>]> = [
  [
    { maxFrameBytes: 1000 },
    greeted((client) => {
      const closed = closure(client)
      client.say({ type: "message", message: "x".repeat(1000) })
      return closed
    }),
    [1009, ""]
  ],
  [
    { authTimeout: "50 millis" },
    async (client) => refusal(await client.hello({ auth: { headers: {} } })),
    [503, "Authentication took too long"]
  ],
  [
    { maxSubscriptions: 1 },
    greeted(async (client) => {
      await client.ask({ type: "sub", path: "/o/1" })
      return refusal(await client.ask({ type: "sub", path: "/o/2" }))
    }),
    [403, "Too many subscriptions"]
  ],
  [
    { maxInFlight: 2 },
    greeted(async (client) => {
      client.say({ type: "request", method: "GET", path: "/never" })
      client.say({ type: "request", method: "GET", path: "/never" })
      return refusal(await client.ask({ type: "message" }))
    }),
    [429, "Too many messages in flight"]
  ],
  [
    { maxMessagesPerSecond: 20 },
    greeted((client) => {
      const closed = closure(client)
      for (let i = 0; i < 100; i++) {
        client.say({ type: "message" })
      }
      return closed
    }),
    [1008, "Too many messages"]
  ],
  [
    { maxBufferedBytes: 500_000 },
    greeted(async (client, nes) => {
      await flood(client, nes)
      const closed = closure(client)
      client.socket.resume()
      return await closed
    }),
    [1013, "Client reads too slowly"]
  ],
  [
    { maxBufferedBytes: 500_000, slowClient: "drop" },
    greeted(async (client, nes) => {
      await flood(client, nes)
      client.socket.resume()
      await client.fence()
      await nes.node.publish("/o/2", "kept")
      return [(await client.next(({ message }) => message === "kept")).type, nes.node.totals.updatesDropped]
    }),
    ["pub", 1]
  ],
  [
    { maxHelloSubs: 1 },
    async (client) => refusal(await client.hello({ subs: ["/o/1", "/o/2"] })),
    [400, "Message subs has too many paths"]
  ],
  [
    { maxPathLength: 5 },
    greeted(async (client) => refusal(await client.ask({ type: "request", method: "GET", path: "/never" }))),
    [414, "Message path is too long"]
  ],
  [
    { maxDepth: 4 },
    greeted(async (client) => refusal(await client.ask({ type: "message", message: [[[[1]]]] }))),
    [400, "Message is nested too deeply"]
  ]
]

describe("limits", () => {
  const auth = Authentication.make({ mode: "optional", authenticate: Effect.never })

  for (const [limits, provoke, expected] of cases) {
    it.live(`${JSON.stringify(limits)}: what goes beyond is refused, counted, and nobody else's business`, () =>
      Effect.gen(function*() {
        const bystander = yield* connect()
        const client = yield* open
        const nes = yield* NesServer.NesServer
        expect(yield* Effect.promise(() => provoke(client, nes))).toEqual(expected)
        expect(yield* counts).toEqual([[Object.keys(limits)[0], 1]])
        expect(yield* outcome(() => bystander.request("/"))).toMatchObject({ payload: "here" })
      }).pipe(Effect.provide(limited(limits, { auth }))))
  }

  it.effect("helloTimeout: a connection that says no hello in time closes with 1008", () =>
    Effect.gen(function*() {
      const bystander = yield* connect()
      const closed = closure(yield* open)
      yield* TestClock.adjust("50 millis")
      expect(yield* Effect.promise(() => closed)).toEqual([1008, "No hello in time"])
      expect(yield* counts).toEqual([["helloTimeout", 1]])
      expect(yield* outcome(() => bystander.request("/"))).toMatchObject({ payload: "here" })
    }).pipe(Effect.provide(limited({ helloTimeout: "50 millis" }))))

  it.effect("maxConnectionAge: a connection that is too old closes with 1001", () =>
    Effect.gen(function*() {
      const client = yield* open
      yield* Effect.promise(() => client.hello())
      const closed = closure(client)
      yield* TestClock.adjust("200 millis")
      expect(yield* Effect.promise(() => closed)).toEqual([1001, "Connection is too old"])
      expect(yield* counts).toEqual([["maxConnectionAge", 1]])
    }).pipe(Effect.provide(limited({ maxConnectionAge: "200 millis" }))))

  it.live("have defaults, and false is none", () =>
    Effect.gen(function*() {
      const client = yield* open
      yield* Effect.promise(() => client.hello())
      const deep = `${"[".repeat(1000)}${"]".repeat(1000)}`
      client.socket.send(`{"type":"message","id":"deep","message":${deep}}`)
      const answer = yield* Effect.promise(() => client.next(({ id }) => id === "deep"))
      expect(refusal(answer)).toEqual([400, "Message is nested too deeply"])
      const long = { type: "sub", path: `/o/${"x".repeat(LimitSettings.defaults.maxPathLength)}` }
      expect(yield* Effect.promise(() => client.ask(long))).not.toHaveProperty("statusCode")
    }).pipe(Effect.provide(limited({ maxPathLength: false }))))

  it.live("come from Config", () =>
    Effect.gen(function*() {
      const Live = Layer.unwrap(Effect.map(
        Config.unwrap<NesHttpServer.ServerOptions>({
          limits: { maxSubscriptions: Config.Int("SUBSCRIPTIONS"), helloTimeout: Config.Duration("HELLO") }
        }),
        ({ limits = {} }) => limited(limits)
      ))
      const provider = ConfigProvider.fromEnv({
        env: Object.fromEntries([["SUBSCRIPTIONS", "1"], ["HELLO", "1 minute"]])
      })
      yield* Effect.gen(function*() {
        const client = yield* open
        yield* Effect.promise(() => client.hello({ subs: ["/o/1"] }))
        expect(refusal(yield* Effect.promise(() => client.ask({ type: "sub", path: "/o/2" })))).toEqual([
          403,
          "Too many subscriptions"
        ])
      }).pipe(Effect.provide(Layer.provide(Live, ConfigProvider.layer(provider))))
    }))

  it.effect.each(
    [
      [{ maxDepth: 0 }, "limits.maxDepth: expected false or a positive integer"],
      [{ maxFrameBytes: 1.5 }, "limits.maxFrameBytes: expected false or a positive integer"],
      [{ helloTimeout: 0 }, "limits.helloTimeout: expected false or a positive duration"],
      [{ maxConnectionAge: 0 }, "limits.maxConnectionAge: expected false or a positive duration"],
      [{ slowClient: "wait" as "drop" }, "limits.slowClient: expected \"close\" or \"drop\""]
    ] as const
  )("%j is refused", ([limits, message]) =>
    Effect.gen(function*() {
      const app = Effect.succeed(HttpServerResponse.empty())
      const error = yield* Effect.scoped(Effect.flip(NesHttpServer.make(app, { limits })))
      expect(error).toMatchObject({ _tag: "UserError", message: `Invalid nes configuration: ${message}` })
    }))
})
