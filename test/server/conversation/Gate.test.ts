/**
 * Whatever a client sends around a hello or a reauthentication, at either door: nothing has an effect before it is decided
 * who the client is, or if it is refused; nothing is lost afterwards, and the order is kept.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Boom from "@hapi/boom"
import * as Hapi from "@hapi/hapi"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import { once } from "node:events"
import { createServer } from "node:http"
import { type AddressInfo, connect } from "node:net"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { WebSocket } from "ws"
import * as Nes from "../../../src/hapi.js"
import { Authentication, NesHttpServer, NesServer, Refusal, Socket } from "../../../src/index.js"
import * as fc from "../../harness/Property.js"

/** What the application has done for clients: what, for whom, and which. */
type Effects = Array<readonly [what: "request" | "message" | "sub", user: unknown, n: unknown]>

/** Hooks that wait, until they are let go. */
class Waiting {
  private held: Array<() => void> = []

  /** Waits if `flags` has the letter. */
  async at(letter: string, flags: unknown): Promise<void> {
    if (String(flags).includes(letter)) {
      await new Promise<void>((resolve) => this.held.push(resolve))
    }
  }

  release(): void {
    for (const go of this.held.splice(0)) {
      go()
    }
  }
}

/**
 * The application. Who brings `NAME FLAGS` is NAME, unless that is `nobody`; `banned` is refused by `onConnection`. With
 * flag `a` the authentication waits, with `c` `onConnection`, with `s` the subscription to `/slow`.
 */
interface Application {
  readonly effects: Effects
  readonly waiting: Waiting
}

interface House extends Application {
  readonly url: string
  readonly nes: NesServer.Service
  readonly stop: () => Promise<unknown>
}

const parse = (authorization: unknown): { readonly user: string; readonly flags: string } => {
  const [user = "", flags = ""] = String(authorization).split(" ")
  return { user, flags }
}

const hapi = async ({ effects, waiting }: Application): Promise<House> => {
  const server = Hapi.server({ port: 0, host: "127.0.0.1", debug: false })
  server.auth.scheme("name", () => ({
    authenticate: async (request, h) => {
      const { flags, user } = parse(request.headers.authorization)
      await waiting.at("a", flags)
      if (user === "nobody") {
        throw Boom.unauthorized("Unknown user")
      }
      return h.authenticated({ credentials: { user, flags } as Hapi.AuthCredentials })
    }
  }))
  server.auth.strategy("name", "name")
  server.auth.default("name")
  const flagsOf = ({ auth: { credentials } }: Nes.Socket): unknown => credentials?.flags
  const userOf = ({ auth: { credentials } }: Nes.Socket): unknown => credentials?.user
  await server.register({
    plugin: Nes.plugin,
    options: {
      heartbeat: false,
      onConnection: async (socket) => {
        await socket.send("greeting")
        await waiting.at("c", flagsOf(socket))
        if (userOf(socket) === "banned") {
          throw Boom.forbidden("banned")
        }
      },
      onMessage: (socket, n) => {
        effects.push(["message", userOf(socket), n])
        return n
      }
    }
  })
  server.route({
    method: "POST",
    path: "/do/{n}",
    handler: ({ auth, params }) => {
      effects.push(["request", auth.credentials.user, Number(params.n)])
      return { n: Number(params.n) }
    }
  })
  server.subscription("/s/{n}", {
    onSubscribe: (socket, path) => void effects.push(["sub", userOf(socket), path])
  })
  server.subscription("/slow", { onSubscribe: (socket) => waiting.at("s", flagsOf(socket)) })
  await server.start()
  return {
    effects,
    waiting,
    url: server.info.uri.replace("http", "ws"),
    nes: server.plugins.nes,
    stop: () => server.stop({ timeout: 0 })
  }
}

const http = async ({ effects, waiting }: Application): Promise<House> => {
  const server = createServer()
  const waits = (letter: string, flags: unknown) => Effect.promise(() => waiting.at(letter, flags))
  const credentialsOf = ({ auth: { credentials } }: Socket.Socket) => ({
    user: credentials?.user,
    flags: credentials?.flags
  })
  const auth = Authentication.make({
    authenticate: Effect.gen(function*() {
      const { headers } = yield* HttpServerRequest.HttpServerRequest
      const { flags, user } = parse(headers.authorization)
      yield* waits("a", flags)
      return user === "nobody" ? yield* Refusal.unauthorized("Unknown user") : { credentials: { user, flags } }
    })
  })
  const routes = HttpRouter.add(
    "POST",
    "/do/:n",
    Effect.gen(function*() {
      const { user } = yield* Socket.credentials
      const n = Number((yield* HttpRouter.params).n)
      effects.push(["request", user, n])
      return HttpServerResponse.jsonUnsafe({ n })
    })
  )
  const live = Layer.mergeAll(
    NesHttpServer.layerSubscription("/s/{n}", {
      onSubscribe: (socket, path) => Effect.sync(() => effects.push(["sub", credentialsOf(socket).user, path]))
    }),
    NesHttpServer.layerSubscription("/slow", { onSubscribe: (socket) => waits("s", credentialsOf(socket).flags) })
  ).pipe(
    Layer.provideMerge(NesHttpServer.serve(routes, {
      server,
      auth,
      heartbeat: false,
      onConnection: (socket) =>
        Effect.gen(function*() {
          yield* Effect.orDie(socket.send("greeting"))
          const { flags, user } = credentialsOf(socket)
          yield* waits("c", flags)
          return user === "banned" ? yield* Refusal.forbidden("banned") : undefined
        }),
      onMessage: (socket, n) =>
        Effect.sync(() => {
          effects.push(["message", credentialsOf(socket).user, n])
          return n
        })
    })),
    Layer.provide(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" })),
    Layer.provide(Layer.succeed(References.MinimumLogLevel, "None"))
  )
  const scope = Effect.runSync(Scope.make())
  const context = await Effect.runPromise(Layer.buildWithScope(live, scope))
  return {
    effects,
    waiting,
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    nes: await Effect.runPromise(Effect.provideContext(NesServer.NesServer, context)),
    stop: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

/** What happens, one after the other; nothing but `settle` takes time. */
type Step =
  | { readonly do: "hello"; readonly user: string; readonly flags: string; readonly subs: ReadonlyArray<string> }
  | { readonly do: "reauth"; readonly user: string; readonly flags: string }
  | { readonly do: "early" | "request" | "message" | "unsub" | "malformed" | "ping" | "publish" | "broadcast" | "go" }
  | { readonly do: "sub"; readonly path: string }
  | { readonly do: "settle" }

const user = fc.constantFrom("john", "jane", "john", "jane", "nobody", "banned")
const flags = fc.constantFrom("", "a", "c", "s", "ac")
const path = fc.constantFrom("/s/1", "/s/2", "/slow")

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant("reauth" as const), user, flags: fc.constantFrom("", "a") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("hello" as const), user, flags, subs: fc.constant([]) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("sub" as const), path }) },
  {
    weight: 16,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "request" as const,
        "request" as const,
        "message" as const,
        "message" as const,
        "unsub" as const,
        "malformed" as const,
        "ping" as const,
        "publish" as const,
        "broadcast" as const,
        "go" as const
      )
    })
  },
  { weight: 3, arbitrary: fc.constant({ do: "settle" as const }) }
)

const play = fc.record({
  before: fc.array(fc.constantFrom<Step>({ do: "request" }, { do: "message" }, { do: "malformed" }), { maxLength: 3 }),
  hello: fc.record({
    do: fc.constant("hello" as const),
    user,
    flags: fc.constantFrom("", "a", "c", "s", "s", "cs"),
    subs: fc.constantFrom<ReadonlyArray<string>>(
      [],
      ["/s/1"],
      ["/s/1", "/slow"],
      ["/s/1", "/slow", "/s/2"],
      ["/s/1", "/slow", "/missing"],
      ["/missing"]
    )
  }),
  after: fc.array(step, { maxLength: 30 })
})

interface Frame {
  readonly type?: string
  readonly id?: number
  readonly statusCode?: number
  readonly path?: string
  readonly message?: unknown
  readonly payload?: unknown
}

/** What must become of a message: its answer, and its effect. */
interface Due {
  readonly id: number
  readonly statusCode: number | undefined
  readonly type: string
  readonly effects?: Effects
  /** Whether the connection ends with it. */
  readonly last?: boolean
  /** Whether what follows waits for it. */
  readonly gate?: boolean
}

/** The conversation as the specification has it: one message after the other. */
class Model {
  readonly due: Array<Due> = []
  stage: "new" | "ready" | "dead" = "new"
  user = ""
  readonly subs = new Set<string>()
  /** The paths of the hello. */
  greeted: ReadonlySet<string> = new Set()

  take(id: number, step: Step): void {
    const { stage } = this
    if (stage === "dead" || step.do === "ping") {
      return
    }
    if (step.do === "malformed") {
      this.due.push({ id: 0, type: "malformed", statusCode: 400 })
    } else if (step.do === "hello" && stage === "new") {
      this.enter(id, step)
    } else if (stage === "new" || step.do === "hello") {
      this.due.push({ id, type: step.do, statusCode: 400 })
    } else {
      this.go(id, step)
    }
  }

  private enter(id: number, { subs, user }: Extract<Step, { do: "hello" }>): void {
    const statusCode = user === "nobody" ? 401 : user === "banned" ? 403 : subs.includes("/missing") ? 404 : undefined
    const effects: Effects = []
    for (const path of statusCode === undefined || statusCode === 404 ? subs : []) {
      if (path === "/missing") {
        break
      }
      this.sub(user, path, effects)
    }
    this.due.push({ id, type: "hello", statusCode, effects, gate: true, last: statusCode !== undefined })
    this.greeted = new Set(this.subs)
    this.stage = statusCode === undefined ? "ready" : "dead"
    this.user = user
  }

  private sub(user: string, path: string, effects: Effects): void {
    if (!this.subs.has(path) && path !== "/slow") {
      effects.push(["sub", user, path])
    }
    this.subs.add(path)
  }

  private go(id: number, step: Step): void {
    switch (step.do) {
      case "reauth": {
        const refused = step.user === "nobody"
        this.due.push({ id, type: "reauth", statusCode: refused ? 401 : undefined, gate: true, last: refused })
        this.stage = refused ? "dead" : "ready"
        this.user = step.user
        return
      }
      case "request":
        return void this.due.push({ id, type: "request", statusCode: 200, effects: [["request", this.user, id]] })
      case "message":
        return void this.due.push({ id, type: "message", statusCode: undefined, effects: [["message", this.user, id]] })
      case "sub": {
        const effects: Effects = []
        this.sub(this.user, step.path, effects)
        return void this.due.push({ id, type: "sub", statusCode: undefined, effects })
      }
      case "unsub":
        this.subs.delete("/s/1")
        return void this.due.push({ id, type: "unsub", statusCode: undefined })
      default:
    }
  }
}

const message = (id: number, step: Step): string => {
  switch (step.do) {
    case "hello":
      return JSON.stringify({
        type: "hello",
        id,
        version: "2",
        auth: { headers: { authorization: `${step.user} ${step.flags}` } },
        subs: step.subs
      })
    case "reauth":
      return JSON.stringify({ type: "reauth", id, auth: { headers: { authorization: `${step.user} ${step.flags}` } } })
    case "request":
      return JSON.stringify({ type: "request", id, method: "POST", path: `/do/${id}` })
    case "message":
      return JSON.stringify({ type: "message", id, message: id })
    case "sub":
      return JSON.stringify({ type: "sub", id, path: step.path })
    case "unsub":
      return JSON.stringify({ type: "unsub", id, path: "/s/1" })
    case "malformed":
      return "{"
    default:
      return JSON.stringify({ type: "ping", id })
  }
}

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) {
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const isPush = ({ type }: Frame): boolean => type === "pub" || type === "update" || type === "revoke"

/** Waits until this holds, without a word if it never does. */
const until = async (holds: () => boolean): Promise<void> => {
  const end = performance.now() + 10_000
  while (!holds() && performance.now() < end) {
    await turns(5)
  }
}

/** Plays a script on a connection of its own, of which nothing is left afterwards. */
const check = async (house: House, steps: ReadonlyArray<Step>): Promise<void> => {
  const { effects, nes: { node }, url, waiting } = house
  effects.length = 0
  const ws = new WebSocket(url)
  try {
    await playOn(ws, house, steps)
  } finally {
    ws.terminate()
    await until(() => {
      waiting.release()
      return node.hub.connections.size === 0
    })
  }
  expect(node.hub.connections.size).toBe(0)
  expect(node.totals.subscriptions).toBe(0)
}

/** Plays a script, and checks what came of it. */
const playOn = async (
  ws: WebSocket,
  { effects, nes: { node }, waiting }: House,
  steps: ReadonlyArray<Step>
): Promise<void> => {
  const frames: Array<Frame> = []
  ws.on("message", (data: Buffer) => frames.push(JSON.parse(data.toString()) as Frame))
  await once(ws, "open")
  const model = new Model()
  const published: Array<number> = []
  /** What was published to `/s/1`, or broadcast, when the client knew that it is to hear of it. */
  const certain: Array<number> = []
  let uncertain = false
  const welcome = (): boolean => frames.some(({ statusCode, type }) => type === "hello" && statusCode === undefined)
  let id = 0
  for (const step of steps) {
    switch (step.do) {
      case "settle":
        await turns(20)
        break
      case "go":
        waiting.release()
        break
      case "publish":
      case "broadcast": {
        const n = published.push(published.length)
        const known = model.stage === "ready" && welcome() && (step.do === "broadcast" ||
          (!uncertain &&
            (model.greeted.has("/s/1") || frames.some(({ path, type }) => type === "sub" && path === "/s/1"))))
        if (known) {
          certain.push(n)
        }
        void (step.do === "publish" ? node.publish("/s/1", n) : node.broadcast(n))
        break
      }
      default:
        if (step.do === "unsub") {
          uncertain = true
        }
        model.take(++id, step)
        ws.send(message(id, step))
    }
  }
  const isAnswered = (): boolean => frames.filter((frame) => !isPush(frame)).length >= model.due.length
  const isOver = (): boolean => ws.readyState === WebSocket.CLOSED || (isAnswered() && model.stage !== "dead")
  await until(() => {
    waiting.release()
    if (model.stage === "dead" && isAnswered()) {
      ws.close()
    }
    return isOver()
  })
  await turns(10)

  const answers = frames.filter((frame) => !isPush(frame))
  const at = (id: number): number => frames.findIndex((frame) => frame.id === id)
  const fatal = model.due.find(({ last }) => last)
  const greeting = model.due.find(({ gate }) => gate)

  // Every message that was heard is answered once, by what it asked for.
  const expected = model.due.map((
    { id, statusCode, type }
  ) => [id, type === "malformed" ? undefined : type, statusCode])
  const actual = answers.map(({ id = 0, statusCode, type }) => [id, type, statusCode])
  const order = (a: ReadonlyArray<unknown>, b: ReadonlyArray<unknown>): number => Number(a[0]) - Number(b[0])
  if (fatal?.type === "reauth") {
    // What was asked before may still be under way when the connection ends.
    expect(expected).toEqual(expect.arrayContaining(actual))
    expect(actual).toContainEqual([fatal.id, "reauth", 401])
  } else {
    expect(actual.toSorted(order)).toEqual(expected.toSorted(order))
  }

  // Nothing that follows a hello or a reauthentication is answered before it, and nothing of what goes before the hello
  // after it.
  for (const { gate, id } of model.due) {
    for (const other of gate && at(id) >= 0 ? model.due : []) {
      if (other.id > id && at(other.id) >= 0) {
        expect(at(other.id)).toBeGreaterThan(at(id))
      }
      if (other.id !== 0 && other.id < id && id === greeting?.id) {
        expect(at(other.id)).toBeLessThan(at(id))
      }
    }
  }

  // What had an effect are the messages that were heard, for whom they were sent, each kind in order.
  const due = model.due.flatMap(({ effects = [] }) => effects)
  for (const kind of ["request", "message", "sub"]) {
    const had = effects.filter(([what]) => what === kind)
    const may = due.filter(([what]) => what === kind)
    // A request takes some turns to get to its handler, and goes no further when its connection is gone.
    expect(had).toEqual(kind === "request" && fatal?.type === "reauth" ? may.slice(0, had.length) : may)
  }

  // What is pushed comes behind the answer to the hello, in order, and nothing of it to who is refused.
  const pushed = frames.filter(isPush)
  if (greeting === undefined || greeting.last) {
    expect(pushed).toEqual([])
  } else {
    expect(frames.findIndex(isPush)).toBeGreaterThan(at(greeting.id))
    expect(pushed[0]).toEqual({ type: "update", message: "greeting" })
  }
  const heard = pushed.slice(1).map(({ message }) => Number(message))
  expect(heard).toEqual([...new Set(heard)].toSorted((a, b) => a - b))
  if (model.stage === "ready") {
    expect(heard).toEqual(expect.arrayContaining(certain))
  }
}

describe.each([["the plugin", hapi], ["a server without hapi", http]] as const)("at %s", (_, open) => {
  let house: House

  beforeAll(async () => {
    house = await open({ effects: [], waiting: new Waiting() })
  })

  afterAll(() => house.stop())

  it("whatever is sent around hellos and reauthentications", async () => {
    await fc.assert(
      fc.asyncProperty(play, ({ after, before, hello }) => check(house, [...before, hello, ...after])),
      { numRuns: 150 }
    )
  })

  it.each(["", "a"])("a burst that takes several turns keeps its order; hello with flags '%s'", async (flags) => {
    const { effects, url, waiting } = house
    effects.length = 0
    const { port } = new URL(url)
    const wire = connect(Number(port), "127.0.0.1")
    const ws = new WebSocket(url, { createConnection: () => wire })
    onTestFinished(() => ws.terminate())
    await once(ws, "open")
    const sent = Array.from({ length: 400 }, (_, index) => index + 2)
    wire.cork()
    ws.send(message(1, { do: "hello", user: "john", flags, subs: [] }))
    for (const id of sent) {
      ws.send(message(id, id === 200 ? { do: "reauth", user: "jane", flags: "" } : { do: "message" }))
    }
    wire.uncork()
    const answered: Array<unknown> = []
    await new Promise<void>((resolve) => {
      const releasing = setInterval(() => waiting.release(), 1)
      ws.on("message", (data: Buffer) => {
        const { id } = JSON.parse(data.toString()) as Frame
        if (id !== undefined && answered.push(id) === sent.length + 1) {
          clearInterval(releasing)
          resolve()
        }
      })
    })
    expect(answered).toEqual([1, ...sent])
    expect(effects).toEqual(
      sent.filter((id) => id !== 200).map((id) => ["message", id < 200 ? "john" : "jane", id])
    )
  })
})
