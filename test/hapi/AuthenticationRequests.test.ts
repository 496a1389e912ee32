/**
 * Requests over the socket: they run with the connection's credentials, through the route's own auth, and with no other
 * (nes-api.txt 46-48, 309-318; interop.md, "Server answers").
 */
import * as Hapi from "@hapi/hapi"
import { describe, expect, it, onTestFinished } from "vitest"
import { Client } from "../../src/client.js"
import * as Nes from "../../src/hapi.js"
import { basic, direct, type Json, refusal, TestServer, whoami } from "./AuthenticatedServer.js"

const password = "a password that is longer than thirty-two characters"

const as = (name: string): Json => ({ auth: direct(basic(name)) })

const route = (path: string, auth: Hapi.RouteOptions["auth"]): Hapi.ServerRoute => whoami(path, auth)

const routes: ReadonlyArray<Hapi.ServerRoute> = [
  whoami("/default"),
  route("/none", false),
  route("/required", { mode: "required" }),
  route("/optional", { mode: "optional" }),
  route("/try", { mode: "try" }),
  route("/other-strategy", "custom"),
  route("/scope-a", { access: { scope: ["a"] } }),
  route("/scope-b", { access: { scope: ["b"] } }),
  route("/scope-plus", { access: { scope: ["+a", "+admin"] } }),
  route("/scope-not", { access: { scope: ["a", "!admin"] } }),
  route("/scope-param/{name}", { access: { scope: ["{params.name}"] } }),
  route("/user", { access: { entity: "user" } }),
  route("/app", { access: { entity: "app" } }),
  route("/any", { access: { entity: "any" } }),
  route("/either", { access: [{ scope: ["b"] }, { entity: "app" }] })
]

const start = (mode: "required" | "optional", nes: Nes.PluginOptions = {}): Promise<TestServer> =>
  TestServer.start({ mode, nes, declare: (server) => server.route([...routes]) })

describe("a request passes the route's own auth with the connection's credentials", () => {
  // In mode optional, hapi lets an unauthenticated request pass a route's access rules.
  const paths: Readonly<Record<string, Readonly<Record<"nobody" | "john" | "jane" | "robot", number>>>> = {
    "/none": { nobody: 200, john: 200, jane: 200, robot: 200 },
    "/default": { nobody: 200, john: 200, jane: 200, robot: 200 },
    "/required": { nobody: 401, john: 200, jane: 200, robot: 200 },
    "/optional": { nobody: 200, john: 200, jane: 200, robot: 200 },
    "/try": { nobody: 200, john: 200, jane: 200, robot: 200 },
    "/other-strategy": { nobody: 401, john: 200, jane: 200, robot: 200 },
    "/scope-a": { nobody: 200, john: 200, jane: 403, robot: 200 },
    "/scope-b": { nobody: 200, john: 403, jane: 200, robot: 403 },
    "/scope-plus": { nobody: 200, john: 200, jane: 403, robot: 403 },
    "/scope-not": { nobody: 200, john: 403, jane: 403, robot: 200 },
    "/scope-param/b": { nobody: 200, john: 403, jane: 200, robot: 403 },
    "/user": { nobody: 200, john: 200, jane: 200, robot: 403 },
    "/app": { nobody: 200, john: 403, jane: 403, robot: 200 },
    "/any": { nobody: 200, john: 200, jane: 200, robot: 200 },
    "/either": { nobody: 200, john: 403, jane: 200, robot: 200 }
  }
  const names = ["nobody", "john", "jane", "robot"] as const

  it.each(names)("as %s", async (name) => {
    const server = await start("optional")
    const socket = await server.welcome(name === "nobody" ? {} : as(name))
    for (const [path, statuses] of Object.entries(paths)) {
      const [status, payload] = await socket.get(path)
      expect(status, path).toBe(statuses[name])
      if (status === 200 && path !== "/none") {
        expect((payload as Json).isAuthenticated, path).toBe(name !== "nobody")
      }
    }
  })

  it("as ordinary HTTP requests with the same credentials do", async () => {
    const server = await start("optional")
    for (const name of names) {
      const socket = await server.welcome(name === "nobody" ? {} : as(name))
      for (const path of Object.keys(paths).filter((path) => path !== "/other-strategy")) {
        const http = await server.http(path, name === "nobody" ? {} : { authorization: basic(name) })
        const [status, payload] = await socket.get(path)
        expect([status, (payload as Json).message], `${path} as ${name}`).toEqual([http.status, http.body.message])
      }
    }
  })

  it("a route without auth knows nothing of the connection's credentials, but of its socket", async () => {
    const server = await TestServer.start({
      declare: (server) =>
        server.route({
          method: "GET",
          path: "/",
          options: { auth: false },
          handler: ({ auth, socket }) => ({ auth: auth.isAuthenticated, socket: socket?.auth.credentials ?? null })
        })
    })
    const socket = await server.welcome(as("john"))
    expect(await socket.get("/")).toMatchObject([200, { auth: false, socket: { user: "john" } }])
    expect((await server.http("/")).body).toEqual({ auth: false, socket: null })
  })

  it("each connection with its own, at the same time", async () => {
    const server = await start("required")
    const sockets = await Promise.all(["john", "jane", "robot"].map((name) => server.welcome(as(name))))
    const seen = await Promise.all(
      Array.from({ length: 30 }, (_, i) => sockets[i % 3]).map(async (socket) => (await socket?.get("/default"))?.[1])
    )
    seen.forEach((payload, i) => {
      const { credentials } = payload as { readonly credentials: Json }
      expect(credentials.user ?? credentials.app).toBe(["john", "jane", "robot"][i % 3])
    })
  })
})

describe("an Authorization header cannot be smuggled (nes-api.txt 317)", () => {
  it.each(["authorization", "Authorization", "AUTHORIZATION", "aUtHoRiZaTiOn"])("%s", async (name) => {
    const server = await start("optional")
    const socket = await server.welcome()
    for (const value of [basic("john"), "", 5, [basic("john")], [], true]) {
      expect(await socket.ask({ type: "request", method: "GET", path: "/default", headers: { [name]: value } }))
        .toMatchObject(refusal(400, "Cannot include an Authorization header"))
    }
  })

  it.each([
    "{\"__proto__\":{\"authorization\":\"HEADER\"}}",
    "{\"constructor\":\"x\",\"__proto__\":{\"authorization\":\"HEADER\"}}",
    "{\" authorization\":\"HEADER\"}",
    "{\"authorization \":\"HEADER\"}",
    "{\"authorization\\u0000\":\"HEADER\"}",
    "{\"proxy-authorization\":\"HEADER\"}",
    "{\"x\":\"1\\r\\nauthorization: HEADER\"}",
    "{\"cookie\":\"authorization=HEADER\"}"
  ])("%s", async (headers) => {
    const server = await start("optional")
    const socket = await server.welcome()
    const answer = socket.next()
    socket.ws.send(
      `{"type":"request","id":9,"method":"GET","path":"/default","headers":${headers.replace("HEADER", basic("john"))}}`
    )
    const { payload, statusCode } = await answer
    expect(statusCode === 200 ? (payload as Json).isAuthenticated : false).toBe(false)
  })

  it("not in the URL, nor as a second connection's", async () => {
    const server = await start("optional")
    const socket = await server.welcome()
    for (
      const path of [
        "//john:secret@localhost/default",
        "/default?authorization=x",
        "http://john:secret@localhost/default"
      ]
    ) {
      const [status, payload] = await socket.get(path)
      expect(status === 200 ? (payload as Json).isAuthenticated : false, path).toBe(false)
    }
  })
})

describe("the authentication endpoint cannot be reached over the socket", () => {
  const types = ["direct", "cookie", "token"] as const
  const spellings = [
    "/nes/auth",
    "nes.auth",
    "/nes/auth?",
    "/nes/auth?a=1",
    "/nes/auth#a",
    "/nes/%61uth",
    "/%6e%65%73/auth",
    "/nes/./auth",
    "/nes/../nes/auth",
    "/x/../nes/auth",
    "/nes/auth/",
    "//nes/auth",
    "//localhost/nes/auth",
    "/nes//auth",
    "/nes%2fauth",
    "/NES/AUTH",
    "/nes/auth;a",
    "/\\nes\\auth",
    "http://localhost/nes/auth",
    "/nes/auth%00",
    "/nes/auth%20"
  ]
  const methods = ["GET", "get", "HEAD", "auth", "AUTH", "POST", "OPTIONS", "*"]

  it.each(types)("by no spelling and no method, type '%s'", async (type) => {
    const sealed: Nes.AuthOptions = type === "direct" ? { type } : { type, password }
    const server = await start("optional", { auth: sealed, headers: "*" })
    const login = type === "direct" ? "" : await server.login(basic("john"))
    const socket = type === "direct"
      ? await server.welcome(as("john"))
      : type === "token"
      ? await server.welcome({ auth: login })
      : await server.welcome({}, { headers: { cookie: login } })
    for (const path of spellings) {
      for (const method of methods) {
        const answer = await socket.ask({ type: "request", method, path })
        const text = JSON.stringify(answer)
        expect(answer.statusCode, `${method} ${path}`).toBeGreaterThanOrEqual(400)
        expect(text, `${method} ${path}`).not.toMatch(/Fe26|authenticated|"user"|set-cookie/)
      }
    }
  })

  it.each(types)("by its path, its id and a query: 404, as if it were not there, type '%s'", async (type) => {
    const server = await start("optional", { auth: type === "direct" ? { type } : { type, password } })
    const socket = await server.welcome()
    for (const path of ["/nes/auth", "nes.auth", "/nes/auth?a=1", "/nes/%61uth", "/nes/auth#x"]) {
      const answer = await socket.ask({ type: "request", method: "GET", path })
      expect(answer.statusCode, path).toBe(404)
      // What is internal is not found by hapi itself, whose answers repeat the status.
      const status = type === "direct" && path.startsWith("/nes") && path !== "/nes/auth" ? { statusCode: 404 } : {}
      expect(answer.payload, path).toEqual({ ...status, error: "Not Found", message: "Not Found" })
    }
  })

  it.each(types)("under a prefix neither, type '%s'", async (type) => {
    const server = await TestServer.start({
      mode: "optional",
      prefix: "/api",
      nes: { auth: type === "direct" ? { type } : { type, password } }
    })
    const socket = await server.welcome()
    for (const path of ["/api/nes/auth", "nes.auth", "/api/nes/auth?x", "/%61pi/nes/auth", "/nes/auth"]) {
      for (const method of methods) {
        const answer = await socket.ask({ type: "request", method, path })
        expect(answer.statusCode, `${method} ${path}`).toBeGreaterThanOrEqual(400)
        expect(JSON.stringify(answer)).not.toMatch(/Fe26|authenticated"/)
      }
    }
  })

  it.each(["cookie", "token"] as const)("nor by a URL that the application rewrites, type '%s'", async (type) => {
    const server = await TestServer.start({
      mode: "optional",
      nes: { auth: { type, password } },
      declare: (server) =>
        server.ext("onRequest", (request, h) => {
          if (request.path === "/rewritten") {
            request.setUrl("/nes/auth")
          }
          return h.continue
        })
    })
    const login = await server.login(basic("john"))
    const socket = type === "token"
      ? await server.welcome({ auth: login })
      : await server.welcome({}, { headers: { cookie: login } })
    expect(await socket.ask({ type: "request", method: "GET", path: "/rewritten" })).toMatchObject(
      refusal(404, "Not Found")
    )
    expect((await server.http("/rewritten", { authorization: basic("john") })).status).toBe(200)
  })

  it("nor where it ends in a parameter, by any path that it matches", async () => {
    const server = await start("optional", { auth: { type: "token", password, endpoint: "/login/{realm?}" } })
    const token = await server.login(basic("john"), "/login/here")
    const socket = await server.welcome({ auth: token })
    for (const path of ["/login", "/login/here", "/login/{realm?}", "/login/%7Brealm%3F%7D", "nes.auth"]) {
      expect(await socket.get(path), path).toMatchObject([404, { error: "Not Found" }])
    }
  })
})

it.each([true, 5, {}, { length: 1 }, null, 0])(
  "a scope that is no text and no list grants nothing: %j",
  async (scope) => {
    const server = Hapi.server({ host: "127.0.0.1", port: 0 })
    server.auth.scheme("odd", () => ({
      authenticate: (_, h) => h.authenticated({ credentials: { scope } as unknown as Hapi.AuthCredentials })
    }))
    server.auth.strategy("odd", "odd")
    server.auth.default("odd")
    await server.register({ plugin: Nes.plugin, options: {} })
    server.route({ method: "GET", path: "/root", options: { auth: { scope: ["root"] } }, handler: () => "let in" })
    await server.start()
    onTestFinished(() => server.stop())
    const client = new Client(`ws://127.0.0.1:${server.info.port}`)
    await client.connect({ auth: { headers: {} }, reconnect: false })
    onTestFinished(() => client.disconnect())
    await expect(client.request("/root")).rejects.toMatchObject({ statusCode: 403 })
  }
)
