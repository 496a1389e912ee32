/**
 * How the parts of a server without hapi are put together.
 *
 * @since 0.1.0
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServer from "@effect/platform/HttpServer"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { IncomingMessage, Server } from "node:http"
import type { Server as SecureServer } from "node:https"
import { Application } from "../server/Application.js"
import * as NesServer from "../server/NesServer.js"
import type { Authentication } from "./Authentication.js"
import * as Hooks from "./Hooks.js"
import * as HttpApplication from "./HttpApplication.js"
import { decode, type Options } from "./Options.js"
import { ServerRef } from "./ServerRef.js"
import * as Upgrades from "./Upgrades.js"

const closeCode = 1001

const isAt = (path: string | undefined) => (request: IncomingMessage): boolean =>
  Upgrades.isWebSocket(request) && (path === undefined || request.url?.split("?", 1)[0] === path)

const takeUpgrades = (nes: NesServer.Service, server: Server | SecureServer, path: string | undefined) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      Upgrades.take(server, isAt(path), (request, socket, head) => nes.node.upgrade(request, socket, head))
    ),
    (release) => Effect.sync(release)
  )

const serveHttp = <E, R, RO>(app: HttpApp.Default<E, R>, { middleware }: Options<RO>) =>
  (middleware
    ? HttpServer.serveEffect(app, middleware)
    : HttpServer.serveEffect(app)) as Effect.Effect<void, never, Scope.Scope | HttpServer.HttpServer | R>

/**
 * Makes a server, and serves HTTP beside it if told to. `incomplete` is what the application has been given.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <E, R, RO>(
  app: HttpApp.Default<E, R>,
  options: Options<RO>,
  { http = false, incomplete = new ServerRef() }: {
    readonly http?: boolean
    readonly incomplete?: ServerRef | undefined
  } = {}
) =>
  Effect.gen(function*() {
    const provideServer = Effect.provideService(NesServer.NesServer, incomplete.service)
    const { gracePeriod, path, settings } = yield* decode(
      options,
      (options.auth ?? false) as Authentication<never> | false
    )
    const context = yield* provideServer(Effect.context<RO>())
    const application = yield* provideServer(HttpApplication.make(app, options))
    const nes = yield* NesServer.make({ ...settings, hooks: Hooks.ofServer(options, context) }).pipe(
      Effect.provideService(Application, application)
    )
    incomplete.complete(nes)
    if (http) {
      yield* provideServer(serveHttp(app, options))
    }
    if (options.server) {
      yield* takeUpgrades(nes, options.server, path)
    }
    yield* nes.run({ closeCode, gracePeriod })
    return nes
  })
