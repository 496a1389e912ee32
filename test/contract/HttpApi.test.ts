/** An `HttpApi` contract called over the socket: the server here is hapi, answering as the contract says. */
import { expect, it } from "@effect/vitest"
import Hapi from "@hapi/hapi"
import { Effect, Fiber, Layer, Schema } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { HttpApi, HttpApiClient, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import * as Nes from "../../src/hapi.js"
import { NesClient, NesHttpClient } from "../../src/index.js"
import { FakeServer, turn } from "../client/FakeServer.js"

class Missing extends Schema.TaggedError<Missing>()("Missing", { id: Schema.Number }, { httpApiStatus: 404 }) {}

const Api = HttpApi.make("api").add(
  HttpApiGroup.make("items")
    .add(
      HttpApiEndpoint.get("get", "/items/:id", {
        params: { id: Schema.FiniteFromString },
        query: { full: Schema.optional(Schema.String) },
        success: Schema.Struct({ id: Schema.Number, due: Schema.Date, query: Schema.String }),
        error: Missing
      })
    )
    .add(
      HttpApiEndpoint.post("add", "/items", {
        payload: Schema.Struct({ due: Schema.Date }),
        success: Schema.String
      })
    )
    .add(HttpApiEndpoint.delete("remove", "/items/:id", { params: { id: Schema.FiniteFromString } }))
)

const server = Effect.acquireRelease(
  Effect.promise(async () => {
    const server = Hapi.server({ port: 0 })
    await server.register(Nes)
    server.route([
      {
        method: "GET",
        path: "/items/{id}",
        handler: (request, h) => {
          const id = Number(request.params.id)
          return id === 404
            ? h.response({ _tag: "Missing", id }).code(404)
            : { id, due: new Date(0), query: request.url.search }
        }
      },
      {
        method: "POST",
        path: "/items",
        handler: (request, h) =>
          h.response(JSON.stringify(`got ${JSON.stringify(request.payload)}`)).type("application/json")
      },
      { method: "DELETE", path: "/items/{id}", handler: (_, h) => h.response().code(204) },
      { method: "PUT", path: "/text", handler: (request) => `${request.mime}: ${String(request.payload)}` }
    ])
    await server.start()
    return server
  }),
  (server) => Effect.promise(() => server.stop())
)

const Live = Layer.unwrap(
  Effect.map(
    server,
    ({ info }) => Layer.provideMerge(NesHttpClient.layer, NesClient.layer({ url: info.uri.replace("http", "ws") }))
  )
)

const client = HttpApiClient.make(Api, { baseUrl: "http://nes" })

it.live("success, with path, query and payload encoded and decoded by the contract", () =>
  Effect.gen(function*() {
    const { items } = yield* client
    expect(yield* items.get({ params: { id: 5 }, query: { full: "yes" } })).toEqual({
      id: 5,
      due: new Date(0),
      query: "?full=yes"
    })
    expect(yield* items.add({ payload: { due: new Date(0) } })).toBe("got {\"due\":\"1970-01-01T00:00:00.000Z\"}")
    expect(yield* items.remove({ params: { id: 5 } })).toBeUndefined()
  }).pipe(Effect.provide(Live)))

it.live("the contract's errors are decoded, the connection's are errors of the HTTP client", () =>
  Effect.gen(function*() {
    const { items } = yield* client
    const missing = yield* Effect.flip(items.get({ params: { id: 404 }, query: {} }))
    expect(missing).toBeInstanceOf(Missing)

    const { disconnect } = yield* NesClient.NesClient
    yield* disconnect
    expect(yield* Effect.flip(items.get({ params: { id: 5 }, query: {} }))).toMatchObject({
      _tag: "HttpClientError",
      reason: { _tag: "TransportError", cause: { _tag: "DisconnectError" } }
    })
  }).pipe(Effect.provide(Live)))

it.live("a body that cannot travel is refused before it is sent", () =>
  Effect.gen(function*() {
    const http = yield* HttpClient.HttpClient
    const form = new FormData()
    form.append("a", "b")
    const text = yield* http.execute(
      HttpClientRequest.put("http://nes/text").pipe(
        HttpClientRequest.bodyText("plain", "text/plain")
      )
    )
    expect(yield* text.json).toBe("text/plain: plain")
    expect(
      yield* Effect.flip(http.execute(
        HttpClientRequest.put("http://nes/text").pipe(
          HttpClientRequest.bodyFormData(form)
        )
      ))
    ).toMatchObject({ _tag: "HttpClientError", reason: { _tag: "EncodeError" } })
  }).pipe(Effect.provide(Live)))

it.effect("an answer that HTTP does not have is an error of the HTTP client", () =>
  Effect.gen(function*() {
    const scripted = new FakeServer()
    scripted.acceptAll()
    const nes = yield* Effect.provide(NesClient.make({ url: "ws://fake" }), scripted.layer)
    const client = yield* Effect.provideService(NesHttpClient.make, NesClient.NesClient, nes)
    for (const answer of [{ statusCode: 999, payload: {} }, { statusCode: 200, headers: { "no name": "x" } }]) {
      const failed = yield* Effect.forkChild(Effect.flip(client.get("http://any.host/")))
      yield* turn
      scripted.socket.answer("request", answer)
      expect(yield* Fiber.join(failed)).toMatchObject({ _tag: "HttpClientError", reason: { _tag: "TransportError" } })
    }
  }))
