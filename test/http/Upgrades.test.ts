/** Upgrades at every constructor of a server without hapi: those of others, those of nobody, and those that are reset. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { once } from "node:events"
import { createServer, type Server } from "node:http"
import { type AddressInfo, connect, type Socket } from "node:net"
import { NesHttpServer, NesServer, Refusal } from "../../src/index.js"
import { frame, handshake, RawPeer } from "../harness/RawPeer.js"

const routes = HttpRouter.add(
  "*",
  "/h",
  Effect.gen(function*() {
    const request = yield* HttpServerRequest.HttpServerRequest
    return HttpServerResponse.text(`${request.method} ${yield* request.text}`)
  })
)
const app = HttpRouter.toHttpEffect(routes)

/** The constructors, each with a server that answers `/h` over HTTP where that is its business. */
const constructors: Readonly<
  Record<string, (server: Server, options: NesHttpServer.Options) => Layer.Layer<NesServer.NesServer, unknown>>
> = {
  make: (server, options) => {
    server.on("request", (request, response) => {
      let body = ""
      request.setEncoding("utf8").on("data", (text) => (body += text))
      request.on("end", () => response.end(`${request.method} ${body}`))
    })
    return Layer.effectDiscard(
      Effect.flatMap(app, (app) => NesHttpServer.make(app as never, { server, ...options }))
    ).pipe(
      Layer.merge(Layer.effectDiscard(Effect.acquireRelease(
        Effect.promise(async () => {
          server.listen(0, "127.0.0.1")
          await once(server, "listening")
        }),
        () => Effect.sync(() => void server.close())
      ))),
      Layer.provide(NodeHttpServer.layerHttpServices)
    ) as unknown as Layer.Layer<NesServer.NesServer>
  },
  layer: (server, options) =>
    Layer.merge(NesHttpServer.layer(routes, { server, ...options }), HttpRouter.serve(routes)).pipe(
      Layer.provide(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" }))
    ) as Layer.Layer<NesServer.NesServer, unknown>,
  serve: (server, options) =>
    NesHttpServer.serve(routes, { server, ...options }).pipe(
      Layer.provide(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" }))
    ),
  "serve, and the route `upgrade`": (server, options) =>
    NesHttpServer.serve(
      Layer.merge(routes, HttpRouter.add("GET", "/nes", Effect.andThen(Effect.sleep(1), NesHttpServer.upgrade))),
      options
    ).pipe(Layer.provide(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" })))
}

/** Builds a server, and says where it listens. */
const start = (constructor: string, options: NesHttpServer.Options = {}) =>
  Effect.gen(function*() {
    const server = createServer()
    const layer = constructors[constructor]?.(server, { heartbeat: false, ...options })
    yield* Layer.build(layer ?? Layer.empty as never).pipe(
      Effect.provideService(References.MinimumLogLevel, "None")
    )
    return { server, port: (server.address() as AddressInfo).port }
  })

const hello = frame(JSON.stringify({ type: "hello", id: 1, version: "2" }))
const h2c = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"

/** What comes back for a text, until the server closes or `enough` has come. */
const conversation = (port: number, text: string, enough: RegExp) =>
  Effect.promise(async () => {
    const socket = connect(port, "127.0.0.1")
    let heard = ""
    socket.setEncoding("utf8").on("data", (text: string) => {
      heard += text
    })
    socket.write(text)
    while (!enough.test(heard)) {
      await once(socket, "data")
    }
    socket.destroy()
    return heard
  })

/** Sends so many bytes and resets the connection: at once, and once more when the server may have read them. */
const reset = async (server: Server, port: number, bytes: Buffer, length: number): Promise<void> => {
  for (const patient of [false, true]) {
    const accepted = once(server, "connection")
    const socket: Socket = connect(port, "127.0.0.1")
    socket.on("error", () => {})
    await once(socket, "connect")
    await accepted
    socket.write(bytes.subarray(0, length))
    if (patient) {
      await new Promise(setImmediate)
      await new Promise(setImmediate)
    }
    socket.resetAndDestroy()
    await once(socket, "close")
  }
}

describe.each(Object.keys(constructors))("%s", (constructor) => {
  const path = constructor.includes("route") ? "/nes" : "/"

  it.live("nothing happens when a connection is reset, at whatever byte, as ours, another's, nobody's or no WebSocket", () =>
    Effect.scoped(Effect.gen(function*() {
      for (
        const [options, head] of [
          [{}, handshake({ path })],
          [{ path: "/nes" }, handshake({ path: "/other" })],
          [{}, `GET /h HTTP/1.1\r\nHost: x\r\n${h2c}\r\n`],
          [{ verifyUpgrade: () => Effect.as(Effect.sleep(2), true) }, handshake({ path })]
        ] as const
      ) {
        const { port, server } = yield* start(constructor, options)
        const bytes = Buffer.concat([Buffer.from(head), hello])
        for (let length = 1; length <= bytes.length; length++) {
          yield* Effect.promise(() => reset(server, port, bytes, length))
        }
        const peer = new RawPeer(port)
        yield* Effect.promise(() =>
          peer.open(handshake({ path: constructor.includes("route") ? path : options.path ?? "/" }), 30_000)
        )
        expect(peer.status).toBe(101)
        peer.destroy()
      }
    })))

  it.live("a request that offers h2c is answered", () =>
    Effect.scoped(Effect.gen(function*() {
      const { port } = yield* start(constructor)
      expect(yield* conversation(port, `GET /h HTTP/1.1\r\nHost: x\r\n${h2c}\r\n`, /GET $/)).toMatch(/^HTTP\/1.1 200 /)
      const post = `POST /h HTTP/1.1\r\nHost: x\r\n${h2c}Content-Length: 7\r\n\r\n{"a":1}`
      expect(yield* conversation(port, post, /POST \{"a":1\}$/)).toMatch(/^HTTP\/1.1 200 /)
    })))
})

describe("who may upgrade", () => {
  const status = (port: number, extra = "", path = "/"): Effect.Effect<number | undefined> =>
    Effect.promise(async () => {
      const peer = new RawPeer(port)
      await peer.open(handshake({ extra, path }), 30_000)
      return peer.status
    })

  /** A server, and what it logs from `Info` on. */
  const logging = (options: NesHttpServer.Options) =>
    Effect.gen(function*() {
      const entries: Array<Readonly<Record<string, unknown>>> = []
      const logger = Logger.make<unknown, void>(({ fiber, message }) => {
        entries.push({ message: String(message), ...fiber.getRef(References.CurrentLogAnnotations) })
      })
      const server = createServer()
      const context = yield* Layer.build(
        NesHttpServer.serve(routes, { server, heartbeat: false, ...options }).pipe(
          Layer.provide(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" })),
          Layer.provide(Logger.layer([logger]))
        )
      )
      const { node } = Context.get(context, NesServer.NesServer)
      return { entries, node, port: (server.address() as AddressInfo).port }
    })

  const from = { "client.address": "127.0.0.1", "client.forwarded_for": "192.0.2.7" }
  const forwarded = "X-Forwarded-For: 192.0.2.7\r\nCookie: secret\r\n"

  it.live("verifyUpgrade decides; its refusals, and those by origin and address, are counted and logged", () =>
    Effect.scoped(Effect.gen(function*() {
      const { entries, node, port } = yield* logging({
        origin: "https://our.example",
        maxConnectionsPerAddress: 1,
        verifyUpgrade: ({ address, headers, url }) =>
          headers["x-key"] === "k"
            ? Effect.succeed(address === "127.0.0.1")
            : url.startsWith("/fail")
            ? Effect.fail(Refusal.notFound("no"))
            : Effect.as(Effect.sleep(1), 418)
      })
      const origin = `Origin: https://our.example\r\n${forwarded}`
      expect(yield* status(port, `Origin: https://evil.example\r\n${forwarded}`)).toBe(401)
      expect(yield* status(port, origin, "/?token=secret")).toBe(418)
      expect(yield* status(port, origin, "/fail?token=secret")).toBe(404)
      expect(yield* status(port, `${origin}X-Key: k\r\n`)).toBe(101)
      expect(yield* status(port, `${origin}X-Key: k\r\n`)).toBe(429)
      expect(entries.slice(1)).toEqual([
        { ...from, message: "nes connection refused", "nes.error": "origin", "nes.origin": "https://evil.example" },
        { ...from, message: "nes connection refused", "nes.error": "verifyUpgrade" },
        { ...from, message: "nes connection refused", "nes.error": "verifyUpgrade" },
        { ...from, message: "nes connection refused", "nes.error": "maxConnectionsPerAddress" }
      ])
      expect(node.refused).toMatchObject({ origin: 1, verifyUpgrade: 2, maxConnectionsPerAddress: 1 })
      expect(node.totals.connectionsRefused).toBe(4)
    })))
})
