/** How the parts of a server without hapi are put together. */
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as CloseCode from "../protocol/CloseCode.js"
import { rootless } from "../protocol/Tracing.js"
import { Application, type Service } from "../server/Application.js"
import * as NesServer from "../server/NesServer.js"
import type { Hooks as ServerHooks } from "../server/Settings.js"
import * as Hooks from "./Hooks.js"
import * as HttpApplication from "./HttpApplication.js"
import { decode, type Options } from "./Options.js"

/** Makes a server of the application that `build` yields; `build` may use it already, before anybody can connect. */
export const make = <E, R, EB, RB, RU, RC, RD, RM, RA, RV>(
  build: Effect.Effect<Effect.Effect<HttpServerResponse, E, R>, EB, RB>,
  options: Options<RU, RC, RD, RM, RA, RV>,
  http = false
) =>
  Effect.gen(function*() {
    const { gracePeriod, settings } = yield* decode(options, options.auth ?? false)
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
        yield* (options.middleware ? HttpServer.serveEffect(app, options.middleware) : HttpServer.serveEffect(app))
      }
    }).pipe(Effect.provideService(NesServer.NesServer, nes))
    const { server } = options
    const platform = Option.getOrUndefined(yield* Effect.serviceOption(HttpServer.HttpServer))
    if (server) {
      yield* Effect.acquireRelease(
        // Effect's own HTTP server answers every upgrade that it hears of.
        Effect.sync(() => nes.node.attach(server, platform !== undefined)),
        (release) => Effect.sync(release)
      )
    }
    const address = platform && HttpServer.formatAddress(platform.address)
    yield* nes.run({ closeCode: CloseCode.goingAway, gracePeriod, address })
    return nes
  })

export const ofRoutes = <A, E, R, RU, RC, RD, RM, RA, RV>(
  routes: Layer.Layer<A, E, R>,
  options: Options<RU, RC, RD, RM, RA, RV>,
  http = false
) => make(HttpApplication.ofRoutes(routes), options, http)
