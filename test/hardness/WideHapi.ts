/**
 * A hapi application with everything that reads what a request brings: CORS, files, compression, cookies, validation,
 * payloads of every kind, and an authentication scheme that takes what it is given. What nobody may reach tells `Gates`.
 */
import type * as Hapi from "@hapi/hapi"
import Inert from "@hapi/inert"
import { Readable } from "node:stream"
import { gzipSync } from "node:zlib"
import { decorations, type Socket } from "../interop/peers/Plugin.js"
import { directory } from "./Files.js"
import type { Gates } from "./Gates.js"

export const serverOptions: Hapi.ServerOptions = {
  compression: { minBytes: 1 },
  routes: {
    cors: { origin: ["http://*.example", "http://a.b"], credentials: true, additionalHeaders: ["x-a"] },
    files: { relativeTo: directory },
    state: { failAction: "log" }
  }
}

/** Artifacts as a careless scheme might leave them: those of a class, of a cycle, and none. */
const artifacts = (claims: Readonly<Record<string, unknown>>, headers: object): unknown => {
  switch (claims.artifacts) {
    case "none":
      return undefined
    case "null":
      return null
    case "cycle": {
      const cycle: Record<string, unknown> = {}
      cycle.cycle = cycle
      return cycle
    }
    case "function":
      return () => {}
    case "bigint":
      return { big: 1n }
    case "map":
      return new Map([["a", 1]])
    default:
      return headers
  }
}

/** Whom a `Bearer` says it is, unproven: JSON in base64url, whose claims become credentials as they are. */
const bearer: Hapi.ServerAuthScheme = () => ({
  authenticate: (request, h) => {
    const [, token] = String(request.headers.authorization).split("Bearer ")
    const claims = JSON.parse(Buffer.from(token ?? "", "base64url").toString()) as Record<string, never>
    if (claims.user === "nobody") {
      return h.unauthenticated(new Error("nobody"), { credentials: claims })
    }
    return h.authenticated({ credentials: claims, artifacts: artifacts(claims, request.headers) as object })
  },
  verify: ({ credentials }) => {
    if ((credentials.user as unknown) === "revoked") {
      throw new TypeError("revoked")
    }
    return Promise.resolve()
  }
})

const echo: Hapi.Lifecycle.Method = ({ headers, info, params, payload, query, state, url }, h) =>
  h.response({
    headers,
    params,
    query,
    state,
    payload: payload instanceof Readable ? "a stream" : payload,
    url: url?.href ?? null,
    info: { ...info.cors, referrer: info.referrer }
  }).header("x-out", String(headers["x-a"])).state("json", { a: 1 })

const payloads: ReadonlyArray<Hapi.ServerRoute> = (["data", "stream", "file"] as const).flatMap((output) =>
  ([true, false, "gunzip"] as const).map((parse): Hapi.ServerRoute => ({
    method: "POST",
    path: `/payload/${output}/${String(parse)}`,
    options: { payload: { output, parse, multipart: true, maxBytes: 5000, uploads: directory } },
    handler: echo
  }))
)

const refuse = (value: unknown): void => {
  throw new TypeError(`no ${JSON.stringify(value).slice(0, 20)}`)
}

const routes: ReadonlyArray<Hapi.ServerRoute> = [
  ...payloads,
  { method: "*", path: "/any/{p*}", handler: echo },
  { method: "GET", path: "/validated/{id}", options: { validate: { query: refuse, state: refuse } }, handler: echo },
  { method: "POST", path: "/validated", options: { validate: { payload: refuse, headers: refuse } }, handler: echo },
  { method: "GET", path: "/files/{p*}", handler: { directory: { path: ".", listing: true, lookupCompressed: true } } },
  { method: "GET", path: "/text", handler: { file: { path: "text.txt", lookupCompressed: true } } },
  { method: "GET", path: "/binary", handler: { file: "binary.png" } },
  {
    method: "GET",
    path: "/encoded",
    handler: (_request, h) => h.response(gzipSync("text")).header("content-encoding", "gzip")
  },
  {
    method: "GET",
    path: "/cached",
    options: { cache: { expiresIn: 1000 } },
    handler: (_request, h) =>
      h.entity({ etag: "abc", modified: "Wed, 01 Jan 2020 00:00:00 GMT" }) ?? h.response({ of: "cached" })
  },
  { method: "GET", path: "/closed", handler: (_request, h) => h.close },
  { method: "GET", path: "/moved", handler: (request, h) => h.redirect(String(request.headers["x-a"])) },
  {
    method: "GET",
    path: "/reflect",
    handler: (request, h) => {
      const response = h.response({ of: "reflect" })
      for (const [name, value] of Object.entries(request.headers)) {
        response.header(name, String(value))
      }
      return response
    }
  }
]

const nobody = (what: string, gates: Gates): Hapi.Lifecycle.Method => () => {
  gates.pass(what)
  return what
}

const guarded = (gates: Gates): ReadonlyArray<Hapi.ServerRoute> => [
  {
    method: "GET",
    path: "/me",
    options: { auth: { strategy: "bearer", mode: "required" } },
    handler: ({ auth: { credentials, isAuthenticated } }) => {
      if (!isAuthenticated) {
        gates.pass("a route that asks for credentials, without")
      }
      return { me: credentials.user ?? null }
    }
  },
  {
    method: "GET",
    path: "/vault",
    options: { auth: { strategy: "bearer", access: { scope: ["root"] } } },
    handler: nobody("a route with a scope that nobody has", gates)
  },
  { method: "GET", path: "/internal", options: { isInternal: true }, handler: nobody("an internal route", gates) },
  { method: "GET", path: "/house", vhost: "internal.example", handler: nobody("a route of another host", gates) }
]

/** Registers what comes before the plugin, a default strategy included. */
export const prepare = async (server: Hapi.Server, mode: "required" | "try"): Promise<void> => {
  await server.register(Inert)
  server.auth.scheme("bearer", bearer)
  server.auth.strategy("bearer", "bearer")
  server.auth.default({ strategy: "bearer", mode })
  server.state("json", { encoding: "base64json", ttl: 1000 })
  server.state("iron", { encoding: "iron", password: "x".repeat(40), clearInvalid: true })
  server.state("form", { encoding: "form" })
  server.state("signed", { sign: { password: "y".repeat(40) }, strictHeader: true, encoding: "none" })
}

/** Declares what comes after it. */
export const declare = (server: Hapi.Server, gates: Gates): void => {
  server.route([...routes, ...guarded(gates)])
  const nes = decorations(server)
  nes.subscription("/vault", {
    auth: { scope: "root" },
    onSubscribe: () => gates.pass("a subscription with a scope that nobody has")
  })
  nes.subscription("/mine/{id}", {
    auth: { mode: "required" },
    onSubscribe: (socket: Socket) => {
      if (!socket.auth.isAuthenticated) {
        gates.pass("a subscription that asks for credentials, without")
      }
    }
  })
}
