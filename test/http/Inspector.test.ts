/** The inspector of an Effect HTTP application: the same page and sockets, behind what the application says. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { expect, it } from "@effect/vitest"
import { Context, Effect, Layer, Option } from "effect"
import { HttpRouter, HttpServerRequest } from "effect/http"
import { createServer } from "node:http"
import { NesHttpServer, Refusal } from "../../src/index.js"
import * as Inspector from "../../src/inspector.js"
import { address, connect, describeError } from "./Serving.js"

class Operators extends Context.Service<Operators, { readonly cookie: string }>()("Operators") {}

const auth = Effect.gen(function*() {
  const { headers, remoteAddress } = yield* HttpServerRequest.HttpServerRequest
  const { cookie } = yield* Operators
  // An operator comes from somewhere, by the page as by a socket.
  if (headers.cookie !== cookie || Option.getOrUndefined(remoteAddress) !== "127.0.0.1") {
    return yield* headers.cookie === "other=1"
      ? Effect.fail("somebody else")
      : Effect.fail(Refusal.unauthorized("Operators only"))
  }
})

const parts = Layer.merge(
  Inspector.layer({ auth, path: "/look" }),
  NesHttpServer.layerSubscription("/item/{id}")
)

const served = () => {
  const server = createServer()
  return NesHttpServer.serve(parts, { server }).pipe(
    Layer.provideMerge(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" }))
  )
}

// The application's sockets, and operators', come by routes.
const routed = () =>
  NesHttpServer.serve(Layer.merge(parts, HttpRouter.add("GET", "/", NesHttpServer.upgrade)), {}).pipe(
    Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))
  )

it.live.each([
  ["serve", served] as const,
  ["routes that upgrade", routed] as const
])(
  "gives the page and its sockets to whom the application lets in, and to nobody else: %s",
  ([, live]) =>
    Effect.gen(function*() {
      const url = `http:${yield* address}/look`
      const got = (headers: Record<string, string>) =>
        Effect.promise(async () => {
          const response = await fetch(url, { headers })
          return [response.status, response.headers.get("content-type"), await response.text()] as const
        })
      expect((yield* got({}))[0]).toBe(401)
      expect((yield* got({ cookie: "other=1" }))[0]).toBe(403)
      expect(yield* got({ cookie: "operator=yes" })).toEqual([
        200,
        "text/html; charset=utf-8",
        expect.stringContaining("<title>effect-nes inspector</title>")
      ])
      for (const headers of [{}, { cookie: "other=1" }, { cookie: "operator=yes", origin: "https://other.test" }]) {
        const refused = yield* Effect.flip(connect({}, "/look", { headers }))
        expect(describeError(refused)).toMatchObject({ message: "Socket error" })
      }

      yield* connect({}, "/look", { headers: { cookie: "operator=yes", host: "no host" } })

      const client = yield* connect()
      yield* Effect.promise(() => client.subscribe("/item/5"))
      const operator = yield* connect({}, "/look", { headers: { cookie: "operator=yes" } })
      const told = new Promise((resolve) => void operator.subscribe("/overview", resolve))
      expect(yield* Effect.promise(() => told)).toMatchObject({
        // Operators are not among the application's connections.
        nodes: [{ isSelf: true, serves: true, totals: { connections: 1, subscriptions: 1 } }]
      })
      const question = { type: "connections", search: "", path: "/item/5", from: 0, count: 10 }
      const { payload } = yield* Effect.promise(() => operator.message(question))
      expect(payload).toMatchObject({ total: 1, rows: [{ id: client.id, subscriptions: 1 }] })
      // The HTTP server waits 20 seconds for a socket that is left open: operators' are not.
    }).pipe(Effect.provide(live().pipe(Layer.provide(Layer.succeed(Operators, { cookie: "operator=yes" }))))),
  10_000
)

// What guards the page guards no sockets: whoever relies on that has to say so.
it.live.each<readonly [object, string]>([
  [{}, "auth: expected an Effect, or \"everybody\""],
  [{ auth: false }, "auth: expected an Effect, or \"everybody\""],
  [
    { auth: "everybody", path: "/x?a=1" },
    "path: expected a path that begins with /, as in a URL: encoded, and without a query"
  ],
  [{ auth: "everybody", paht: "/x" }, "paht: is unexpected, known are auth, path, origin"]
])(
  "is not made without authentication, unless that is said, or with what is no option: %o",
  ([options, complaint]) =>
    Effect.gen(function*() {
      const server = NesHttpServer.layer(Inspector.layer(options as Inspector.LayerOptions), {})
      const error = yield* Layer.build(server.pipe(Layer.provide(NodeHttpServer.layerTest))).pipe(Effect.flip)
      expect(error).toMatchObject({
        message: `Invalid inspector configuration: ${complaint}`
      })
    })
)

it.live("lets everybody in where that is said", () =>
  Effect.gen(function*() {
    yield* connect({}, "/nes/inspector")
  }).pipe(Effect.provide(NesHttpServer.layerNode(Inspector.layer({ auth: "everybody" }), { host: "127.0.0.1" }))))
