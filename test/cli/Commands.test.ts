/** `npx effect-nes` against our server and `@hapi/nes` 14's: as a process of its own where that matters, else in this one. */
import * as Boom from "@hapi/boom"
import Hapi from "@hapi/hapi"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:http"
import { createRequire } from "node:module"
import { type AddressInfo, createServer as createTcpServer } from "node:net"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import * as Commands from "../../src/cli/Commands.js"
import * as Nes from "../../src/hapi.js"
import { redis } from "../../src/redis.js"
import { cert, key } from "../hapi/Certificate.js"
import { unhindered } from "../harness/Pace.js"
import { freePort, install, RedisServer } from "../redis/RedisServer.js"
import { root } from "../structure/Repository.js"

vi.setConfig({ testTimeout: 60_000 })

// Its types would change hapi's for every file of ours.
const { plugin: theirs } = createRequire(import.meta.url)("@hapi/nes") as { readonly plugin: Hapi.Plugin<object> }

/** A command of the build that runs; `ended` has its status and all that it has said. */
const start = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = {}) => {
  const child = spawn(process.execPath, ["dist/cli/Main.js", ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"]
  })
  let out = ""
  let err = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text
    child.emit("output")
  })
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text
  })
  const ended = once(child, "close").then(([status]: Array<unknown>) => ({ status, out, err }))
  return { child, ended, out: () => out }
}

interface Result {
  readonly status: unknown
  readonly out: string
  readonly err: string
}

const spawned = (args: ReadonlyArray<string>, env?: NodeJS.ProcessEnv): Promise<Result> => start(args, env).ended

/** The same in this process, much faster. */
const run = async (args: ReadonlyArray<string>): Promise<Result> => {
  let out = ""
  let err = ""
  const spies = [
    vi.spyOn(process.stdout, "write").mockImplementation((text) => Boolean(out += String(text))),
    vi.spyOn(process.stderr, "write").mockImplementation((text) => Boolean(err += String(text))),
    vi.spyOn(console, "log").mockImplementation((text) => void (out += `${String(text)}\n`)),
    vi.spyOn(console, "error").mockImplementation((text) => void (err += `${String(text)}\n`))
  ]
  try {
    return { status: await Effect.runPromise(Commands.run(args)), out, err }
  } finally {
    spies.forEach((spy) => spy.mockRestore())
  }
}

/** What a command printed with `--json`, by line. */
const lines = (out: string): ReadonlyArray<Record<string, unknown>> =>
  out.trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>)

const basic = `Basic ${Buffer.from("john:secret").toString("base64")}`

const serve = async (plugin: Hapi.Plugin<object>, options: object = {}): Promise<Hapi.Server> => {
  const server = Hapi.server({ host: "localhost" })
  server.auth.scheme("basic", () => ({
    authenticate: (request, h) =>
      request.headers.authorization === basic
        ? h.authenticated({ credentials: { user: { name: "john" } } })
        : h.unauthenticated(Boom.unauthorized("Who is there?"))
  }))
  server.auth.strategy("basic", "basic")
  await server.register({
    plugin,
    options: { onMessage: (_socket: unknown, message: unknown) => ({ message }), ...options }
  })
  server.route({ method: "GET", path: "/item/{id}", handler: ({ params }) => ({ id: String(params.id) }) })
  server.route({
    method: "POST",
    path: "/item/{id}",
    handler: ({ headers, payload }) => ({ payload, note: headers["x-note"] })
  })
  server.subscription("/item/{id}", {
    onSubscribe: async (socket, path) => {
      for (const status of ["packed", "shipped"]) {
        await socket.publish(path, { status })
      }
    }
  })
  await server.start()
  return server
}

const servers: Record<string, Hapi.Server> = {}
const url = (name: string): string => servers[name]?.info.uri ?? ""

beforeAll(async () => {
  servers.ours = await serve(Nes.plugin, { auth: false })
  servers["@hapi/nes"] = await serve(theirs, { auth: false })
  servers.guarded = await serve(Nes.plugin, {
    auth: { route: "basic" },
    path: "/nes",
    origin: ["http://good.test"]
  })
})
afterAll(() => Promise.all(Object.values(servers).map((server) => server.stop())))

describe.each(["ours", "@hapi/nes"])("with the server of %s", (name) => {
  // Its own end and its two outputs are those of a process whoever answers.
  const first = name === "ours" ? spawned : run

  it("requests, with method, payload and headers", async () => {
    const { err, out, status } = await first(["request", url(name), "/item/5"])
    expect([status, JSON.parse(out), err]).toEqual([0, { id: "5" }, expect.stringMatching(/^200 in [\d.]+ ms\n$/)])
    const post = ["-X", "POST", "-d", `{"a":1}`, "--request-header", "x-note=b", "--json"]
    const posted = await run(["request", url(name), "/item/5", ...post])
    expect(lines(posted.out)).toMatchObject([{
      type: "response",
      statusCode: 200,
      payload: { payload: { a: 1 }, note: "b" }
    }])
    expect(posted).toMatchObject({ status: 0, err: "" })
  })

  it("says what the server refuses, and ends with status 1", async () => {
    const plain = await first(["request", url(name), "/nowhere"])
    expect(plain).toEqual({ status: 1, out: "", err: "Not Found (404)\n" })
    const json = await run(["request", url(name), "/nowhere", "--json"])
    expect([json.status, lines(json.out)]).toEqual([1, [
      { type: "error", error: { type: "server", message: "Not Found", statusCode: 404 } }
    ]])
  })

  it("sends messages", async () => {
    const { out, status } = await run(["message", url(name), "hello", "--json"])
    expect([status, lines(out)]).toEqual([0, [{ type: "answer", payload: { message: "hello" } }]])
  })

  it("subscribes, and ends after the updates that it was asked for", async () => {
    const { out, status } = await run(["subscribe", url(name), "/item/5", "/item/6", "-n", "2", "--json"])
    expect(status).toBe(0)
    expect(lines(out).filter(({ path }) => path === "/item/6")).toEqual([
      { type: "update", path: "/item/6", message: { status: "packed" } },
      { type: "update", path: "/item/6", message: { status: "shipped" } }
    ])
    expect(lines(out)).toHaveLength(4)
    const refused = await run(["subscribe", url(name), "/none"])
    expect(refused).toEqual({ status: 1, out: "", err: expect.stringMatching(/Subscription not found \(404\)\n$/) })
  })

  it("watches: events, latencies, a lost connection and the next one, until Ctrl-C", async () => {
    const { child, ended, out } = start([
      "watch",
      url(name),
      "/item/5",
      "--request",
      "/item/5",
      "--every",
      "0.1",
      "--json"
    ])
    const events = () => lines(out()).flatMap(({ event }) => event ?? [])
    const until = async (is: () => boolean): Promise<void> => {
      while (!is()) {
        await once(child, "output")
      }
    }
    await until(() => out().includes("latency") && out().includes("shipped"))
    await servers[name]?.eachSocket((socket) => void socket.disconnect())
    await until(() => events().filter((event) => event === "Connected").length === 2)
    expect(events()).toEqual(expect.arrayContaining(["Disconnected", "Reconnecting"]))
    await servers[name]?.broadcast("news")
    await until(() => out().includes(`{"type":"broadcast","message":"news"}`))
    child.kill("SIGINT")
    expect((await ended).status).toBe(130)
  })

  it("measures many clients", async () => {
    const { out, status } = await run([
      ...["bench", url(name), "--clients", "20", "--seconds", "0.2", "--json"],
      ...["--request", "/item/5", "--subscribe", "/item/5"]
    ])
    expect(status).toBe(0)
    const [result] = lines(out) as unknown as ReadonlyArray<Record<string, Record<string, number>>>
    expect(result).toMatchObject({ type: "bench", clients: 20, failed: 0, connect: { count: 20 }, errors: {} })
    // Each asks once at least, however little time it is given.
    expect(result?.requests?.count).toBeGreaterThanOrEqual(20)
    expect(result?.requests?.p50).toBeLessThanOrEqual(result?.requests?.max ?? 0)
    expect(result?.requests?.failed).toBe(0)
  })

  it("finds nothing wrong", async () => {
    const { out, status } = await run(["doctor", url(name)])
    expect(out).not.toContain("✗")
    expect(out.match(/✓ \w+/g)).toEqual(["address", "DNS", "TCP", "TLS", "upgrade", "hello"].map((step) => `✓ ${step}`))
    expect(status).toBe(0)
  })
})

it("authenticates by flags and by a variable", async () => {
  const guarded = [`${url("guarded")}/nes`, "/item/5", "--origin", "http://good.test"]
  const auth = JSON.stringify({ headers: { authorization: basic } })
  expect(await run(["request", ...guarded])).toMatchObject({
    status: 1,
    err: "Connection requires authentication (401)\n"
  })
  for (const flags of [["--basic", "john:secret"], ["--auth", auth]]) {
    expect([flags, (await run(["request", ...guarded, ...flags])).status]).toEqual([flags, 0])
  }
  expect((await spawned(["request", ...guarded], { NES_AUTH: auth })).status).toBe(0)
})

it("ends with a status of its own where there is no server, no answer, and no sense", async () => {
  expect(await run(["request", `ws://localhost:${await freePort()}`, "/"])).toMatchObject({ status: 3, out: "" })
  const mute = createTcpServer().listen(0, "127.0.0.1")
  await once(mute, "listening")
  const { port } = mute.address() as AddressInfo
  expect(await run(["request", `ws://127.0.0.1:${port}`, "/", "--timeout", "0.3"])).toMatchObject({ status: 4 })
  // It keeps what connects open, and is left all the same.
  expect(await spawned(["doctor", `ws://127.0.0.1:${port}`, "--timeout", "2.5"])).toMatchObject({
    status: 1,
    out: expect.stringContaining("✗ upgrade no answer in time")
  })
  mute.close()
  const none = await run(["bench", url("ours"), "--clients", "1", "--seconds", "0.1", "--request", "/none"])
  expect(none).toMatchObject({ status: 1, out: expect.stringMatching(/^requests {2}none; 0 a second, \d+ failed$/m) })
  for (
    const nonsense of [["fetch"], ["request"], ["subscribe", url("ours"), "item"], [
      "request",
      url("ours"),
      "/",
      "--timeout",
      "soon"
    ]]
  ) {
    expect([nonsense, (await run(nonsense)).status]).toEqual([nonsense, 2])
  }
})

describe("doctor", () => {
  const failing = async (...args: ReadonlyArray<string>) => {
    const { out, status } = await run(["doctor", ...args, "--json"])
    expect(status).toBe(1)
    const last = lines(out).at(-1)
    return { name: last?.name, detail: String(last?.detail), advice: String(last?.advice) }
  }

  it("says which step fails, and what may help", async () => {
    expect(await failing("localhost:8000")).toMatchObject({ name: "address" })
    expect(await failing("ws://no-such-host.invalid")).toMatchObject({ name: "DNS" })
    expect(await failing(`ws://localhost:${await freePort()}`)).toMatchObject({
      name: "TCP",
      advice: expect.stringContaining("Nothing listens there")
    })
    expect(await failing(url("ours").replace("http", "wss"))).toMatchObject({
      name: "TLS",
      advice: expect.stringContaining("speaks no TLS")
    })
    expect(await failing(url("guarded"))).toMatchObject({ name: "upgrade", detail: "HTTP 404" })
    expect(await failing(`${url("guarded")}/nes`)).toMatchObject({
      name: "upgrade",
      detail: "HTTP 401",
      advice: expect.stringContaining("--origin")
    })
    expect(await failing(`${url("guarded")}/nes`, "--origin", "http://good.test")).toMatchObject({
      name: "hello",
      advice: expect.stringContaining("--auth")
    })
  })

  it("tells a server that does not answer the hello, and one that is full", async () => {
    const mute = await serve(Nes.plugin, { auth: false, onConnection: () => new Promise(() => {}) })
    expect(await failing(mute.info.uri, "--timeout", "2.5")).toMatchObject({
      name: "hello",
      advice: expect.stringContaining("does not answer the hello")
    })
    await mute.stop({ timeout: 1 })
    const full = await serve(Nes.plugin, { auth: false, maxConnections: 1 })
    const client = new Nes.Client(full.info.uri)
    await client.connect()
    expect(await failing(full.info.uri)).toMatchObject({ advice: expect.stringContaining("maxConnections") })
    await client.disconnect()
    await full.stop()
  })

  it("tells a web server that knows no WebSocket, and a certificate that is not trusted", async () => {
    const web = createServer((_request, response) => response.end("hello")).listen(0, "127.0.0.1")
    await once(web, "listening")
    let broken = 0
    web.on("clientError", (_error, socket) => {
      broken++
      socket.destroy()
    })
    expect(await failing(`ws://127.0.0.1:${(web.address() as AddressInfo).port}`)).toMatchObject({
      name: "upgrade",
      detail: "HTTP 200",
      advice: expect.stringContaining("register the plugin there")
    })
    web.close()
    expect(broken).toBe(0)

    const server = Hapi.server({ host: "localhost", tls: { cert, key } })
    await server.register({ plugin: Nes.plugin, options: { auth: false } })
    await server.start()
    const address = server.info.uri.replace("https", "wss")
    expect(await failing(address)).toMatchObject({ name: "TLS", advice: expect.stringContaining("not trusted") })
    const { out, status } = await run(["doctor", address, "--insecure"])
    expect([status, out.includes("✓ TLS")]).toEqual([0, true])
    expect(await failing(server.info.uri.replace("https", "ws"))).toMatchObject({
      name: "upgrade",
      advice: expect.stringContaining("try wss://")
    })
    await server.stop()
  })
})

it("publishes through Redis", { timeout: 180_000 }, async () => {
  install()
  const database = await RedisServer.start()
  const server = Hapi.server({ host: "localhost" })
  await server.register({ plugin: Nes.plugin, options: { auth: false, broker: redis(database.url) } })
  server.subscription("/item/{id}", { recovery: true })
  await server.start()
  const client = new Nes.Client(server.info.uri)
  await client.connect()
  const heard: Array<unknown> = []
  await client.subscribe("/item/5", (message) => heard.push(message))
  const item = JSON.stringify({ status: "shipped" })
  // A node that is held up does not tell in time whom it has.
  await unhindered(200, async () => {
    heard.length = 0
    const { out, status } = await spawned(["publish", database.url, "/item/5", item, "--recovery", "--json"])
    expect([status, lines(out)]).toEqual([0, [{ type: "published", subscribers: 1, nodes: 1 }]])
    await expect.poll(() => heard).toEqual([{ status: "shipped" }])
  })
  await client.disconnect()
  await server.stop()
  await database.stop()
  expect(await run(["publish", database.url, "/item/5", "news"])).toMatchObject({
    status: 3,
    out: "",
    err: expect.stringMatching(/^Not connected to Redis: .*ECONNREFUSED/)
  })
})

it("says why it cannot publish: no Redis by that url, no package", async () => {
  expect(await run(["publish", "localhost:6379", "/item/5", "news"])).toMatchObject({
    status: 2,
    err: expect.stringContaining("begins with redis://")
  })
  const hook = `import { registerHooks } from "node:module"
    registerHooks({ resolve: (name, context, next) => next(name === "@redis/client" ? "no-such-package" : name, context) })`
  const env = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(hook)}` }
  expect(await spawned(["publish", "redis://localhost", "/item/5", "news"], env)).toMatchObject({
    status: 2,
    err: "publish needs a package: npm install @redis/client\n"
  })
})

it("has help, a version and completions", async () => {
  const help = await run(["--help"])
  for (const name of ["request", "message", "subscribe", "watch", "publish", "bench", "doctor"]) {
    expect(help.out).toMatch(new RegExp(`^ +${name} `, "m"))
  }
  expect((await run(["--version"])).out).toMatch(/\d+\.\d+\.\d+/)
  for (const shell of ["bash", "zsh", "fish"]) {
    const { out, status } = await run(["--completions", shell])
    expect([shell, status, out.includes("subscribe")]).toEqual([shell, 0, true])
  }
})
