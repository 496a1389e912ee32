/** The interop application on our server without hapi. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { createServer } from "node:http"
import { Authentication, NesHttpServer, NesServer, Refusal, Socket } from "../../../src/index.js"
import { serve } from "../../harness/ChildEndpoint.js"
import { hello, judge, long, password, userOf } from "./InteropApplication.js"
import type { Command, ServerOptions } from "./ServerUnderTest.js"

const echo = Effect.gen(function*() {
  const request = yield* HttpServerRequest.HttpServerRequest
  const payload = yield* request.json
  return HttpServerResponse.jsonUnsafe({ payload, custom: request.headers["x-custom"] ?? null })
})

const item = Effect.map(HttpRouter.params, ({ id }) => HttpServerResponse.jsonUnsafe({ id }))

const routes = Layer.mergeAll(
  HttpRouter.add("GET", "/", HttpServerResponse.text(hello)),
  HttpRouter.add("POST", "/echo", echo),
  HttpRouter.add("GET", "/item/:id", item),
  HttpRouter.add("GET", "/long", HttpServerResponse.text(long)),
  HttpRouter.add("GET", "/empty", HttpServerResponse.empty()),
  HttpRouter.add("GET", "/fail", Refusal.forbidden("no")),
  HttpRouter.add("GET", "/headers", HttpServerResponse.jsonUnsafe({ ok: true }, { headers: { "x-answer": "yes" } })),
  HttpRouter.add("GET", "/me", Effect.map(Socket.credentials, (_) => HttpServerResponse.jsonUnsafe(_)))
)

const authenticate = Effect.gen(function*() {
  const { headers } = yield* HttpServerRequest.HttpServerRequest
  const credentials = userOf(headers.authorization)
  return credentials ? { credentials: { ...credentials } } : yield* Refusal.unauthorized("Unknown user")
})

const make = ({ auth: type, heartbeat, maxChunkChars }: ServerOptions) => {
  const server = createServer()
  const auth = type === undefined ? false : Authentication.make({ type, authenticate, index: true, password })
  const app = auth ? Layer.merge(routes, HttpRouter.add("GET", "/nes/auth", auth.login)) : routes
  return Layer.mergeAll(
    NesHttpServer.layerSubscription("/o"),
    NesHttpServer.layerSubscription("/item/{id}", {
      filter: (_path, message) => {
        const { isMatch, override } = judge(message)
        return override === undefined ? isMatch : { override }
      }
    })
  ).pipe(
    Layer.provideMerge(NesHttpServer.serve(app, {
      server,
      auth,
      heartbeat,
      maxChunkChars,
      headers: ["x-answer"],
      ids: { hello: "GET /", echo: "POST /echo" },
      onMessage: (_socket, message) =>
        message === "fail" ? Refusal.badRequest("bad") : Effect.succeed({ echo: message })
    })),
    Layer.provideMerge(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" }))
  )
}

type Runtime = ManagedRuntime.ManagedRuntime<
  Layer.Success<ReturnType<typeof make>>,
  Layer.Error<ReturnType<typeof make>>
>

const runtimes: Array<Runtime> = []

const start = (options: ServerOptions): Promise<string> => {
  const runtime = ManagedRuntime.make(make(options))
  runtimes.push(runtime)
  return runtime.runPromise(
    HttpServer.addressFormattedWith((url) => Effect.succeed(url.replace("http", "ws")))
  )
}

const toAll = <E>(path: string | undefined, each: (socket: Socket.Socket) => Effect.Effect<unknown, E>) =>
  Effect.flatMap(
    Socket.all(path === undefined ? {} : { subscription: path }),
    (sockets) => Effect.forEach(sockets, each, { concurrency: "unbounded", discard: true })
  )

const fulfil = (command: Command): Effect.Effect<unknown, unknown, NesServer.NesServer> => {
  switch (command.type) {
    case "publish":
      return Effect.flatMap(NesServer.NesServer, (nes) => nes.publish(command.path, command.message))
    case "broadcast":
      return Effect.flatMap(NesServer.NesServer, (nes) => nes.broadcast(command.message))
    case "revoke":
      return toAll(
        command.path,
        (socket) => socket.revoke(command.path, command.message === null ? {} : { message: command.message })
      )
    case "send":
      return toAll(undefined, (socket) => socket.send(command.message))
    case "disconnect":
      return toAll(undefined, (socket) => socket.disconnect())
    case "subscribers":
      return Effect.map(Socket.all({ subscription: command.path }), (sockets) => sockets.length)
    case "sockets":
      return Effect.map(Socket.all(), (sockets) => sockets.length)
  }
}

serve({
  start: (options) => start(options as ServerOptions),
  control: (command) => runtimes[0]?.runPromise(fulfil(command as Command))
}, () => Promise.all(runtimes.map((runtime) => runtime.dispose())))
