/**
 * Authentication as an Effect: one that reads a request and yields credentials, whichever of the three ways (direct,
 * cookie, token) brings it about.
 *
 * @since 0.1.0
 */
import * as Iron from "@hapi/iron"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Cookies from "effect/http/Cookies"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { isObject } from "../protocol/Codec.js"
import * as Secrets from "../protocol/Secrets.js"
import { rootless } from "../protocol/Tracing.js"
import type { Connection } from "../server/connection/Connection.js"
import type { Authentication as Authenticated, AuthState, Credentials } from "../server/conversation/Authentication.js"
import { errorAnswer } from "../server/conversation/ErrorAnswer.js"
import * as Password from "../server/conversation/Password.js"
import * as RequestHead from "../server/conversation/RequestHead.js"
import type { AuthSettingOptions } from "../server/Settings.js"
import { reportFault } from "../server/telemetry/Log.js"
import * as Refusal from "./Refusal.js"
import { contextOf, credentials as currentCredentials, CurrentCredentials, CurrentSocket } from "./Socket.js"
import { Exchange, headersOf, SocketRequest } from "./SocketRequest.js"

/** @since 1.0.0 */
export type { Connection } from "../server/connection/Connection.js"
/** @since 1.0.0 */
export type { Authentication as Authenticated, AuthState, Credentials } from "../server/conversation/Authentication.js"

/**
 * What an authentication yields.
 *
 * @since 0.1.0
 * @category models
 */
export interface Identity {
  /** Who it is. `scope` and `user` are read by the access rules of subscriptions. */
  readonly credentials: Credentials
  /** What else the application wants to remember; it becomes part of the cookie or token. */
  readonly artifacts?: unknown
  readonly strategy?: string | undefined
}

/**
 * How connections authenticate.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R, RV = R> extends AuthSettingOptions<Duration.Input> {
  /** `"direct"` (the default): the hello carries what `authenticate` reads; else the login endpoint comes first. */
  readonly type?: "direct" | "cookie" | "token" | undefined
  /**
   * Finds out who makes a request. For type `direct` the request is made of what the hello carries (its `headers` are
   * the headers, all of it is the JSON payload); for the others it is the request to the login endpoint. Its `Scope`
   * closes when it has answered, or with the request to the login endpoint.
   */
  readonly authenticate: Effect.Effect<Identity, Refusal.Refusal, R>
  /** Whether an identity still holds; it fails if not. See `minAuthVerifyInterval`. Its `Scope` closes when it ends. */
  readonly verify?: ((identity: Identity) => Effect.Effect<unknown, Refusal.Refusal, RV>) | undefined
  /** `"required"` (the default), `"optional"`: who brings nothing may connect, `"try"`: who is refused, too. */
  readonly mode?: "required" | "optional" | "try" | undefined
  /** Password of the sealed cookie or token, or several for rotation; generated at each start by default. */
  readonly password?: Password.Password<string | Buffer | Redacted.Redacted<string | Buffer>> | undefined
  /** Settings of iron, over its defaults. */
  readonly iron?: Partial<Iron.SealOptions> | undefined
  /** Cookie name; `"nes"` by default. */
  readonly cookie?: string | undefined
  /** Over `{ secure: true, httpOnly: true, sameSite: "strict", path: "/" }`. */
  readonly cookieOptions?: Cookies.Cookie["options"] | undefined
}

/**
 * Options with what is made of them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Authentication<R, RV = R> extends Options<R, RV> {
  readonly type: "direct" | "cookie" | "token"
  readonly mode: "required" | "optional" | "try"
  /**
   * The login endpoint, to be mounted where the clients expect it (by old habit at `GET /nes/auth`): it answers `{
   * status: "authenticated" }` with a cookie, or with a `token`. Requests over a socket do not reach it.
   */
  readonly login: Effect.Effect<HttpServerResponse.HttpServerResponse, Refusal.Refusal, R>
  /** Why iron will refuse the password. @internal */
  readonly fault: string | undefined
  /** Dies of what iron, or the cookie's settings, would have each login die of. @internal */
  readonly rehearse: Effect.Effect<unknown>
  /** @internal */
  readonly unseal: (sealed: unknown) => Effect.Effect<Authenticated | undefined>
}

// An authentication, if that is what a value is.
const decode = (u: unknown): Authenticated | undefined =>
  isObject(u) && isObject(u.credentials)
    ? {
      credentials: u.credentials,
      artifacts: u.artifacts,
      strategy: typeof u.strategy === "string" ? u.strategy : undefined
    }
    : undefined

// A cache would give it to others.
const answer = (body: object) => HttpServerResponse.jsonUnsafe(body, { headers: { "cache-control": "no-store" } })

// One that comes twice is somebody else's, too: no value of it counts.
const valueOf = (name: string, cookies: string): string | undefined => {
  const times = cookies.split(";").filter((pair) => pair.split("=", 1)[0]?.trim() === name).length
  return times > 1 ? "" : Cookies.parseHeader(cookies)[name]
}

const cookieDefaults = { secure: true, httpOnly: true, sameSite: "strict", path: "/" } as const

const attempt = <R>(
  { authenticate, mode = "required" }: Pick<Options<R>, "authenticate" | "mode">
): Effect.Effect<Authenticated | undefined, Refusal.Refusal, R> => {
  const identity = Effect.map(
    authenticate,
    ({ artifacts, credentials, strategy }): Authenticated => ({ credentials, artifacts, strategy })
  )
  return mode === "try" ? Effect.catchTag(identity, "Refusal", () => Effect.succeed(undefined)) : identity
}

/**
 * Authentication that a server can be given, and whose login endpoint can be mounted.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <R, RV = never>(options: Options<R, RV>): Authentication<R, RV> => {
  const { cookie = "nes", mode = "required", type = "direct" } = options
  const password = Password.forIron(Secrets.reveal(options.password ?? Password.generate()) as Password.Password)
  const iron = Password.ironOptions(options.iron)

  const admit = (authentication: object): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
    Effect.map(Effect.promise(() => Iron.seal(authentication, password.seal, iron)), (token) =>
      type === "token"
        ? answer({ status: "authenticated", token })
        : HttpServerResponse.setCookieUnsafe(answer({ status: "authenticated" }), cookie, token, {
          ...cookieDefaults,
          ...options.cookieOptions
        }))

  const login = Effect.gen(function*() {
    if (type === "direct" || Option.isSome(yield* CurrentSocket)) {
      return yield* Refusal.notFound()
    }
    const authentication = yield* Effect.tapDefect(
      attempt(options),
      (defect) => reportFault("authenticate", defect)
    )
    return yield* authentication ? admit(authentication) : Effect.succeed(answer({ status: "unauthenticated" }))
  })

  return {
    ...options,
    type,
    mode,
    login,
    fault: type === "direct" ? undefined : Password.fault(password, iron),
    rehearse: type === "direct" ? Effect.void : admit({}),
    // Which check a forged one fails is nobody's business.
    unseal: (sealed) =>
      typeof sealed === "string"
        ? Effect.promise(() => Iron.unseal(sealed, password.unseal, iron).then(decode, () => undefined))
        : Effect.undefined
  }
}

/**
 * What a middleware does with a request, by HTTP or over a socket, that nobody has authenticated.
 *
 * @since 1.0.0
 * @category models
 */
export interface MiddlewareOptions {
  /** `"required"` (the default): it is refused. `"try"`: it goes on without credentials. */
  readonly mode?: "required" | "try" | undefined
}

/**
 * Middleware for ordinary HTTP requests: authenticates them in the same way, so that `Socket.credentials` serves both.
 * What came over a socket has the credentials of its connection. The server's mode says who may connect, and that of the
 * middleware, over both, whose requests go on.
 *
 * @since 0.1.0
 * @category middleware
 */
export const middleware =
  <RA>({ authenticate }: Pick<Options<RA>, "authenticate">, { mode = "required" }: MiddlewareOptions = {}) =>
  <A, E, R>(app: Effect.Effect<A, E, R>): Effect.Effect<A, E | Refusal.Refusal, R | RA> =>
    Effect.flatMap(CurrentSocket, (socket): Effect.Effect<A, E | Refusal.Refusal, R | RA> => {
      if (Option.isSome(socket)) {
        return mode === "try" ? app : Effect.andThen(currentCredentials, app)
      }
      const credentials = Effect.map(
        attempt({ authenticate, mode }),
        (identity) => Option.map(Option.fromNullishOr(identity), (_) => _.credentials)
      )
      return Effect.provideServiceEffect(app, CurrentCredentials, credentials)
    })

/**
 * The middleware of a router: provided to routes, it authenticates their HTTP requests. What the authentication
 * requires, this Layer does.
 *
 * ```ts
 * const Routes = HttpRouter.add("GET", "/me", me).pipe(Layer.provide(Authentication.layerMiddleware(auth)))
 * ```
 *
 * @since 1.0.0
 * @category middleware
 */
export const layerMiddleware = <RA>(
  authentication: Pick<Options<RA>, "authenticate">,
  options?: MiddlewareOptions
) =>
  HttpRouter.middleware(Effect.map(
    rootless<Exclude<RA, HttpRouter.GlobalProvided>>(),
    (context) =>
      middleware({
        // What the request brings goes before what was there when the routes were built.
        authenticate: Effect.updateContext<Identity, Refusal.Refusal, RA, HttpRouter.GlobalProvided>(
          authentication.authenticate,
          (own) => Context.merge(context, own) as Context.Context<RA>
        )
      }, options)
  )).layer

const opened = (found: Effect.Effect<Authenticated | undefined>, refusal: "cookieInvalid" | "tokenInvalid") =>
  Effect.filterOrFail(found, (found) => found !== undefined, () => errorAnswer(refusal))

/**
 * The authentication part of the Application port.
 *
 * @since 0.1.0
 * @category conversions
 */
export const port = <R, RV>(auth: Authentication<R, RV> | false) => ({
  authRequired: (): boolean => auth !== false && auth.mode === "required",

  authenticateCookie: (cookies: string): Effect.Effect<Authenticated | undefined, unknown> => {
    const sealed = auth ? valueOf(auth.cookie ?? "nes", cookies) : undefined
    return auth && sealed !== undefined ? opened(auth.unseal(sealed), "cookieInvalid") : Effect.undefined
  },

  authenticate: (
    connection: Connection,
    given: unknown
  ): Effect.Effect<
    Authenticated | undefined,
    unknown,
    Exclude<R, HttpServerRequest.HttpServerRequest | Scope.Scope>
  > => {
    if (!auth || auth.type !== "direct") {
      return opened(auth ? auth.unseal(given) : Effect.undefined, "tokenInvalid")
    }
    return Refusal.asAnswer(attempt(auth)).pipe(
      Effect.provide(Context.add(
        contextOf(connection),
        HttpServerRequest.HttpServerRequest,
        new SocketRequest(
          new Exchange("/nes/auth", "AUTH", given),
          "/nes/auth",
          headersOf(RequestHead.headersOfAuth(connection, given), given),
          Option.fromUndefinedOr(connection.info.remoteAddress)
        )
      )),
      Effect.scoped
    ) as never
  },

  verify: (
    { artifacts, credentials, strategy }: AuthState,
    connection: Connection
  ): Effect.Effect<unknown, unknown, Exclude<RV, Scope.Scope>> =>
    auth && auth.verify && credentials
      ? Refusal.asAnswer(auth.verify({ credentials, artifacts, strategy })).pipe(
        Effect.provide(contextOf(connection)),
        Effect.provideService(CurrentCredentials, Option.some(credentials)),
        Effect.scoped
      )
      : Effect.void,

  defaultAccess: () => auth ? { mode: auth.mode, rules: [{}] } : false as const
})
