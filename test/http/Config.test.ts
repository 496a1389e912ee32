/** Layers whose options come from Config. */
import { describe, expect, it } from "@effect/vitest"
import { Config, ConfigProvider, Duration, Effect, Layer, Option, Schema } from "effect"
import { HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Client } from "../../src/client.js"
import { HttpApplication, NesClient, NesHttpServer, NesServer, TestServer } from "../../src/index.js"
import { describeError } from "./Serving.js"

const given = (entries: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromEnv({ env: entries }))

const router = HttpRouter.add("GET", "/", HttpServerResponse.text("here"))

describe("a server in memory", () => {
  const Live = TestServer.layerConfig(router, { onMessage: (_socket, message) => Effect.succeed(message) }, {
    path: Config.String("NES_PATH"),
    maxConnections: Config.Int("MAX_CONNECTIONS"),
    maxStreamBytes: Config.Int("MAX_STREAM"),
    gracePeriod: Config.Duration("GRACE"),
    metrics: Config.Boolean("METRICS"),
    headers: Config.Array(Schema.String, "HEADERS"),
    heartbeat: Config.all({ interval: Config.Duration("INTERVAL"), timeout: Config.Duration("TIMEOUT") }),
    limits: {
      maxSubscriptions: Config.Int("MAX_SUBSCRIPTIONS"),
      helloTimeout: Config.Duration("HELLO_TIMEOUT"),
      slowClient: Config.Literals(["close", "drop"], "SLOW")
    }
  }).pipe(Layer.provide(HttpServer.layerServices))

  const config = {
    NES_PATH: "/nes",
    MAX_CONNECTIONS: "1",
    MAX_STREAM: "100",
    GRACE: "1 second",
    METRICS: "false",
    HEADERS: "content-type",
    INTERVAL: "2 seconds",
    TIMEOUT: "1 second",
    MAX_SUBSCRIPTIONS: "1",
    HELLO_TIMEOUT: "10 seconds",
    SLOW: "drop"
  }

  it.live("has them all", () =>
    Effect.gen(function*() {
      const server = yield* TestServer.TestServer
      expect(server.url).toBe("ws://memory/nes")
      const nes = yield* NesServer.NesServer
      yield* nes.subscription("/a/{id}")
      const client = new Client(server.url, { ws: server.ws })
      yield* Effect.promise(() => client.connect())
      yield* Effect.promise(() => client.subscribe("/a/1", () => {}))
      const refused = yield* Effect.promise(() => client.subscribe("/a/2", () => {}).catch(describeError))
      expect(refused).toEqual({ message: "Too many subscriptions", statusCode: 403 })
      expect((yield* Effect.promise(() => client.request("/"))).headers).toEqual({ "content-type": "text/plain" })
      expect((yield* Effect.promise(() => client.message("echo"))).payload).toBe("echo")
      yield* Effect.promise(() => client.disconnect())
    }).pipe(Effect.provide(Layer.provide(Live, given(config)))))

  it.effect("says which is missing, and which makes no sense", () =>
    Effect.gen(function*() {
      const { SLOW: _, ...incomplete } = config
      expect(String(yield* Effect.flip(Layer.build(Layer.provide(Live, given(incomplete)))))).toContain("SLOW")
      const wrong = Layer.provide(Live, given({ ...config, MAX_SUBSCRIPTIONS: "-1" }))
      expect(yield* Effect.flip(Layer.build(wrong))).toMatchObject({
        _tag: "UserError",
        message: "Invalid nes configuration: limits.maxSubscriptions: expected false or a positive integer"
      })
    }).pipe(Effect.scoped))
})

it.live("the bare server, and the port beneath it", () =>
  Effect.gen(function*() {
    const http = yield* Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        const http = createServer()
        http.listen(0, "127.0.0.1", () => resume(Effect.succeed(http)))
      }),
      (http) => Effect.callback<void>((resume) => void http.close(() => resume(Effect.void)))
    )
    const Streaming = Layer.mergeAll(router, HttpRouter.add("GET", "/long", HttpServerResponse.raw("x".repeat(50))))
    const Live = NesServer.layerConfig(http, {
      maxConnections: Config.Int("MAX"),
      heartbeat: Config.succeed(false as const),
      limits: { maxPathLength: Config.Int("MAX_PATH") },
      hooks: Config.succeed({ onMessage: () => "answer" })
    }).pipe(
      Layer.provide(HttpApplication.layerConfig(Streaming, { ids: { root: "GET /" } }, {
        maxStreamBytes: Config.Int("MAX_STREAM")
      })),
      Layer.provide(HttpServer.layerServices)
    )
    const config = { MAX: "5", MAX_PATH: "10", MAX_STREAM: "10" }
    yield* Effect.gen(function*() {
      const { port } = http.address() as AddressInfo
      const client = yield* NesClient.make({ url: `ws://127.0.0.1:${port}`, connect: "required" })
      expect(yield* client.request("root")).toMatchObject({ payload: "here" })
      expect(yield* client.message("a")).toBe("answer")
      expect(yield* Effect.flip(client.request("/much/too/long"))).toMatchObject({ statusCode: 414 })
      yield* (yield* NesServer.NesServer).totals
    }).pipe(Effect.scoped, Effect.provide(Layer.provide(Live, given(config))))
    for (const name of ["MAX", "MAX_STREAM"]) {
      const wrong = Layer.provide(Live, given({ ...config, [name]: "many" }))
      expect(String(yield* Effect.flip(Layer.build(wrong)))).toContain(name)
    }
  }))

it.effect("options that are code go before those from Config, and wrong ones are refused", () =>
  Effect.gen(function*() {
    const complaint = (options: NesHttpServer.ServerOptions) =>
      NesHttpServer.make(Effect.succeed(HttpServerResponse.empty()), options).pipe(
        Effect.flip,
        Effect.map(({ message }) => message.replace("Invalid nes configuration: ", "")),
        Effect.scoped
      )
    expect(yield* complaint({ limits: { helloTimeout: 0 } })).toBe(
      "limits.helloTimeout: expected false or a positive duration"
    )
    expect(yield* complaint({ limits: { authTimeout: Duration.zero } })).toBe(
      "limits.authTimeout: expected false or a positive duration"
    )
    expect(yield* complaint({ limits: { maxFrameBytes: 1.5 } })).toBe(
      "limits.maxFrameBytes: expected false or a positive integer"
    )
    expect(yield* complaint({ maxStreamBytes: 0 })).toBe("maxStreamBytes: expected false or a positive integer")
    const unlimited = { maxFrameBytes: false, helloTimeout: false, maxInFlight: false } as const
    const made = yield* Effect.scoped(
      Effect.option(NesHttpServer.make(Effect.succeed(HttpServerResponse.empty()), { limits: unlimited }))
    )
    expect(Option.isSome(made)).toBe(true)
  }))

it.live("a subscription with recovery sends what was missed; wrong bounds are refused", () =>
  Effect.gen(function*() {
    const nes = yield* NesServer.NesServer
    yield* NesHttpServer.subscription("/news", { recovery: { size: 2, age: "1 minute" } })
    for (const [name, recovery] of [["size", { size: 0 }], ["age", { age: 0 }]] as const) {
      const error = yield* Effect.flip(NesHttpServer.subscription("/other", { recovery }))
      expect(error.message).toContain(`recovery.${name}: expected a positive`)
    }
    const server = yield* TestServer.TestServer
    const seen: Array<unknown> = []
    const client = new Client(server.url, { ws: server.ws })
    const arrived = (count: number) =>
      Effect.callback<void>((resume) => {
        const look = (): unknown => seen.length === count ? resume(Effect.void) : setImmediate(look)
        look()
      })
    yield* Effect.promise(() => client.connect({ delay: 10 }))
    yield* Effect.promise(() => client.subscribe("/news", (message) => seen.push(message)))
    yield* nes.publish("/news", 1)
    yield* arrived(1)
    const [connection] = yield* nes.connections
    connection?.ws.terminate()
    yield* nes.publish("/news", 2)
    yield* nes.publish("/news", 3)
    yield* arrived(3)
    expect(seen).toEqual([1, 2, 3])
    yield* Effect.promise(() => client.disconnect())
  }).pipe(Effect.provide(Layer.provide(TestServer.layer(router), HttpServer.layerServices))))
