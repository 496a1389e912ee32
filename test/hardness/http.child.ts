/** The application that is maltreated, on the server without hapi, in a process of its own. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as References from "effect/References"
import { createServer } from "node:http"
import { Authentication, NesHttpServer, NesServer, Refusal, Socket } from "../../src/index.js"
import { serve } from "../interop/peers/ChildEndpoint.js"
import { GateWatch } from "./GateWatch.js"
import * as Holdings from "./Holdings.js"
import * as WideHttp from "./WideHttp.js"

/** How the application is set up. */
export interface Setup {
  readonly nes?: NesHttpServer.ServerOptions
  /** Authentication, if any, that nobody is bound to: `authorization: Custom NAME`. */
  readonly auth?: "direct" | "token"
  /** Whether `onConnection` takes its time, and refuses some. */
  readonly gated?: boolean
  /** Whether it is a wide application, see `WideHttp`, and whether it asks for credentials. */
  readonly wide?: "required" | "try"
}

const { HttpServerRequest: CurrentRequest } = HttpServerRequest
let subscribed = 0
let watch: GateWatch | undefined

const seen = Effect.map(Socket.CurrentSocket, (socket) => watch?.see(Option.getOrNull(socket)))

const greet = (socket: Socket.Socket) =>
  Effect.gen(function*() {
    yield* socket.send("greeting")
    if (!(yield* Effect.promise(async () => watch?.greet(socket)))) {
      return yield* Refusal.forbidden("not you")
    }
  })

const echo = Effect.gen(function*() {
  const request = yield* CurrentRequest
  return HttpServerResponse.jsonUnsafe({ payload: yield* request.json })
})

const item = Effect.gen(function*() {
  const { headers, url } = yield* CurrentRequest
  const { id } = yield* HttpRouter.params
  return HttpServerResponse.jsonUnsafe({ id, url, headers })
})

const routes = Layer.mergeAll(
  HttpRouter.add("GET", "/", Effect.as(seen, HttpServerResponse.text("world"))),
  HttpRouter.add("POST", "/echo", Effect.andThen(seen, echo)),
  HttpRouter.add("GET", "/item/:id", Effect.andThen(seen, item))
)

const authenticate = Effect.gen(function*() {
  const { headers } = yield* CurrentRequest
  return headers.authorization?.startsWith("Custom ") === true
    ? { credentials: { user: headers.authorization.slice(7) } }
    : yield* Refusal.unauthorized("who?")
})

const make = ({ auth: type, gated, nes, wide }: Setup) => {
  const server = createServer()
  const auth = type !== undefined && (wide
    ? Authentication.make({ type, mode: wide, index: true, authenticate: WideHttp.authenticate })
    : Authentication.make({ type, mode: "optional", index: true, authenticate }))
  const all = wide ? Layer.merge(routes, WideHttp.routes) : routes
  return Layer.mergeAll(
    NesHttpServer.layerSubscription("/o"),
    NesHttpServer.layerSubscription("/reports"),
    NesHttpServer.layerSubscription("/item/{id}", { filter: (_path, message) => message !== "hidden" }),
    NesHttpServer.layerSubscription("/hooked/{id}", {
      onSubscribe: (socket, path) =>
        Effect.suspend(() => {
          watch?.see(socket)
          return path.endsWith("bad") ? Refusal.badRequest("not this one") : Effect.sync(() => void subscribed++)
        }),
      onUnsubscribe: () => Effect.sync(() => void subscribed--)
    })
  ).pipe(
    Layer.provideMerge(
      NesHttpServer.serve(auth ? Layer.merge(all, HttpRouter.add("GET", "/nes/auth", auth.login)) : all, {
        server,
        auth,
        ids: { hello: "GET /", echo: "POST /echo" },
        onConnection: gated ? greet : undefined,
        onMessage: (socket, message) =>
          Effect.sync(() => {
            watch?.see(socket)
            return message ?? null
          }),
        ...nes
      })
    ),
    Layer.provideMerge(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" })),
    Layer.provide(Layer.succeed(References.MinimumLogLevel, "None"))
  )
}

const announce = Effect.gen(function*() {
  const nes = yield* NesServer.NesServer
  for (;;) {
    yield* Effect.sleep(20)
    yield* nes.publish("/item/1", "news")
    yield* nes.broadcast("news")
  }
})

let runtime: ManagedRuntime.ManagedRuntime<
  Layer.Success<ReturnType<typeof make>>,
  Layer.Error<ReturnType<typeof make>>
>

serve({
  start: (setup) => {
    const given = setup as Setup
    runtime = ManagedRuntime.make(make(given))
    if (given.gated) {
      watch = new GateWatch()
      runtime.runFork(announce)
    }
    return runtime.runPromise(
      HttpServer.addressFormattedWith((url) => Effect.succeed(url.replace("http", "ws")))
    )
  },
  holdings: async () => {
    const { node } = await runtime.runPromise(NesServer.NesServer)
    return { ...await Holdings.take(), entries: Holdings.entries(node.hub) + subscribed, passed: watch?.passed ?? 0 }
  },
  publish: (path, from, to) =>
    runtime.runPromise(Effect.gen(function*() {
      const nes = yield* NesServer.NesServer
      for (let n = from as number; n < (to as number); n++) {
        yield* nes.publish(path as string, n)
      }
    }))
}, () => runtime.dispose())
