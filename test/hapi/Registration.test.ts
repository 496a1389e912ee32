/** The registration options that are not `auth` (nes-api.txt 21-42, 97-116). */
import Boom from "@hapi/boom"
import * as Hapi from "@hapi/hapi"
import { once } from "node:events"
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest"
import { WebSocket } from "ws"
import * as Nes from "../../src/hapi.js"
import { fakeTime } from "../harness/FakeTime.js"
import { unhindered } from "../harness/Pace.js"
import { type Options, refusal, TestServer } from "./AuthenticatedServer.js"

const start = (nes: Nes.PluginOptions, options: Options = {}): Promise<TestServer> =>
  TestServer.start({ scheme: false, ...options, nes })

afterEach(() => {
  vi.useRealTimers()
})

describe("server.register() (nes-api.txt 21-22)", () => {
  const ways: ReadonlyArray<readonly [string, (server: Hapi.Server) => Promise<unknown>]> = [
    ["the default export", (server) => server.register(Nes.default)],
    ["the namespace, as require() gives it", (server) => server.register(Nes)],
    ["the plugin with options", (server) => server.register({ plugin: Nes.default, options: { auth: false } })],
    ["the plugin alone", (server) => server.register({ plugin: Nes.plugin })]
  ]
  it.each(ways)("takes %s", async (_name, register) => {
    const server = Hapi.server({ port: 0, host: "127.0.0.1" })
    await register(server)
    server.route({ method: "GET", path: "/", handler: () => "hello" })
    await server.start()
    const client = new Nes.default.Client(server.info.uri)
    await client.connect({ reconnect: false })
    expect(await client.request("/")).toMatchObject({ payload: "hello", statusCode: 200 })
    await client.disconnect()
    await server.stop()
  })
})

describe("a registration that fails", () => {
  const password = "a password that is longer than thirty-two characters"
  const route = (path: string): Hapi.ServerRoute => ({ method: "GET", path, handler: () => "taken" })
  const decorated = ["broadcast", "subscription", "publish", "presence", "history", "eachSocket"] as const
  it.each<[string, (server: Hapi.Server) => void, Nes.AuthOptions?]>([
    ...decorated.map((name): [string, (server: Hapi.Server) => void] => [
      `server.${name}`,
      (server) => server.decorate("server", name, () => {})
    ]),
    ["request.socket", (server) => server.decorate("request", "socket" as never, null as never)],
    ["the endpoint's path", (server) => server.route(route("/nes/auth")), { type: "token", password }],
    ["the endpoint's cookie", (server) => server.state("nes"), { type: "cookie", password }],
    ["the endpoint's id", (server) => server.route({ ...route("/other"), options: { id: "nes.auth" } })]
  ])("as %s is taken, leaves nothing that lives with the server", async (_what, take, auth = {}) => {
    const server = Hapi.server({ port: 0, host: "127.0.0.1" })
    take(server)
    await expect(server.register({ plugin: Nes.plugin, options: { auth, api: { auth: false } } })).rejects
      .toThrow(/already defined|conflicts/)
    expect(server.plugins.nes).toBeUndefined()
    await server.start()
    onTestFinished(() => server.stop())
    const [error] = await once(new WebSocket(server.info.uri.replace("http", "ws")), "error") as [Error]
    expect(error.message).toBe("Unexpected server response: 404")
    expect(server.match("get", "/nes/api/count")).toBeNull()
  })

  it("is not that in a plugin of its name", async () => {
    const server = Hapi.server()
    await server.register({ name: "nes", register: (server) => server.register(Nes) })
    expect(server.registrations).toHaveProperty("effect-nes")
  })
})

describe("plugins that depend on what this one replaces", () => {
  const dependencies: ReadonlyArray<Hapi.PluginBase<void, void>["dependencies"]> = [
    "@hapi/nes",
    ["@hapi/nes", "nes"],
    { "@hapi/nes": "14.x.x" },
    { "@hapi/nes": ">=12", nes: "6.x.x" }
  ]
  it.each(dependencies.map((dependency) => [JSON.stringify(dependency), dependency] as const))(
    "find it: %s",
    async (_name, dependencies) => {
      const server = Hapi.server({ port: 0, host: "127.0.0.1" })
      const feed: Hapi.Plugin<void> = {
        name: "feed",
        ...(dependencies !== undefined && { dependencies }),
        register: (server) => server.subscription("/feed")
      }
      await server.register([{ plugin: Nes }, { plugin: feed }])
      await server.start()
      await server.stop()
    }
  )

  it("are told of a version that this is not", async () => {
    const server = Hapi.server()
    await server.register(Nes)
    const old: Hapi.Plugin<void> = { name: "old", dependencies: { "@hapi/nes": "11.x.x" }, register: () => {} }
    await server.register(old)
    await expect(server.initialize()).rejects.toThrow("requires @hapi/nes version 11.x.x")
  })
})

describe("this, in a hook", () => {
  it("is what the hook was declared in: the plugin's options, or the subscription's", async () => {
    const seen: Array<readonly [string, unknown]> = []
    const note = (name: string, self: unknown): void => void seen.push([name, self])
    const plugin: Nes.PluginOptions = {
      onConnection(this: unknown) {
        note("onConnection", this)
      },
      onDisconnection(this: unknown) {
        note("onDisconnection", this)
      },
      onMessage(this: unknown) {
        note("onMessage", this)
      }
    }
    const subscription: Nes.SubscriptionOptions = {
      filter(this: unknown) {
        note("filter", this)
        return true
      },
      onSubscribe(this: unknown) {
        note("onSubscribe", this)
      },
      onUnsubscribe(this: unknown) {
        note("onUnsubscribe", this)
      }
    }
    const server = await start(plugin, { declare: (server) => server.subscription("/o", subscription) })
    const client = new Nes.Client(server.server.info.uri)
    await client.connect()
    await client.subscribe("/o", () => {})
    await server.server.publish("/o", 1)
    await client.message(1)
    await client.unsubscribe("/o")
    await client.disconnect()
    await server.server.stop()
    expect(seen.map(([name]) => name)).toEqual([
      "onConnection",
      "onSubscribe",
      "filter",
      "onMessage",
      "onUnsubscribe",
      "onDisconnection"
    ])
    for (const [name, self] of seen) {
      expect(self).toBe(["onConnection", "onMessage", "onDisconnection"].includes(name) ? plugin : subscription)
    }
  })
})

describe("onConnection (nes-api.txt 23-27)", () => {
  it("is invoked for each connection with its Socket, authenticated, and before the hello's subscriptions", async () => {
    const seen: Array<unknown> = []
    const server = await start({
      onConnection: (socket) => seen.push([socket.id, socket.auth.isAuthenticated, socket.isOpen()])
    }, { declare: (server) => server.subscription("/o", { onSubscribe: () => void seen.push("sub") }) })
    const { answer } = await server.hello({ subs: ["/o"] })
    const second = await server.hello()
    expect(seen).toEqual([[answer.socket, false, true], "sub", [second.answer.socket, false, true]])
  })

  it("is awaited, and its error refuses the hello", async () => {
    const server = await start({
      onConnection: async (socket) => {
        await Promise.resolve()
        if (socket.info["x-forwarded-for"] === "1.2.3.4") {
          throw Boom.forbidden("not you")
        }
      }
    })
    const { answer, socket } = await server.hello({}, { headers: { "x-forwarded-for": "1.2.3.4" } })
    expect(answer).toMatchObject(refusal(403, "not you"))
    await socket.closed
    await server.welcome()
  })

  it("may send before the hello is answered, also where it waits for that: it follows the answer", async () => {
    const server = await start({ onConnection: (socket) => socket.send("first").then(() => socket.send("second")) })
    const { answer, socket } = await server.hello()
    expect(answer).toMatchObject({ type: "hello", id: 1 })
    expect(await socket.next()).toEqual({ type: "update", message: "first" })
    expect(await socket.next()).toEqual({ type: "update", message: "second" })
  })
})

describe("onDisconnection (nes-api.txt 28-32)", () => {
  it("is invoked once for each connection that ended, however it ended, also one that never said hello", async () => {
    const gone: Array<string> = []
    const open: Array<boolean> = []
    let wake = (): void => {}
    const server = await start({
      onDisconnection: (socket) => {
        gone.push(socket.id)
        open.push(socket.isOpen())
        wake()
      }
    })
    const ended = (): Promise<void> =>
      new Promise((resolve) => {
        wake = resolve
      })

    const { answer, socket } = await server.hello()
    const first = ended()
    socket.ws.close()
    await first
    expect(gone).toEqual([answer.socket])

    const second = ended()
    const silent = await server.open()
    silent.ws.terminate()
    await second
    expect(gone).toHaveLength(2)

    const last = await server.welcome()
    const third = ended()
    await server.server.eachSocket((socket) => socket.disconnect())
    await third
    await last.closed
    expect(new Set(gone).size).toBe(3)
    expect(open).toEqual([false, false, false])
  })
})

describe("onMessage (nes-api.txt 33-42)", () => {
  const styles: Readonly<Record<string, Exclude<Nes.PluginOptions["onMessage"], undefined>>> = {
    "next(data)": (_socket, message, next) => next({ got: message }),
    "next(data) later": (_socket, message, next) => void setImmediate(next, { got: message }),
    "next(data) twice": (_socket, message, next) => {
      next({ got: message })
      next("again")
    },
    "a value": (_socket, message) => ({ got: message }),
    "a Promise": (_socket, message) => Promise.resolve({ got: message }),
    "a Promise though it declares next": (_socket, message, _next) => Promise.resolve({ got: message })
  }
  it.each(Object.entries(styles))("answers by %s", async (_style, onMessage) => {
    const server = await start({ onMessage })
    const socket = await server.welcome()
    for (const message of ["text", 5, null, { deep: [1, { a: null }] }]) {
      expect(await socket.ask({ type: "message", message })).toMatchObject({
        type: "message",
        message: { got: message }
      })
    }
  })

  const failures: Readonly<Record<string, Exclude<Nes.PluginOptions["onMessage"], undefined>>> = {
    "throws a Boom": () => {
      throw Boom.badRequest("wrong")
    },
    "rejects with a Boom": () => Promise.reject(Boom.badRequest("wrong")),
    "calls next with a Boom": (_socket, _message, next) => next(Boom.badRequest("wrong"))
  }
  it.each(Object.entries(failures))("passes an error on that %s", async (_style, onMessage) => {
    const server = await start({ onMessage })
    const socket = await server.welcome()
    expect(await socket.ask({ type: "message", message: 1 })).toMatchObject({
      type: "message",
      ...refusal(400, "wrong")
    })
  })

  it("hides what a plain Error says", async () => {
    const server = await start({
      onMessage: () => {
        throw new Error("the secret")
      }
    })
    const socket = await server.welcome()
    const answer = await socket.ask({ type: "message", message: 1 })
    expect(answer).toMatchObject({ statusCode: 500, payload: { message: "An internal server error occurred" } })
    expect(JSON.stringify(answer)).not.toContain("the secret")
  })

  it("receives the Socket of the message's source", async () => {
    const server = await start({ onMessage: (socket) => socket.id })
    const one = await server.hello()
    const two = await server.hello()
    expect(await one.socket.ask({ type: "message", message: 0 })).toMatchObject({ message: one.answer.socket })
    expect(await two.socket.ask({ type: "message", message: 0 })).toMatchObject({ message: two.answer.socket })
  })

  it("is not there: 501", async () => {
    const socket = await (await start({})).welcome()
    expect(await socket.ask({ type: "message", message: 1 })).toMatchObject(refusal(501, "Not Implemented"))
  })
})

describe("headers (nes-api.txt 97-100)", () => {
  const declare = (server: Hapi.Server): void =>
    server.route({
      method: "GET",
      path: "/",
      handler: (_request, h) => h.response("x").header("X-Custom", "yes").header("X-Other", "no")
    })
  const headersWith = async (headers: Nes.PluginOptions["headers"]): Promise<unknown> => {
    const socket = await (await start({ headers }, { declare })).welcome()
    return (await socket.ask({ type: "request", method: "GET", path: "/" })).headers
  }

  it.each([[undefined], [null]])("%s: none", async (headers) => {
    expect(await headersWith(headers)).toBeUndefined()
  })

  it.each([[["x-custom"]], [["X-Custom"]], [["X-CUSTOM", "x-absent"]]])(
    "a list: %j, whatever its case",
    async (headers) => {
      expect(await headersWith(headers)).toEqual({ "x-custom": "yes" })
    }
  )

  it("'*': all", async () => {
    expect(await headersWith("*")).toMatchObject({
      "x-custom": "yes",
      "x-other": "no",
      "content-type": "text/html; charset=utf-8"
    })
  })
})

describe("payload.maxChunkChars (nes-api.txt 101-104)", () => {
  it.each([1, 7, 30, 31, 1000])("%i characters at most in one WebSocket message", async (maxChunkChars) => {
    const server = await start({ payload: { maxChunkChars }, onMessage: (_socket, message) => message })
    const socket = await server.open()
    const message = "text 😀 text ".repeat(5)
    let text = ""
    for (const [id, outgoing] of [{ type: "hello", version: "2" }, { type: "message", message }].entries()) {
      text = ""
      socket.ws.send(JSON.stringify({ id: id + 1, ...outgoing }))
      for (;;) {
        const frame = socket.frames.shift()
        if (frame === undefined) {
          await once(socket.ws, "message")
          continue
        }
        const chunk = frame.replace(/^[+!]/, "")
        expect(chunk.length).toBeLessThanOrEqual(maxChunkChars === 1 ? 2 : maxChunkChars)
        text += chunk
        if (!frame.startsWith("+")) {
          break
        }
      }
    }
    expect(JSON.parse(text)).toEqual({ type: "message", id: 2, message })
  })

  it.each([[undefined], [false], [null]] as const)("%s: no limit", async (maxChunkChars) => {
    const payload = maxChunkChars === null ? {} : { maxChunkChars }
    const socket = await (await start({ payload, onMessage: (_socket, message) => message })).welcome()
    const message = "x".repeat(100_000)
    await socket.ask({ type: "message", message })
    expect(socket.frames.at(-1)).toHaveLength(JSON.stringify({ type: "message", id: 2, message }).length)
  })
})

describe("heartbeat (nes-api.txt 105-112)", () => {
  const ping = "{\"type\":\"ping\"}"

  it.each([
    [undefined, { interval: 15_000, timeout: 5_000 }],
    [{}, { interval: 15_000, timeout: 5_000 }],
    [{ interval: 20_000 }, { interval: 20_000, timeout: 5_000 }],
    [{ timeout: 1_000 }, { interval: 15_000, timeout: 1_000 }],
    [{ interval: 60, timeout: 20 }, { interval: 60, timeout: 20 }],
    [false as const, false]
  ])("%j is announced as %j", async (heartbeat, announced) => {
    const { answer } = await (await start({ heartbeat })).hello()
    expect(answer.heartbeat).toEqual(announced)
  })

  it("pings each interval, and disconnects who gives no sign of life", async () => {
    const heartbeat = { interval: 200, timeout: 150 }
    // Whoever is held up gives none in time.
    await unhindered(heartbeat.timeout / 2, async () => {
      const server = await start({ heartbeat })
      const dead = await server.welcome()
      const living = await server.welcome()
      living.ws.on("message", (data: Buffer) => {
        if (data.toString() === ping) {
          living.send({ type: "ping" })
        }
      })
      expect(await dead.closed).toBe(1005)
      expect(dead.frames).toContain(ping)
      expect(living.ws.readyState).toBe(WebSocket.OPEN)
    })
  })

  it("unless given, pings every 15 seconds, and looks 5 seconds later who gave a sign of life since last time", async () => {
    fakeTime("setTimeout", "clearTimeout", "performance")
    const timeouts = vi.spyOn(globalThis, "setTimeout")
    onTestFinished(() => timeouts.mockRestore())
    // Time that passed before the server waits would count as a pause of its process.
    const waits = async (ms: number): Promise<void> => {
      while (!timeouts.mock.calls.some(([, delay]) => delay === ms)) {
        await new Promise(setImmediate)
      }
      timeouts.mockClear()
    }
    const server = await start({})
    const silent = await server.welcome()
    const isPinged = async (): Promise<void> => {
      await waits(2_500)
      const before = silent.frames.length
      await vi.advanceTimersByTimeAsync(2_499)
      expect(silent.frames).toHaveLength(before)
      const pinged = once(silent.ws, "message")
      await vi.advanceTimersByTimeAsync(1)
      await pinged
      expect(silent.frames.slice(before)).toEqual([ping])
      await waits(5_000)
    }
    await waits(12_500)
    await vi.advanceTimersByTimeAsync(12_500)
    await isPinged()
    // The hello was a sign of life.
    await vi.advanceTimersByTimeAsync(5_000)
    await waits(7_500)
    await vi.advanceTimersByTimeAsync(7_500)
    await isPinged()
    await vi.advanceTimersByTimeAsync(4_999)
    expect(silent.ws.readyState).toBe(WebSocket.OPEN)
    await vi.advanceTimersByTimeAsync(1)
    expect(await silent.closed).toBe(1005)
  })

  it("false: no heartbeats, and who is silent stays", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] })
    const server = await start({ heartbeat: false, onMessage: () => "here" })
    const silent = await server.welcome()
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(await silent.ask({ type: "message", message: "still?" })).toMatchObject({ message: "here" })
    expect(silent.frames).toHaveLength(2)
  })
})

describe("maxConnections (nes-api.txt 113-114)", () => {
  it("limits the simultaneous connections, those that have not said hello included", async () => {
    let departed = (): void => {}
    const server = await start({ maxConnections: 2, onDisconnection: () => departed() })
    const first = await server.welcome()
    const second = await server.open()
    const third = await server.open()
    expect(await third.closed).toBe(1005)

    const place = new Promise<void>((resolve) => {
      departed = resolve
    })
    first.ws.close()
    await place
    await server.welcome()
    expect(await second.ask({ type: "hello", version: "2" })).toMatchObject({ type: "hello" })
  })

  it.each([[undefined], [false]] as const)("%s: as many as there are", async (maxConnections) => {
    const server = await start({ maxConnections })
    const sockets = await Promise.all(Array.from({ length: 30 }, () => server.welcome()))
    expect(sockets.every(({ ws }) => ws.readyState === WebSocket.OPEN)).toBe(true)
  })
})

describe("origin (nes-api.txt 115-116)", () => {
  const refused = async (server: TestServer, origin: string | undefined): Promise<number | undefined> => {
    const ws = new WebSocket(server.url.replace("http", "ws"), origin === undefined ? {} : { origin })
    return new Promise((resolve) => {
      ws.on("unexpected-response", (_request, response) => {
        response.resume()
        resolve(response.statusCode)
      })
      ws.on("open", () => {
        ws.close()
        resolve(undefined)
      })
      ws.on("error", () => {})
    })
  }
  const good = "https://good.example"

  it.each([
    [undefined, ["anything", undefined], []],
    [good, [good], [undefined, "https://good", "https://good.example.org", "http://good.example", "good.example", ""]],
    [[good], [good], [undefined, "https://good", "null"]],
    [[good, "https://two.example"], [good, "https://two.example"], [
      "https://three.example",
      `${good},https://two.example`
    ]]
  ])("%j permits %j and refuses %j with 401", async (origin, permitted, forbidden) => {
    const server = await start({ origin })
    for (const each of permitted) {
      expect(await refused(server, each), `${each}`).toBeUndefined()
    }
    for (const each of forbidden) {
      expect(await refused(server, each), `${each}`).toBe(401)
    }
  })
})

describe("an invalid option is refused with `Invalid nes configuration`, and its place", () => {
  const password = "a password that nobody must ever get to read"
  const register = (options: unknown): Promise<unknown> =>
    Hapi.server().register({ plugin: Nes.plugin, options: options as Nes.PluginOptions })

  const places: ReadonlyArray<readonly [place: string, complaint: string, values: ReadonlyArray<unknown>]> = [
    ["onConnection", "expected a function", [5, "x", {}]],
    ["onDisconnection", "expected a function", [5, true]],
    ["onMessage", "expected a function", ["x", []]],
    ["auth", "expected false or an object", [true, "direct", 5, ["direct"], password]],
    ["auth.type", "expected \"direct\" or \"cookie\" or \"token\"", ["none", 5, "Direct"]],
    ["auth.endpoint", "expected a path that begins with /", [5, "", "nes/auth"]],
    ["path", "expected a path that begins with /, as in a URL: encoded, and without a query", ["nes", "/nes?a=1"]],
    ["auth.id", "expected a non-empty string", [5, ""]],
    ["auth.route", "expected false or a non-empty string or an object", [5, true, "", ["x"]]],
    ["auth.iron", "expected an object", [5, password, [1]]],
    ["auth.iron.ttl", "expected a number, not less than 0", ["1h", Infinity, -1]],
    ["auth.iron.encryption", "expected an object", [password]],
    ["auth.iron.integrity.algorithm", "expected \"aes-128-ctr\" or \"aes-256-cbc\" or \"sha256\"", ["md5"]],
    ["auth.cookie", "expected a non-empty string", [5, ""]],
    ["auth.isSecure", "expected a boolean", ["yes", 1]],
    ["auth.isHttpOnly", "expected a boolean", ["yes", 1]],
    ["auth.isSameSite", "expected \"Strict\" or \"Lax\" or false", ["None", true]],
    ["auth.path", "expected a non-empty string", [5, ""]],
    ["auth.domain", "expected a non-empty string", [5, ""]],
    ["auth.ttl", "expected a positive integer", ["1d", Number.NaN, 0, -1, 1.5]],
    ["auth.index", "expected a boolean or a non-empty string", [5, ""]],
    ["auth.timeout", "expected false or a positive integer", [0, -1, 1.5, true, "5000"]],
    ["auth.maxConnectionsPerUser", "expected false or a positive integer", [0, 1.5, true]],
    ["auth.maxConnectionsPerUser", "requires auth.index", [1]],
    ["auth.minAuthVerifyInterval", "expected false or a positive integer", [0, 1.5, true]],
    ["auth.minAuthVerifyInterval", "must not be less than heartbeat.interval", [14_999]],
    ["headers", "expected \"*\" or a list of non-empty strings or null", ["x-custom", [], [5], [""], {}]],
    ["payload", "expected an object", [5, true]],
    ["payload.maxChunkChars", "expected false or a positive integer", [0, 1.5, true, "10"]],
    ["heartbeat", "expected false or an object", [true, 5]],
    ["heartbeat.interval", "expected a positive integer", [0, "15", 1.5]],
    ["heartbeat.timeout", "expected a positive integer", [0, false, "5"]],
    ["heartbeat.timeout", "must be less than heartbeat.interval", [15_000]],
    ["maxConnections", "expected false or a positive integer", [0, true, "5"]],
    ["origin", "expected an origin such as https://example.com, without a path, or a list of them", [
      ...[5, [], "", [5], {}],
      ...["example.com", "https://example.com/", ["https://example.com", "https://example.com/chat"], "*"]
    ]],
    ["broker", "expected a broker, such as redis(url) of effect-nes/redis", ["redis://localhost"]],
    ["heartbeat.intervall", "is unexpected, known are interval, timeout", [5]]
  ]
  const cases = places.flatMap(([place, complaint, values]) => values.map((value) => ({ place, complaint, value })))
  const nest = (place: string, value: unknown): Record<string, unknown> => {
    const [first = "", ...rest] = place.split(".")
    return { [first]: rest.length > 0 ? nest(rest.join("."), value) : value }
  }

  it.each(cases)("$place: $value", async ({ complaint, place, value }) => {
    await expect(register(nest(place, value))).rejects.toThrow(`Invalid nes configuration: ${place}: ${complaint}`)
  })

  const steps = ["encryption", "integrity"].flatMap((step) => [
    { [step]: { iterations: 0 } },
    { [step]: { iterations: 1.5 } },
    { [step]: { saltBits: 0 } },
    { [step]: { saltBits: -8 } }
  ])
  const logins: ReadonlyArray<object> = [
    ...(["cookie", "token"] as const).flatMap((type) => [
      ...steps.map((iron) => ({ type, iron })),
      { type, iron: { encryption: { algorithm: "sha256" } } },
      { type, iron: { integrity: { algorithm: "aes-256-cbc" } } }
    ]),
    ...[{ cookie: "a b" }, { cookie: "a=b" }, { path: "nes" }, { path: "/;" }, { domain: "a b" }].map((bad) => ({
      type: "cookie" as const,
      ...bad
    }))
  ]
  it.each(logins)("what would refuse every login: %j", async (auth) => {
    const error: unknown = await register({ auth: { ...auth, password } }).catch((error: unknown) => error)
    expect(String(error)).toMatch(/^Error: Invalid nes configuration: auth: [A-Z]/)
    expect(String(error)).not.toContain(password)
  })

  const passwords = [
    5,
    true,
    [],
    [password],
    {},
    { id: "1" },
    { id: "no words", secret: password },
    {
      id: 5,
      secret: password
    },
    { secret: 5 },
    { encryption: password }
  ]
  it.each(passwords.map((bad) => ({ bad })))("auth.password: a bad one is not shown (case %#)", async ({ bad }) => {
    const error: unknown = await register({ auth: { type: "token", password: bad } }).catch((error) => error)
    expect(String(error)).toContain("Invalid nes configuration: auth.password: expected a string or Buffer")
    expect(String(error)).not.toContain(password)
  })

  it.each([
    { auth: { password, isSecure: "yes" } },
    { auth: { password, nonsense: true } },
    { auth: { password, maxConnectionsPerUser: 1 } },
    { auth: { password, minAuthVerifyInterval: 1 } },
    { auth: { password: { id: "1", secret: password }, ttl: "1d" } },
    { auth: { password: { id: "1", secret: Buffer.from(password) }, type: password.slice(1) } },
    { auth: { password, iron: { ttl: password } } },
    { auth: { password }, heartbeat: { interval: 1 } },
    { auth: { password }, nonsense: password },
    { auth: password },
    password
  ])("a good one is not shown when something else is wrong (case %#)", async (options) => {
    const error = await register(options).then(() => undefined, (error: unknown) => error)
    expect(error).toBeInstanceOf(Error)
    const { message, stack = "" } = error as Error
    expect(message).toMatch(/^Invalid nes configuration: /)
    for (const text of [message, stack, JSON.stringify(error)]) {
      expect(text).not.toContain(password)
      expect(text).not.toContain(password.slice(1))
    }
  })

  it.each([["nonsense"], ["auth.nonsense"], ["auth.iron.nonsense"], ["payload.nonsense"], ["heartbeat.nonsense"]])(
    "%s: is unexpected",
    async (place) => {
      await expect(register(nest(place, 1))).rejects.toThrow(`Invalid nes configuration: ${place}: is unexpected`)
    }
  )

  it("what a getter throws is told as it is", async () => {
    const error = new Error("no such setting")
    const thrower = {
      get interval(): number {
        throw error
      }
    }
    await expect(register({ heartbeat: thrower })).rejects.toBe(error)
  })

  it.each([[5], ["x"], [[]], [true]])("options that are no object: %j", async (options) => {
    await expect(register(options)).rejects.toThrow("Invalid nes configuration: expected an object")
  })

  it("null stands for the default everywhere", async () => {
    const options = {
      auth: null,
      headers: null,
      payload: null,
      heartbeat: null,
      maxConnections: null,
      origin: null,
      onConnection: null,
      onMessage: null,
      onDisconnection: null
    }
    await register(options)
    const names = ["type", "endpoint", "id", "route", "password", "iron", "cookie", "isSecure", "isHttpOnly", "path"]
    const more = ["isSameSite", "domain", "ttl", "index", "timeout", "maxConnectionsPerUser", "minAuthVerifyInterval"]
    await register({ auth: Object.fromEntries([...names, ...more].map((name) => [name, null])) })
    await register({ heartbeat: { interval: null, timeout: null }, payload: { maxChunkChars: null } })
  })
})
