/** How the parts of a server without hapi are put together. */
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Server } from "node:http"
import type { Server as SecureServer } from "node:https"
import * as CloseCode from "../protocol/CloseCode.js"
import { rootless } from "../protocol/Tracing.js"
import { Application, type Service } from "../server/Application.js"
import * as NesServer from "../server/NesServer.js"
import type { Hooks as ServerHooks } from "../server/Settings.js"
import type { Authentication } from "./Authentication.js"
import * as Hooks from "./Hooks.js"
import * as HttpApplication from "./HttpApplication.js"
import { decode, type Options } from "./Options.js"

// Effect's own HTTP server answers every upgrade that it hears of.
const takeUpgrades = ({ node }: NesServer.Service, server: Server | SecureServer) =>
  Effect.flatMap(
    Effect.serviceOption(HttpServer.HttpServer),
    (platform) =>
      Effect.acquireRelease(
        Effect.sync(() => node.attach(server, Option.isSome(platform))),
        (release) => Effect.sync(release)
      )
  )

const serveHttp = <E, R>(app: Effect.Effect<HttpServerResponse, E, R>, { middleware }: Pick<Options, "middleware">) =>
  middleware ? HttpServer.serveEffect(app, middleware) : HttpServer.serveEffect(app)

/** Makes a server of the application that `build` yields; `build` may use it already, before anybody can connect. */
export const make = <E, R, EB, RB, RU, RC, RD, RM, RA, RV>(
  build: Effect.Effect<Effect.Effect<HttpServerResponse, E, R>, EB, RB>,
  options: Options<RU, RC, RD, RM, RA, RV>,
  http = false
) =>
  Effect.gen(function*() {
    const { gracePeriod, settings } = yield* decode(
      options,
      (options.auth ?? false) as Authentication<never, never> | false
    )
    const hooks: ServerHooks = {}
    const application = { log: HttpApplication.logOf(yield* rootless()) } as Service
    const nes = yield* NesServer.make({ ...settings, hooks }).pipe(Effect.provideService(Application, application))
    // The last to leave: what is still being answered may publish.
    yield* nes.join
    yield* Effect.gen(function*() {
      const app = yield* build
      Object.assign(application, yield* HttpApplication.make(app, options))
      Object.assign(hooks, Hooks.ofServer(options, yield* rootless<Hooks.HookRequirements<RU | RC | RD | RM>>()))
      if (http) {
        yield* serveHttp(app, options)
      }
    }).pipe(Effect.provideService(NesServer.NesServer, nes))
    if (options.server) {
      yield* takeUpgrades(nes, options.server)
    }
    const address = Option.map(yield* Effect.serviceOption(HttpServer.HttpServer), ({ address }) =>
      HttpServer.formatAddress(address))
    yield* nes.run({ closeCode: CloseCode.goingAway, gracePeriod, address: Option.getOrUndefined(address) })
    return nes
  })

export const ofRoutes = <A, E, R, RU, RC, RD, RM, RA, RV>(
  routes: Layer.Layer<A, E, R>,
  options: Options<RU, RC, RD, RM, RA, RV>,
  http = false
) => make(HttpApplication.ofRoutes(routes), options, http)
