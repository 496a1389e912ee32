/** A server on an HTTP server of its own making, as a function and in a pipe. */
import { expect, expectTypeOf, it } from "@effect/vitest"
import { Config, ConfigProvider, Context, Effect, FileSystem, Layer } from "effect"
import { HttpRouter, HttpServer, type HttpServerError, HttpServerResponse } from "effect/http"
import { get } from "node:https"
import { NesClient, NesHttpServer, type NesServer } from "../../src/index.js"
import type { UserError } from "../../src/protocol/NesError.js"
import * as certificate from "../hapi/Certificate.js"

const host = "127.0.0.1"

const routes = HttpRouter.add(
  "GET",
  "/",
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    return HttpServerResponse.jsonUnsafe(yield* files.exists("package.json"))
  })
)

const portOf = (context: Context.Context<HttpServer.HttpServer>): number =>
  Number(new URL(HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address)).port)

/** What `/` answers over a socket. */
const asked = (url: string, ws?: object) =>
  Effect.flatMap(NesClient.make({ url, ws, connect: "required" }), (nes) => nes.request("/"))

it.live("HTTP and sockets on one port, with the platform that routes need", () =>
  Effect.gen(function*() {
    const live = routes.pipe(NesHttpServer.layerNode({ host, path: "/nes" }))
    expectTypeOf(live).toEqualTypeOf<
      Layer.Layer<NesServer.NesServer | HttpServer.HttpServer, UserError | HttpServerError.ServeError>
    >()
    const port = portOf(yield* Layer.build(live))
    expect(yield* asked(`ws://${host}:${port}/nes`)).toMatchObject({ payload: true })
    expect(yield* Effect.promise(async () => (await fetch(`http://${host}:${port}`)).json())).toBe(true)
  }))

it.live("with a certificate: https and wss", () =>
  Effect.gen(function*() {
    const port = portOf(yield* Layer.build(NesHttpServer.layerNode(routes, { host, tls: certificate })))
    expect(yield* asked(`wss://${host}:${port}`, { rejectUnauthorized: false })).toMatchObject({ payload: true })
    const status = yield* Effect.callback<number | undefined>((resume) => {
      get({ host, port, rejectUnauthorized: false }, (answer) => resume(Effect.succeed(answer.resume().statusCode)))
    })
    expect(status).toBe(200)
  }))

it.live("a port from Config, and one clear error where it is taken", () =>
  Effect.gen(function*() {
    const port = portOf(yield* Layer.build(NesHttpServer.layerNode(Layer.empty, { host })))
    const live = Layer.empty.pipe(
      NesHttpServer.layerNodeConfig({}, { port: Config.Int("PORT"), host: Config.succeed(host) })
    )
    const given = (env: object) => ConfigProvider.layer(ConfigProvider.fromUnknown(env))
    expect(yield* Effect.flip(Layer.build(Layer.provide(live, given({ PORT: port }))))).toMatchObject({
      _tag: "ServeError",
      cause: { code: "EADDRINUSE", port }
    })
    expect(yield* Effect.flip(Layer.build(Layer.provide(live, given({}))))).toMatchObject({ _tag: "ConfigError" })
  }))
