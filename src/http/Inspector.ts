/** The inspector as a Layer of routes. */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerRespondable from "effect/http/HttpServerRespondable"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as CloseCode from "../protocol/CloseCode.js"
import type { UserError } from "../protocol/NesError.js"
import * as Thrown from "../protocol/Thrown.js"
import * as Inspector from "../server/inspection/Inspector.js"
import { NesServer } from "../server/NesServer.js"
import * as Setting from "../server/SettingKinds.js"
import type { UpgradeRequest } from "../server/Settings.js"
import * as NesHttpServer from "./NesHttpServer.js"

/**
 * The inspector of an Effect HTTP application (docs/inspector.md).
 *
 * @since 1.0.0
 * @category models
 */
export interface LayerOptions<E = never, R = never> {
  /**
   * Asks who comes, for the page and for each of its sockets: what fails is refused, a `Refusal` with its status.
   * `"everybody"` lets everybody in to see and disconnect clients: the sockets do not pass the HTTP middleware of the
   * application, even where the page does.
   */
  readonly auth: Effect.Effect<unknown, E, R> | "everybody"
  /** Where the page is; `/nes/inspector` by default. */
  readonly path?: `/${string}` | undefined
  /** Origins that may connect beside the page's own host, where a proxy changes the `Host` header. */
  readonly origin?: string | ReadonlyArray<string> | undefined
}

// Not `false`: with hapi, that leaves it to what else guards its routes, and here nothing else guards the sockets.
const decode = Inspector.decoder(
  Setting.kind(
    "an Effect, or \"everybody\"",
    (u): u is Effect.Effect<unknown, unknown, unknown> | "everybody" => Effect.isEffect(u) || u === "everybody"
  )
)

const requestOf = ({ address, headers, url }: UpgradeRequest): HttpServerRequest.HttpServerRequest =>
  HttpServerRequest.fromWeb(
    // The host that it says is among the headers, and may be none.
    new Request(new URL(url, "http://localhost"), {
      headers: Object.entries(headers).map(([name, value]) => [name, String(value)] as [string, string])
    })
  ).modify({ remoteAddress: Option.fromUndefinedOr(address) })

const forbidden = HttpServerResponse.empty({ status: 403 })

/**
 * The page and its sockets, for the routes that `NesHttpServer.serve` serves.
 *
 * @since 1.0.0
 * @category layers
 */
export const layer = <E = never, R = never>(options: LayerOptions<E, R>): Layer.Layer<
  never,
  UserError,
  NesServer | HttpRouter.HttpRouter | Exclude<R, HttpServerRequest.HttpServerRequest | Scope.Scope>
> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const { auth, origin, path } = yield* Effect.try({ try: () => decode(options), catch: Thrown.asUserError })
    const context = yield* Effect.context<Exclude<R, HttpServerRequest.HttpServerRequest | Scope.Scope>>()
    // Nothing for who may come in, or what refuses.
    const refusal = (
      request: HttpServerRequest.HttpServerRequest
    ): Effect.Effect<HttpServerResponse.HttpServerResponse | undefined> =>
      auth === "everybody" ? Effect.undefined : Effect.scoped(auth).pipe(
        Effect.provideService(HttpServerRequest.HttpServerRequest, request),
        Effect.provideContext(context),
        Effect.matchEffect({
          onSuccess: () => Effect.undefined,
          onFailure: (error) => HttpServerRespondable.toResponseOrElse(error, forbidden)
        })
      ) as Effect.Effect<HttpServerResponse.HttpServerResponse | undefined>
    const { node } = yield* NesServer
    const inspector = yield* Inspector.make(node, {
      path,
      origin,
      admit: (request) => Effect.map(refusal(requestOf(request)), (refused) => refused === undefined || refused.status)
    })
    node.inspect().attach = (server, answered) => inspector.node.attach(server, answered)
    const page = Effect.map(
      Effect.promise(Inspector.page),
      ({ headers, html }) => HttpServerResponse.text(html, { headers })
    )
    // Upgrades come this way where the application's do: by a route.
    const upgrade = Effect.provideService(NesHttpServer.upgrade, NesServer, inspector)
    const router = yield* HttpRouter.HttpRouter
    yield* router.add("GET", path, (request) =>
      request.headers.upgrade === undefined
        ? Effect.flatMap(refusal(request), (refused) => refused ? Effect.succeed(refused) : page)
        : upgrade)
    yield* inspector.run({ closeCode: CloseCode.goingAway })
  }))
