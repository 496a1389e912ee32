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
import { serve } from "../harness/ChildEndpoint.js"
import { Gates } from "./Gates.js"
import * as Holdings from "./Holdings.js"
import * as WideHttp from "./WideHttp.js"

/** How the application is set up. */
export interface Setup {
  readonly nes?: NesHttpServer.ServerOptions
  /** Authentication, if any, that nobody is bound to: `authorization: Custom NAME`. */
  readonly auth?: "direct" | "cookie" | "token"
  /** Whether `onConnection` takes its time, and refuses some; a wide application does. */
  readonly gated?: boolean
  /** Whether it is a wide application, see `WideHttp`, and whether it asks for credentials. */
  readonly wide?: "required" | "try"
}

const { HttpServerRequest: CurrentRequest } = HttpServerRequest
let subscribed = 0
/** Present where `onConnection` takes its time, and refuses some. */
let gates: Gates | undefined

const greet = (socket: Socket.Socket) =>
  Effect.gen(function*() {
    yield* Effect.orDie(socket.send("greeting"))
    if (!(yield* Effect.promise(async () => gates?.greet(socket)))) {
      return yield* Refusal.forbidden("not you")
    }
  })

/** What every request over a socket passes. */
const guard = HttpRouter.middleware(
  (app) =>
    Effect.flatMap(Effect.all([Socket.CurrentSocket, CurrentRequest]), ([socket, { url }]) => {
      if (Option.isSome(socket)) {
        gates?.enter(`a request for ${url}`, socket.value)
      }
      return app
    }),
  { global: true }
)

const announce = Effect.gen(function*() {
  const nes = yield* NesServer.NesServer
  for (;;) {
    yield* Effect.sleep(20)
    yield* nes.publish("/item/1", "news")
    yield* nes.broadcast("news")
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

// To where nothing but the victim listens, and where nobody may.
const victim = Effect.gen(function*() {
  const nes = yield* NesServer.NesServer
  const n = Number((yield* HttpRouter.params).n)
  yield* nes.publish("/victim", n)
  // Only some setups have it.
  yield* Effect.ignore(nes.publish("/vault", n))
  return HttpServerResponse.jsonUnsafe({ n, payload: yield* (yield* CurrentRequest).json })
})

const routes = Layer.mergeAll(
  HttpRouter.add("GET", "/", HttpServerResponse.text("world")),
  HttpRouter.add("POST", "/echo", echo),
  HttpRouter.add("GET", "/item/:id", item),
  HttpRouter.add("POST", "/victim/:n", victim)
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
    ? Authentication.make({
      type,
      mode: wide,
      index: true,
      authenticate: WideHttp.authenticate,
      verify: WideHttp.verify
    })
    : Authentication.make({ type, mode: "optional", index: true, authenticate }))
  const watch = new Gates(wide === "required")
  gates = gated || wide ? watch : undefined
  const all = Layer.merge(guard, wide ? Layer.merge(routes, WideHttp.routes(watch)) : routes)
  return Layer.mergeAll(
    wide ? WideHttp.subscriptions(watch) : Layer.empty,
    NesHttpServer.layerSubscription("/o"),
    NesHttpServer.layerSubscription("/victim", { auth: false }),
    NesHttpServer.layerSubscription("/reports"),
    NesHttpServer.layerSubscription("/item/{id}", { filter: (_path, message) => message !== "hidden" }),
    NesHttpServer.layerSubscription("/live/{id}", {
      recovery: true,
      snapshot: (_socket, path) => Effect.succeed({ path }),
      presence: { grace: false }
    }),
    NesHttpServer.layerSubscription("/hooked/{id}", {
      onSubscribe: (socket, path) =>
        Effect.suspend(() => {
          gates?.enter("a subscription", socket)
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
        onConnection: gates && greet,
        onMessage: (socket, message) =>
          Effect.sync(() => {
            gates?.enter("a message", socket)
            return message ?? null
          }),
        ...nes
      })
    ),
    Layer.provideMerge(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" })),
    Layer.provide(Layer.succeed(References.MinimumLogLevel, "None"))
  )
}

let runtime: ManagedRuntime.ManagedRuntime<
  Layer.Success<ReturnType<typeof make>>,
  Layer.Error<ReturnType<typeof make>>
>

const entries = async (): Promise<number> => {
  const { node } = await runtime.runPromise(NesServer.NesServer)
  return Holdings.entries(node.hub) + subscribed
}

serve({
  start: (setup) => {
    runtime = ManagedRuntime.make(make(setup as Setup))
    if (gates) {
      runtime.runFork(announce)
    }
    return runtime.runPromise(
      HttpServer.addressFormattedWith((url) => Effect.succeed(url.replace("http", "ws")))
    )
  },
  holdings: async () => ({ ...await Holdings.take(), entries: await entries() }),
  /** What there is of clients. */
  left: async () => ({ sockets: Holdings.sockets(), polluted: Holdings.polluted(), entries: await entries() }),
  passed: () => gates?.passed ?? [],
  stop: () => runtime.dispose(),
  publish: (path, from, to) =>
    runtime.runPromise(Effect.gen(function*() {
      const nes = yield* NesServer.NesServer
      for (let n = from as number; n < (to as number); n++) {
        yield* nes.publish(path as string, n)
      }
    }))
}, () => runtime.dispose())
