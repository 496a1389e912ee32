/** Authentication: the three types end to end, with `@hapi/basic` and with a scheme that can verify. */
import type { ApplicationOptions } from "../Application.js"
import { answer, crash, error, failedSubPath, type Script, welcome } from "../Script.js"
import type { Json, Stage, Wire } from "../Stage.js"

const password = "a password that is longer than thirty-two characters"

const basic = (name: string, secret = "secret"): string =>
  `Basic ${Buffer.from(`${name}:${secret}`).toString("base64")}`

const custom = (name: string, flag?: string): string => `Custom ${name}${flag === undefined ? "" : ` ${flag}`}`

const direct = (authorization: string): Json => ({ auth: { headers: { authorization } } })

const application = (
  type: "direct" | "cookie" | "token",
  options: ApplicationOptions & { readonly auth?: Readonly<Record<string, unknown>> } = {}
): ApplicationOptions => {
  const { auth, nes, ...rest } = options
  return {
    scheme: "basic",
    mode: "required",
    ...rest,
    nes: { ...nes, auth: { type, ...(type === "direct" ? undefined : { password }), ...auth } }
  }
}

/** Logs in over HTTP and returns the token. */
const token = async (stage: Stage, authorization: string): Promise<unknown> => {
  const { body } = await stage.http("/nes/auth", { authorization })
  return (JSON.parse(body) as { readonly token?: unknown }).token
}

/** Logs in over HTTP and returns the cookie as a browser would send it. */
const cookie = async (stage: Stage, authorization: string): Promise<string> => {
  const { headers } = await stage.http("/nes/auth", { authorization })
  return String(headers["set-cookie"]?.[0]).split(";")[0] ?? ""
}

const cookieLogin = "200 [\"nes=<sealed>; Secure; HttpOnly; SameSite=Strict; Path=/\"] {\"status\":\"authenticated\"}"
const tokenLogin = "200 [] {\"status\":\"authenticated\",\"token\":\"<sealed>\"}"

const me = (wire: Wire): Promise<void> => wire.ask({ type: "request", method: "GET", path: "/me" })

const hello = (
  name: string,
  options: ApplicationOptions,
  fields: Json,
  more: Omit<Script, "name" | "play" | "application"> = {}
): Script => ({
  name,
  application: options,
  fence: false,
  play: async (stage) => {
    const a = await stage.open("a", fields)
    a.terminate()
  },
  ...more
})

const refused = (status: number, message: string): Pick<Script, "expect"> => ({
  expect: { a: [error(status, message, { type: "hello", id: 1 })] }
})

const directScripts: ReadonlyArray<Script> = [
  {
    name: "direct: the connection's credentials on every request",
    application: application("direct"),
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john")))
      for (
        const path of [
          "/me",
          "/me-optional",
          "/me-try",
          "/me-none",
          "/scope-a",
          "/entity-user",
          "/entity-app",
          "/object"
        ]
      ) {
        await a.ask({ type: "request", method: "GET", path })
      }
      await stage.control("socket", a.id, "auth")
    }
  },
  {
    name: "direct: another user",
    application: application("direct"),
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("robot")))
      for (const path of ["/me", "/scope-a", "/entity-user", "/entity-app"]) {
        await a.ask({ type: "request", method: "GET", path })
      }
      const b = await stage.open("b", direct(basic("jane")))
      for (const path of ["/me", "/scope-a"]) {
        await b.ask({ type: "request", method: "GET", path })
      }
    }
  },
  {
    name: "direct: plugin registered after the strategies",
    application: application("direct", { pluginLast: true }),
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john")))
      await me(a)
    }
  },
  {
    name: "direct: the route names the strategy, no default",
    application: { scheme: "basic", pluginLast: true, nes: { auth: { route: "default" } } },
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john")))
      await me(a)
      await a.ask({ type: "request", method: "GET", path: "/me-optional" })
    }
  },
  hello("direct: no credentials", application("direct"), {}, refused(401, "Connection requires authentication")),
  hello("direct: auth null", application("direct"), { auth: null }, refused(401, "Connection requires authentication")),
  hello(
    "direct: auth false",
    application("direct"),
    { auth: false },
    refused(401, "Connection requires authentication")
  ),
  hello(
    "direct: auth empty string",
    application("direct"),
    { auth: "" },
    refused(401, "Connection requires authentication")
  ),
  hello(
    "direct: wrong password",
    application("direct"),
    direct(basic("john", "wrong")),
    refused(401, "Bad username or password")
  ),
  hello("direct: unknown user", application("direct"), direct(basic("nobody"))),
  hello("direct: another scheme", application("direct"), direct("Bearer x")),
  hello("direct: broken header", application("direct"), direct("Basic")),
  hello("direct: empty header", application("direct"), direct("")),
  hello("direct: auth without headers", application("direct"), { auth: {} }),
  hello("direct: headers null", application("direct"), { auth: { headers: null } }),
  hello("direct: header in capitals", application("direct"), { auth: { headers: { AUTHORIZATION: basic("john") } } }, {
    expect: { a: [welcome("a")] }
  }),
  hello("direct: more headers", application("direct"), {
    auth: { headers: { authorization: basic("john"), "x-other": "1" }, payload: { a: 1 } }
  }, { expect: { a: [welcome("a")] } }),
  ...["text", 5, true].map((auth) =>
    hello(`direct: auth ${JSON.stringify(auth)}`, application("direct"), { auth }, {
      ...refused(401, "Missing authentication"),
      difference: crash("S-field-types", { a: ["closed 1006"] })
    })
  ),
  hello("direct: auth a list", application("direct"), { auth: ["a"] }),
  hello("direct: headers of another JSON type", application("direct"), { auth: { headers: "authorization" } }, {
    ...refused(401, "Missing authentication"),
    difference: crash("S-field-types", { a: ["closed 1006"] })
  }),
  hello("direct: a header of another JSON type", application("direct"), {
    auth: { headers: { authorization: { a: 1 } } }
  }, {
    ...refused(400, "Message header \"authorization\" must be text, a number or a boolean"),
    difference: {
      id: "S-http-head",
      peer: { a: [error(401, "An internal server error occurred", { type: "hello", id: 1 })] }
    }
  }),
  hello("direct: a scheme that is broken", application("direct", { scheme: "custom" }), direct(custom("broken")), {
    ...refused(503, "No database"),
    difference: { id: "S-auth-broken", peer: { a: [error(401, "No database", { type: "hello", id: 1 })] } }
  }),
  {
    name: "direct: the host and x-forwarded-for of the upgrade request",
    application: application("direct", { scheme: "custom" }),
    play: async (stage) => {
      const headers = { authorization: "Custom john", "X-Forwarded-For": "6.6.6.6", host: "evil.example" }
      await stage.open("a", { auth: { headers } }, { headers: { host: "shop.example", "x-forwarded-for": "1.2.3.4" } })
    },
    expect: { a: [welcome("a")], record: ["authenticate [\"john\",\"1.2.3.4\",\"auth\",\"shop.example\"]"] },
    difference: {
      id: "S-host",
      peer: { a: [welcome("a")], record: ["authenticate [\"john\",\"1.2.3.4\",\"auth\",\"evil.example\"]"] }
    }
  },
  hello("direct: wrong password without a default", {
    scheme: "basic",
    nes: { auth: { route: "default" } },
    pluginLast: true
  }, direct(basic("john", "wrong"))),
  hello("direct: credentials though the server has no strategy", {}, direct(basic("john"))),
  hello(
    "direct: credentials though auth is off",
    { nes: { auth: false } },
    direct(basic("john")),
    refused(401, "Invalid token")
  ),
  hello("direct: a string though auth is off", { nes: { auth: false } }, { auth: "x" }, refused(401, "Invalid token")),
  {
    name: "direct: optional mode, without credentials",
    application: application("direct", { mode: "optional" }),
    play: async (stage) => {
      const a = await stage.open("a")
      await me(a)
      await a.ask({ type: "request", method: "GET", path: "/me-optional" })
      await stage.control("socket", a.id, "auth")
    }
  },
  {
    name: "direct: optional mode, with credentials",
    application: application("direct", { mode: "optional" }),
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john")))
      await me(a)
    }
  },
  hello(
    "direct: optional mode, wrong password",
    application("direct", { mode: "optional" }),
    direct(basic("john", "wrong"))
  ),
  hello("direct: optional mode, empty auth", application("direct", { mode: "optional" }), { auth: {} }),
  {
    name: "direct: try mode, wrong password",
    application: application("direct", { mode: "try" }),
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john", "wrong")))
      await stage.control("socket", a.id, "auth")
    }
  },
  {
    name: "direct: the endpoint is out of reach",
    application: application("direct"),
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john")))
      for (const method of ["GET", "POST"]) {
        await a.ask({ type: "request", method, path: "/nes/auth" })
      }
      await a.ask({ type: "request", method: "GET", path: "nes.auth" })
      await stage.http("/nes/auth", { authorization: basic("john") })
    },
    expect: {
      a: [
        welcome("a"),
        ...[2, 3, 4].map((id) => error(404, "Not Found", { type: "request", id }))
      ],
      http: ["404 [] {\"statusCode\":404,\"error\":\"Not Found\",\"message\":\"Not Found\"}"]
    }
  },
  {
    name: "direct: an endpoint and id of its own",
    application: application("direct", { auth: { endpoint: "/elsewhere", id: "my.auth" } }),
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john")))
      await a.ask({ type: "request", method: "GET", path: "/elsewhere" })
      await a.ask({ type: "request", method: "GET", path: "my.auth" })
      await a.ask({ type: "request", method: "GET", path: "/nes/auth" })
    }
  },
  {
    name: "direct: x-forwarded-for reaches the scheme",
    application: application("direct", { scheme: "custom" }),
    play: async (stage) => {
      const a = await stage.open("a", direct(custom("john")), { headers: { "x-forwarded-for": "1.2.3.4" } })
      await me(a)
      await stage.control("socket", a.id, "auth")
    }
  },
  {
    name: "direct: the client's own x-forwarded-for does not",
    application: application("direct", { scheme: "custom" }),
    play: async (stage) => {
      const a = await stage.open("a", {
        auth: { headers: { authorization: custom("john", "flagged"), "x-forwarded-for": "6.6.6.6" } }
      })
      await stage.control("socket", a.id, "auth")
    }
  },
  {
    name: "direct: a second hello after a refused one",
    application: application("direct"),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john", "wrong")))
      a.send({ type: "hello", version: "2", id: 5, ...direct(basic("john")) })
      await a.next()
      await a.settled()
    },
    expect: {
      a: [error(401, "Bad username or password", { type: "hello", id: 1 }), "closed 1005"]
    },
    difference: {
      id: "S-refused-hello",
      peer: {
        a: [
          error(401, "Bad username or password", { type: "hello", id: 1 }),
          error(400, "Connection already initialized", { type: "hello", id: 5 }),
          "(still open)"
        ]
      }
    }
  }
]

const cookieScripts: ReadonlyArray<Script> = [
  {
    name: "cookie: login, hello, request",
    application: application("cookie"),
    play: async (stage) => {
      const jar = await cookie(stage, basic("john"))
      const a = await stage.open("a", {}, { headers: { cookie: jar } })
      await me(a)
      await a.ask({ type: "request", method: "GET", path: "/scope-a" })
      await stage.control("socket", a.id, "auth")
    }
  },
  {
    name: "cookie: every attribute",
    application: application("cookie", {
      auth: {
        cookie: "session",
        isSecure: false,
        isHttpOnly: false,
        isSameSite: "Lax",
        path: "/socket",
        domain: "example.org",
        ttl: 60_000
      }
    }),
    play: async (stage) => {
      const jar = await cookie(stage, basic("john"))
      const a = await stage.open("a", {}, { headers: { cookie: `other=1; ${jar}` } })
      await me(a)
    }
  },
  {
    name: "cookie: no SameSite, no path",
    application: application("cookie", { auth: { isSameSite: false, path: null, domain: null, ttl: null } }),
    play: async (stage) => void await stage.http("/nes/auth", { authorization: basic("john") })
  },
  {
    name: "cookie: a password is generated",
    application: application("cookie", { auth: { password: undefined } }),
    play: async (stage) => {
      const jar = await cookie(stage, basic("john"))
      await stage.open("a", {}, { headers: { cookie: jar } })
    }
  },
  {
    name: "cookie: wrong login",
    application: application("cookie"),
    play: async (stage) => {
      await stage.http("/nes/auth", { authorization: basic("john", "wrong") })
      await stage.http("/nes/auth")
    }
  },
  {
    name: "cookie: unauthenticated login in try mode",
    application: application("cookie", { mode: "try" }),
    play: async (stage) => void await stage.http("/nes/auth")
  },
  hello("cookie: none", application("cookie"), {}, refused(401, "Connection requires authentication")),
  {
    name: "cookie: another cookie only",
    application: application("cookie"),
    fence: false,
    play: async (stage) => void await stage.open("a", {}, { headers: { cookie: "other=1" } }),
    ...refused(401, "Connection requires authentication")
  },
  {
    name: "cookie: tampered with",
    application: application("cookie"),
    fence: false,
    play: async (stage) => {
      const jar = await cookie(stage, basic("john"))
      await stage.open("a", {}, { headers: { cookie: `${jar.slice(0, -3)}xyz` } })
    }
  },
  ...["nes=x", "nes=", "nes=Fe26.2**1*2*3*4*5*6*7", "nes", "=", "nes=\"", "nes=x; nes=y", ";;;", "nes=\u00e9"].map((
    jar
  ): Script => ({
    name: `cookie: ${JSON.stringify(jar)}`,
    application: application("cookie"),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", {}, { headers: { cookie: jar } })
      a.terminate()
    }
  })),
  {
    name: "cookie: unreadable",
    ...refused(401, "Invalid nes authentication cookie"),
    application: application("cookie"),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", {}, { headers: { cookie: "a=\"; b" } })
      a.terminate()
    }
  },
  {
    name: "cookie: twice the same",
    application: application("cookie"),
    fence: false,
    play: async (stage) => {
      const jar = await cookie(stage, basic("john"))
      const a = await stage.open("a", {}, { headers: { cookie: `${jar}; ${jar}` } })
      a.terminate()
    },
    expect: {
      a: [error(401, "Invalid nes authentication cookie", { type: "hello", id: 1 })],
      http: [cookieLogin]
    },
    difference: { id: "S-sealed-shape", peer: { a: [welcome("a")], http: [cookieLogin] } }
  },
  {
    name: "cookie: a login of one whose cookie cannot be read any more",
    application: application("cookie"),
    play: async (stage) => {
      await stage.http("/nes/auth", { authorization: basic("john"), cookie: "nes=stale" })
    },
    expect: { http: [cookieLogin] },
    difference: {
      id: "S-stale-cookie",
      peer: { http: ["400 [] {\"statusCode\":400,\"error\":\"Bad Request\",\"message\":\"Invalid cookie value\"}"] }
    }
  },
  {
    name: "cookie: and auth in hello",
    application: application("cookie"),
    fence: false,
    play: async (stage) => {
      const jar = await cookie(stage, basic("john"))
      const a = await stage.open("a", { auth: "x" }, { headers: { cookie: jar } })
      a.terminate()
    },
    expect: {
      a: [error(400, "Connection already authenticated", { type: "hello", id: 1 })],
      http: [cookieLogin]
    }
  },
  {
    name: "cookie: optional mode with a readable cookie",
    application: application("cookie", { mode: "optional" }),
    play: async (stage) => {
      const jar = await cookie(stage, basic("john"))
      const a = await stage.open("a", {}, { headers: { cookie: jar } })
      await me(a)
      await stage.open("b")
    }
  },
  {
    name: "cookie: unreadable, though the type is token",
    application: application("token"),
    play: async (stage) => {
      const sealed = await token(stage, basic("john"))
      const a = await stage.open("a", { auth: sealed }, { headers: { cookie: "a=\"; b" } })
      await a.ask({ type: "request", method: "GET", path: "/scope-a" })
    },
    expect: { a: [welcome("a"), answer(2, 200, "in scope")], http: [tokenLogin] },
    difference: {
      id: "S-cookie-type-only",
      peer: {
        a: [
          error(401, "Invalid nes authentication cookie", { type: "hello", id: 1 }),
          answer(2, 401, { statusCode: 401, error: "Unauthorized", message: "Missing authentication" })
        ],
        http: [tokenLogin]
      }
    }
  },
  {
    name: "cookie: unreadable, though the type is direct",
    application: application("direct"),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john")), { headers: { cookie: "a=\"; b" } })
      a.terminate()
    },
    expect: { a: [welcome("a")] },
    difference: {
      id: "S-cookie-type-only",
      peer: { a: [error(401, "Invalid nes authentication cookie", { type: "hello", id: 1 })] }
    }
  },
  {
    name: "cookie: the endpoint is out of reach of the socket",
    application: application("cookie"),
    play: async (stage) => {
      const jar = await cookie(stage, basic("john"))
      const a = await stage.open("a", {}, { headers: { cookie: jar } })
      await a.ask({ type: "request", method: "GET", path: "/nes/auth" })
      await a.ask({ type: "request", method: "GET", path: "nes.auth" })
    },
    expect: {
      a: [
        welcome("a"),
        error(404, "Not Found", { type: "request", id: 2 }),
        error(404, "Not Found", { type: "request", id: 3 })
      ],
      http: [cookieLogin]
    }
  },
  ...["/nes/auth?a=1", "/nes/auth#a", "/nes/%61uth", "/nes/../nes/auth", "/nes/auth?"].map((path): Script => ({
    name: `cookie: the endpoint is out of reach as ${path}`,
    application: application("cookie"),
    play: async (stage) => {
      const jar = await cookie(stage, basic("john"))
      const a = await stage.open("a", {}, { headers: { cookie: jar } })
      await a.ask({ type: "request", method: "GET", path })
    },
    expect: {
      a: [welcome("a"), error(404, "Not Found", { type: "request", id: 2 })],
      http: [cookieLogin]
    },
    difference: {
      id: "S-endpoint-by-route",
      peer: { a: [welcome("a"), answer(2, 200, { status: "authenticated" })], http: [cookieLogin] }
    }
  }))
]

const tokenScripts: ReadonlyArray<Script> = [
  {
    name: "token: login, hello, request",
    application: application("token"),
    play: async (stage) => {
      const a = await stage.open("a", { auth: await token(stage, basic("john")) })
      await me(a)
      await stage.control("socket", a.id, "auth")
    }
  },
  {
    name: "token: with artifacts",
    application: application("token", { scheme: "custom" }),
    play: async (stage) => {
      const a = await stage.open("a", { auth: await token(stage, custom("john", "flagged")) })
      await me(a)
    },
    difference: {
      id: "S-verify-sealed",
      peer: ({ record = [], ...ours }) => ({ ...ours, record: record.filter((line) => !line.startsWith("verify ")) })
    }
  },
  {
    name: "token: with iron settings",
    application: application("token", {
      auth: {
        iron: {
          encryption: { saltBits: 256, algorithm: "aes-256-cbc", iterations: 1, minPasswordlength: 32 },
          integrity: { saltBits: 256, algorithm: "sha256", iterations: 1, minPasswordlength: 32 },
          ttl: 60_000,
          timestampSkewSec: 60,
          localtimeOffsetMsec: 0
        }
      }
    }),
    play: async (stage) => {
      const a = await stage.open("a", { auth: await token(stage, basic("john")) })
      await me(a)
    }
  },
  {
    name: "token: a password is generated",
    application: application("token", { auth: { password: undefined } }),
    play: async (stage) => {
      await stage.open("a", { auth: await token(stage, basic("john")) })
    }
  },
  {
    name: "token: a rotation object for a password",
    application: application("token", { auth: { password: { id: "one", secret: password, one: password } } }),
    play: async (stage) => {
      await stage.open("a", { auth: await token(stage, basic("john")) })
    },
    expect: { a: [welcome("a")], http: [tokenLogin] }
  },
  {
    name: "token: a rotation object that does not repeat its secret",
    application: application("token", { auth: { password: { id: "one", secret: password } } }),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", { auth: await token(stage, basic("john")) })
      a.terminate()
    },
    expect: { a: [welcome("a")], http: [tokenLogin] },
    difference: {
      id: "S-rotation",
      peer: { a: [error(401, "Invalid token", { type: "hello", id: 1 })], http: [tokenLogin] }
    }
  },
  {
    name: "token: one of iron's settings",
    application: application("token", { auth: { iron: { ttl: 60_000 } } }),
    play: async (stage) => void await stage.http("/nes/auth", { authorization: basic("john") }),
    expect: { http: [tokenLogin] },
    difference: {
      id: "S-iron-merge",
      peer: {
        http: [
          "500 [] {\"statusCode\":500,\"error\":\"Internal Server Error\",\"message\":\"An internal server error occurred\"}"
        ]
      }
    }
  },
  {
    name: "token: a password that is too short",
    application: application("token", { auth: { password: "short" } }),
    fence: false,
    play: async (stage) => {
      await stage.http("/nes/auth", { authorization: basic("john") })
      const a = await stage.open("a", { auth: "x" })
      a.terminate()
    },
    expect: { registration: ["Invalid nes configuration"] },
    difference: {
      id: "S-password",
      peer: {
        a: [error(401, "Invalid token", { type: "hello", id: 1 })],
        http: [
          "500 [] {\"statusCode\":500,\"error\":\"Internal Server Error\",\"message\":\"An internal server error occurred\"}"
        ]
      }
    }
  },
  {
    name: "token: several connections with one token",
    application: application("token"),
    play: async (stage) => {
      const auth = await token(stage, basic("john"))
      await stage.open("a", { auth })
      await stage.open("b", { auth })
    }
  },
  {
    name: "token: unauthenticated login in try mode",
    application: application("token", { mode: "try" }),
    play: async (stage) => void await stage.http("/nes/auth")
  },
  hello("token: none", application("token"), {}, refused(401, "Connection requires authentication")),
  ...["x", "Fe26.2**1*2*3*4*5*6*7", 5, true, {}, { headers: { authorization: basic("john") } }, ["a"]].map((auth) =>
    hello(`token: ${JSON.stringify(auth)}`, application("token"), { auth }, refused(401, "Invalid token"))
  ),
  {
    name: "token: tampered with",
    application: application("token"),
    fence: false,
    play: async (stage) => {
      const sealed = String(await token(stage, basic("john")))
      const a = await stage.open("a", { auth: `${sealed.slice(0, -3)}xyz` })
      a.terminate()
    }
  },
  {
    name: "token: optional mode without a token",
    application: application("token", { mode: "optional" }),
    play: async (stage) => {
      const a = await stage.open("a")
      await a.ask({ type: "request", method: "GET", path: "/me-optional" })
    }
  },
  ...["/nes/auth", "nes.auth", "/nes/auth?a=1"].map((path): Script => ({
    name: `token: the endpoint is out of reach as ${path}`,
    application: application("token"),
    play: async (stage) => {
      const a = await stage.open("a", { auth: await token(stage, basic("john")) })
      await a.ask({ type: "request", method: "GET", path })
    },
    expect: {
      a: [welcome("a"), error(404, "Not Found", { type: "request", id: 2 })],
      http: [tokenLogin]
    },
    ...(path.includes("?")
      ? {
        difference: {
          id: "S-endpoint-by-route",
          peer: {
            a: [welcome("a"), answer(2, 200, { status: "authenticated", token: "<sealed>" })],
            http: [tokenLogin]
          }
        }
      }
      : undefined)
  }))
]

const reauthScripts: ReadonlyArray<Script> = [
  {
    name: "reauth: direct, to another user",
    application: application("direct", { auth: { index: true } }),
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john")))
      await a.ask({ type: "reauth", ...direct(basic("jane")) })
      await me(a)
      await stage.control("broadcast", "for jane", { user: "jane" })
    },
    expect: {
      a: [
        welcome("a"),
        "{\"type\":\"reauth\",\"id\":2}",
        answer(3, 200, {
          isAuthenticated: true,
          credentials: { user: "jane", scope: "b" },
          artifacts: null,
          strategy: "default",
          mode: "required"
        }),
        "{\"type\":\"update\",\"message\":\"for jane\"}"
      ],
      control: ["broadcast: \"done\""]
    }
  },
  {
    name: "reauth: the former user's index entry is gone",
    application: application("direct", { auth: { index: true } }),
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john")))
      await a.ask({ type: "reauth", ...direct(basic("jane")) })
      await stage.control("broadcast", "for john", { user: "john" })
    },
    expect: { a: [welcome("a"), "{\"type\":\"reauth\",\"id\":2}"], control: ["broadcast: \"done\""] },
    difference: {
      id: "S-reauth-index",
      peer: {
        a: [welcome("a"), "{\"type\":\"reauth\",\"id\":2}", "{\"type\":\"update\",\"message\":\"for john\"}"],
        control: ["broadcast: \"done\""]
      }
    }
  },
  {
    name: "reauth: the same user counts once",
    application: application("direct", { auth: { index: true } }),
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john")))
      await a.ask({ type: "reauth", ...direct(basic("john")) })
      await stage.control("broadcast", "for john", { user: "john" })
    },
    expect: {
      a: [welcome("a"), "{\"type\":\"reauth\",\"id\":2}", "{\"type\":\"update\",\"message\":\"for john\"}"],
      control: ["broadcast: \"done\""]
    },
    difference: {
      id: "S-reauth-index",
      peer: {
        a: [
          welcome("a"),
          "{\"type\":\"reauth\",\"id\":2}",
          "{\"type\":\"update\",\"message\":\"for john\"}",
          "{\"type\":\"update\",\"message\":\"for john\"}"
        ],
        control: ["broadcast: \"done\""]
      }
    }
  },
  {
    name: "reauth: token",
    application: application("token"),
    play: async (stage) => {
      const a = await stage.open("a", { auth: await token(stage, basic("john")) })
      await a.ask({ type: "reauth", auth: await token(stage, basic("jane")) })
      await me(a)
    }
  },
  {
    name: "reauth: refused, then disconnected",
    application: application("direct", { onDisconnection: "record" }),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john")))
      await a.ask({ type: "reauth", ...direct(basic("john", "wrong")) })
      await a.closed()
      await stage.recorded("onDisconnection")
    },
    expect: {
      a: [welcome("a"), error(401, "Bad username or password", { type: "reauth", id: 2 }), "closed 1005"],
      record: [
        "onDisconnection [\"<a>\",{\"isAuthenticated\":true,\"credentials\":" +
        "{\"user\":\"john\",\"scope\":[\"a\",\"admin\"],\"name\":\"John\"}}]"
      ]
    }
  },
  {
    name: "disconnect: a client that goes on meanwhile",
    application: application("direct"),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john")))
      // Who does not read does not learn of the server's close.
      a.pause()
      const disconnected = stage.control("socket", a.id, "disconnect")
      await stage.control("socket", a.id, "isOpen")
      a.send({ type: "request", id: 2, method: "GET", path: "/hang" })
      a.resume()
      await disconnected
      await a.closed()
    },
    expect: { a: [welcome("a"), "closed 1005"], control: ["socket: \"done\"", "socket: false"] },
    difference: {
      id: "S-closing",
      peer: {
        a: [welcome("a"), "closed 1005"],
        control: ["socket: \"done\"", "socket: false"],
        record: ["hanging []"]
      }
    }
  },
  {
    name: "reauth: refused token, then disconnected",
    application: application("token"),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", { auth: await token(stage, basic("john")) })
      await a.ask({ type: "reauth", auth: "x" })
      await a.closed()
    }
  },
  {
    name: "reauth: without auth",
    application: application("direct"),
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john")))
      await a.ask({ type: "reauth" })
      await me(a)
    }
  },
  {
    name: "reauth: without auth on a connection that never had any",
    application: application("direct", { mode: "optional" }),
    play: async (stage) => {
      const a = await stage.open("a")
      await a.ask({ type: "reauth" })
      await a.ask({ type: "reauth", ...direct(basic("john")) })
      await me(a)
    }
  },
  {
    name: "reauth: though auth is off",
    application: { nes: { auth: false } },
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a")
      await a.ask({ type: "reauth", auth: "x" })
      await a.closed()
    },
    expect: { a: [welcome("a"), error(401, "Invalid token", { type: "reauth", id: 2 }), "closed 1005"] }
  },
  {
    name: "reauth: without auth, though auth is off",
    application: { nes: { auth: false } },
    play: async (stage) => {
      const a = await stage.open("a")
      await a.ask({ type: "reauth" })
    }
  },
  {
    name: "reauth: cookie",
    application: application("cookie"),
    fence: false,
    play: async (stage) => {
      const jar = await cookie(stage, basic("john"))
      const a = await stage.open("a", {}, { headers: { cookie: jar } })
      await a.ask({ type: "reauth" })
      await me(a)
      await a.ask({ type: "reauth", auth: "x" })
      await a.closed()
    }
  }
]

const reauthenticating: ReadonlyArray<Script> = [
  {
    name: "reauth: subscriptions that the new credentials may not have",
    application: application("direct"),
    play: async (stage) => {
      const a = await stage.open("a", { ...direct(basic("john")), subs: ["/auth/scope", "/o"] })
      await a.ask({ type: "reauth", ...direct(basic("jane")) })
      await stage.control("publish", "/auth/scope", "for those in scope")
      await stage.control("publish", "/o", "for all")
    },
    expect: {
      a: [
        welcome("a"),
        "{\"type\":\"revoke\",\"path\":\"/auth/scope\"}",
        "{\"type\":\"reauth\",\"id\":2}",
        "{\"type\":\"pub\",\"path\":\"/o\",\"message\":\"for all\"}"
      ],
      control: ["publish: \"done\"", "publish: \"done\""]
    },
    difference: {
      id: "S-reauth-revokes",
      peer: {
        a: [
          welcome("a"),
          "{\"type\":\"reauth\",\"id\":2}",
          "{\"type\":\"pub\",\"path\":\"/auth/scope\",\"message\":\"for those in scope\"}",
          "{\"type\":\"pub\",\"path\":\"/o\",\"message\":\"for all\"}"
        ],
        control: ["publish: \"done\"", "publish: \"done\""]
      }
    }
  },
  {
    name: "reauth: a message sent right behind it",
    application: application("direct"),
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john")))
      a.together({ type: "reauth", id: 2, ...direct(basic("jane")) }, { type: "unsub", id: 3, path: "/o" })
      await a.messages(2)
    },
    expect: { a: [welcome("a"), "{\"type\":\"reauth\",\"id\":2}", "{\"type\":\"unsub\",\"id\":3}"] },
    difference: {
      id: "S-reauth-gate",
      peer: { a: [welcome("a"), "{\"type\":\"unsub\",\"id\":3}", "{\"type\":\"reauth\",\"id\":2}"] }
    }
  },
  {
    name: "reauth: a message sent right behind one that is refused",
    application: application("direct"),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john")))
      a.together({ type: "reauth", id: 2, ...direct(basic("john", "wrong")) }, { type: "unsub", id: 3, path: "/o" })
      await a.closed()
    },
    expect: {
      a: [welcome("a"), error(401, "Bad username or password", { type: "reauth", id: 2 }), "closed 1005"]
    },
    difference: {
      id: "S-reauth-gate",
      peer: {
        a: [
          welcome("a"),
          "{\"type\":\"unsub\",\"id\":3}",
          error(401, "Bad username or password", { type: "reauth", id: 2 }),
          "closed 1005"
        ]
      }
    }
  }
]

const verifying = (more: ApplicationOptions & { readonly auth?: Readonly<Record<string, unknown>> } = {}) =>
  application("direct", {
    scheme: "custom",
    nes: { heartbeat: false },
    ...more,
    auth: { minAuthVerifyInterval: 1, ...more.auth }
  })

/** One millisecond passes: the interval under test is that short. */
const tick = (): Promise<void> => wait(5)

/** Some time passes. */
const wait = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms)
  })

const verifyScripts: ReadonlyArray<Script> = [
  {
    name: "verify: due, and in order",
    application: verifying(),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", direct(custom("john")))
      await tick()
      await me(a)
      await stage.recorded("authenticate")
      await stage.recorded("verify")
    }
  },
  {
    name: "verify: revoked, then disconnected",
    application: verifying({ onDisconnection: "record" }),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", direct(custom("john")))
      await stage.control("revokeUser", "john")
      await tick()
      await me(a)
      await a.closed()
      await stage.recorded("authenticate")
      await stage.recorded("verify")
      await stage.recorded("onDisconnection")
    },
    expect: {
      a: [
        welcome("a", 1, false),
        error(403, "Credential verification failed", { type: "request", id: 2 }),
        "closed 1005"
      ],
      control: ["revokeUser: undefined"],
      record: [
        "authenticate [\"john\",null,\"auth\"]",
        "verify [\"john\",{\"from\":\"custom\"}]",
        "onDisconnection [\"<a>\",{\"isAuthenticated\":true,\"credentials\":" +
        "{\"user\":\"john\",\"scope\":[\"a\",\"admin\"],\"name\":\"John\"}}]"
      ]
    }
  },
  ...(["ping", "unsub", "message", "nonsense", "hello"] as const).map((type): Script => ({
    name: `verify: revoked, noticed by ${type}`,
    application: verifying(),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", direct(custom("john")))
      await stage.control("revokeUser", "john")
      await tick()
      await a.ask({ type, path: "/o" })
      await a.closed()
    }
  })),
  {
    name: "verify: a malformed message does not look",
    application: verifying(),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", direct(custom("john")))
      await stage.control("revokeUser", "john")
      await tick()
      a.text("{")
      await a.next()
      a.text("{\"type\":\"ping\"}")
      await a.next()
      await me(a)
      await a.closed()
    }
  },
  {
    name: "verify: off",
    application: verifying({ auth: { minAuthVerifyInterval: false } }),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", direct(custom("john")))
      await stage.control("revokeUser", "john")
      await tick()
      await me(a)
    }
  },
  {
    name: "verify: not due by default",
    application: application("direct", { scheme: "custom" }),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", direct(custom("john")))
      await stage.control("revokeUser", "john")
      await tick()
      await me(a)
    }
  },
  {
    name: "verify: a scheme that cannot",
    application: application("direct", { nes: { heartbeat: false }, auth: { minAuthVerifyInterval: 1 } }),
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john")))
      await tick()
      await me(a)
    }
  },
  {
    name: "verify: nothing to do when unauthenticated",
    application: verifying({ mode: "optional" }),
    play: async (stage) => {
      const a = await stage.open("a")
      await tick()
      await a.ask({ type: "request", method: "GET", path: "/me-optional" })
    }
  },
  {
    name: "verify: a reauthentication of a revoked user comes too late",
    application: verifying(),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", direct(custom("john")))
      await stage.control("revokeUser", "john")
      await tick()
      await a.ask({ type: "reauth", ...direct(custom("jane")) })
      await a.closed()
    }
  }
]

const verified = "verify [\"john\",{\"from\":\"custom\"}]"
const unverified = error(403, "Credential verification failed", { type: "hello", id: 1 })

/** What a beat of the heartbeat looks like. */
const beat = "{\"type\":\"ping\"}"

const lastingScripts: ReadonlyArray<Script> = [
  {
    name: "verify: a token of a revoked user",
    application: application("token", { scheme: "custom" }),
    fence: false,
    play: async (stage) => {
      const auth = await token(stage, custom("john"))
      await stage.control("revokeUser", "john")
      const a = await stage.connect("a")
      await a.hello({ auth })
    },
    expect: {
      a: [unverified],
      http: [tokenLogin],
      control: ["revokeUser: undefined"],
      record: ["authenticate [\"john\",null,\"get\"]", verified]
    },
    difference: {
      id: "S-verify-sealed",
      peer: {
        a: [welcome("a")],
        http: [tokenLogin],
        control: ["revokeUser: undefined"],
        record: ["authenticate [\"john\",null,\"get\"]"]
      }
    }
  },
  {
    name: "verify: a cookie of a revoked user",
    application: application("cookie", { scheme: "custom" }),
    fence: false,
    play: async (stage) => {
      const jar = await cookie(stage, custom("john"))
      await stage.control("revokeUser", "john")
      const a = await stage.connect("a", { headers: { cookie: jar } })
      await a.hello()
    },
    expect: {
      a: [unverified],
      http: [cookieLogin],
      control: ["revokeUser: undefined"],
      record: ["authenticate [\"john\",null,\"get\"]", verified]
    },
    difference: {
      id: "S-verify-sealed",
      peer: {
        a: [welcome("a")],
        http: [cookieLogin],
        control: ["revokeUser: undefined"],
        record: ["authenticate [\"john\",null,\"get\"]"]
      }
    }
  },
  {
    name: "verify: a reauthentication within the interval",
    application: verifying({ auth: { minAuthVerifyInterval: 900 } }),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", direct(custom("john")))
      await wait(600)
      await a.ask({ type: "reauth", ...direct(custom("john")) })
      await wait(600)
      await a.ask({ type: "unsub", path: "/o" })
    },
    expect: {
      a: [welcome("a", 1, false), "{\"type\":\"reauth\",\"id\":2}", "{\"type\":\"unsub\",\"id\":3}"],
      record: ["authenticate [\"john\",null,\"auth\"]", "authenticate [\"john\",null,\"auth\"]", verified]
    },
    difference: {
      id: "S-verify-interval",
      peer: ({ record = [], ...ours }) => ({ ...ours, record: record.slice(0, -1) })
    }
  },
  {
    name: "verify: a client that only listens",
    application: application("direct", {
      scheme: "custom",
      nes: { heartbeat: { interval: 1000, timeout: 900 } },
      auth: { minAuthVerifyInterval: 1500 }
    }),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", direct(custom("john")))
      await stage.control("revokeUser", "john")
      // It answers no ping: what it is sent keeps it alive.
      await wait(400)
      await stage.control("socket", a.id, "send", 1)
      await wait(1000)
      await stage.control("socket", a.id, "send", 2)
      await a.closed(1000)
    },
    expect: {
      a: [
        welcome("a", 1, { interval: 1000, timeout: 900 }),
        "{\"type\":\"update\",\"message\":1}",
        beat,
        "{\"type\":\"update\",\"message\":2}",
        beat,
        "closed 1005"
      ],
      control: ["revokeUser: undefined", "socket: \"done\"", "socket: \"done\""],
      record: ["authenticate [\"john\",null,\"auth\"]", verified]
    },
    difference: {
      id: "S-verify-listeners",
      peer: ({ a = [], record = [], ...ours }) => ({
        ...ours,
        a: [...a.slice(0, -1), "(still open)"],
        record: record.slice(0, -1)
      })
    }
  }
]

const limitScripts: ReadonlyArray<Script> = [
  {
    name: "maxConnectionsPerUser: direct",
    application: application("direct", { auth: { index: true, maxConnectionsPerUser: 1 } }),
    fence: false,
    play: async (stage) => {
      await stage.open("a", direct(basic("john")))
      const b = await stage.open("b", direct(basic("john")))
      b.terminate()
      await stage.open("c", direct(basic("jane")))
    },
    expect: {
      a: [welcome("a")],
      b: [error(503, "Too many connections for the authenticated user", { type: "hello", id: 1 })],
      c: [welcome("c")]
    }
  },
  {
    name: "maxConnectionsPerUser: who was refused is nobody",
    application: application("direct", { auth: { index: true, maxConnectionsPerUser: 1 }, onDisconnection: "record" }),
    fence: false,
    play: async (stage) => {
      await stage.open("a", direct(basic("plain")))
      const b = await stage.open("b", direct(basic("plain")))
      await b.close()
      await stage.recorded("onDisconnection")
    },
    expect: {
      a: [welcome("a")],
      b: [error(503, "Too many connections for the authenticated user", { type: "hello", id: 1 }), "closed 1005"],
      record: [`onDisconnection ["<socket 0>",{"isAuthenticated":false,"credentials":null}]`]
    },
    difference: {
      id: "S-too-many-503",
      peer: (ours) => ({
        ...ours,
        record: [`onDisconnection ["<socket 0>",{"isAuthenticated":true,"credentials":{"user":"plain"}}]`]
      })
    }
  },
  {
    name: "maxConnectionsPerUser: the place is free again",
    application: application("direct", { auth: { index: true, maxConnectionsPerUser: 1 }, onDisconnection: "record" }),
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john")))
      await a.close()
      await stage.recorded("onDisconnection")
      await stage.open("b", direct(basic("john")))
    }
  },
  {
    name: "maxConnectionsPerUser: token",
    application: application("token", { auth: { index: true, maxConnectionsPerUser: 1 } }),
    fence: false,
    play: async (stage) => {
      const auth = await token(stage, basic("john"))
      await stage.open("a", { auth })
      const b = await stage.open("b", { auth })
      b.terminate()
    },
    expect: {
      a: [welcome("a")],
      b: [error(503, "Too many connections for the authenticated user", { type: "hello", id: 1 })],
      http: [tokenLogin]
    },
    difference: {
      id: "S-too-many-503",
      peer: {
        a: [welcome("a")],
        b: [error(401, "Invalid token", { type: "hello", id: 1 })],
        http: [tokenLogin]
      }
    }
  },
  {
    name: "maxConnectionsPerUser: cookie",
    application: application("cookie", { auth: { index: true, maxConnectionsPerUser: 1 } }),
    fence: false,
    play: async (stage) => {
      const jar = await cookie(stage, basic("john"))
      await stage.open("a", {}, { headers: { cookie: jar } })
      const b = await stage.open("b", {}, { headers: { cookie: jar } })
      b.terminate()
    }
  },
  {
    name: "maxConnectionsPerUser: a reauthentication does not count its own socket",
    application: application("direct", { auth: { index: true, maxConnectionsPerUser: 1 } }),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john")))
      await a.ask({ type: "reauth", ...direct(basic("john")) })
      await a.closed(100)
    },
    expect: { a: [welcome("a"), "{\"type\":\"reauth\",\"id\":2}", "(still open)"] },
    difference: {
      id: "S-reauth-own-place",
      peer: {
        a: [
          welcome("a"),
          error(503, "Too many connections for the authenticated user", { type: "reauth", id: 2 }),
          "closed 1005"
        ]
      }
    }
  },
  {
    name: "maxConnectionsPerUser: anonymous credentials are not counted",
    application: application("direct", { auth: { index: true, maxConnectionsPerUser: 1 } }),
    play: async (stage) => {
      await stage.open("a", direct(basic("robot")))
      await stage.open("b", direct(basic("robot")))
    }
  },
  {
    name: "auth.timeout: a silent connection is ended",
    application: application("direct", { auth: { timeout: 60 } }),
    fence: false,
    play: async (stage) => {
      const a = await stage.connect("a")
      await a.closed()
    },
    expect: { a: ["closed 1005"] }
  },
  {
    name: "auth.timeout: hello in time",
    application: application("direct", { auth: { timeout: 400 } }),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john")))
      await a.closed(600)
    },
    expect: { a: [welcome("a"), "(still open)"] }
  },
  {
    name: "auth.timeout: authentication is not required",
    application: application("direct", { mode: "optional", auth: { timeout: 60 } }),
    fence: false,
    play: async (stage) => {
      const a = await stage.connect("a")
      await a.closed(200)
    },
    expect: { a: ["(still open)"] },
    difference: { id: "S-auth-timeout", peer: { a: ["closed 1005"] } }
  },
  {
    name: "auth.timeout: other messages do not count",
    application: application("direct", { auth: { timeout: 400 } }),
    fence: false,
    play: async (stage) => {
      const a = await stage.connect("a")
      a.send({ type: "ping", id: 1 })
      await a.ask({ type: "request", method: "GET", path: "/" })
      await a.closed()
    }
  }
]

/** Who is refused a path, and how; everyone else is let in. */
type Refusals = Readonly<Record<string, readonly [status: number, message: string]>>

const anyone = ["nobody", "john", "jane", "robot", "plain", "joe"]
const unauthenticated = { nobody: [401, "Authentication required to subscribe"] } as const

const outOfScope = (scopes: string, ...names: ReadonlyArray<string>): Refusals =>
  Object.fromEntries(
    names.map((name) => [name, [403, `Insufficient scope to subscribe, expected any of: ${scopes}`] as const])
  )

const refusals: Readonly<Record<string, Refusals>> = {
  "/o": {},
  "/auth/false": {},
  "/auth/required": unauthenticated,
  "/auth/empty": unauthenticated,
  "/auth/any": unauthenticated,
  "/auth/optional": {},
  "/auth/scope": { ...unauthenticated, ...outOfScope("a", "jane", "plain", "joe") },
  "/auth/scopes": { ...unauthenticated, ...outOfScope("a,b", "plain") },
  "/auth/scope-optional": outOfScope("a", "jane", "plain", "joe"),
  "/auth/scope-param/5": { ...unauthenticated, ...outOfScope("item-5", "john", "jane", "robot", "plain") },
  "/auth/scope-param/6": { ...unauthenticated, ...outOfScope("item-6", "john", "jane", "robot", "plain", "joe") },
  "/auth/scope-whole-param/a": { ...unauthenticated, ...outOfScope("a", "jane", "plain", "joe") },
  "/auth/scope-whole-param/!x": {
    ...unauthenticated,
    ...outOfScope("!x", "john", "jane", "robot", "plain", "joe")
  },
  "/auth/scope-whole-param/+a": {
    ...unauthenticated,
    ...outOfScope("+a", "john", "jane", "robot", "plain", "joe")
  },
  "/auth/scope-required": { ...unauthenticated, ...outOfScope("+a,admin", "jane", "robot", "plain", "joe") },
  "/auth/scope-forbidden": { ...unauthenticated, ...outOfScope("!b,item-5,a", "jane", "plain", "joe") },
  "/auth/scope-plus": { ...unauthenticated, ...outOfScope("+a", "jane", "plain", "joe") },
  "/auth/user": {
    ...unauthenticated,
    robot: [403, "Application credentials cannot be used on a user subscription"]
  },
  "/auth/app": {
    ...unauthenticated,
    ...Object.fromEntries(
      ["john", "jane", "plain", "joe"].map((
        name
      ) => [name, [403, "User credentials cannot be used on an application subscription"] as const])
    )
  }
}

const letIn = (path: string): ReadonlyArray<string> => [
  JSON.stringify({ type: "sub", id: 2, path }),
  JSON.stringify({ type: "pub", path, message: "update" })
]

/** The peer compares `+a` and `!b` with the user's scopes as if they were names. */
const literally: Readonly<Record<string, ReadonlyArray<string>>> = {
  "/auth/scope-forbidden joe": letIn("/auth/scope-forbidden"),
  "/auth/scope-plus john": [
    error(403, "Insufficient scope to subscribe, expected any of: +a", { type: "sub", id: 2 })
  ],
  "/auth/scope-plus robot": [
    error(403, "Insufficient scope to subscribe, expected any of: +a", { type: "sub", id: 2 })
  ]
}

const subscribing = (path: string, name: string, refusal: Refusals[string] | undefined): Script => {
  const control = ["publish: \"done\""]
  const peer = literally[`${path} ${name}`]
  return {
    name: `auth sub: ${path} by ${name}`,
    application: application("direct", { mode: "optional" }),
    play: async (stage) => {
      const a = await stage.open("a", name === "nobody" ? {} : direct(basic(name)))
      await a.ask({ type: "sub", path })
      await stage.control("publish", path, "update")
    },
    expect: {
      a: [
        welcome("a"),
        ...(refusal === undefined ? letIn(path) : [error(refusal[0], refusal[1], { type: "sub", id: 2, path })])
      ],
      control
    },
    ...(peer === undefined
      ? refusal === undefined ? undefined : { difference: failedSubPath }
      : { difference: { id: "S-scope-prefixes", peer: { a: [welcome("a"), ...peer], control } } })
  }
}

const subScripts: ReadonlyArray<Script> = [
  ...Object.entries(refusals).flatMap(([path, refused]) =>
    anyone.map((name) => subscribing(path, name, refused[name]))
  ),
  {
    name: "auth sub: without its own auth the server's default counts",
    application: application("direct"),
    play: async (stage) => {
      const a = await stage.open("a", direct(basic("john")))
      await a.ask({ type: "sub", path: "/o" })
      await a.ask({ type: "sub", path: "/auth/false" })
    }
  },
  {
    name: "auth sub: the scope of the server's default counts",
    application: {
      ...application("direct", { auth: { route: { strategy: "default", mode: "required" } } }),
      scope: ["admin"],
      pluginLast: true
    },
    play: async (stage) => {
      const a = await stage.open("a", { subs: ["/o"], ...direct(basic("john")) })
      await a.ask({ type: "sub", path: "/item/5" })
      const b = await stage.open("b", direct(basic("jane")))
      await b.ask({ type: "sub", path: "/o" })
    },
    expect: {
      a: [welcome("a"), JSON.stringify({ type: "sub", id: 2, path: "/item/5" })],
      b: [
        welcome("b"),
        error(403, "Insufficient scope to subscribe, expected any of: admin", { type: "sub", id: 2, path: "/o" })
      ]
    },
    difference: {
      id: "S-default-scope",
      peer: (ours) => ({ ...ours, b: [welcome("b"), JSON.stringify({ type: "sub", id: 2, path: "/o" })] })
    }
  },
  {
    name: "auth sub: in hello",
    application: application("direct", { mode: "optional" }),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", { subs: ["/o", "/auth/required"] })
      a.terminate()
    }
  },
  {
    name: "auth sub: a scope refused in hello",
    application: application("direct"),
    fence: false,
    play: async (stage) => {
      const a = await stage.open("a", { subs: ["/auth/scopes", "/auth/scope"], ...direct(basic("jane")) })
      a.terminate()
    }
  }
]

const indexScripts: ReadonlyArray<Script> = [
  {
    name: "index: broadcast to a user",
    application: application("direct", { auth: { index: true } }),
    play: async (stage) => {
      await stage.open("a", direct(basic("john")))
      await stage.open("b", direct(basic("jane")))
      await stage.open("c", direct(basic("john")))
      await stage.control("broadcast", "john", { user: "john" })
      await stage.control("broadcast", "nobody", { user: "nobody" })
      await stage.control("broadcast", "all")
    }
  },
  {
    name: "index: broadcast to the user __proto__",
    application: application("direct", { auth: { index: true } }),
    play: async (stage) => {
      await stage.open("a", direct(basic("john")))
      await stage.control("broadcast", "proto", { user: "__proto__" })
    },
    expect: { a: [welcome("a")], control: ["broadcast: \"done\""] },
    difference: {
      id: "S-prototype-paths",
      peer: { a: [welcome("a")], control: ["broadcast: {\"throws\":\"sockets.forEach is not a function\"}"] }
    }
  },
  {
    name: "index: publish to a user",
    application: application("direct", { auth: { index: true } }),
    play: async (stage) => {
      const subs = ["/auth/index", "/auth/index/5"]
      await stage.open("a", { subs, ...direct(basic("john")) })
      await stage.open("b", { subs, ...direct(basic("jane")) })
      await stage.open("c", { subs: ["/auth/index/6"], ...direct(basic("john")) })
      await stage.control("publish", "/auth/index", 1, { user: "john" })
      await stage.control("publish", "/auth/index/5", { n: 2 }, { user: "john" })
      await stage.control("publish", "/auth/index/6", { n: 3 }, { user: "john" })
      await stage.control("publish", "/auth/index", 4, { user: "nobody" })
      await stage.control("publish", "/auth/index/5", { filter: "only user", only: "jane" })
      await stage.control("eachSocket", { subscription: "/auth/index", user: "john" })
      await stage.control("eachSocket", { subscription: "/auth/index/6", user: "john" })
      await stage.control("eachSocket", { subscription: "/auth/index/6", user: "jane" })
    }
  },
  {
    name: "index: left with the subscription",
    application: application("direct", { auth: { index: true } }),
    play: async (stage) => {
      const a = await stage.open("a", { subs: ["/auth/index"], ...direct(basic("john")) })
      await a.ask({ type: "unsub", path: "/auth/index" })
      await stage.control("publish", "/auth/index", 1, { user: "john" })
      await stage.control("eachSocket", { subscription: "/auth/index", user: "john" })
    }
  },
  {
    name: "index: of a subscription that allows anyone",
    application: application("direct", { mode: "optional", auth: { index: true } }),
    play: async (stage) => {
      await stage.open("a", { subs: ["/auth/index-optional"] })
      await stage.open("b", { subs: ["/auth/index-optional"], ...direct(basic("john")) })
      await stage.open("c", { subs: ["/auth/index-optional"], ...direct(basic("robot")) })
      await stage.control("publish", "/auth/index-optional", 1, { user: "john" })
      await stage.control("publish", "/auth/index-optional", 2)
    }
  },
  {
    name: "index: broadcast to a user without auth.index",
    application: application("direct"),
    play: async (stage) => {
      await stage.open("a", direct(basic("john")))
      await stage.control("broadcast", 1, { user: "john" })
      await stage.control("publish", "/auth/required", 1, { user: "john" })
    }
  },
  {
    name: "index: the filter sees the credentials",
    application: application("direct"),
    play: async (stage) => {
      await stage.open("a", { subs: ["/filtered/5"], ...direct(basic("john")) })
      await stage.open("b", { subs: ["/filtered/5"], ...direct(basic("jane")) })
      await stage.control("publish", "/filtered/5", { filter: "only user", only: "jane" })
    }
  }
]

export const authentication: ReadonlyArray<Script> = [
  ...directScripts,
  ...cookieScripts,
  ...tokenScripts,
  ...reauthScripts,
  ...reauthenticating,
  ...verifyScripts,
  ...lastingScripts,
  ...limitScripts,
  ...subScripts,
  ...indexScripts
]
