/** A server on an HTTP server of its own making, as a function and in a pipe. */
import { expect, expectTypeOf, it } from "@effect/vitest"
import { Config, ConfigProvider, Context, Effect, FileSystem, Layer } from "effect"
import { HttpRouter, HttpServer, type HttpServerError, HttpServerResponse } from "effect/http"
import { subscribe, unsubscribe } from "node:diagnostics_channel"
import { once } from "node:events"
import { get } from "node:https"
import { connect } from "node:net"
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

const upgrade = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"

/** What comes over sockets and HTTP while routes are being built, which then succeeds or fails. */
const early = (outcome: Effect.Effect<void, string>) => {
  const answers: Array<Promise<string>> = []
  const building = Layer.unwrap(Effect.gen(function*() {
    const { address } = yield* HttpServer.HttpServer
    const { host: hostname, port } = new URL(HttpServer.formatAddress(address))
    const socket = connect(Number(port), host).setEncoding("utf8")
    const gone = connect(Number(port), host)
    const answer = once(socket, "data").then(
      ([text]: Array<string>) => text?.split("\r\n", 1)[0] ?? "",
      () => "refused"
    )
    answers.push(Promise.race([answer, once(socket, "close").then(() => "refused")]).finally(() => socket.destroy()))
    yield* Effect.promise(() => Promise.all([once(socket, "connect"), once(gone, "connect")]))
    socket.write(upgrade)
    gone.write(upgrade, () => gone.resetAndDestroy())
    const arrived = Effect.callback<void>((resume) => {
      const came = (): void => resume(Effect.void)
      subscribe("http.server.request.start", came)
      return Effect.sync(() => unsubscribe("http.server.request.start", came))
    })
    answers.push(fetch(`http://${hostname}`).then(({ status }) => String(status), () => "refused"))
    yield* arrived
    yield* outcome
    return routes
  }))
  const told = Effect.suspend(() => Effect.promise(() => Promise.all(answers)))
  const built = Layer.build(NesHttpServer.layerNode(building, { host, gracePeriod: 1 }))
  return Effect.catch(Effect.scoped(Effect.andThen(built, told)), () => told)
}

it.live("what comes before the routes are there waits for them, and is refused if they never are", () =>
  Effect.gen(function*() {
    expect(yield* early(Effect.void)).toEqual(["HTTP/1.1 101 Switching Protocols", "200"])
    expect(yield* early(Effect.fail("no"))).toEqual(["refused", "refused"])
  }))
