/** The server's API over HTTP as a group of an `HttpApi`, behind the application's own authentication. */
import { expect, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Schema } from "effect"
import { HttpApi, HttpApiBuilder, HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"
import { NesHttpServer, NesServer, ServerApi } from "../../src/index.js"
import { bodies, foreignTypes, nested } from "../hapi/ApiBodies.js"
import { address, connect, serving } from "./Serving.js"

class Denied extends Schema.TaggedError<Denied>()("Denied", {}, { httpApiStatus: 401 }) {}

class Authorization extends HttpApiMiddleware.Service<Authorization>()("Authorization", {
  error: Denied,
  security: { key: HttpApiSecurity.bearer }
}) {}

const AuthorizationLive = Layer.succeed(Authorization, {
  key: (handled, { credential }) => Redacted.value(credential) === "secret" ? handled : Effect.fail(new Denied())
})

const Api = HttpApi.make("app").add(ServerApi.group(Authorization).prefix("/nes/api"))

const Routes = HttpApiBuilder.layer(Api, { openapiPath: "/openapi.json" }).pipe(
  Layer.provide(ServerApi.layer(Api)),
  Layer.provide(AuthorizationLive)
)

const live = NesHttpServer.layerSubscription("/item/{id}", { recovery: true, presence: true }).pipe(
  Layer.provideMerge(serving(Routes))
)

const asker = Effect.map(
  address,
  (address) => (method: string, path: string, body?: unknown, headers: object = {}) =>
    Effect.promise(async () => {
      const response = await fetch(`http:${address}${path}`, {
        method,
        headers: { authorization: "Bearer secret", "content-type": "application/json", ...headers },
        ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) })
      })
      const text = await response.text()
      return { status: response.status, body: text === "" ? undefined : JSON.parse(text) as unknown }
    })
)

it.live("publishes once for a key, asks, clears and disconnects; behind its middleware, and described in OpenAPI", () =>
  Effect.gen(function*() {
    const ask = yield* asker
    const server = yield* NesServer.NesServer
    const client = yield* connect()
    const heard: Array<unknown> = []
    yield* Effect.promise(() => client.subscribe("/item/5", (message) => void heard.push(message)))
    const update = { path: "/item/5", message: { n: 1 } }
    expect(yield* ask("POST", "/nes/api/publish", update, { authorization: "Bearer no" })).toMatchObject({
      status: 401
    })
    for (let n = 0; n < 2; n++) {
      expect(yield* ask("POST", "/nes/api/publish", update, { "idempotency-key": "one" })).toMatchObject({
        status: 204
      })
    }
    expect(yield* ask("POST", "/nes/api/publish", { ...update, message: 2 }, { "idempotency-key": "one" })).toEqual({
      status: 422,
      body: {
        statusCode: 422,
        error: "Unprocessable Entity",
        message: "This idempotency key was used for another request"
      }
    })
    for (const body of [{ ...update, usr: "a" }, { path: "/item/5" }]) {
      expect(yield* ask("POST", "/nes/api/publish", body)).toMatchObject({ status: 400 })
    }
    expect(yield* ask("POST", "/nes/api/publish", { path: "item", message: 1 })).toMatchObject({
      status: 400,
      body: { statusCode: 400, message: "Missing or invalid subscription path: item" }
    })
    yield* Effect.promise(() => expect.poll(() => heard).toEqual([{ n: 1 }]))
    expect(yield* ask("GET", "/nes/api/count?path=/item/5")).toEqual({
      status: 200,
      body: { total: 1, nodes: 1, silent: 0 }
    })
    expect(yield* ask("GET", "/nes/api/presence?path=/item/5")).toMatchObject({ body: { count: 1 } })
    expect(yield* ask("GET", "/nes/api/history?path=/item/5&limit=1")).toMatchObject({
      body: { updates: [{ message: { n: 1 } }], position: { offset: 1 } }
    })
    expect(yield* ask("DELETE", "/nes/api/history?path=/item/5")).toMatchObject({ status: 204 })
    expect((yield* server.history("/item/5").read()).updates).toEqual([])
    const lost = new Promise<void>((resolve) => {
      client.onDisconnect = () => resolve()
    })
    expect(yield* ask("POST", "/nes/api/revoke", { path: "/item/5", socket: client.id })).toMatchObject({ status: 204 })
    expect(yield* ask("POST", "/nes/api/disconnect", { socket: client.id })).toMatchObject({ status: 204 })
    yield* Effect.promise(() => lost)
    const { body } = yield* ask("GET", "/openapi.json")
    expect(Object.keys((body as { readonly paths: object }).paths)).toContain("/nes/api/publish")
  }).pipe(Effect.provide(live), Effect.scoped))

it.live("cannot be called by a page of another site, and refuses what is nested more deeply than a message may be", () =>
  Effect.gen(function*() {
    const ask = yield* asker
    const client = yield* connect()
    const heard: Array<unknown> = []
    client.onUpdate = (message) => void heard.push(message)
    const url = yield* Effect.map(address, (address) => `http:${address}/nes/api`)
    const send = (name: string, body: object, type?: string) =>
      Effect.promise(async () => {
        const response = await fetch(`${url}/${name}`, {
          method: "POST",
          headers: { authorization: "Bearer secret", ...(type !== undefined && { "content-type": type }) },
          body: new Blob([JSON.stringify(body)])
        })
        return response.status
      })
    for (const [name, body] of Object.entries(bodies(client.id))) {
      for (const type of [undefined, ...foreignTypes]) {
        expect(yield* send(name, body, type), `${name} ${type}`).toBe(415)
      }
      for (const depth of [1_000, 50_000]) {
        for (const key of [{}, { "idempotency-key": `${name}${depth}` }]) {
          expect(yield* ask("POST", `/nes/api/${name}`, nested(body, depth), key), `${name} ${depth}`).toEqual({
            status: 400,
            body: { statusCode: 400, error: "Bad Request", message: "Message is nested too deeply" }
          })
        }
      }
    }
    expect(yield* ask("POST", "/nes/api/broadcast", nested({ message: 1 }, 999))).toMatchObject({ status: 204 })
    expect(yield* send("broadcast", { message: "asked" }, "application/json; charset=utf-8")).toBe(204)
    yield* Effect.promise(() => expect.poll(() => heard).toHaveLength(2))
  }).pipe(Effect.provide(live), Effect.scoped))
