/** Atoms of a client, with a real server in memory. */
import { expect, it } from "@effect/vitest"
import { Context, Effect, Layer, Queue, Schema } from "effect"
import { HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { AsyncResult, type Atom, AtomHttpApi, AtomRegistry, AtomRpc } from "effect/reactivity"
import { Rpc, RpcGroup } from "effect/rpc"
import * as NesAtom from "../../src/client/NesAtom.js"
import { NesClient, NesHttpClient, NesRpcClient, NesRpcServer, NesServer, TestServer } from "../../src/index.js"

/** A server whose only item counts how often it was asked for, the atoms of a client of it, and who looks at them. */
const served = Effect.gen(function*() {
  let stock = 1
  let asked = 0
  const heard = yield* Queue.unbounded<string>()
  const context = yield* Layer.build(
    TestServer.layer(
      Layer.mergeAll(
        HttpRouter.add("GET", "/stock", Effect.sync(() => HttpServerResponse.jsonUnsafe([++asked, stock]))),
        HttpRouter.add("POST", "/stock", Effect.sync(() => HttpServerResponse.jsonUnsafe(++stock)))
      ),
      { onDisconnection: () => Effect.asVoid(Queue.offer(heard, "disconnect")) }
    ).pipe(Layer.provide(HttpServer.layerServices))
  )
  const server = Context.get(context, NesServer.NesServer)
  const note = (text: string): Effect.Effect<void> => Effect.asVoid(Queue.offer(heard, text))
  yield* server.subscription("/item/{id}", {
    onSubscribe: (_, path) => note(`subscribe ${path}`),
    onUnsubscribe: (_, path) => note(`unsubscribe ${path}`)
  })
  const { url, ws } = Context.get(context, TestServer.TestServer)
  const nes = NesAtom.make(NesClient.layer({ url, ws, reconnect: { delay: 10 } }))
  const registry = AtomRegistry.make()
  yield* Effect.addFinalizer(() => Effect.sync(() => registry.dispose()))
  /** Looks at an atom: what it has been, one after the other, and how to look away. */
  const look = <A, E>(atom: Atom.Atom<AsyncResult.AsyncResult<A, E>>) =>
    Effect.map(Queue.unbounded<A>(), (seen) => {
      let last: A | undefined
      const away = registry.subscribe(atom, (result) => {
        // The last one stands while the next is waited for.
        if (AsyncResult.isSuccess(result) && result.value !== last) {
          last = result.value
          Queue.offerUnsafe(seen, last)
        }
      }, { immediate: true })
      return { seen, away }
    })
  return { heard, look, nes, registry, server, stock: (now: number) => void (stock = now) }
})

it.live("a subscription: the last update while somebody looks, one for all who do", () =>
  Effect.gen(function*() {
    const { heard, look, nes, registry, server } = yield* served
    expect(nes.subscription("/item/5")).toBe(nes.subscription("/item/5"))
    const one = yield* look(nes.subscription("/item/5"))
    const two = yield* look(nes.subscription("/item/5"))
    expect(yield* Queue.take(heard)).toBe("subscribe /item/5")
    yield* server.publish("/item/5", "packed")
    expect(yield* Queue.take(one.seen)).toMatchObject({ message: "packed", revoked: false })
    expect(yield* Queue.take(two.seen)).toMatchObject({ message: "packed" })
    one.away()
    yield* server.publish("/item/5", "sent")
    expect(yield* Queue.take(two.seen)).toMatchObject({ message: "sent" })
    expect(Queue.sizeUnsafe(one.seen)).toBe(0)
    two.away()
    expect(yield* Queue.take(heard)).toBe("unsubscribe /item/5")
    registry.dispose()
    expect(yield* Queue.take(heard)).toBe("disconnect")
  }))

it.live("a request: asked once for all who look, after a mutation with its key, and on each new connection", () =>
  Effect.gen(function*() {
    const { look, nes, registry, server, stock } = yield* served
    const query = () => nes.query({ path: "/stock" }, { reactivityKeys: ["stock"] })
    expect(query()).toBe(query())
    const one = yield* look(query())
    const two = yield* look(query())
    const other = yield* look(nes.query("/stock", { timeToLive: "1 minute" }))
    const payload = (seen: typeof one.seen) => Effect.map(Queue.take(seen), ({ payload }) => payload)
    const first = (yield* payload(one.seen)) as ReadonlyArray<number>
    expect(yield* payload(two.seen)).toBe(first)
    expect([first, yield* payload(other.seen)].map((of) => (of as ReadonlyArray<number>)[1])).toEqual([1, 1])

    registry.set(nes.mutation, { request: { method: "POST", path: "/stock" }, reactivityKeys: ["stock"] })
    expect(yield* AtomRegistry.getResult(registry, nes.mutation)).toMatchObject({ payload: 2 })
    expect(yield* payload(one.seen)).toEqual([3, 2])
    expect(Queue.sizeUnsafe(other.seen)).toBe(0)

    stock(7)
    const status = yield* Effect.map(look(nes.status), ({ seen }) => seen)
    const connected = yield* Queue.take(status)
    yield* server.disconnect({ socket: connected._tag === "Connected" ? connected.id : "" })
    expect([yield* payload(one.seen), yield* payload(other.seen)].map((of) => (of as ReadonlyArray<number>)[1]))
      .toEqual([
        7,
        7
      ])
  }))

it.live("what fails: a request, a client that is refused, each with its own error", () =>
  Effect.gen(function*() {
    const { nes, registry } = yield* served
    expect(yield* Effect.flip(AtomRegistry.getResult(registry, nes.query("/nothing")))).toMatchObject({
      _tag: "ServerError",
      statusCode: 404
    })
    const nowhere = NesAtom.make(NesClient.layer({ url: "ws://127.0.0.1:1", connect: "required", reconnect: false }))
    const atoms: ReadonlyArray<Atom.Atom<AsyncResult.AsyncResult<unknown, unknown>>> = [
      nowhere.query("/stock"),
      nowhere.subscription("/item/5"),
      nowhere.status
    ]
    for (const atom of atoms) {
      expect(yield* Effect.flip(AtomRegistry.getResult(registry, atom))).toMatchObject({ _tag: "WsError" })
    }
  }))

it.live("the atoms of an HttpApi and of an RpcGroup go over the same connection", () =>
  Effect.gen(function*() {
    const Api = HttpApi.make("api").add(
      HttpApiGroup.make("items").add(
        HttpApiEndpoint.get("get", "/items/:id", {
          params: { id: Schema.FiniteFromString },
          success: Schema.Struct({ due: Schema.Date })
        })
      )
    )
    const Items = HttpApiBuilder.group(Api, "items", (handlers) =>
      handlers.handle("get", ({ params }) =>
        Effect.succeed({ due: new Date(params.id) })))
    const Group = RpcGroup.make(Rpc.make("double", { payload: { of: Schema.Finite }, success: Schema.Finite }))
    const context = yield* Layer.build(
      NesRpcServer.layer(Group).pipe(
        Layer.provide(Group.toLayer({
          double: ({ of }) =>
            Effect.succeed(2 * of)
        })),
        Layer.provideMerge(TestServer.layer(Layer.provide(HttpApiBuilder.layer(Api), Items))),
        Layer.provide(HttpServer.layerServices)
      )
    )
    const { url, ws } = Context.get(context, TestServer.TestServer)
    const client = NesClient.layer({ url, ws })
    const nes = NesAtom.make(client)
    class ApiAtom extends AtomHttpApi.Service<ApiAtom>()("ApiAtom", {
      api: Api,
      httpClient: NesHttpClient.layer.pipe(Layer.provide(client), Layer.orDie),
      baseUrl: "http://nes"
    }) {}
    class RpcAtom extends AtomRpc.Service<RpcAtom>()("RpcAtom", {
      group: Group,
      protocol: Layer.provide(NesRpcClient.layerProtocol, client)
    }) {}
    const registry = AtomRegistry.make()
    yield* Effect.addFinalizer(() => Effect.sync(() => registry.dispose()))
    registry.mount(nes.status)
    const item = yield* AtomRegistry.getResult(registry, ApiAtom.query("items", "get", { params: { id: 5 } }))
    expect(item).toEqual({ due: new Date(5) })
    expect(yield* AtomRegistry.getResult(registry, RpcAtom.query("double", { of: 21 }))).toBe(42)
    expect((yield* Context.get(context, NesServer.NesServer).count()).total).toBe(1)
  }))
