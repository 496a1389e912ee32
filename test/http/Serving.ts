/** A server without hapi on a free port of the loopback, and clients to talk to it. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import { createServer } from "node:http"
import { WebSocket } from "ws"
import { Client } from "../../src/client.js"
import { NesHttpServer } from "../../src/index.js"
import type { NesError } from "../../src/protocol/NesError.js"

/** The Layer of a server whose upgrades are taken, with HTTP beside it. */
export const serving = <A, E, R, RU = never, RC = never, RD = never, RM = never, RA = never, RV = never>(
  routes: Layer.Layer<A, E, R>,
  options: NesHttpServer.Options<RU, RC, RD, RM, RA, RV> = {},
  server = createServer()
) =>
  NesHttpServer.serve(routes, { server, heartbeat: false, ...options }).pipe(
    Layer.provideMerge(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" })),
    Layer.provide(Layer.succeed(References.MinimumLogLevel, "None"))
  )

/** Where the server is, without the scheme: `//127.0.0.1:12345`. */
export const address = HttpServer.addressFormattedWith((address) => Effect.succeed(address.replace("http:", "")))

/** A client that is connected, until the scope closes. */
export const connect = (
  options: Parameters<Client["connect"]>[0] = {},
  path = "",
  ws: object = {}
): Effect.Effect<Client, NesError, HttpServer.HttpServer | Scope.Scope> =>
  Effect.acquireRelease(
    Effect.map(address, (address) => new Client(`ws:${address}${path}`, { ws })),
    (client) => Effect.promise(() => client.disconnect())
  ).pipe(
    Effect.tap((client) =>
      Effect.tryPromise({
        try: () => client.connect({ reconnect: false, ...options }),
        catch: (error) => error as NesError
      })
    )
  )

/** What the tests look at in an error. */
export const describeError = (error: unknown): unknown => {
  const { message, statusCode } = error as { readonly message: string; readonly statusCode?: number }
  return { message, statusCode }
}

/** Runs a call of the client's; its error, if it fails, with what the tests look at. */
export const outcome = <A>(call: () => Promise<A>): Effect.Effect<unknown> =>
  Effect.promise(async () => {
    try {
      return await call()
    } catch (error) {
      return describeError(error)
    }
  })

/** A bare socket that has said hello, and how it ends. */
export const bare = (path = ""): Effect.Effect<
  { readonly socket: WebSocket; readonly closed: Promise<number>; readonly answers: ReadonlyArray<unknown> },
  never,
  HttpServer.HttpServer | Scope.Scope
> =>
  Effect.flatMap(address, (address) =>
    Effect.acquireRelease(
      Effect.promise(() =>
        new Promise<{ socket: WebSocket; closed: Promise<number>; answers: Array<unknown> }>((resolve, reject) => {
          const socket = new WebSocket(`ws:${address}${path}`)
          const answers: Array<unknown> = []
          const closed = new Promise<number>((resolve) => socket.once("close", resolve))
          socket.once("error", reject)
          socket.once("open", () => socket.send(JSON.stringify({ type: "hello", id: 1, version: "2" })))
          socket.on("message", (data) => {
            if (answers.push(JSON.parse(String(data))) === 1) {
              resolve({ socket, closed, answers })
            }
          })
        })
      ),
      ({ socket }) => Effect.sync(() => socket.terminate())
    ))
