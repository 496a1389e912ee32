/** One trace tree: the caller, the client, the socket, the route or hook, what it publishes, and its delivery. */
import { expect, it } from "@effect/vitest"
import Hapi from "@hapi/hapi"
import { Effect, Fiber, Layer, Queue, Stream, Tracer } from "effect"
import { HttpClient, HttpRouter, HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiMiddleware } from "effect/http-api"
import { Rpc, RpcClient, RpcGroup } from "effect/rpc"
import { WebSocket } from "ws"
import { Client } from "../../src/client.js"
import * as ClusterBroker from "../../src/cluster/ClusterBroker.js"
import * as Nes from "../../src/hapi.js"
import {
  Authentication,
  Broker,
  NesClient,
  NesHttpClient,
  NesHttpServer,
  NesRpcClient,
  NesRpcServer,
  NesServer,
  Publisher,
  ServerApi,
  TestServer
} from "../../src/index.js"
import { startNodeOn, until } from "../cluster/Cluster.js"
import * as MemoryEngine from "../cluster/MemoryEngine.js"
import { collect, outlived, paths } from "./Collector.js"

const news = Effect.flatMap(NesServer.NesServer, (nes) => Effect.orDie(nes.publish("/news", 1)))

class Anybody extends HttpApiMiddleware.Service<Anybody>()("Anybody") {}
const Api = HttpApi.make("app").add(ServerApi.group(Anybody).prefix("/api"))

const routes = Layer.merge(
  HttpRouter.add("GET", "/publish", Effect.as(Effect.withSpan(news, "route"), HttpServerResponse.empty())),
  HttpApiBuilder.layer(Api).pipe(
    Layer.provide(ServerApi.layer(Api)),
    Layer.provide(Layer.succeed(Anybody, (handled) => handled))
  )
)

const Group = RpcGroup.make(Rpc.make("Publish"))

const spanned = (name: string) => Effect.withSpan(Effect.yieldNow, name)

const subscription = NesHttpServer.layerSubscription("/news", {
  filter: () => Effect.as(spanned("filter"), true),
  onSubscribe: () => spanned("onSubscribe"),
  onUnsubscribe: () => spanned("onUnsubscribe")
})

const serving = NesRpcServer.layer(Group).pipe(
  Layer.provide(Group.toLayer(Effect.map(NesServer.NesServer, (nes) => ({
    Publish: () => Effect.withSpan(Effect.orDie(nes.publish("/news", 1)), "procedure")
  })))),
  Layer.provideMerge(Layer.provideMerge(
    subscription,
    TestServer.layer(routes, {
      auth: Authentication.make({
        authenticate: Effect.as(Effect.andThen(HttpServerRequest.HttpServerRequest, spanned("authenticate")), {
          credentials: { user: "a" }
        })
      }),
      onConnection: () => spanned("onConnection"),
      onDisconnection: () => spanned("onDisconnection"),
      onMessage: () => Effect.withSpan(Effect.andThen(Effect.yieldNow, news), "onMessage")
    })
  )),
  Layer.provide(HttpServer.layerServices),
  // Whatever a server is made in, what it does later is no part of that.
  Layer.withSpan("startup")
)

const connect = TestServer.connect({ auth: { headers: {} } })

/** A way, and all on it. */
const along = (...names: ReadonlyArray<string>) => names.map((_, index) => names.slice(0, index + 1).join(" > "))

/** What follows from a publish of the last on this way. */
const published = (...way: ReadonlyArray<string>) =>
  along(...way, "nes.publish (producer)", "nes.deliver (consumer)", "filter").slice(way.length)

const sorted = (lines: Iterable<string>) => Array.from(lines).toSorted()

it.live("an Effect server: from the caller to the subscribers", () =>
  Effect.gen(function*() {
    const spans = yield* collect((tracer) =>
      Effect.gen(function*() {
        const nes = yield* Effect.withSpan(connect, "caller of connect")
        const updates = yield* Effect.withSpan(nes.subscribed("/news"), "caller of subscribed")
        yield* Effect.forkScoped(Stream.runDrain(updates))
        yield* Effect.withSpan(Effect.exit(Stream.runDrain(nes.subscribe("/none"))), "consumer")
        yield* Effect.withSpan(nes.request("/publish"), "caller of request")
        yield* Effect.withSpan(nes.message("hello"), "caller of message")
        const payload = { path: "/news", message: 1 }
        yield* Effect.withSpan(nes.request({ method: "POST", path: "/api/publish", payload }), "caller of api")
        yield* Effect.gen(function*() {
          const http = yield* HttpClient.HttpClient
          yield* http.get("http://nes/publish")
        }).pipe(Effect.provide(NesHttpClient.layer), Effect.withSpan("caller of http"))
          .pipe(Effect.provideService(NesClient.NesClient, nes))
        yield* Effect.gen(function*() {
          const client = yield* RpcClient.make(Group)
          yield* client.Publish()
        }).pipe(Effect.provide(NesRpcClient.layerProtocol), Effect.scoped, Effect.withSpan("caller of procedure"))
          .pipe(Effect.provideService(NesClient.NesClient, nes))
        yield* Effect.withSpan(nes.reauthenticate({ headers: {} }), "caller of reauth")
      }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(serving, tracer)))
    )
    const routed = (...before: ReadonlyArray<string>) => {
      const way = [...before, "nes.request GET (client)", "nes.request GET (server)", "GET (server)", "route"]
      return [...along(...way), ...published(...way)]
    }
    const messaged = ["caller of message", "nes.message (client)", "nes.message (server)", "onMessage"]
    const api = ["caller of api", "nes.request POST (client)", "nes.request POST (server)", "POST (server)"]
    const called = ["caller of procedure", "Publish (client)", "Publish (server)", "procedure"]
    const hello = ["caller of connect", "nes.connect (client)", "nes.hello (server)"]
    expect(sorted(paths(spans).filter((path) => !path.startsWith("startup")))).toEqual(sorted([
      ...along(...hello, "authenticate"),
      [...hello, "onConnection"].join(" > "),
      ...along("caller of subscribed", "nes.subscribe (client)", "nes.sub (server)", "onSubscribe"),
      ...along("consumer", "nes.sub (server)"),
      ...routed("caller of request"),
      ...along(...messaged),
      ...published(...messaged),
      ...routed("caller of http", "GET (client)"),
      ...along(...api),
      ...published(...api),
      ...along(...called),
      ...published(...called),
      ...along("caller of reauth", "nes.reauthenticate (client)", "nes.reauth (server)", "authenticate"),
      ...along("nes.unsub (server)", "onUnsubscribe"),
      "onDisconnection"
    ]))
    expect(outlived(spans)).toEqual([])
  }))

it.live("a crowd that is asked over several turns is asked as part of the delivery", () =>
  Effect.gen(function*() {
    // More than are written to at once.
    const crowd = 70
    const spans = yield* collect((tracer) =>
      Effect.gen(function*() {
        const nes = yield* NesServer.NesServer
        yield* Effect.all(
          Array.from({ length: crowd }, () => Effect.flatMap(TestServer.connect(), (nes) => nes.subscribed("/news"))),
          { concurrency: 10 }
        )
        yield* nes.publish("/news", 1)
      }).pipe(
        Effect.scoped,
        Effect.provide(
          NesHttpServer.layerSubscription("/news", { filter: () => Effect.withSpan(Effect.succeed(true), "filter") })
            .pipe(
              Layer.provideMerge(TestServer.layer(Layer.empty)),
              Layer.provideMerge(tracer)
            )
        )
      )
    )
    expect(paths(spans).filter((path) => path.includes("filter"))).toEqual(
      Array.from({ length: crowd }, () => "nes.publish (producer) > nes.deliver (consumer) > filter")
    )
    expect(outlived(spans)).toEqual([])
  }))

it.live("what is published is a span of the publishing fiber's tracer, whatever the server was made with", () =>
  Effect.gen(function*() {
    const building = Layer.build(Layer.provideMerge(subscription, TestServer.layer(Layer.empty)))
    const publishing = Effect.andThen(news, Effect.flatMap(NesServer.NesServer, (nes) => nes.broadcast(1)))
    const publish = (services: Effect.Success<typeof building>) =>
      Effect.map(
        collect((tracer) => Effect.provide(publishing, Layer.provideMerge(Layer.succeedContext(services), tracer))),
        paths
      )
    const published = ["nes.publish (producer)", "nes.broadcast (producer)"]
    const servers = yield* collect((tracer) =>
      Effect.gen(function*() {
        expect(yield* publish(yield* Effect.provide(building, tracer))).toEqual(published)
      })
    )
    expect(paths(servers).filter((path) => path.includes("nes."))).toEqual(["? > nes.deliver (consumer)"])
    expect(yield* publish(yield* building)).toEqual(published)
  }).pipe(Effect.scoped))

it.live("what a client takes back, or leaves behind, has ended with all its spans", () =>
  Effect.gen(function*() {
    const begun = yield* Queue.unbounded<string>()
    const hang = Effect.withSpan(Effect.andThen(Queue.offer(begun, "begun"), Effect.never), "work")
    const server = TestServer.layer(HttpRouter.add("GET", "/", hang), { onMessage: () => hang })
    const calls = [(nes: NesClient.Service) => nes.request("/"), (nes: NesClient.Service) => nes.message("hello")]
    const spans = yield* collect((tracer) =>
      Effect.gen(function*() {
        for (const call of calls) {
          const nes = yield* TestServer.connect()
          const fiber = yield* Effect.forkChild(call(nes))
          yield* Queue.take(begun)
          yield* Fiber.interrupt(fiber)
          yield* Effect.forkScoped(Effect.exit(call(nes)))
          yield* Queue.take(begun)
          yield* nes.disconnect
        }
      }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(server, tracer)))
    )
    const twice = (path: ReadonlyArray<string>) => [...path, ...path]
    expect(sorted(paths(spans).filter((path) => /request|message/.test(path)))).toEqual(sorted([
      ...twice(along("nes.request GET (client)", "nes.request GET (server)", "GET (server)", "work")),
      ...twice(along("nes.message (client)", "nes.message (server)", "work"))
    ]))
  }))

it.live("what clients say of their spans, and how long it is, breaks nothing at a collector", () =>
  Effect.gen(function*() {
    const [long, traceId, spanId] = ["f".repeat(100_000), "a".repeat(32), "b".repeat(16)]
    const traceIds = ["x", long, "0".repeat(32), `${traceId}\n`, traceId]
    const messages: ReadonlyArray<object> = [
      { type: "hello", version: "2", extensions: ["rpc"], auth: {}, traceparent: "f".repeat(10_000) },
      { type: "sub", path: `/${long}`, traceparent: {} },
      { type: "unsub", path: `/${long}` },
      ...traceIds.map((traceId) => ({ type: "rpc", tag: "Publish", traceId, spanId, sampled: true })),
      ...["x", long].map((spanId) => ({ type: "rpc", tag: "Publish", traceId, spanId, sampled: true }))
    ]
    const spans = yield* collect((tracer) =>
      Effect.gen(function*() {
        const { url, ws } = yield* TestServer.TestServer
        const socket = new WebSocket(url, ws)
        yield* Effect.addFinalizer(() => Effect.sync(() => socket.terminate()))
        yield* Effect.callback<void>((resume) => {
          let answered = 0
          const say = () =>
            answered < messages.length
              ? socket.send(JSON.stringify({ ...messages[answered], id: ++answered }))
              : resume(Effect.void)
          socket.on("open", say).on("message", say)
        })
      }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(serving, tracer)))
    )
    const called = spans.filter(({ name }) => name === "Publish")
    expect(called.map(({ parentSpanId }) => parentSpanId === spanId)).toEqual(
      [false, false, false, false, true, false, false]
    )
    for (const span of spans) {
      expect(span.traceId).toMatch(/^[0-9a-f]{32}$/)
      expect(span.parentSpanId ?? spanId).toMatch(/^[0-9a-f]{16}$/)
      expect(JSON.stringify(span).length).toBeLessThan(20_000)
    }
    expect(spans.map(({ name }) => name)).toEqual(expect.arrayContaining(["nes.hello", "nes.sub", "nes.unsub"]))
  }))

const tracedBy = (layer: Layer.Layer<never>) => Effect.provide(Tracer.Tracer, layer)

const listening = async (client: Client): Promise<void> => {
  await client.connect()
  await client.subscribe("/news", () => {})
}

it.live("a hapi server: what handlers and hooks publish is part of what asked for it, whatever they wait for", () =>
  Effect.gen(function*() {
    const given = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" }
    const spans = yield* collect((layer) =>
      Effect.gen(function*() {
        const tracer = yield* tracedBy(layer)
        const url = yield* Effect.acquireRelease(
          Effect.promise(async () => {
            const server = Hapi.server({ port: 0 })
            const publish = async () => {
              await new Promise((resolve) => setTimeout(resolve, 1))
              await server.publish("/news", 1)
              return null
            }
            const filter = () => Effect.as(spanned("filter"), true)
            await server.register({ plugin: Nes.plugin, options: { tracer, onMessage: publish } })
            server.subscription("/news", { filter })
            server.route({ method: "GET", path: "/publish", handler: publish })
            await server.start()
            return server
          }),
          (server) => Effect.promise(() => server.stop())
        ).pipe(Effect.map(({ info }) => info.uri.replace("http", "ws")))
        const plain = new Client(url)
        yield* Effect.addFinalizer(() => Effect.promise(() => plain.disconnect()))
        yield* Effect.promise(async () => {
          await listening(plain)
          await plain.request("/publish")
          const traceparent = `00-${given.traceId}-${given.spanId}-01`
          await plain.request({ path: "/publish", headers: { traceparent } })
        })
        const nes = yield* Effect.provide(NesClient.make({ url }), layer)
        yield* Effect.withSpan(nes.request("/publish"), "caller of request").pipe(Effect.provide(layer))
        yield* Effect.withSpan(nes.message("hello"), "caller of message").pipe(Effect.provide(layer))
      }).pipe(Effect.scoped)
    )
    const answered = (...way: ReadonlyArray<string>) => [...along(...way), ...published(...way)]
    const other = answered("?", "nes.request GET (server)").slice(1)
    expect(sorted(paths(spans))).toEqual(sorted([
      "nes.hello (server)",
      ...along("nes.connect (client)", "nes.hello (server)"),
      "nes.sub (server)",
      ...answered("nes.request GET (server)"),
      ...other,
      ...answered("caller of request", "nes.request GET (client)", "nes.request GET (server)"),
      ...answered("caller of message", "nes.message (client)", "nes.message (server)")
    ]))
    expect(spans.filter(({ traceId }) => traceId === given.traceId)).toHaveLength(other.length)
    expect(spans.find(({ parentSpanId }) => parentSpanId === given.spanId)).toMatchObject({ traceId: given.traceId })
    expect(outlived(spans)).toEqual([])
  }))

it.live.each([false, true])("over several nodes, with recovery: %s", (recovery) =>
  Effect.gen(function*() {
    const spans = yield* collect((layer) =>
      Effect.gen(function*() {
        const tracer = yield* tracedBy(layer)
        const engine = yield* MemoryEngine.make
        const broker = ClusterBroker.make(engine, { timeout: 10_000, maxInFlight: 1_000 })
        const context = yield* Effect.context()
        const start = () =>
          startNodeOn(() => Effect.runSyncWith(context)(broker), {
            options: { tracer },
            declare: (server) => server.subscription("/news", { recovery })
          })
        const nodes = yield* Effect.promise(() => Promise.all([start(), start()]))
        const heard: Array<unknown> = []
        yield* Effect.promise(async () => {
          for (const node of nodes) {
            const client = await node.connect()
            await client.subscribe("/news", (message) => void heard.push(message))
          }
        })
        const own = Layer.effect(Broker.Broker, broker)
        yield* Effect.gen(function*() {
          const publisher = yield* Publisher.make({ subscriptions: { "/news": { recovery } } })
          yield* Effect.withSpan(publisher.publish("/news", 1), "worker")
          yield* Effect.withSpan(publisher.broadcast(1), "worker")
        }).pipe(Effect.provide(Layer.mergeAll(own, layer)))
        yield* Effect.promise(() => until(() => heard.length === 2))
        yield* Effect.promise(async () => {
          await nodes[0]?.server.publish("/news", 2)
          await until(() => heard.length === 4)
          await Promise.all(nodes.map(({ stop }) => stop()))
        })
      }).pipe(Effect.scoped)
    )
    expect(sorted(paths(spans).filter((path) => /publish|broadcast/.test(path)))).toEqual(sorted([
      ...along("worker", "nes.publish (producer)", "nes.deliver (consumer)"),
      "worker > nes.publish (producer) > nes.deliver (consumer)",
      ...along("worker", "nes.broadcast (producer)", "nes.deliver (consumer)").slice(1),
      "worker > nes.broadcast (producer) > nes.deliver (consumer)",
      ...along("nes.publish (producer)", "nes.deliver (consumer)"),
      "nes.publish (producer) > nes.deliver (consumer)"
    ].filter((path) => path !== "worker")))
  }))
