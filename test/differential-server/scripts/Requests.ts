/** Requests: what may be asked, and every kind of answer a route gives. */
import { answer, crash as crashed, error, log, type Script, welcome } from "../Script.js"
import type { Json } from "../Stage.js"

const ask = (name: string, message: Json, more: Omit<Script, "name" | "play"> = {}): Script => ({
  name: `request ${name}`,
  play: async (stage) => {
    const a = await stage.open("a")
    await a.ask({ type: "request", ...message })
  },
  ...more
})

const get = (path: string, more: Omit<Script, "name" | "play"> = {}): Script =>
  ask(`GET ${path}`, { method: "GET", path }, more)

const refused = (status: number, message: string): Omit<Script, "name" | "play"> => ({
  expect: { a: [welcome("a"), error(status, message, { type: "request", id: 2 })] }
})

const answered = (status: number, payload: unknown): Omit<Script, "name" | "play"> => ({
  expect: { a: [welcome("a"), answer(2, status, payload)] }
})

const hapiError = (statusCode: number, error: string, message: string): object => ({ statusCode, error, message })

const binary = "The response is binary and cannot be sent over a socket"

const events = "The response is a stream of events and cannot be sent over a socket"

const results: ReadonlyArray<Script> = [
  get("/", answered(200, "hello")),
  get("/object", answered(200, { a: 1, nested: { b: [1, "two", null, true] } })),
  get("/array", answered(200, [1, 2, 3])),
  get("/null", answered(204, null)),
  get("/empty", answered(204, null)),
  get("/null-200"),
  get("/null-object-200"),
  get("/number"),
  get("/boolean"),
  get("/text", answered(200, "ünï😀")),
  get("/buffer"),
  get("/binary", {
    expect: {
      a: [welcome("a"), answer(2, 500, hapiError(500, "Internal Server Error", binary))],
      record: [log("response", binary)]
    },
    difference: { id: "S-binary", peer: { a: [welcome("a"), answer(2, 200, "\ufffdP\ufffd")] } }
  }),
  get("/stream"),
  get("/events", {
    expect: {
      a: [welcome("a"), answer(2, 500, hapiError(500, "Internal Server Error", events))],
      record: [log("response", events)]
    },
    difference: { id: "S-streams", peer: { a: [welcome("a"), answer(2, 200, "data: 1\n\n")] } }
  }),
  get("/closed", answered(200, "")),
  get("/object-stream"),
  get("/abandoned/ended", answered(202, "in parts")),
  get("/abandoned/JSON", answered(203, { a: 1 })),
  get("/abandoned/piped", answered(200, "text")),
  get("/abandoned/piped-later", answered(200, "text")),
  {
    name: "request GET /json-string",
    play: async (stage) => {
      const a = await stage.open("a")
      await a.ask({ type: "request", method: "GET", path: "/json-string" })
    },
    expect: { a: [welcome("a"), answer(2, 200, { a: 1, b: "$1 $$" })] },
    difference: { id: "S-json-replacement", peer: { a: [welcome("a"), answer(2, 200, { a: 1, b: "$1 $" })] } }
  },
  get("/json-string-charset", answered(200, [1, 2])),
  get("/json-text", answered(200, "text")),
  get("/json-broken", {
    expect: { a: [welcome("a"), answer(2, 200, "{not json")] },
    difference: {
      id: "S-json-broken",
      peer: { a: [welcome("a"), "{\"type\":\"request\",\"id\":2,\"statusCode\":200,\"payload\":{not json}"] }
    }
  }),
  get("/json-empty"),
  get("/json-problem"),
  get("/date"),
  get("/to-json", answered(200, { shaped: true })),
  get("/to-json-key", {
    ...answered(200, { key: "" }),
    difference: { id: "S-to-json-key", peer: { a: [welcome("a"), answer(2, 200, { key: "payload" })] } }
  }),
  get("/json-settings"),
  get("/circular"),
  get("/bigint"),
  get("/undefined", answered(500, hapiError(500, "Internal Server Error", "An internal server error occurred"))),
  get("/no-content", answered(204, null)),
  get("/redirect"),
  get("/redirect-permanent"),
  get("/teapot", answered(418, { short: true })),
  get("/error-string", answered(400, "no luck")),
  get("/error-null", answered(500, null)),
  get("/not-modified"),
  get("/throw", answered(500, hapiError(500, "Internal Server Error", "An internal server error occurred"))),
  get("/boom", answered(409, hapiError(409, "Conflict", "taken"))),
  get("/boom-unauthorized"),
  get("/boom-circular", {
    ...answered(400, hapiError(400, "Bad Request", "shaped")),
    difference: {
      id: "S-to-json-key",
      peer: {
        a: [welcome("a"), error(500, "An internal server error occurred", { type: "request", id: 2 })],
        record: [log("serialization", "request")]
      }
    }
  }),
  get("/boom-shaped", answered(400, { custom: "body" })),
  get("/missing", answered(404, hapiError(404, "Not Found", "Not Found"))),
  get("/item/5", answered(200, { id: "5", query: {} })),
  get("/item/5?a=1&b=%20x", answered(200, { id: "5", query: { a: "1", b: " x" } })),
  get("/item/%F0%9F%98%80"),
  get("/item/%zz"),
  get("/item/5#fragment"),
  get("/files", answered(200, { path: null })),
  get("/files/a/b/c.txt", answered(200, { path: "a/b/c.txt" })),
  get("/files/../object"),
  get("//object"),
  get("/any", answered(200, { method: "get" })),
  get("/internal", answered(404, hapiError(404, "Not Found", "Not Found"))),
  get("/wide"),
  get("/long/100000"),
  get("/app", answered(200, { count: 1 })),
  {
    name: "request with its Socket",
    play: async (stage) => {
      const a = await stage.open("a")
      const b = await stage.open("b")
      await a.ask({ type: "request", method: "GET", path: "/info" })
      await b.ask({ type: "request", method: "GET", path: "/info" })
      await a.ask({ type: "request", method: "GET", path: "/app" })
      await a.ask({ type: "request", method: "GET", path: "/app" })
      await b.ask({ type: "request", method: "GET", path: "/app" })
      await stage.http("/app")
      await stage.http("/")
    }
  }
]

const notFound = hapiError(404, "Not Found", "Not Found")
const method = "Message method must be an HTTP method"
const path = "Message path has an invalid character"

/** What HTTP could not carry: ours names it; with the peer it reaches the application. */
const unlike = (
  name: string,
  message: Json,
  reason: string,
  peer: readonly [status: number, payload: unknown]
): Script =>
  ask(name, { method: "GET", path: "/request-headers", ...message }, {
    ...refused(400, reason),
    difference: { id: "S-http-head", peer: { a: [welcome("a"), answer(2, ...peer)] } }
  })

const seen = (headers: Json): object => ({ ...headers, "user-agent": "shot" })

/** A header that ours makes text of, drops or refuses. */
const header = (name: string, headers: Json, ours: Json | string, peer: Json = headers, id = "S-http-head"): Script =>
  ask(name, { method: "GET", path: "/request-headers", headers }, {
    ...(typeof ours === "string" ? refused(400, `Message header ${ours}`) : answered(200, seen(ours))),
    difference: { id, peer: { a: [welcome("a"), answer(2, 200, seen(peer))] } }
  })

/** A payload that the peer takes for none. */
const dropped = (name: string, payload: unknown): Script => ({
  ...ask(`POST with ${name}`, { method: "POST", path: "/echo", payload }),
  ...answered(200, { payload, type: typeof payload }),
  difference: { id: "S-falsy-payload", peer: { a: [welcome("a"), answer(2, 200, { payload: null, type: "object" })] } }
})

const methods: ReadonlyArray<Script> = [
  ask("POST with an object", { method: "POST", path: "/echo", payload: { a: 1, "ü": "😀" } }),
  ask("POST with a string", { method: "POST", path: "/echo", payload: "text" }),
  ask("POST with a JSON string", { method: "POST", path: "/echo", payload: "{\"a\":1}" }),
  ask("POST with a JSON string and its content type", {
    method: "POST",
    path: "/echo",
    payload: "{\"a\":1}",
    headers: { "content-type": "application/json" }
  }),
  ask("POST with broken JSON and its content type", {
    method: "POST",
    path: "/echo",
    payload: "{",
    headers: { "content-type": "application/json" }
  }),
  ask("POST with a form", {
    method: "POST",
    path: "/echo",
    payload: "a=1&b=2",
    headers: { "Content-Type": "application/x-www-form-urlencoded" }
  }),
  ask("POST with an unsupported content type", {
    method: "POST",
    path: "/echo",
    payload: "x",
    headers: { "content-type": "application/unknown" }
  }),
  ask("POST with a number", { method: "POST", path: "/echo", payload: 5 }),
  dropped("zero", 0),
  ask("POST with true", { method: "POST", path: "/echo", payload: true }),
  dropped("false", false),
  ask("POST with an array", { method: "POST", path: "/echo", payload: [1, 2] }),
  ask("POST with null", { method: "POST", path: "/echo", payload: null }),
  ask("POST with an empty string", { method: "POST", path: "/echo", payload: "" }),
  ask("POST without payload", { method: "POST", path: "/echo" }),
  ask("POST with an empty object", { method: "POST", path: "/echo", payload: {} }),
  ask("POST over the limit", { method: "POST", path: "/limited", payload: { much: "too much" } }),
  ask("POST with __proto__ in the payload", {
    method: "POST",
    path: "/echo",
    payload: JSON.parse("{\"__proto__\":{\"admin\":true},\"a\":1}")
  }),
  ask("POST that validates", { method: "POST", path: "/validated", payload: { name: "x" } }),
  ask("POST that does not validate", { method: "POST", path: "/validated", payload: { no: "x" } }),
  ask("POST that creates", { method: "POST", path: "/created" }, answered(201, { id: 1 })),
  ask("PUT", { method: "PUT", path: "/item/5", payload: { a: 1 } }),
  ask("PATCH", { method: "PATCH", path: "/item/5" }),
  ask("DELETE", { method: "DELETE", path: "/item/5" }),
  ask("HEAD", { method: "HEAD", path: "/object" }),
  ask("HEAD of nothing", { method: "HEAD", path: "/missing" }),
  ask("OPTIONS", { method: "OPTIONS", path: "/options" }),
  ask("in lower case", { method: "get", path: "/object" }),
  ask("in mixed case", { method: "PoSt", path: "/echo", payload: {} }),
  ask("with a method that no route has", { method: "PURGE", path: "/object" }),
  ask("with a method for a wildcard route", { method: "Purge", path: "/any" }, answered(200, { method: "purge" })),
  unlike("with a method of its own", { method: "custom", path: "/custom" }, method, [200, { custom: true }]),
  unlike("with a method that HTTP does not have", { method: "BREW", path: "/any" }, method, [200, { method: "brew" }]),
  unlike("with a method of HTTP that reaches no handler", { method: "CONNECT", path: "/any" }, method, [
    200,
    { method: "connect" }
  ]),
  unlike("with the method auth", { method: "auth", path: "/object" }, method, [404, notFound]),
  unlike("with the method sub", { method: "sub", path: "/o" }, method, [404, notFound]),
  unlike("with the method *", { method: "*", path: "/any" }, method, [200, { method: "*" }]),
  unlike("with the method _special", { method: "_special", path: "/any" }, method, [200, { method: "_special" }]),
  unlike("with the method __proto__", { method: "__proto__", path: "/any" }, method, [200, { method: "__proto__" }]),
  unlike("with blanks in the method", { method: "GET /x", path: "/any" }, method, [200, { method: "get /x" }]),
  unlike("with a line break in the method", { method: "GET\r\nX: y", path: "/any" }, method, [
    200,
    { method: "get\r\nx: y" }
  ]),
  unlike("with a line break in the path", { path: "/any\r\nX: y" }, path, [404, notFound]),
  unlike("with NUL in the path", { path: "/item/\u0000x" }, path, [200, { id: "\u0000x", query: {} }]),
  unlike("with half a surrogate pair in the path", { path: "/item/\ud800" }, path, [200, { id: "\ud800", query: {} }]),
  ask("with a blank in the path", { method: "GET", path: "/item/a b?c=d e" }),
  ask("with letters beyond ASCII in the path", { method: "GET", path: "/item/ü😀?é=ß" }),
  ask("with an @ in the path", { method: "GET", path: "/item/a@b" }),
  ask("with a user in the path", { method: "GET", path: "//a@b/object" }, {
    expect: { a: [welcome("a"), answer(2, 404, notFound)] },
    difference: {
      id: "S-http-head",
      peer: { a: [welcome("a"), answer(2, 200, { a: 1, nested: { b: [1, "two", null, true] } })] }
    }
  }),
  ask("without a method", { path: "/" }, refused(400, "Message missing method")),
  ask("with an empty method", { method: "", path: "/" }, refused(400, "Message missing method")),
  ask("with method null", { method: null, path: "/" }, refused(400, "Message missing method")),
  ask("without a path", { method: "GET" }, refused(400, "Message missing path")),
  ask("with an empty path", { method: "GET", path: "" }, refused(400, "Message missing path")),
  ask("with path null", { method: "GET", path: null }, refused(400, "Message missing path")),
  ask("without either", {}, refused(400, "Message missing method"))
]

const ids: ReadonlyArray<Script> = [
  ask("by route id", { method: "GET", path: "hello" }, answered(200, "hello")),
  ask("by route id brings its own method", { method: "GET", path: "post", payload: { a: 1 } }, {
    expect: { a: [welcome("a"), answer(2, 200, { payload: { a: 1 } })] }
  }),
  ask("by the id of a route with a method of its own", { method: "GET", path: "custom" }),
  ask("by the id of a route with parameters", { method: "GET", path: "item" }),
  ask("by an unknown route id", { method: "GET", path: "missing" }, refused(404, "Not Found")),
  ask(
    "by the id of an any-method route",
    { method: "GET", path: "any" },
    refused(400, "Cannot use route id with wildcard method route config")
  ),
  ask("by the id of an internal route", { method: "GET", path: "internal" }),
  ask("by a route id with a query", { method: "GET", path: "hello?a=1" }, refused(404, "Not Found")),
  ask("by route id __proto__", { method: "GET", path: "__proto__" }, refused(404, "Not Found")),
  ask("by route id constructor", { method: "GET", path: "constructor" }, refused(404, "Not Found")),
  ask("by an absolute URL", { method: "GET", path: "http://elsewhere/object" }, refused(404, "Not Found")),
  ask("by a blank", { method: "GET", path: " " }, refused(404, "Not Found")),
  ask("by ?", { method: "GET", path: "?" }, refused(404, "Not Found"))
]

const headers: ReadonlyArray<Script> = [
  ask("with headers", {
    method: "GET",
    path: "/request-headers",
    headers: { "X-Custom": "1", "x-lower": "2", accept: "text/plain", cookie: "a=1" }
  }),
  ask("without headers", { method: "GET", path: "/request-headers" }),
  ask("with empty headers", { method: "GET", path: "/request-headers", headers: {} }),
  ask("with headers null", { method: "GET", path: "/request-headers", headers: null }),
  header("with a numeric header", { "x-n": 5 }, { "x-n": "5" }),
  header("with a boolean header", { "x-b": true }, { "x-b": "true" }),
  header("with a header that is null", { a: null }, {}),
  header("with a list header", { "x-l": ["a", "b"] }, "\"x-l\" must be text, a number or a boolean"),
  header("with an object for a header", { a: { b: 1 } }, "\"a\" must be text, a number or a boolean"),
  header("with a line break in a header", { a: "b\r\nc: d" }, "\"a\" has a value with an invalid character"),
  header("with a header beyond Latin-1", { a: "€" }, "\"a\" has a value with an invalid character"),
  header("with a blank in a header's name", { "a b": "c" }, "\"a b\" has no valid name"),
  header("with a header without a name", { "": "c" }, "\"\" has no valid name"),
  header("with blanks around a header", { a: " \t b c " }, { a: "b c" }),
  header("with a header twice", { "x-a": "1", "X-A": "2", Accept: "3", accept: "4" }, {
    "x-a": "1, 2",
    accept: "3, 4"
  }, { "x-a": "2", accept: "4" }),
  header("with a content type twice", { "content-type": "a/b", "Content-Type": "c/d" }, { "content-type": "a/b" }, {
    "content-type": "c/d"
  }),
  header("with a cookie twice", { cookie: "a=1", Cookie: "b=2" }, { cookie: "a=1; b=2" }, { cookie: "b=2" }),
  header(
    "with too many headers",
    Object.fromEntries(Array.from({ length: 2001 }, (_, n) => [`h${n}`, ""])),
    "\"h2000\" is one too many: there may be 2000"
  ),
  ask("with as many headers as there may be", {
    method: "GET",
    path: "/request-headers",
    headers: Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [`h${n}`, ""]))
  }),
  header(
    "with headers that are too large",
    { a: "x".repeat(16_000), b: "x".repeat(400) },
    "\"b\" is too much: headers may have 16384 bytes"
  ),
  ask("with headers as large as they may be", {
    method: "GET",
    path: "/request-headers",
    headers: { a: "x".repeat(16_383) }
  }),
  header(
    "with headers that say how a message travels",
    {
      "Content-Length": "5",
      "transfer-encoding": "chunked",
      connection: "close",
      upgrade: "h2c",
      expect: "100-continue",
      te: "trailers",
      trailer: "a",
      "accept-encoding": "gzip"
    },
    {},
    {
      "content-length": "5",
      "transfer-encoding": "chunked",
      connection: "close",
      upgrade: "h2c",
      expect: "100-continue",
      te: "trailers",
      trailer: "a",
      "accept-encoding": "gzip"
    },
    "S-travel-headers"
  ),
  {
    name: "request with the host and x-forwarded-for of the upgrade request",
    play: async (stage) => {
      const upgrade = { host: "shop.example", "x-forwarded-for": "1.2.3.4" }
      const a = await stage.open("a", {}, { headers: upgrade })
      await a.ask({
        type: "request",
        method: "GET",
        path: "/host",
        headers: { Host: "evil.example", "X-Forwarded-For": "6.6.6.6" }
      })
    },
    expect: { a: [welcome("a"), answer(2, 200, { host: "shop.example", forwarded: "1.2.3.4" })] },
    difference: {
      id: "S-host",
      peer: { a: [welcome("a"), answer(2, 200, { host: "evil.example", forwarded: "6.6.6.6" })] }
    }
  },
  ask("with a range", { method: "GET", path: "/object", headers: { range: "bytes=0-3" } }),
  ask("with a range of text", { method: "GET", path: "/text", headers: { range: "bytes=0-0" } }),
  ask("with a host header", { method: "GET", path: "/object", headers: { host: "elsewhere" } }),
  ask("with user-agent", { method: "GET", path: "/request-headers", headers: { "User-Agent": "mine" } }),
  ask("with if-none-match", { method: "GET", path: "/not-modified", headers: { "if-none-match": "\"e\"" } }),
  ask("with origin", { method: "GET", path: "/object", headers: { origin: "http://elsewhere" } }),
  {
    name: "request with accept-encoding",
    application: { nes: { headers: ["content-encoding"] } },
    play: async (stage) => {
      const a = await stage.open("a")
      await a.ask({ type: "request", method: "GET", path: "/long/2000", headers: { "accept-encoding": "gzip" } })
    },
    expect: { a: [welcome("a"), answer(2, 200, "x".repeat(2000), {})] },
    difference: {
      id: "S-travel-headers",
      peer: { a: [welcome("a"), answer(2, 200, "x".repeat(2000), { "content-encoding": "gzip" })] }
    }
  },
  ...["authorization", "Authorization", "AUTHORIZATION", "aUTHORIZATION"].map((name) =>
    ask(
      `with ${name}`,
      { method: "GET", path: "/", headers: { a: "1", [name]: "Basic x" } },
      refused(400, "Cannot include an Authorization header")
    )
  ),
  ask(
    "with authorization null",
    { method: "GET", path: "/", headers: { authorization: null } },
    answered(200, "hello")
  ),
  ask("with an empty authorization", { method: "GET", path: "/request-headers", headers: { authorization: "" } }, {
    ...refused(400, "Cannot include an Authorization header"),
    difference: {
      id: "S-empty-authorization",
      peer: { a: [welcome("a"), answer(2, 200, { authorization: "", "user-agent": "shot" })] }
    }
  }),
  ask(
    "with authorization by route id",
    { method: "GET", path: "hello", headers: { Authorization: "x" } },
    refused(400, "Cannot include an Authorization header")
  ),
  ask(
    "with authorization of an unknown route id",
    { method: "GET", path: "missing", headers: { Authorization: "x" } },
    refused(400, "Cannot include an Authorization header")
  ),
  ask(
    "with method and path missing and authorization",
    { headers: { Authorization: "x" } },
    refused(400, "Message missing method")
  )
]

/** A field of the wrong JSON type: ours names it; the peer does what JavaScript happens to do. */
const wrong = (name: string, field: string, message: Json, peer: Script["difference"] | undefined): Script =>
  ask(name, { method: "GET", path: "/", ...message }, {
    expect: { a: [welcome("a"), error(400, field, { type: "request", id: 2 })] },
    ...(peer === undefined ? undefined : { difference: peer })
  })

const crash = crashed("S-field-types", { a: [welcome("a"), "closed 1006"] })

/** Where the peer takes it for no headers at all. */
const ignored = { id: "S-field-types", peer: { a: [welcome("a"), answer(2, 200, "hello")] } }

const fields: ReadonlyArray<Script> = [
  wrong("with a numeric method", "Message method must be a string", { method: 5 }, crash),
  wrong("with an object for a method", "Message method must be a string", { method: {} }, crash),
  wrong("with a list for a method", "Message method must be a string", { method: ["GET"] }, crash),
  wrong("with a numeric path", "Message path must be a string", { path: 5 }, crash),
  wrong("with an object for a path", "Message path must be a string", { path: { a: 1 } }, crash),
  wrong("with a list for a path", "Message path must be a string", { path: ["/"] }, {
    id: "S-field-types",
    peer: {
      a: [welcome("a"), answer(2, 400, hapiError(400, "Bad Request", "Cannot read properties of null (reading '0')"))]
    }
  }),
  wrong("with a list in a list for a path", "Message path must be a string", { path: [["/"]] }, crash),
  wrong("with true for a path", "Message path must be a string", { path: true }, crash),
  wrong("with a string for headers", "Message headers must be an object of header values", { headers: "a" }, ignored),
  wrong("with a number for headers", "Message headers must be an object of header values", { headers: 5 }, ignored),
  wrong("with a list for headers", "Message headers must be an object of header values", { headers: ["a"] }, ignored)
]

const concurrency: ReadonlyArray<Script> = [
  {
    name: "request that is slow does not hold up a fast one",
    play: async (stage) => {
      const a = await stage.open("a")
      a.send({ type: "request", id: 10, method: "GET", path: "/gate" })
      await a.ask({ type: "request", method: "GET", path: "/" })
      await stage.control("openGate")
      await a.next()
    },
    expect: {
      a: [welcome("a"), answer(2, 200, "hello"), answer(10, 200, { opened: true })],
      control: ["openGate: undefined"]
    }
  },
  {
    name: "request that publishes first: the update precedes the answer",
    play: async (stage) => {
      const a = await stage.open("a", { subs: ["/o"] })
      await a.ask({ type: "request", method: "GET", path: "/publish-first" })
      await a.next()
    },
    expect: {
      a: [
        welcome("a"),
        "{\"type\":\"pub\",\"path\":\"/o\",\"message\":{\"before\":true}}",
        answer(2, 200, { after: true })
      ]
    }
  },
  {
    name: "request whose route disconnects the socket",
    application: { onDisconnection: "record" },
    play: async (stage) => {
      const a = await stage.open("a")
      a.send({ type: "request", id: 10, method: "GET", path: "/disconnect" })
      await a.closed()
      await stage.recorded("onDisconnection")
    }
  },
  {
    name: "request that is pending while the client leaves",
    application: { onDisconnection: "record" },
    play: async (stage) => {
      const a = await stage.open("a")
      a.send({ type: "request", id: 10, method: "GET", path: "/hang" })
      await stage.recorded("hanging")
      await a.close()
      await stage.recorded("onDisconnection")
    }
  },
  {
    name: "request that can be told that its client has left",
    application: { onDisconnection: "record" },
    play: async (stage) => {
      const a = await stage.open("a")
      a.send({ type: "request", id: 10, method: "GET", path: "/watch" })
      await stage.recorded("hanging")
      await a.close()
      await stage.recorded("onDisconnection")
    },
    expect: {
      a: [welcome("a"), "closed 1005"],
      record: [
        "hanging []",
        "left [false]",
        "onDisconnection [\"<a>\",{\"isAuthenticated\":false,\"credentials\":null}]"
      ]
    },
    difference: {
      id: "S-departed",
      peer: {
        a: [welcome("a"), "closed 1005"],
        record: ["hanging []", "onDisconnection [\"<a>\",{\"isAuthenticated\":false,\"credentials\":null}]"]
      }
    }
  },
  {
    name: "request that is pending holds up nothing",
    play: async (stage) => {
      const a = await stage.open("a")
      a.send({ type: "request", id: 10, method: "GET", path: "/hang" })
      await stage.recorded("hanging")
      await a.ask({ type: "request", method: "GET", path: "/" })
    },
    expect: { a: [welcome("a"), answer(2, 200, "hello")], record: ["hanging []"] }
  }
]

export const requests: ReadonlyArray<Script> = [...results, ...methods, ...ids, ...headers, ...fields, ...concurrency]
