/** Authentication of types `cookie` and `token`: what is sealed, with what, and for how long (nes-api.txt 51-56, 66-84). */
import * as Boom from "@hapi/boom"
import * as Iron from "@hapi/iron"
import { randomBytes } from "node:crypto"
import { afterEach, describe, expect, it, vi } from "vitest"
import type * as Nes from "../../src/hapi.js"
import * as fc from "../harness/Property.js"
import { basic, type Json, type Options, type RawSocket, refusal, TestServer, whoami } from "./AuthenticatedServer.js"

const password = "a password that is longer than thirty-two characters"
const other = "another password, longer than thirty-two characters"

type Type = "cookie" | "token"
const types: ReadonlyArray<Type> = ["cookie", "token"]

const start = (type: Type, auth: Nes.AuthOptions = {}, options: Options = {}): Promise<TestServer> =>
  TestServer.start({ ...options, nes: { auth: { type, ...auth } }, declare: (server) => server.route(whoami()) })

/** Says hello with what the endpoint gave, as its type has it. */
const enter = (server: TestServer, type: Type, sealed: string): Promise<{ socket: RawSocket; answer: Json }> =>
  type === "token" ? server.hello({ auth: sealed }) : server.hello({}, { headers: { cookie: sealed } })

const credentials = { user: "john", name: "John", scope: ["a", "admin"] }

/** A server of its own that seals, so that the value can be tried at another. */
const sealedBy = async (type: Type, auth: Nes.AuthOptions): Promise<string> =>
  (await start(type, auth)).login(basic("john"))

const refusedAs = (type: Type): Json =>
  refusal(401, type === "token" ? "Invalid token" : "Invalid nes authentication cookie")

afterEach(() => {
  vi.useRealTimers()
})

describe.each(types)("type '%s' (nes-api.txt 51-56)", (type) => {
  it("the endpoint answers HTTP, and what it gives authenticates the connection", async () => {
    const server = await start(type, { password })
    const { body, cookies, status } = await server.http("/nes/auth", { authorization: basic("john") })
    expect([status, body.status]).toEqual([200, "authenticated"])
    expect([cookies.length, typeof body.token]).toEqual(type === "cookie" ? [1, "undefined"] : [0, "string"])

    const { answer, socket } = await enter(server, type, await server.login(basic("john")))
    expect(answer).toMatchObject({ type: "hello", id: 1 })
    expect(await socket.get("/me")).toEqual([200, {
      isAuthenticated: true,
      credentials,
      artifacts: null,
      strategy: "basic"
    }])
  })

  it("artifacts and strategy of a custom scheme come along", async () => {
    const server = await start(type, { password }, { scheme: "custom" })
    const { socket } = await enter(server, type, await server.login("Custom john 9999999999999"))
    expect(await socket.get("/me")).toEqual([200, {
      isAuthenticated: true,
      credentials,
      artifacts: { name: "john", expires: 9999999999999 },
      strategy: "custom"
    }])
  })

  it("a `verify` that refuses is 403, and one that cannot tell for the moment says so itself", async () => {
    const errors = [Boom.unauthorized("revoked"), new Error("revoked"), Boom.serverUnavailable("no database")]
    const server = await TestServer.start({
      scheme: false,
      nes: { auth: { type, password } },
      declare: (server) => {
        server.auth.scheme("failing", () => ({
          authenticate: (_request, h) => h.authenticated({ credentials }),
          verify: () => Promise.reject(errors.shift() ?? new TypeError("a fault"))
        }))
        server.auth.strategy("failing", "failing")
        server.auth.default("failing")
      }
    })
    const sealed = await server.login(basic("john"))
    const statuses: Array<unknown> = []
    for (let n = 0; n < 4; n++) {
      statuses.push((await enter(server, type, sealed)).answer.statusCode)
    }
    expect(statuses).toEqual([403, 403, 503, 500])
  })

  it("a wrong login is the scheme's 401, and gives nothing", async () => {
    const server = await start(type, { password })
    const { body, cookies, status } = await server.http("/nes/auth", { authorization: basic("john", "no") })
    expect([status, cookies, body.token]).toEqual([401, [], undefined])
  })

  it("mode try: a wrong login is unauthenticated, and gives nothing", async () => {
    const server = await start(type, { password }, { mode: "try" })
    const { body, cookies, status } = await server.http("/nes/auth", { authorization: basic("john", "no") })
    expect([status, cookies, body]).toEqual([200, [], { status: "unauthenticated" }])
    await server.welcome()
  })

  it("without it, the connection requires authentication", async () => {
    const server = await start(type, { password })
    expect((await server.hello()).answer).toMatchObject(refusal(401, "Connection requires authentication"))
  })

  it("endpoint and id may be changed, and a prefix counts (nes-api.txt 57-61)", async () => {
    const server = await start(type, { password, endpoint: "/login", id: "login" }, { prefix: "/api" })
    expect(server.server.lookup("login")).toMatchObject({ method: "get", path: "/api/login" })
    const { socket } = await enter(server, type, await server.login(basic("john"), "/api/login"))
    expect(await socket.get("/me")).toMatchObject([200, { credentials }])
    expect((await server.http("/nes/auth", { authorization: basic("john") })).status).toBe(404)
  })

  it("the route's own strategy counts, and its scope (nes-api.txt 62-66)", async () => {
    const route = { strategy: "custom", access: { scope: ["admin"] } }
    const server = await start(type, { password, route }, { scheme: false })
    expect((await enter(server, type, await server.login("Custom john"))).answer).toMatchObject({
      type: "hello",
      id: 1
    })
    expect((await server.http("/nes/auth", { authorization: "Custom jane" })).status).toBe(403)
  })

  it("the default strategy counts, though it is set after the registration (nes-api.txt 66)", async () => {
    const server = await start(type, { password }, { register: "first" })
    const { socket } = await enter(server, type, await server.login(basic("john")))
    expect(await socket.get("/me")).toMatchObject([200, { credentials }])
  })

  it("may be used by several connections, each with credentials of its own", async () => {
    const server = await start(type, { password })
    const sealed = await server.login(basic("john"))
    const [one, two] = await Promise.all([enter(server, type, sealed), enter(server, type, sealed)])
    const seen: Array<unknown> = []
    await server.server.eachSocket(({ auth }) => seen.push(auth.credentials))
    expect(seen).toEqual([credentials, credentials])
    expect(seen[0]).not.toBe(seen[1])
    expect([one.answer.statusCode, two.answer.statusCode]).toEqual([undefined, undefined])
  })
})

describe("type 'cookie': the attributes (nes-api.txt 68-84)", () => {
  const attributes = async (auth: Nes.AuthOptions): Promise<ReadonlyArray<string>> => {
    const server = await start("cookie", { password, ...auth })
    const { cookies } = await server.http("/nes/auth", { authorization: basic("john") })
    expect(cookies).toHaveLength(1)
    return cookies[0]?.replace(/=Fe26\.2\*[^;]+/, "=<sealed>").split("; ") ?? []
  }
  const defaults = ["nes=<sealed>", "Secure", "HttpOnly", "SameSite=Strict", "Path=/"]
  const without = (name: string): ReadonlyArray<string> => defaults.filter((attribute) => attribute !== name)

  it.each<[string, Nes.AuthOptions, ReadonlyArray<string>]>([
    ["the defaults", {}, defaults],
    ["cookie", { cookie: "socket" }, ["socket=<sealed>", ...defaults.slice(1)]],
    ["isSecure false", { isSecure: false }, without("Secure")],
    ["isHttpOnly false", { isHttpOnly: false }, without("HttpOnly")],
    ["isSameSite Lax", { isSameSite: "Lax" }, defaults.map((each) => each.replace("Strict", "Lax"))],
    ["isSameSite false", { isSameSite: false }, without("SameSite=Strict")],
    ["path", { path: "/app" }, [...without("Path=/"), "Path=/app"]],
    ["domain", { domain: "example.com" }, [...without("Path=/"), "Domain=example.com", "Path=/"]]
  ])("%s", async (_name, auth, expected) => {
    expect(await attributes(auth)).toEqual(expected)
  })

  it("ttl, in milliseconds", async () => {
    const [name, maxAge, expires = "", ...rest] = await attributes({ ttl: 3_600_000 })
    expect([name, maxAge, ...rest]).toEqual(["nes=<sealed>", "Max-Age=3600", ...defaults.slice(1)])
    const left = Date.parse(expires.replace("Expires=", "")) - Date.now()
    expect(left).toBeGreaterThan(3_590_000)
    expect(left).toBeLessThanOrEqual(3_600_000)
  })

  it("by another name, only that cookie is read", async () => {
    const server = await start("cookie", { password, cookie: "socket" })
    const cookie = await server.login(basic("john"))
    expect(cookie).toMatch(/^socket=/)
    expect((await server.hello({}, { headers: { cookie } })).answer).toMatchObject({ type: "hello", id: 1 })
    const renamed = cookie.replace("socket=", "nes=")
    expect((await server.hello({}, { headers: { cookie: renamed } })).answer).toMatchObject(
      refusal(401, "Connection requires authentication")
    )
    const among = `a=1; ${cookie}; b=2`
    expect((await server.hello({}, { headers: { cookie: among } })).answer).toMatchObject({ type: "hello", id: 1 })
  })

  it("the cookie authenticates at hello, so that auth in hello is one too many", async () => {
    const server = await start("cookie", { password })
    const cookie = await server.login(basic("john"))
    const { answer } = await server.hello({ auth: "x" }, { headers: { cookie } })
    expect(answer).toMatchObject(refusal(400, "Connection already authenticated"))
  })

  it("a cookie that cannot be read any more does not keep its owner from logging in again", async () => {
    const old = await sealedBy("cookie", {})
    const server = await start("cookie", {})
    expect((await enter(server, "cookie", old)).answer).toMatchObject(refusedAs("cookie"))
    const { cookies, status } = await server.http("/nes/auth", { authorization: basic("john"), cookie: old })
    expect([status, cookies.length]).toEqual([200, 1])
    const fresh = cookies[0]?.split(";")[0] ?? ""
    expect((await enter(server, "cookie", fresh)).answer).toMatchObject({ type: "hello", id: 1 })
  })
})

describe.each(types)("password, for type '%s' (nes-api.txt 66-67)", (type) => {
  const accepts = async (auth: Nes.AuthOptions, sealed: string): Promise<void> => {
    const { answer, socket } = await enter(await start(type, auth), type, sealed)
    expect(answer).toMatchObject({ type: "hello", id: 1 })
    expect(await socket.get("/me")).toMatchObject([200, { credentials }])
  }
  const refuses = async (auth: Nes.AuthOptions, sealed: string): Promise<void> =>
    expect((await enter(await start(type, auth), type, sealed)).answer).toMatchObject(refusedAs(type))

  const key = randomBytes(32)
  const passwords: Readonly<Record<string, Nes.Password>> = {
    "a string": password,
    "a Buffer": key,
    "a secret under an id": { id: "1", secret: password },
    "a Buffer under an id": { id: "1", secret: key },
    "a secret without an id": { secret: password },
    "a secret for each step": { id: "1", encryption: password, integrity: other },
    "a secret for each step, without an id": { encryption: password, integrity: other }
  }
  it.each(Object.entries(passwords))("%s seals and unseals, in every process that has it", async (_name, given) => {
    const sealed = await sealedBy(type, { password: given })
    await accepts({ password: given }, sealed)
    await refuses({ password: other }, sealed)
  })

  it("rotation: what was sealed under an older id is still unsealed", async () => {
    const first = await sealedBy(type, { password: { id: "first", secret: password } })
    const second = await sealedBy(type, { password: { id: "second", secret: other } })
    const third = randomBytes(32)
    const rotated = { id: "third", secret: third, first: password, second: { secret: other } }
    expect(await sealedBy(type, { password: rotated })).toContain("*third*")
    await accepts({ password: rotated }, first)
    await accepts({ password: rotated }, second)
    await accepts({ password: rotated }, await sealedBy(type, { password: { id: "third", secret: third } }))
    await refuses({ password: { id: "third", secret: third, second: other } }, first)
  })

  it("rotation: an older secret may be one for each step", async () => {
    const old = await sealedBy(type, { password: { id: "old", encryption: password, integrity: other } })
    await accepts({ password: { id: "new", secret: key, old: { encryption: password, integrity: other } } }, old)
  })

  it("rotation begins with a plain password: it is the one named `default`", async () => {
    const plain = await sealedBy(type, { password })
    await accepts({ password: { id: "new", secret: other, default: password } }, plain)
    await refuses({ password: { id: "new", secret: other } }, plain)
  })

  it("rotation: the id, which anyone can read, and an unknown id are no passwords", async () => {
    const id = "an_id_that_is_itself_longer_than_thirty_two_characters"
    const forge = async (sealedUnder: string): Promise<string> => {
      const value = await Iron.seal(
        { credentials: { user: "mallory" }, artifacts: null, strategy: "basic" },
        { id: sealedUnder, secret: id },
        Iron.defaults
      )
      return type === "cookie" ? `nes=${value}` : value
    }
    const rotating = { id, secret: password, older: other }
    await accepts({ password: rotating }, await sealedBy(type, { password: rotating }))
    for (const name of ["id", "secret", "older", "unknown", "constructor", "__proto__", "default", id]) {
      await refuses({ password: rotating }, await forge(name))
    }
  })

  it.each([undefined, ""])("none (%j): one is generated, for this process and this server alone", async (none) => {
    const server = await start(type, { password: none })
    const sealed = await server.login(basic("john"))
    expect((await enter(server, type, sealed)).answer).toMatchObject({ type: "hello", id: 1 })
    await refuses({}, sealed)
  })

  it.each<readonly [string, Nes.Password, string]>([
    ["a short text", "short", "at least 32 characters"],
    ["few bytes", Buffer.alloc(31), "32 bytes"],
    ["more bytes than a key has", Buffer.alloc(33), "32 bytes"],
    ["a short secret under an id", { id: "1", secret: "short" }, "at least 32 characters"],
    ["a short secret for one step", { encryption: password, integrity: "short" }, "at least 32 characters"],
    ["a short older one", { id: "new", secret: password, old: "short" }, "at least 32 characters"],
    ["an older one that is none", { id: "new", secret: password, old: 5 }, "at least 32 characters"]
  ])("%s, which iron will refuse, fails the registration", async (_name, given, least) => {
    const error: unknown = await start(type, { password: given }).catch((error: unknown) => error)
    expect(String(error)).toBe(`Error: Invalid nes configuration: auth.password: must have ${least}`)
  })
})

describe.each(types)("iron, for type '%s' (nes-api.txt 68)", (type) => {
  it("settings are laid over iron's defaults, those of each step too", async () => {
    const iron = { encryption: { algorithm: "aes-128-ctr", iterations: 3 }, integrity: { saltBits: 128 } } as const
    const server = await start(type, { password, iron })
    const sealed = await server.login(basic("john"))
    expect((await enter(server, type, sealed)).answer).toMatchObject({ type: "hello", id: 1 })
    const text = sealed.replace(/^nes=/, "")
    expect(
      await Iron.unseal(text, password, {
        ...Iron.defaults,
        encryption: { ...Iron.defaults.encryption, ...iron.encryption },
        integrity: { ...Iron.defaults.integrity, ...iron.integrity }
      })
    ).toEqual({ credentials, strategy: "basic" })
    expect((await enter(await start(type, { password }), type, sealed)).answer).toMatchObject(refusedAs(type))
  })

  it("minPasswordlength allows for shorter passwords", async () => {
    const minPasswordlength = 5
    const iron = { encryption: { minPasswordlength }, integrity: { minPasswordlength } }
    const server = await start(type, { password: "short", iron })
    const sealed = await server.login(basic("john"))
    expect((await enter(server, type, sealed)).answer).toMatchObject({ type: "hello", id: 1 })
  })

  it("ttl: expired after it and the skew that is permitted, not before", async () => {
    vi.useFakeTimers({ toFake: ["Date"] })
    const server = await start(type, { password, iron: { ttl: 10_000, timestampSkewSec: 5 } })
    const sealed = await server.login(basic("john"))
    const sealedAt = Date.now()
    vi.setSystemTime(sealedAt + 14_999)
    expect((await enter(server, type, sealed)).answer).toMatchObject({ type: "hello", id: 1 })
    vi.setSystemTime(sealedAt + 15_001)
    expect((await enter(server, type, sealed)).answer).toMatchObject(refusedAs(type))
  })

  it("ttl: an open connection is not ended by it", async () => {
    vi.useFakeTimers({ toFake: ["Date"] })
    const server = await start(type, { password, iron: { ttl: 10_000, timestampSkewSec: 0 } })
    const { socket } = await enter(server, type, await server.login(basic("john")))
    vi.setSystemTime(Date.now() + 3_600_000)
    expect(await socket.get("/me")).toMatchObject([200, { credentials }])
  })
})

describe.each(types)("type '%s': what is not the endpoint's own is refused", (type) => {
  const wrap = (sealed: string): string => type === "cookie" ? `nes=${sealed}` : sealed
  const strip = (sealed: string): string => sealed.replace(/^nes=/, "")

  it("truncated anywhere, or with any character changed", async () => {
    const server = await start(type, { password })
    const sealed = strip(await server.login(basic("john")))
    const { answer } = await enter(server, type, wrap(sealed))
    expect(answer).toMatchObject({ type: "hello", id: 1 })
    const letters = "abcXYZ019-_*".split("")
    const broken = fc.oneof(
      fc.nat({ max: sealed.length - 2 }).map((length) => sealed.slice(0, length + 1)),
      fc.tuple(fc.nat({ max: sealed.length - 1 }), fc.constantFrom(...letters)).map(([at, letter]) =>
        sealed.slice(0, at) + letter + sealed.slice(at + 1)
      ),
      fc.tuple(fc.nat({ max: sealed.length }), fc.constantFrom(...letters)).map(([at, letter]) =>
        sealed.slice(0, at) + letter + sealed.slice(at)
      )
    )
    await fc.assert(
      fc.asyncProperty(broken.filter((text) => text !== sealed), async (text) => {
        const { answer, socket } = await enter(server, type, wrap(text))
        socket.ws.terminate()
        expect(answer).toMatchObject(refusedAs(type))
      }),
      { numRuns: 60 }
    )
  })

  it.each<[string, unknown]>([
    ["no object", "text"],
    ["a list", [credentials]],
    ["no credentials", {}],
    ["credentials that are no object", { credentials: "john", artifacts: null, strategy: "basic" }],
    ["credentials of null", { credentials: null, artifacts: null, strategy: "basic" }],
    ["no strategy", { credentials }]
  ])("sealed with the right password, but %s", async (_name, content) => {
    const server = await start(type, { password })
    const sealed = await Iron.seal(content, password, Iron.defaults)
    expect((await enter(server, type, wrap(sealed))).answer).toMatchObject(refusedAs(type))
  })

  it("sealed with another password, or by another server", async () => {
    const server = await start(type, { password })
    expect((await enter(server, type, await sealedBy(type, { password: other }))).answer).toMatchObject(refusedAs(type))
    expect((await enter(server, type, await sealedBy(type, {}))).answer).toMatchObject(refusedAs(type))
  })
})

describe("type 'token': hello with what is no token", () => {
  it.each([
    [5],
    [true],
    [{}],
    [[]],
    [["x"]],
    [{ headers: { authorization: basic("john") } }],
    ["x"],
    ["Fe26.2**1*2*3*4*5*6*7"],
    [basic("john")]
  ])(
    "%j",
    async (auth) => {
      const server = await start("token", { password })
      expect((await server.hello({ auth })).answer).toMatchObject(refusal(401, "Invalid token"))
    }
  )

  it("a cookie does not authenticate, nor does it disturb", async () => {
    const cookie = await sealedBy("cookie", { password })
    const server = await start("token", { password })
    expect((await server.hello({}, { headers: { cookie } })).answer).toMatchObject(
      refusal(401, "Connection requires authentication")
    )
    const token = await server.login(basic("john"))
    await server.welcome({ auth: token }, { headers: { cookie: "a=\"; b" } })
  })
})

describe("type 'cookie': the Cookie header", () => {
  it.each(["a=\"; b", "nes=x", "nes=x; nes=y", ";;;", "nes"])("unreadable: %s", async (cookie) => {
    const server = await start("cookie", { password })
    expect((await server.hello({}, { headers: { cookie } })).answer).toMatchObject(refusedAs("cookie"))
  })

  it("twice the same cookie is ambiguous, and refused", async () => {
    const server = await start("cookie", { password })
    const cookie = await server.login(basic("john"))
    const { answer } = await server.hello({}, { headers: { cookie: `${cookie}; ${cookie}` } })
    expect(answer).toMatchObject(refusedAs("cookie"))
  })
})

it("two servers in one process have cookies and passwords of their own", async () => {
  const one = await start("cookie", { password: { id: "1", secret: password } })
  const two = await start("token", { password: { id: "1", secret: other } })
  expect((await enter(one, "cookie", await one.login(basic("john")))).answer).toMatchObject({ type: "hello", id: 1 })
  expect((await enter(two, "token", await two.login(basic("john")))).answer).toMatchObject({ type: "hello", id: 1 })
})

it("a cookie that comes twice is refused, whichever came first", async () => {
  const server = await start("cookie", { password })
  const cookie = await server.login(basic("john"))
  for (const twice of [`${cookie}; nes=forged`, `nes=forged; ${cookie}`, `${cookie}; ${cookie}`]) {
    expect((await enter(server, "cookie", twice)).answer).toMatchObject(refusedAs("cookie"))
  }
})
