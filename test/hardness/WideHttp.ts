/**
 * Routes that read everything a request brings, behind CORS, compression and static files, and an authentication that
 * takes what it is given: what `WideHapi` is for hapi. What nobody may reach tells `Gates`.
 */
import * as Effect from "effect/Effect"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpStaticServer from "effect/http/HttpStaticServer"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { Authentication, NesHttpServer, Refusal, Socket } from "../../src/index.js"
import { directory } from "./Files.js"
import type { Gates } from "./Gates.js"

const { HttpServerRequest: CurrentRequest } = HttpServerRequest
const { empty, file, jsonUnsafe, redirect, uint8Array } = HttpServerResponse

const echo = Effect.map(
  CurrentRequest,
  ({ cookies, headers, method, url }) =>
    HttpServerResponse.setHeader(jsonUnsafe({ cookies, headers, method, url }), "x-out", headers["x-a"] ?? "")
)

const Any = Schema.Record(Schema.String, Schema.Unknown)
const Numbers = Schema.Struct({ a: Schema.FiniteFromString })
const One = Schema.Struct({ a: Schema.Finite })

const read = <E, R>(
  body: (request: HttpServerRequest.HttpServerRequest) => Effect.Effect<unknown, E, R>
) => Effect.map(Effect.flatMap(CurrentRequest, body), (payload) => jsonUnsafe({ payload }))

const payloads = Layer.mergeAll(
  HttpRouter.add("POST", "/payload/json", read((_) => _.json)),
  HttpRouter.add("POST", "/payload/text", read((_) => _.text)),
  HttpRouter.add("POST", "/payload/params", read((_) => _.urlParamsBody)),
  HttpRouter.add("POST", "/payload/bytes", read((_) => Effect.map(_.arrayBuffer, (_) => _.byteLength))),
  HttpRouter.add("POST", "/payload/stream", read((_) => Stream.runCount(_.stream))),
  HttpRouter.add("POST", "/payload/multipart", read((_) => Effect.map(Effect.scoped(_.multipart), Object.keys)))
)

const validated = Layer.mergeAll(
  HttpRouter.add("GET", "/validated/headers", read(() => HttpServerRequest.schemaHeaders(Numbers))),
  HttpRouter.add("GET", "/validated/cookies", read(() => HttpServerRequest.schemaCookies(Numbers))),
  HttpRouter.add("GET", "/validated/query", read(() => HttpServerRequest.schemaSearchParams(Numbers))),
  HttpRouter.add("GET", "/validated/params/:a", read(() => HttpRouter.schemaPathParams(Numbers))),
  HttpRouter.add("POST", "/validated/json", read(() => HttpServerRequest.schemaBodyJson(One))),
  HttpRouter.add("POST", "/validated/any", read(() => HttpServerRequest.schemaBodyJson(Any))),
  HttpRouter.add("POST", "/validated/form", read(() => HttpServerRequest.schemaBodyUrlParams(Numbers)))
)

const reflect = Effect.map(CurrentRequest, ({ headers }) => jsonUnsafe({ of: "reflect" }, { headers }))

const wide = Layer.mergeAll(
  payloads,
  validated,
  HttpRouter.add("*", "/any/*", echo),
  HttpRouter.add("GET", "/text", file(join(directory, "text.txt"))),
  HttpRouter.add("GET", "/binary", file(join(directory, "binary.png"))),
  HttpRouter.add("GET", "/encoded", uint8Array(gzipSync("text"), { headers: { "content-encoding": "gzip" } })),
  HttpRouter.add("GET", "/moved", Effect.map(CurrentRequest, ({ headers }) => redirect(headers["x-a"] ?? "/"))),
  HttpRouter.add("GET", "/nothing", empty()),
  HttpRouter.add("GET", "/reflect", reflect),
  HttpStaticServer.layer({ root: directory, prefix: "/files" }),
  HttpRouter.cors({ allowedOrigins: ["http://a.b"], allowedHeaders: ["x-a"], credentials: true }),
  HttpRouter.middleware(HttpMiddleware.compression({ minSize: 1 }), { global: true })
)

/** Subscriptions that not everybody may have. */
export const subscriptions = (gates: Gates) =>
  Layer.mergeAll(
    NesHttpServer.layerSubscription("/vault", {
      presence: { grace: false },
      auth: { scope: "root" },
      onSubscribe: () => Effect.sync(() => gates.pass("a subscription with a scope that nobody has"))
    }),
    NesHttpServer.layerSubscription("/mine/{id}", {
      presence: { grace: false },
      auth: { mode: "required" },
      onSubscribe: (socket) =>
        Effect.sync(() => {
          if (!socket.auth.isAuthenticated) {
            gates.pass("a subscription that asks for credentials, without")
          }
        })
    })
  )

const Claims = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))

/** Whom a `Bearer` says it is, unproven: JSON in base64url, whose claims become credentials as they are. */
export const authenticate = Effect.gen(function*() {
  const { headers } = yield* CurrentRequest
  const [, token = ""] = (headers.authorization ?? "").split("Bearer ")
  const claims = yield* Schema.decodeUnknownEffect(Claims)(Buffer.from(token, "base64url").toString()).pipe(
    Effect.mapError(() => Refusal.unauthorized("nobody"))
  )
  if (claims.user === "nobody") {
    return yield* Refusal.unauthorized("nobody")
  }
  if (claims.user === "dies") {
    return yield* Effect.die(new TypeError("dies"))
  }
  return { credentials: claims, artifacts: claims.artifacts === "function" ? () => {} : headers }
})

/** Whether an identity still holds. */
export const verify = ({ credentials }: Authentication.Identity) =>
  credentials.user === "revoked" ? Effect.die(new TypeError("revoked")) : Effect.void

/** The routes. */
export const routes = (gates: Gates) =>
  Layer.mergeAll(
    wide,
    HttpRouter.add("GET", "/me", me(gates)).pipe(Layer.provide(Authentication.layerMiddleware({ authenticate })))
  )

const me = (gates: Gates) =>
  Effect.map(Socket.CurrentCredentials, (credentials) => {
    if (Option.isNone(credentials)) {
      gates.pass("a route that asks for credentials, without")
    }
    return jsonUnsafe({ me: Option.getOrUndefined(credentials)?.user ?? null })
  })
