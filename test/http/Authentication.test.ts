/** Authentication as an Effect: direct, by cookie and by token. */
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { createServer } from "node:http"
import {
  Authentication,
  HttpApplication,
  NesError,
  NesHttpServer,
  NesServer,
  Refusal,
  Socket
} from "../../src/index.js"
import { address, connect, describeError, outcome, serving } from "./Serving.js"

/** Who there is; a requirement of the authentication. */
class Users
  extends Context.Service<Users, { readonly find: (name: string | undefined) => string | undefined }>()("Users")
{}

const users = Effect.provideService(Users, { find: (name) => name === "john" || name === "jane" ? name : undefined })

const authenticate = Effect.gen(function*() {
  const { find } = yield* Users
  const { headers } = yield* HttpServerRequest.HttpServerRequest
  const user = find(headers.authorization)
  if (user === undefined) {
    return yield* headers.authorization === "crash"
      ? Effect.die(new Error("secret"))
      : Refusal.unauthorized("Unknown user")
  }
  return {
    credentials: { user, scope: ["a"] },
    artifacts: { from: headers["x-forwarded-for"] ?? null },
    strategy: "name"
  }
})

const router = Layer.mergeAll(
  HttpRouter.add("GET", "/me", Effect.map(Socket.credentials, (_) => HttpServerResponse.jsonUnsafe(_))),
  HttpRouter.add(
    "GET",
    "/socket",
    Effect.map(
      Effect.flatMap(Socket.CurrentSocket, Effect.fromOption),
      ({ auth }) => HttpServerResponse.jsonUnsafe(auth)
    )
  )
)

const hello = (name: string) => ({ auth: { headers: { authorization: name } } })

const get = (path: string, headers: Record<string, string> = {}) =>
  Effect.flatMap(address, (address) => Effect.promise(() => fetch(`http:${address}${path}`, { headers })))

const refused = { message: "Unknown user", statusCode: 401 }
const missing = { message: "Connection requires authentication", statusCode: 401 }
const credentials = { user: "john", scope: ["a"] }

/** How a connection is refused. */
const refusal = (...args: Parameters<typeof connect>) =>
  Effect.flatMap(Effect.flip(connect(...args)), (error) => Effect.sync(() => describeError(error)))

describe("direct", () => {
  const auth = Authentication.make({ authenticate, index: true, maxConnectionsPerUser: 2 })

  it.live("gives handlers the credentials, and the socket", () =>
    Effect.gen(function*() {
      expect(yield* refusal()).toEqual(missing)
      expect(yield* refusal(hello("nobody"))).toEqual(refused)
      expect(yield* refusal({ auth: "no headers" })).toEqual(refused)
      expect(yield* refusal(hello("crash"))).toEqual({ message: "An internal server error occurred", statusCode: 500 })

      const client = yield* connect(hello("john"), "", { headers: { "x-forwarded-for": "9.9.9.9" } })
      expect(yield* outcome(() => client.request("/me"))).toMatchObject({ payload: credentials })
      expect(yield* outcome(() => client.request("/socket"))).toMatchObject({
        payload: { isAuthenticated: true, credentials, artifacts: { from: "9.9.9.9" }, strategy: "name" }
      })
      yield* Effect.promise(() =>
        client.reauthenticate({ headers: { authorization: "jane", "X-Forwarded-For": "1.1.1.1" } })
      )
      expect(yield* outcome(() => client.request("/socket"))).toMatchObject({
        payload: { credentials: { user: "jane" }, artifacts: { from: "9.9.9.9" } }
      })
    }).pipe(Effect.provide(serving(router, { auth })), users))

  it.live("handlers and the authentication see the address that a connection comes from", () => {
    const from = Effect.map(HttpServerRequest.HttpServerRequest, (_) => Option.getOrNull(_.remoteAddress))
    const auth = Authentication.make({
      authenticate: Effect.map(from, (from) => ({ credentials: { from }, artifacts: {}, strategy: "from" }))
    })
    const both = Effect.all([from, Effect.map(Socket.credentials, (_) => _?.from)])
    const router = HttpRouter.add("GET", "/from", Effect.map(both, (_) => HttpServerResponse.jsonUnsafe(_)))
    const server = createServer().on("connection", (socket) => {
      Object.defineProperty(socket, "remoteAddress", { value: "192.0.2.7" })
    })
    return Effect.gen(function*() {
      const client = yield* connect(hello("whoever"))
      expect(yield* outcome(() => client.request("/from"))).toMatchObject({ payload: ["192.0.2.7", "192.0.2.7"] })
    }).pipe(Effect.provide(serving(router, { auth }, server)))
  })

  it.live("indexes users: broadcasts to one, and how many connections one may have", () =>
    Effect.gen(function*() {
      const nes = yield* NesServer.NesServer
      const [john, jane] = yield* Effect.all([connect(hello("john")), connect(hello("jane")), connect(hello("john"))])
      const received = yield* Deferred.make<unknown>()
      john.onUpdate = () => Deferred.doneUnsafe(received, Effect.succeed("john"))
      jane.onUpdate = (message) => Deferred.doneUnsafe(received, Effect.succeed(message))
      yield* nes.broadcast("for jane", { user: "jane" })
      expect(yield* Deferred.await(received)).toBe("for jane")
      expect(yield* refusal(hello("john"))).toEqual({
        message: "Too many connections for the authenticated user",
        statusCode: 503
      })
    }).pipe(Effect.provide(serving(router, { auth })), users))

  it.live("guards subscriptions: by default as the connection, else as they say", () =>
    Effect.gen(function*() {
      yield* NesHttpServer.subscription("/default")
      yield* NesHttpServer.subscription("/open", { auth: false })
      yield* NesHttpServer.subscription("/of/{user}", { auth: { scope: ["x-{params.user}", "+a"], index: true } })
      yield* NesHttpServer.subscription("/scoped", { auth: { scope: "a", index: true } })
      const visitor = yield* connect()
      const john = yield* connect(hello("john"))
      const sub = (client: typeof john, path: string) => outcome(() => client.subscribe(path, () => {}))
      const needed = { message: "Authentication required to subscribe", statusCode: 401 }
      expect(yield* outcome(() => visitor.request("/me"))).toEqual({
        message: "Missing authentication",
        statusCode: 401
      })
      expect(yield* sub(visitor, "/open")).toBe(undefined)
      expect(yield* sub(visitor, "/default")).toBe(undefined)
      expect(yield* sub(visitor, "/scoped")).toEqual(needed)
      expect(yield* sub(john, "/scoped")).toBe(undefined)
      expect(yield* sub(john, "/of/john")).toEqual({
        message: "Insufficient scope to subscribe, expected any of: x-john,+a",
        statusCode: 403
      })
      expect((yield* Socket.all({ subscription: "/scoped", user: "john" })).map((_) => _.auth.credentials)).toEqual([
        credentials
      ])
      expect(yield* Effect.flip(Socket.all({ subscription: "/open", user: "john" }))).toMatchObject({
        _tag: "UserError",
        message: "Subscription auth indexing is disabled"
      })
    }).pipe(
      Effect.provide(serving(router, { auth: Authentication.make({ authenticate, mode: "optional", index: true }) })),
      users
    ))

  it.live("in mode try lets in whom it refuses", () =>
    Effect.gen(function*() {
      const client = yield* connect(hello("nobody"))
      expect(yield* outcome(() => client.request("/me"))).toEqual({
        message: "Missing authentication",
        statusCode: 401
      })
    }).pipe(Effect.provide(serving(router, { auth: Authentication.make({ authenticate, mode: "try" }) })), users))

  it.live("without authentication refuses credentials", () =>
    Effect.gen(function*() {
      expect(yield* refusal(hello("john"))).toEqual({
        message: "Invalid token",
        statusCode: 401
      })
    }).pipe(Effect.provide(serving(router))))

  it.live("verifies again, at most as often as it is told", () =>
    Effect.gen(function*() {
      let holds = true
      const asked: Array<unknown> = []
      yield* Effect.gen(function*() {
        const client = yield* connect(hello("john"))
        while (asked.length === 0) {
          yield* Effect.promise(() => client.request("/me"))
        }
        expect(asked[0]).toEqual({ credentials, artifacts: { from: null }, strategy: "name" })
        holds = false
        let answer: unknown
        do {
          answer = yield* outcome(() => client.request("/me"))
        } while ((answer as { readonly statusCode: number }).statusCode === 200)
        expect(answer).toEqual({ message: "Credential verification failed", statusCode: 403 })
      }).pipe(
        Effect.provide(serving(router, {
          auth: Authentication.make({
            authenticate,
            minAuthVerifyInterval: "20 millis",
            verify: (identity) => {
              asked.push(identity)
              return holds ? Effect.void : Refusal.unauthorized("gone")
            }
          })
        })),
        users
      )
    }))
})

describe("sealed", () => {
  const password = Redacted.make("a password that is longer than thirty-two characters")
  const token = Authentication.make({ type: "token", authenticate, password })
  const cookie = Authentication.make({ type: "cookie", authenticate, password, cookieOptions: { secure: false } })
  const trying = Authentication.make({ type: "token", authenticate, mode: "try" })
  const withLogin = (auth: typeof token) => Layer.mergeAll(router, HttpRouter.add("GET", "/nes/auth", auth.login))

  it.live("by a token from the login endpoint, which the socket does not reach", () =>
    Effect.gen(function*() {
      const response = yield* get("/nes/auth", { authorization: "nobody" })
      expect(response.status).toBe(401)
      expect(yield* Effect.promise(() => response.json())).toEqual({
        statusCode: 401,
        error: "Unauthorized",
        message: "Unknown user"
      })
      const answer = yield* Effect.flatMap(get("/nes/auth", { authorization: "john" }), (_) =>
        Effect.promise(() => _.json()))
      expect(answer).toEqual({ status: "authenticated", token: expect.stringMatching(/^Fe26\./) })
      const { token } = answer as { readonly token: string }
      const invalid = { message: "Invalid token", statusCode: 401 }
      expect(yield* refusal({ auth: "forged" })).toEqual(invalid)
      expect(yield* refusal(hello("john"))).toEqual(invalid)
      expect(yield* refusal({ auth: `${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}` })).toEqual(invalid)
      const client = yield* connect({ auth: token })
      expect(
        yield* outcome(() =>
          client.request("/me")
        )
      ).toMatchObject({ payload: credentials })
      for (const path of ["/nes/auth", "/nes/auth?x", "/nes/%61uth"]) {
        expect(yield* outcome(() => client.request({ path, headers: { "x-authorization": "john" } })))
          .toEqual({ message: "Not Found", statusCode: 404 })
      }
    }).pipe(Effect.provide(serving(withLogin(token), { auth: token })), users))

  it.live("by a token cut short, expired or another server's: refused, and the answer does not say which", () =>
    Effect.gen(function*() {
      const sealedBy = (auth: typeof token) =>
        Effect.flatMap(
          get("/nes/auth", { authorization: "john" }),
          (_) => Effect.promise(async () => (await _.json() as { readonly token: string }).token)
        ).pipe(
          Effect.provide(serving(withLogin(auth), { auth }))
        )
      const own = yield* sealedBy(token)
      // Another secret is in use by now: what the older one sealed is still good.
      const rotated = Authentication.make({
        type: "token",
        authenticate,
        password: { id: "new", secret: Redacted.make("n".repeat(32)), default: { secret: password } }
      })
      const others = yield* sealedBy(Authentication.make({ type: "token", authenticate }))
      const short = { ttl: 1, timestampSkewSec: 0 }
      const expired = yield* sealedBy(Authentication.make({ type: "token", authenticate, password, iron: short }))
      yield* Effect.gen(function*() {
        yield* connect({ auth: own })
        for (const auth of [others, own.slice(0, own.length / 2), own.slice(1), `${own}x`]) {
          expect(yield* refusal({ auth })).toEqual({ message: "Invalid token", statusCode: 401 })
        }
      }).pipe(Effect.provide(serving(router, { auth: token })))
      yield* Effect.gen(function*() {
        yield* connect({ auth: own })
        yield* connect({ auth: yield* sealedBy(rotated) })
      }).pipe(Effect.provide(serving(router, { auth: rotated })))
      const strict = Authentication.make({ type: "token", authenticate, password, iron: { timestampSkewSec: 0 } })
      yield* Effect.gen(function*() {
        expect(yield* refusal({ auth: expired })).toEqual({ message: "Invalid token", statusCode: 401 })
      }).pipe(Effect.provide(serving(router, { auth: strict })))
    }).pipe(users))

  it.effect("by a password that iron will refuse: the server is not made", () =>
    Effect.gen(function*() {
      for (const given of ["short", Redacted.make("short"), { secret: Buffer.alloc(8) }]) {
        const auth = Authentication.make({ type: "cookie", authenticate, password: given })
        const server = NesHttpServer.make(Effect.succeed(HttpServerResponse.empty()), { auth })
        const message = (yield* Effect.scoped(Effect.flip(server))).message
        expect(message).toMatch(
          /^Invalid nes configuration: auth.password: must have (at least 32 characters|32 bytes)$/
        )
        const port = HttpApplication.make(Effect.succeed(HttpServerResponse.empty()), { auth })
        expect(yield* Effect.scoped(Effect.exit(port))).toEqual(Exit.die(new NesError.UserError({ message })))
      }
    }).pipe(users))

  it.effect.each<object>([
    { type: "token", iron: { encryption: { iterations: 0 } } },
    { type: "cookie", iron: { integrity: { algorithm: "aes-256-cbc" } } },
    ...["a b", "a=b"].map((cookie) => ({ type: "cookie", cookie })),
    ...[{ path: "/;" }, { domain: "a\nb" }].map((cookieOptions) => ({ type: "cookie", cookieOptions }))
  ])("by what would refuse every login: the server is not made: %j", (bad) =>
    Effect.gen(function*() {
      const auth = Authentication.make({ authenticate, password, ...bad })
      const server = NesHttpServer.make(Effect.succeed(HttpServerResponse.empty()), { auth })
      const { message } = yield* Effect.scoped(Effect.flip(server))
      expect(message).toMatch(/^Invalid nes configuration: auth: [A-Z]/)
      const port = HttpApplication.make(Effect.succeed(HttpServerResponse.empty()), { auth })
      expect(yield* Effect.scoped(Effect.exit(port))).toMatchObject(Exit.die({ message }))
    }).pipe(users))

  it.live("by a cookie from the login endpoint", () =>
    Effect.gen(function*() {
      const response = yield* get("/nes/auth", { authorization: "john" })
      expect(yield* Effect.promise(() => response.json())).toEqual({ status: "authenticated" })
      const set = response.headers.get("set-cookie") ?? ""
      expect(set).toMatch(/^nes=Fe26\.\S+; Path=\/; HttpOnly; SameSite=Strict$/)
      const [sent = ""] = set.split(";")
      const client = yield* connect({}, "", { headers: { cookie: `other=1; ${sent}` } })
      expect(yield* outcome(() => client.request("/me"))).toMatchObject({ payload: credentials })
      expect(yield* refusal()).toEqual(missing)
      for (
        const invalid of ["nes=forged", `${sent}; nes=forged`, `nes=forged; ${sent}`, `${sent};nes =${sent.slice(4)}`]
      ) {
        expect(yield* refusal({}, "", { headers: { cookie: invalid } })).toEqual({
          message: "Invalid nes authentication cookie",
          statusCode: 401
        })
      }
    }).pipe(Effect.provide(serving(withLogin(cookie), { auth: cookie })), users))

  it.live("and what the login endpoint gives is kept by no cache", () =>
    Effect.gen(function*() {
      for (const authorization of ["john", "nobody"]) {
        const { headers } = yield* get("/nes/auth", { authorization })
        expect(headers.get("cache-control")).toBe("no-store")
      }
    }).pipe(Effect.provide(serving(withLogin(trying), { auth: trying })), users))

  it.live("says so where nobody need authenticate", () =>
    Effect.gen(function*() {
      const response = yield* get("/nes/auth")
      expect(yield* Effect.promise(() => response.json())).toEqual({ status: "unauthenticated" })
      yield* connect()
    }).pipe(Effect.provide(serving(withLogin(trying), { auth: trying })), users))
})

describe("middleware", () => {
  it.live.each(["optional", "try"] as const)(
    "has a mode of its own, by HTTP and over a socket, where the server's is %s",
    (mode) =>
      Effect.gen(function*() {
        const auth = Authentication.make({ authenticate, mode })
        const route = (path: `/${string}`) => HttpRouter.add("GET", path, HttpServerResponse.text("in"))
        const guarded = Layer.mergeAll(
          Layer.provide(route("/default"), Authentication.layerMiddleware(auth)),
          Layer.provide(route("/required"), Authentication.layerMiddleware(auth, { mode: "required" })),
          Layer.provide(route("/try"), Authentication.layerMiddleware(auth, { mode: "try" }))
        )
        yield* Effect.gen(function*() {
          const visitor = yield* connect()
          for (const path of ["/default", "/required"]) {
            expect((yield* get(path)).status).toBe(401)
            expect(yield* outcome(() => visitor.request(path))).toEqual({
              message: "Missing authentication",
              statusCode: 401
            })
          }
          expect((yield* get("/try")).status).toBe(200)
          expect(yield* outcome(() => visitor.request("/try"))).toMatchObject({ payload: "in" })
          yield* Effect.promise(() => visitor.reauthenticate({ headers: { authorization: "john" } }))
          for (const path of ["/default", "/required", "/try"]) {
            expect((yield* get(path, { authorization: "john" })).status).toBe(200)
            expect(yield* outcome(() => visitor.request(path))).toMatchObject({ payload: "in" })
          }
        }).pipe(Effect.provide(serving(guarded, { auth })))
      }).pipe(users)
  )

  const auth = Authentication.make({ authenticate })

  it.live("gives ordinary HTTP requests their credentials in the same way", () =>
    Effect.gen(function*() {
      const ok = yield* get("/me", { authorization: "john" })
      expect(yield* Effect.promise(() => ok.json())).toEqual(credentials)
      expect((yield* get("/me", { authorization: "nobody" })).status).toBe(401)
      const client = yield* connect(hello("jane"))
      expect(yield* outcome(() => client.request("/me"))).toMatchObject({ payload: { user: "jane" } })
    }).pipe(Effect.provide(serving(Layer.provide(router, Authentication.layerMiddleware(auth)), { auth })), users))
})
