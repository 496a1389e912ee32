/** Upgrades at every constructor of a server without hapi: those of others, those of nobody, and those that are reset. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import { once } from "node:events"
import { createServer, type Server } from "node:http"
import { type AddressInfo, connect, type Socket } from "node:net"
import { NesHttpServer, type NesServer } from "../../src/index.js"
import { frame, handshake, RawPeer } from "../hardness/RawPeer.js"

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
          peer.open(handshake({ path: constructor.includes("route") ? path : options.path ?? "/" }))
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
