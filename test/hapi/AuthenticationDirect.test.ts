/** Authentication of type `direct`, and its endpoint (nes-api.txt 43-51, 57-66). */
import * as Boom from "@hapi/boom"
import * as Hapi from "@hapi/hapi"
import { describe, expect, it } from "vitest"
import * as Nes from "../../src/hapi.js"
import { basic, direct, refusal, TestServer, whoami } from "./AuthenticatedServer.js"

describe("auth: false (nes-api.txt 44-45)", () => {
  it("there is no endpoint, and a hello with auth is refused, whatever the server's default", async () => {
    const server = await TestServer.start({ nes: { auth: false } })
    expect(server.server.lookup("nes.auth")).toBeNull()
    expect((await server.http("/nes/auth", { authorization: basic("john") })).status).toBe(404)
    const { answer } = await server.hello({ auth: direct(basic("john")) })
    expect(answer).toMatchObject(refusal(401, "Invalid token"))
    await server.welcome()
  })
})

describe("type 'direct', the default (nes-api.txt 46-51)", () => {
  it.each(["basic", "custom"] as const)("the scheme %s gives the connection its credentials", async (scheme) => {
    const auths: Array<unknown> = []
    const server = await TestServer.start({
      scheme,
      nes: { onConnection: (socket) => auths.push({ ...socket.auth }) },
      declare: (server) => server.route(whoami())
    })
    const authorization = scheme === "basic" ? basic("john") : "Custom john"
    const socket = await server.welcome({ auth: direct(authorization) })
    const artifacts = scheme === "basic" ? undefined : { name: "john", expires: Infinity }
    const credentials = { user: "john", name: "John", scope: ["a", "admin"] }
    expect(auths).toEqual([{ isAuthenticated: true, credentials, artifacts, strategy: scheme }])
    const [status, payload] = await socket.get("/me")
    expect(status).toBe(200)
    expect(payload).toMatchObject({ isAuthenticated: true, credentials, strategy: scheme })
  })

  it("with the documented client, in both styles", async () => {
    const server = await TestServer.start({ declare: (server) => server.route(whoami()) })
    const client = new Nes.Client(server.url)
    await client.connect({ auth: direct(basic("john")), reconnect: false })
    expect((await client.request("/me")).payload).toMatchObject({ credentials: { user: "john" } })
    await client.disconnect()

    const other = new Nes.Client(server.url)
    const error = await new Promise<unknown>((resolve) =>
      other.connect({ auth: direct(basic("john", "wrong")), reconnect: false }, resolve)
    )
    expect(error).toMatchObject({ type: "server", isNes: true, statusCode: 401, message: "Bad username or password" })
    await other.disconnect()
  })

  it("its HTTP method is `auth`, and it is out of reach of HTTP in any method", async () => {
    const server = await TestServer.start()
    expect(server.server.lookup("nes.auth")).toMatchObject({ method: "auth", path: "/nes/auth" })
    for (const method of ["GET", "POST", "HEAD", "OPTIONS"]) {
      expect((await server.http("/nes/auth", { authorization: basic("john") }, method)).status).toBe(404)
    }
    const { statusCode } = await server.server.inject({
      method: "auth",
      url: "/nes/auth",
      headers: { authorization: basic("john") }
    })
    expect(statusCode).toBe(404)
  })

  it("a scheme that signs the method, as hawk does, sees `auth`", async () => {
    const seen: Array<unknown> = []
    const server = await TestServer.start({
      scheme: false,
      declare: (server) => {
        server.auth.scheme("signed", () => ({
          authenticate: ({ method, path }, h) => {
            seen.push([method, path])
            return h.authenticated({ credentials: { user: "john" } })
          }
        }))
        server.auth.strategy("signed", "signed")
        server.auth.default("signed")
      }
    })
    await server.welcome({ auth: direct("any") })
    expect(seen).toEqual([["auth", "/nes/auth"]])
  })

  it.each([
    ["no auth", {}, 401, "Connection requires authentication"],
    ["null", { auth: null }, 401, "Connection requires authentication"],
    ["a wrong password", { auth: direct(basic("john", "no")) }, 401, "Bad username or password"],
    ["an unknown user", { auth: direct(basic("joe")) }, 401, "Bad username or password"],
    ["another scheme's header", { auth: direct("Custom john") }, 401, "Missing authentication"],
    ["no header", { auth: { headers: {} } }, 401, "Missing authentication"],
    ["no headers", { auth: {} }, 401, "Missing authentication"],
    ["headers of null", { auth: { headers: null } }, 401, "Missing authentication"],
    [
      "headers that are a list",
      { auth: { headers: [["authorization", basic("john")]] } },
      401,
      "Missing authentication"
    ],
    ["a text", { auth: basic("john") }, 401, "Missing authentication"],
    [
      "a header through a prototype",
      JSON.parse(
        `{"auth":{"headers":{"__proto__":{"authorization":${JSON.stringify(basic("john"))}}}}}`
      ) as object,
      401,
      "Missing authentication"
    ]
  ])("hello with %s is refused", async (_name, fields, status, message) => {
    const server = await TestServer.start()
    const { answer } = await server.hello({ ...fields })
    expect(answer).toMatchObject({ type: "hello", id: 1, ...refusal(status, message) })
  })

  it.each<readonly [string, () => unknown, number, string]>([
    ["a plain error", () => new Error("secret"), 500, "An internal server error occurred"],
    ["503", () => Boom.serverUnavailable("no database"), 503, "no database"],
    ["429", () => Boom.tooManyRequests("not so fast"), 429, "not so fast"],
    ["403", () => Boom.forbidden("not you"), 401, "not you"]
  ])("a scheme that fails with %s: temporary is what it says is", async (_what, error, status, message) => {
    const server = await TestServer.start({
      scheme: false,
      declare: (server) => {
        server.auth.scheme("failing", () => ({
          authenticate: () => {
            throw error()
          }
        }))
        server.auth.strategy("failing", "failing")
        server.auth.default("failing")
      }
    })
    expect((await server.hello({ auth: {} })).answer).toMatchObject({ statusCode: status, payload: { message } })
  })

  it("after a refused hello nothing more is answered, and the server closes", async () => {
    const server = await TestServer.start({ declare: (server) => server.route(whoami("/", false)) })
    const { socket } = await server.hello({ auth: direct(basic("john", "wrong")) })
    socket.send({ type: "hello", version: "2", auth: direct(basic("john")) })
    socket.send({ type: "request", method: "GET", path: "/" })
    expect(await socket.closed).toBe(1005)
    expect(socket.frames).toHaveLength(1)
  })

  it("mode optional: without credentials unauthenticated, with wrong ones refused", async () => {
    const server = await TestServer.start({ mode: "optional", declare: (server) => server.route(whoami()) })
    const anonymous = await server.welcome()
    expect(await anonymous.get("/me")).toMatchObject([200, { isAuthenticated: false, credentials: null }])
    const { answer } = await server.hello({ auth: direct(basic("john", "no")) })
    expect(answer).toMatchObject(refusal(401, "Bad username or password"))
  })

  it("mode try: wrong credentials leave the connection unauthenticated", async () => {
    const server = await TestServer.start({ mode: "try", declare: (server) => server.route(whoami()) })
    const socket = await server.welcome({ auth: direct(basic("john", "no")) })
    expect(await socket.get("/me")).toMatchObject([200, { isAuthenticated: false }])
  })
})

describe("endpoint and id (nes-api.txt 57-61)", () => {
  it("both may be changed; what is at their places then is the application's", async () => {
    const server = await TestServer.start({
      nes: { auth: { endpoint: "/other/{place?}", id: "other" } },
      declare: (server) => {
        server.route({
          method: "GET",
          path: "/nes/auth",
          options: { id: "nes.auth", auth: false },
          handler: () => "mine"
        })
      }
    })
    expect(server.server.lookup("other")).toMatchObject({ method: "auth", path: "/other/{place?}" })
    const socket = await server.welcome({ auth: direct(basic("john")) })
    expect(await socket.get("/nes/auth")).toEqual([200, "mine"])
    expect(await socket.get("nes.auth")).toEqual([200, "mine"])
    expect(await socket.get("other")).toMatchObject([404, {}])
  })

  it("registered under a prefix, the endpoint has it", async () => {
    const server = await TestServer.start({ prefix: "/api", declare: (server) => server.route(whoami()) })
    expect(server.server.lookup("nes.auth")).toMatchObject({ path: "/api/nes/auth" })
    const socket = await server.welcome({ auth: direct(basic("john")) })
    expect(await socket.get("/me")).toMatchObject([200, { credentials: { user: "john" } }])
    expect(await socket.get("/api/nes/auth")).toMatchObject([404, {}])
  })

  it("several servers in one process are strangers to each other", async () => {
    const one = await TestServer.start({ scheme: "basic" })
    const two = await TestServer.start({ scheme: "custom" })
    await one.welcome({ auth: direct(basic("john")) })
    await two.welcome({ auth: direct("Custom jane") })
    expect((await two.hello({ auth: direct(basic("john")) })).answer).toMatchObject({ statusCode: 401 })
  })
})

describe("route (nes-api.txt 62-66)", () => {
  const declare = (server: Hapi.Server): void => server.route(whoami("/me", { strategy: "custom", mode: "try" }))

  it.each<[string, Nes.AuthOptions["route"]]>([
    ["a strategy's name", "custom"],
    ["an object with strategy", { strategy: "custom" }],
    ["an object with strategies", { strategies: ["basic", "custom"] }],
    ["an object with scope", { strategy: "custom", access: { scope: ["admin", "b"] } }]
  ])("%s: authenticates without a default", async (_name, route) => {
    const server = await TestServer.start({ scheme: false, nes: { auth: { route } }, declare })
    const socket = await server.welcome({ auth: direct("Custom john") })
    expect(await socket.get("/me")).toMatchObject([200, { isAuthenticated: true, strategy: "custom" }])
    expect((await server.hello()).answer).toMatchObject(refusal(401, "Connection requires authentication"))
  })

  it("its scope counts at hello", async () => {
    const route = { strategy: "custom", access: { scope: ["admin"] } }
    const server = await TestServer.start({ scheme: false, nes: { auth: { route } } })
    await server.welcome({ auth: direct("Custom john") })
    expect((await server.hello({ auth: direct("Custom jane") })).answer).toMatchObject(
      refusal(401, "Insufficient scope")
    )
  })

  it("it wins over the server's default", async () => {
    const server = await TestServer.start({ scheme: "basic", nes: { auth: { route: "custom" } } })
    await server.welcome({ auth: direct("Custom john") })
    expect((await server.hello({ auth: direct(basic("john")) })).answer).toMatchObject({ statusCode: 401 })
  })

  it("the default strategy counts, though it is set after the registration", async () => {
    const server = await TestServer.start({ register: "first", declare: (server) => server.route(whoami()) })
    const socket = await server.welcome({ auth: direct(basic("john")) })
    expect(await socket.get("/me")).toMatchObject([200, { credentials: { user: "john" } }])
    expect((await server.hello()).answer).toMatchObject(refusal(401, "Connection requires authentication"))
  })

  it("the default strategy counts, though it is set while the server runs", async () => {
    const server = await TestServer.start({ scheme: false, declare: (server) => server.route(whoami()) })
    await server.welcome()
    server.server.auth.default("basic")
    expect((await server.hello()).answer).toMatchObject(refusal(401, "Connection requires authentication"))
    const socket = await server.welcome({ auth: direct(basic("john")) })
    expect(await socket.get("/me")).toMatchObject([200, { credentials: { user: "john" } }])
  })

  it("neither a default nor a route: no authentication is possible", async () => {
    const server = await TestServer.start({ scheme: false, declare })
    await server.welcome()
    const socket = await server.welcome({ auth: direct("Custom john") })
    expect(await socket.get("/me")).toMatchObject([200, { isAuthenticated: false }])
  })

  it("false: the same, whatever the default", async () => {
    const server = await TestServer.start({ nes: { auth: { route: false } }, declare })
    const socket = await server.welcome({ auth: direct(basic("john")) })
    expect(await socket.get("/me")).toMatchObject([200, { isAuthenticated: false }])
  })

  it("an unknown strategy is hapi's own error, at registration", async () => {
    const server = Hapi.server()
    await expect(server.register({ plugin: Nes.plugin, options: { auth: { route: "nobody" } } })).rejects.toThrow(
      "Unknown authentication strategy nobody in /nes/auth"
    )
  })
})

describe("where a connection comes from", () => {
  const forged: ReadonlyArray<readonly [string, object]> = [
    ["x-forwarded-for", { "x-forwarded-for": "6.6.6.6" }],
    ["X-Forwarded-For", { "X-Forwarded-For": "6.6.6.6" }],
    ["__proto__", JSON.parse("{\"__proto__\":{\"x-forwarded-for\":\"6.6.6.6\"}}") as object]
  ]

  it.each(forged)("the client cannot say so itself: %s", async (_name, headers) => {
    const server = await TestServer.start({ scheme: "custom" })
    await server.welcome({ auth: direct("Custom john", { "x-custom": "kept", ...headers }) })
    const prototype = JSON.parse(
      `{"auth":{"headers":${JSON.stringify({ authorization: "Custom john", ...headers })}}}`
    ) as object
    await server.welcome({ ...prototype }, { headers: { "x-forwarded-for": "1.2.3.4" } })
    expect(server.authority.seen.map((headers) => headers["x-forwarded-for"])).toEqual([undefined, "1.2.3.4"])
    expect(server.authority.seen[0]).toMatchObject({ "x-custom": "kept", remoteAddress: "127.0.0.1" })
  })

  it("the proxies' x-forwarded-for reaches the scheme, reauthentication included", async () => {
    const server = await TestServer.start({ scheme: "custom" })
    const headers = { "x-forwarded-for": "1.2.3.4, 5.6.7.8" }
    const socket = await server.welcome({ auth: direct("Custom john") }, { headers })
    await socket.ask({ type: "reauth", auth: direct("Custom jane") })
    expect(server.authority.seen).toMatchObject([headers, headers])
  })

  it("requests over the socket come from the connection's address", async () => {
    const server = await TestServer.start({
      declare: (server) =>
        server.route({ method: "GET", path: "/ip", handler: ({ info }) => ({ ip: info.remoteAddress }) })
    })
    const socket = await server.welcome({ auth: direct(basic("john")) })
    expect(await socket.get("/ip")).toEqual([200, { ip: "127.0.0.1" }])
  })
})
