/** What hostile or broken peers make of the protocol's messages: valid ones, changed in structure or in text. */
import type { Random } from "./Random.js"
import {
  artifacts,
  bearerOf,
  counts,
  headerNames,
  headerValues,
  livePaths,
  methods,
  oddMethods,
  payloads,
  places
} from "./Vocabulary.js"

type Json = Record<string, unknown>

const deep = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`

/** A value that does not belong where it is put. */
export const junk = (random: Random): unknown =>
  random.choose<unknown>(
    () => null,
    () => random.pick([true, false, 0, -1, 1.5, 1e308, -0]),
    () =>
      random.pick(["", "x", "/", "//", "/o", "/item/1", "/item/%", "/%zz", "/o?x", "\u0000", "\ud800", "__proto__"]),
    () => random.pick(["constructor", "toString", "hasOwnProperty", "a\r\nset-cookie: b", "😀", "x".repeat(9000)]),
    () => [],
    () => [random.int(0, 9), null, "/o", ["/o"]],
    () => ({}),
    () => JSON.parse(`{"toString":1,"valueOf":2,"length":3,"then":"x"}`) as unknown,
    () => JSON.parse(`{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}`) as unknown,
    () => JSON.parse(deep(random.pick([10, 900, 3000]))) as unknown,
    () => Array.from({ length: random.pick([10, 1500]) }, (_, n) => `/item/${n}`)
  )

const path = (random: Random): string =>
  random.pick([
    "/o",
    "/item/1",
    "/item/2",
    "/hooked/1",
    "/hooked/bad",
    "/reports",
    "/missing",
    "/item/%20",
    "/nes/auth",
    "/vault",
    "/mine/1"
  ])

const named = (random: Random): Json =>
  Object.fromEntries(
    Array.from({ length: random.int(0, 5) }, () => {
      const name = random.pick(headerNames)
      return [random.chance(0.2) ? name.toUpperCase() : name, random.pick(headerValues)]
    })
  )

const headers = (random: Random): unknown =>
  random.choose<unknown>(
    () => named(random),
    () => named(random),
    () => ({ "x-custom": "yes" }),
    () => ({
      accept: "*/*",
      "content-type": random.pick(["text/plain", "application/json", "multipart/form-data", "x"])
    }),
    () => ({ host: "a\r\nb", cookie: "a=1; nes=Fe26.2**x", "transfer-encoding": "chunked", "content-length": "5" }),
    () => ({
      Authorization: "Custom john",
      "x-forwarded-for": "1.2.3.4",
      upgrade: "websocket",
      expect: "100-continue"
    }),
    () => junk(random)
  )

const request = (random: Random, id: unknown): Json => ({
  type: "request",
  id,
  method: random.pick(random.chance(0.9) ? methods : oddMethods),
  path: random.pick(places),
  headers: headers(random),
  payload: random.chance(0.7) ? random.pick(payloads) : junk(random)
})

/** Doors that are closed, tried from every side. */
const trespass = (random: Random, id: unknown): Json =>
  random.choose<Json>(
    () => ({
      type: "request",
      id,
      method: "GET",
      path: random.pick(["/house", "//internal.example/house", "/house?x", "http://internal.example/house"]),
      headers: { [random.pick(["host", "Host", "HOST", "x-forwarded-host", ":authority"])]: "internal.example" }
    }),
    () => ({
      type: "request",
      id,
      method: random.pick(["GET", "auth", "HEAD", "*", "_special"]),
      path: random.pick([
        "/nes/auth",
        "/nes/auth?x",
        "/nes/%61uth",
        "/nes/./auth",
        "/x/../nes/auth",
        "nes.auth",
        "//nes/auth"
      ])
    }),
    () => ({
      type: "request",
      id,
      method: "GET",
      path: random.pick(["/vault", "/internal", "/me", "/%76ault", "//vault"])
    }),
    () => ({
      type: "request",
      id,
      method: "GET",
      path: random.pick(["/me", "/vault"]),
      headers: {
        [
          random.pick([
            " authorization",
            "authorization ",
            "Authorization\u0000",
            "AUTHORIZATION",
            "proxy-authorization"
          ])
        ]: bearerOf(`{"user":"intruder","scope":["root"]}`)
      }
    }),
    () => ({
      type: "sub",
      id,
      path: random.pick(["/vault", "/vault/", "/%76ault", "/mine/1", "/mine/%", "/vault\u0000"])
    })
  )

/** Claims that a careless application believes. */
const claims = (random: Random): string =>
  random.choose(
    () => JSON.stringify({ user: random.pick(["banned", "nobody", "dies", "revoked", "__proto__"]) }),
    () => JSON.stringify({ user: "stranger", scope: junk(random), artifacts: random.pick(artifacts) }),
    () => `{"user":"stranger","__proto__":{"scope":["root"]}}`,
    () => JSON.stringify(junk(random)),
    () => "{"
  )

/** What authenticates directly, or does not. */
export const credentials = (random: Random): unknown =>
  random.choose<unknown>(
    () => ({ headers: { authorization: bearerOf(claims(random)) } }),
    () => ({ headers: { ...named(random), authorization: bearerOf(claims(random)) } }),
    () => ({ headers: { Authorization: random.pick(headerValues) } }),
    () => ({ headers: headers(random) }),
    () => random.pick(["Fe26.2**a*b*c*d*e*f*g", "Fe26.2", "x".repeat(5000)]),
    () => junk(random)
  )

/** A message of a client, as an application's client might send it. */
export const clientMessage = (random: Random, id: unknown): Json =>
  random.choose<Json>(
    () => request(random, id),
    () => request(random, id),
    () => trespass(random, id),
    () => ({ type: "request", id, method: "GET", path: "/me" }),
    () => ({ type: "reauth", id, auth: credentials(random) }),
    () => ({ type: "ping", id }),
    () => ({ type: "sub", id, path: path(random) }),
    () => ({
      type: "sub",
      id,
      path: random.pick(livePaths),
      history: random.pick(counts),
      presence: junk(random),
      ...(random.chance(0.2) && { recover: { epoch: "e", offset: random.pick(counts) } })
    }),
    () => ({ type: "unsub", id, path: random.pick([path(random), ...livePaths]) }),
    () => ({ type: "message", id, message: random.choose<unknown>(() => "hi", () => junk(random)) }),
    () => ({ type: "request", id, method: random.pick(["GET", "POST", "get", "HEAD", "auth"]), path: path(random) }),
    () => ({ type: "request", id, method: "POST", path: "/echo", payload: junk(random) }),
    () => ({ type: "request", id, method: "GET", path: random.pick(["hello", "echo", "nes.auth", "missing"]) }),
    () => ({ type: "request", id, method: "GET", path: "/item/1?a=1&__proto__=2", headers: headers(random) }),
    () => ({ type: "reauth", id, auth: random.choose<unknown>(() => "token", () => junk(random)) }),
    () => ({ type: "hello", id, version: random.pick(["2", "2", "1"]), subs: [path(random)] }),
    () => ({
      type: "hello",
      id,
      version: "2",
      subs: livePaths.slice(0, random.int(0, 4)),
      history: random.choose<unknown>(() => ({ "/live/1": random.pick(counts) }), () => junk(random)),
      presence: random.choose<unknown>(() => ({ "/live/1": junk(random) }), () => junk(random))
    }),
    () => ({ type: random.pick(["cancel", "cancel", "ack"]), id: random.choose<unknown>(() => id, () => earlier(id)) }),
    () => ({ type: "request", id, method: "POST", path: "/echo", payload: junk(random), http: random.pick([true, 1]) }),
    () => procedure(random, id)
  )

// What may still be being answered.
const earlier = (id: unknown): unknown => (typeof id === "number" ? id - 1 : id)

const procedure = (random: Random, id: unknown): Json => ({
  type: "rpc",
  id,
  tag: random.pick<unknown>(["Echo", "Hang", "Count", "none", "__proto__", "", 1]),
  payload: junk(random),
  headers: random.choose<unknown>(() => [], () => [["a", "b"]], () => [["__proto__"]], () => junk(random)),
  traceId: random.pick([undefined, "0af7651916cd43dd8448eb211c80319c", 1]),
  discard: random.pick([undefined, true, "x"])
})

const heartbeat = (random: Random): unknown =>
  random.choose<unknown>(
    () => false,
    () => ({ interval: 1, timeout: 1 }),
    () => ({ interval: random.pick([-1, 0, 1e-9, 2 ** 31, 1e300]), timeout: random.pick([-1, 1, 1e300]) }),
    () => junk(random)
  )

const positions = (random: Random): unknown =>
  random.choose<unknown>(
    () => ({ [path(random)]: { epoch: "e", offset: random.pick([0, -1, 2 ** 53 - 1, 2 ** 53]) } }),
    () => JSON.parse(`{"__proto__":{"epoch":"e","offset":1}}`) as unknown,
    () => junk(random)
  )

/** A message of a server; `id` is one the client is waiting for, or was. */
export const serverMessage = (random: Random, id: unknown): Json =>
  random.choose<Json>(
    () => ({ type: "ping" }),
    () => ({ type: "update", message: junk(random) }),
    () => ({ type: "pub", path: path(random), message: junk(random) }),
    () => ({
      type: "pub",
      path: path(random),
      snapshot: random.pick([true, true, false, 1]),
      message: junk(random),
      position: { epoch: "e", offset: random.pick(counts) }
    }),
    () => ({ type: "revoke", path: path(random), message: junk(random) }),
    () => ({ type: random.pick(["request", "message", "sub", "unsub", "reauth"]), id, statusCode: 200, payload: "x" }),
    () => ({ type: random.pick(["request", "message", "sub", "unsub", "reauth"]), id, path: path(random) }),
    () => ({ type: "request", id, statusCode: random.pick([400, 500, 302, 999, 1]), payload: junk(random) }),
    () => ({ type: "hello", id, heartbeat: heartbeat(random), socket: random.pick(["s", "", 1]) }),
    () => ({ type: "hello", id, heartbeat: false, socket: "s", positions: positions(random) }),
    () => ({ type: "hello", id, heartbeat: false, socket: "s", extensions: random.pick<unknown>([["rpc"], [1], "x"]) }),
    () => ({ type: "rpc", id, values: junk(random) }),
    () => ({ type: "rpc", id, exit: junk(random) }),
    () => ({ type: "rpc", defect: junk(random) }),
    () => ({ type: "ping", gaps: positions(random) }),
    () => ({ statusCode: 400, payload: { error: "Bad Request", message: "Cannot parse message" } })
  )

const fieldNames = (
  "type id path payload headers message auth subs version statusCode recover history presence snapshot position extensions"
).split(" ")

/** Changes what a message consists of. */
const restructure = (random: Random, message: Json): Json => {
  const copy = { ...message }
  const field = random.chance(0.7)
    ? random.pick([...Object.keys(copy), "type"])
    : random.pick([...fieldNames, "__proto__x"])
  if (random.chance(0.3)) {
    delete copy[field]
  } else {
    copy[field] = junk(random)
  }
  return copy
}

/** Changes the text of a message, so that it may be JSON no more. */
const retype = (random: Random, text: string): string => {
  const at = random.int(0, text.length)
  return random.choose(
    () => text.slice(0, at),
    () => text.slice(0, at) + random.pick(["\"", "{", "}", "\\", ",", "\u0000", "1e999", "\ud83d"]) + text.slice(at),
    () => text.slice(0, at) + text.slice(at + random.int(1, 4)),
    () => text + text,
    () => random.pick(["", " ", "null", "[]", "1", "\"x\"", "{", "{}", "+", "!", "+{", "!}", "undefined"]),
    () => text.replace("{", `{"id":1,"__proto__":{"id":2},`),
    () => `${random.pick(["+", "!"])}${text}`
  )
}

/** Turns a message into a text, left alone or mutated. */
export const mutate = (random: Random, message: Json): string => {
  let mutant = message
  while (random.chance(0.4)) {
    mutant = restructure(random, mutant)
  }
  const text = JSON.stringify(mutant)
  return random.chance(0.2) ? retype(random, text) : text
}

/** An id: usually a new one, at times one used before or none at all. */
export const id = (random: Random, n: number): unknown =>
  random.chance(0.8) ? n : random.choose<unknown>(() => random.int(1, n), () => String(n), () => junk(random))
