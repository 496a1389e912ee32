import { Context, Effect, Layer, Scope } from "effect"
import { HttpRouter, type HttpServer, HttpServerRequest, HttpServerResponse } from "effect/http"
import { describe, expectTypeOf, it } from "vitest"
import { Authentication, NesHttpServer, NesServer, Refusal, Socket, TestServer } from "../../src/index.js"

class A extends Context.Service<A, { readonly a: number }>()("A") {}
class B extends Context.Service<B, { readonly b: number }>()("B") {}
class C extends Context.Service<C, { readonly c: number }>()("C") {}
class D extends Context.Service<D, { readonly d: number }>()("D") {}

const whoAsks = Effect.flatMap(HttpServerRequest.HttpServerRequest, () => Refusal.unauthorized())

describe("a server requires", () => {
  it("what each of its hooks does, all together", () => {
    const live = NesHttpServer.serve(Layer.empty, {
      verifyUpgrade: () => Effect.as(A, true),
      onConnection: () => Effect.asVoid(B),
      onDisconnection: () => Effect.asVoid(C),
      onMessage: () => Effect.all([D, NesServer.NesServer])
    })
    expectTypeOf<Layer.Services<typeof live>>().toEqualTypeOf<A | B | C | D | HttpServer.HttpServer>()
    expectTypeOf<Layer.Success<typeof live>>().toEqualTypeOf<NesServer.NesServer>()
  })

  it("what its routes, its authentication and its verification do, without the request they are given", () => {
    const auth = Authentication.make({
      authenticate: Effect.andThen(A, whoAsks),
      verify: () => Effect.asVoid(B)
    })
    const routes = HttpRouter.add("GET", "/", Effect.as(C, HttpServerResponse.empty()))
    const live = TestServer.layer(routes, { auth, onMessage: () => D })
    expectTypeOf<Layer.Services<typeof live>>().toEqualTypeOf<A | B | C | D>()
  })

  it("what a client of it needs for its credentials", () => {
    const client = TestServer.layerClient({ auth: Effect.map(A, ({ a }) => a) })
    expectTypeOf<Layer.Services<typeof client>>().toEqualTypeOf<A | TestServer.TestServer>()
    const plain = TestServer.layerClient({ auth: "token" })
    expectTypeOf<Layer.Services<typeof plain>>().toEqualTypeOf<TestServer.TestServer>()
  })

  it("the same in a pipe", () => {
    const routes = HttpRouter.add("GET", "/", Effect.as(C, HttpServerResponse.empty()))
    const options = { onMessage: () => D }
    expectTypeOf(routes.pipe(NesHttpServer.serve(options))).toEqualTypeOf(NesHttpServer.serve(routes, options))
    expectTypeOf(routes.pipe(NesHttpServer.layer())).toEqualTypeOf(NesHttpServer.layer(routes))
    expectTypeOf(routes.pipe(TestServer.layer(options))).toEqualTypeOf(TestServer.layer(routes, options))
    const live = routes.pipe(NesHttpServer.layerNodeConfig(options, {}))
    expectTypeOf<Layer.Services<typeof live>>().toEqualTypeOf<C | D>()
  })

  it("the accessors of one hook beside the services of another", () => {
    const live = NesHttpServer.serve(Layer.empty, {
      onConnection: () => Effect.orDie(Socket.all()),
      onMessage: () => A
    })
    expectTypeOf<Layer.Services<typeof live>>().toEqualTypeOf<A | HttpServer.HttpServer>()
  })

  it("a request where a hook or a verification wants one: there is none", () => {
    const hook = NesHttpServer.serve(Layer.empty, { onMessage: () => HttpServerRequest.HttpServerRequest })
    expectTypeOf<Layer.Services<typeof hook>>().toEqualTypeOf<
      HttpServerRequest.HttpServerRequest | HttpServer.HttpServer
    >()
    const verify = TestServer.layer(Layer.empty, {
      auth: Authentication.make({ authenticate: whoAsks, verify: () => HttpServerRequest.HttpServerRequest })
    })
    expectTypeOf<Layer.Services<typeof verify>>().toEqualTypeOf<HttpServerRequest.HttpServerRequest>()
  })

  it("no Scope: each hook is given one", () => {
    const live = TestServer.layer(Layer.empty, {
      onConnection: () => Effect.acquireRelease(Effect.void, () => Effect.void),
      verifyUpgrade: () => Effect.as(Scope.Scope, true)
    })
    expectTypeOf<Layer.Services<typeof live>>().toEqualTypeOf<never>()
  })
})

describe("a subscription requires", () => {
  it("what each of its hooks does, all together, and the server", () => {
    const live = NesHttpServer.layerSubscription("/x", {
      filter: () => Effect.as(B, true),
      onSubscribe: () => Effect.andThen(A, Scope.Scope),
      onUnsubscribe: () => C
    })
    expectTypeOf<Layer.Services<typeof live>>().toEqualTypeOf<A | B | C | NesServer.NesServer>()
  })
})

// @effect-diagnostics missingEffectError:off
describe("a hook fails", () => {
  it("with a refusal, and nothing else", () => {
    NesHttpServer.serve(Layer.empty, { onMessage: () => Refusal.forbidden() })
    // @ts-expect-error a text is no refusal
    NesHttpServer.serve(Layer.empty, { onMessage: () => Effect.fail("no") })
    // @ts-expect-error a text is no refusal
    NesHttpServer.layerSubscription("/x", { filter: () => Effect.fail("no") })
    // @ts-expect-error a text is no refusal
    Authentication.make({ authenticate: whoAsks, verify: () => Effect.fail("no") })
  })

  it("and an option that is none is refused", () => {
    // @ts-expect-error there is no such option
    NesHttpServer.serve(Layer.empty, { onMesage: () => Effect.void })
  })
})
