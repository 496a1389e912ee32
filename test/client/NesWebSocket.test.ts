/** The Effect client on WebSockets that Effect's constructors make, with a real server. */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeWS from "@effect/platform-node/NodeWS"
import { expect, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Queue, Stream } from "effect"
import { HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { Socket } from "effect/socket"
import { NesClient, NesHttpServer, NesServer, NesWebSocket } from "../../src/index.js"

/** A server that notes the key of each upgrade, and a client of it on sockets that are made so. */
const connected = (constructor: Layer.Layer<Socket.WebSocketConstructor>, ws?: object) =>
  Effect.gen(function*() {
    const keys: Array<string | undefined> = []
    const gone = yield* Queue.unbounded<string>()
    const context = yield* Layer.build(
      NesHttpServer.layerNode(HttpRouter.add("GET", "/", HttpServerResponse.text("here ü😀")), {
        host: "127.0.0.1",
        verifyUpgrade: ({ headers }) => Effect.sync(() => keys.push(headers["x-key"] as string) > 0),
        onDisconnection: (socket) => Effect.asVoid(Queue.offer(gone, socket.id))
      })
    )
    const url = HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address)
    const nes = yield* NesClient.make({ url, ws, connect: "required", reconnect: { delay: 10 } }).pipe(
      Effect.provide(Layer.provide(NesWebSocket.layer, constructor))
    )
    return { gone, keys, nes, server: Context.get(context, NesServer.NesServer) }
  })

const constructors = {
  "the global WebSocket": [Socket.layerWebSocketConstructorGlobal, undefined, undefined],
  "Node's": [NodeSocket.layerWebSocketConstructor, { headers: { "x-key": "secret" } }, "secret"],
  "ws": [NodeWS.layerWebSocketConstructor, { headers: { "x-key": "secret" } }, "secret"]
} as const

it.live.each(Object.entries(constructors))(
  "%s: requests, loses its connection, is back, leaves",
  ([, given]) =>
    Effect.gen(function*() {
      const [constructor, ws, key] = given
      const { gone, keys, nes, server } = yield* connected(constructor, ws)
      expect((yield* nes.request("/")).payload).toBe("here ü😀")
      const back = yield* nes.events.pipe(
        Stream.filter(({ _tag }) => _tag === "Disconnected" || _tag === "Connected"),
        Stream.take(2),
        Stream.runCollect,
        Effect.forkChild({ startImmediately: true })
      )
      const id = Effect.map(nes.status, (status) => status._tag === "Connected" ? status.id : "")
      const first = yield* id
      yield* server.disconnect({ socket: first })
      expect(yield* Fiber.join(back)).toMatchObject([{ _tag: "Disconnected", wasClean: true }, { _tag: "Connected" }])
      expect(keys).toEqual([key, key])
      const second = yield* id
      yield* nes.disconnect
      expect(yield* Queue.takeN(gone, 2)).toEqual([first, second])
    })
)

it.live("a constructor that takes no headers has the client say so", () =>
  Effect.gen(function*() {
    const error = yield* Effect.flip(connected(Socket.layerWebSocketConstructorGlobal, { headers: { "x-key": "a" } }))
    expect(error).toMatchObject({
      _tag: "UserError",
      message: expect.stringContaining("not supported by the global WebSocket")
    })
  }))
