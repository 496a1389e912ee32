/** The paths of docs/architecture.md, file by file, as V8's own coverage counts them; none but two turns back. */
import * as Hapi from "@hapi/hapi"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { on, once } from "node:events"
import { type Debugger, Session } from "node:inspector/promises"
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest"
import { WebSocket, WebSocketServer } from "ws"
import * as NesClient from "../../src/client/NesClient.js"
import * as ClusterBroker from "../../src/cluster/ClusterBroker.js"
import * as Nes from "../../src/hapi.js"
import * as MemoryEngine from "../cluster/MemoryEngine.js"
import { read } from "./Repository.js"

const session = new Session()

// By its number, the file of ours that a script is.
const files = new Map<string, string>()

const fileOf = (url: string): string | undefined => /\/(src\/.*\.ts)/.exec(url)?.[1]

const watch = ({ params: { scriptId, url } }: { readonly params: Debugger.ScriptParsedEventDataType }): void => {
  const file = fileOf(url)
  if (file !== undefined) {
    files.set(scriptId, file)
  }
}

// The test runner makes a function of every import of a constant.
const isImport = (source: string): boolean => /^\(\) *=> *\{ *try *\{ *return \w+ *\}/.test(source)

// The files on the stack of each function of ours that was entered, from one to the next.
const ways = new Set<string>()

// The condition of a breakpoint at the beginning of each function, which is never met. What has returned, or goes on
// after a Promise, is the way back, and on no stack.
const noteStack = (): false => {
  const before = { ...Error }
  const sites: { stack?: ReadonlyArray<NodeJS.CallSite> } = {}
  Error.stackTraceLimit = Infinity
  Error.prepareStackTrace = (_, sites) => sites
  Error.captureStackTrace(sites)
  const way = sites.stack?.map((site) => fileOf(site.getFileName() ?? "")).filter((file) => file !== undefined) ?? []
  Object.assign(Error, { prepareStackTrace: undefined }, before)
  ways.add(way.filter((file, index) => file !== way[index - 1]).toReversed().join(" > "))
  return false
}

/** The steps of ways that lead back to a file. */
const turns = (ways: ReadonlyArray<string>): ReadonlyArray<string> =>
  [
    ...new Set(ways.flatMap((steps) => {
      const way = steps.split(" > ")
      return way.flatMap((file, index) => way.indexOf(file) < index ? [`${way[index - 1]} > ${file}`] : [])
    }))
  ].map((turn) => turn.replaceAll(/src\/server\/(?:\w+\/)?|\.ts/g, "")).toSorted()

interface Crossed {
  /** The files of ours, and their functions. */
  readonly called: Readonly<Record<string, ReadonlyArray<string>>>
  /** The ways from file to file. */
  readonly ways: ReadonlyArray<string>
}

/** What runs, of what this prepares, until that ends and what it left for the next turn is done. */
const crossed = async (prepare: () => Promise<() => Promise<unknown>>): Promise<Crossed> => {
  const work = await prepare()
  await session.post("Profiler.takePreciseCoverage")
  await work()
  await new Promise(setImmediate)
  const { result } = await session.post("Profiler.takePreciseCoverage")
  const called: Record<string, Array<string>> = {}
  const breakpoints: Array<string> = []
  for (const { functions, scriptId } of result) {
    const file = files.get(scriptId)
    if (file !== undefined) {
      const { scriptSource } = await session.post("Debugger.getScriptSource", { scriptId })
      const at = (offset: number): Debugger.Location => {
        const lines = scriptSource.slice(0, offset).split("\n")
        return { scriptId, lineNumber: lines.length - 1, columnNumber: lines.at(-1)?.length ?? 0 }
      }
      for (const { functionName, ranges: [range] } of functions) {
        if (range && range.count > 0 && !isImport(scriptSource.slice(range.startOffset, range.endOffset))) {
          ;(called[file] ??= []).push(functionName || `(anonymous ${range.startOffset})`)
          const { locations: [location] } = await session.post("Debugger.getPossibleBreakpoints", {
            start: at(range.startOffset),
            end: at(range.endOffset),
            restrictToFunction: true
          })
          if (location) {
            const condition = "noteStack()"
            const { breakpointId } = await session.post("Debugger.setBreakpoint", { location, condition })
            breakpoints.push(breakpointId)
          }
        }
      }
    }
  }
  const again = await prepare()
  ways.clear()
  await again()
  await new Promise(setImmediate)
  for (const breakpointId of breakpoints) {
    await session.post("Debugger.removeBreakpoint", { breakpointId })
  }
  return { called, ways: [...ways] }
}

/** The files that the document lists under a heading. */
const listed = (heading: string): ReadonlyArray<string> => {
  const [, section = ""] = read("docs/architecture.md").split(`## ${heading}\n`)
  return [...section.split("\n## ", 1)[0]?.matchAll(/^\d+\. `(src\/[^`]+)`/gm) ?? []].map(([, file]) => file ?? "")
}

const expectPath = (heading: string, { called, ways }: Crossed, most: number): void => {
  if (process.env.SHOW_PATHS) {
    console.log(heading, Object.keys(called).length, called, ways)
  }
  expect(Object.keys(called).toSorted()).toEqual(listed(heading).toSorted())
  expect(listed(heading).length).toBeLessThanOrEqual(most)
  expect(new Set(ways.flatMap((way) => way.split(" > ")))).toEqual(new Set(listed(heading)))
  expect(turns(ways)).toEqual([])
}

const declare = (server: Hapi.Server): void => {
  server.subscription("/item/{id}")
  server.subscription("/even/{id}", { filter: (_path, message) => Number(message) % 2 === 0 })
  server.subscription("/kept/{id}", { recovery: { size: 10, age: 60_000 } })
}

const server = Hapi.server({ port: 0, host: "127.0.0.1" })

type Ask = (message?: object) => Promise<object>

const open = async (to = server): Promise<Ask> => {
  const socket = new WebSocket(to.info.uri.replace("http", "ws"))
  await once(socket, "open")
  const heard = on(socket, "message")
  return async (message) => {
    if (message) {
      socket.send(JSON.stringify(message))
    }
    const { value: [data] } = await heard.next() as { readonly value: ReadonlyArray<unknown> }
    return JSON.parse(String(data)) as object
  }
}

beforeAll(async () => {
  Object.assign(globalThis, { noteStack })
  session.connect()
  session.on("Debugger.scriptParsed", watch)
  await session.post("Debugger.enable")
  await session.post("Profiler.enable")
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false })
  server.auth.scheme("all", () => ({
    authenticate: (_request, h) => h.authenticated({ credentials: { user: { id: "john" } } })
  }))
  server.auth.strategy("all", "all")
  server.auth.default("all")
  await server.register({
    plugin: Nes,
    options: {
      heartbeat: false,
      auth: { type: "token", password: "some_not_random_password_that_is_also_long_enough" }
    }
  })
  server.route({ method: "GET", path: "/item/{id}", handler: (request) => ({ id: request.params.id }) })
  declare(server)
  await server.start()
})

afterAll(async () => {
  await server.stop()
  session.disconnect()
  Reflect.deleteProperty(globalThis, "noteStack")
})

const token = async (): Promise<unknown> => {
  const { result } = await server.inject("/nes/auth")
  return (result as { readonly token: string }).token
}

describe("the paths of docs/architecture.md", () => {
  it("a request on the hapi door", async () => {
    const ask = await open()
    await ask({ type: "hello", id: 1, version: "2", auth: await token() })
    const request = () => ask({ type: "request", id: 2, method: "GET", path: "/item/5" })
    await request()
    expectPath("A request", await crossed(async () => request), 7)
  })

  it("a hello with a token and a subscription", async () => {
    const hello = { type: "hello", id: 1, version: "2", auth: await token(), subs: ["/item/5"] }
    await (await open())(hello)
    const greeting = async () => {
      const say = await open()
      return () => say(hello)
    }
    expectPath("A hello", await crossed(greeting), 10)
  })

  it("a publish to a subscriber of this node", async () => {
    const ask = await open()
    await ask({ type: "hello", id: 1, version: "2", auth: await token(), subs: ["/item/6"] })
    await server.publish("/item/6", 1)
    expectPath("A publish", await crossed(async () => () => server.publish("/item/6", 2)), 7)
  })

  it("a pub from the frame to the consumer of a Stream", async () => {
    const peer = new WebSocketServer({ port: 0, host: "127.0.0.1" })
    peer.on("connection", (socket) =>
      socket.on("message", (data) => {
        const { id, type } = JSON.parse(String(data)) as { readonly id: number; readonly type: string }
        socket.send(JSON.stringify({ type, id, heartbeat: { interval: 15_000, timeout: 5_000 }, socket: "a:1" }))
      }))
    await once(peer, "listening")
    const { port } = peer.address() as { readonly port: number }
    const called = await Effect.runPromise(Effect.scoped(Effect.gen(function*() {
      const client = yield* NesClient.make({ url: `ws://127.0.0.1:${port}` })
      const heard = yield* Queue.unbounded<NesClient.Update>()
      const consumer = yield* Effect.forkScoped(
        Stream.runForEach(client.subscribe("/item/7"), (update) => Queue.offer(heard, update))
      )
      const publish = Effect.andThen(
        Effect.sync(() =>
          peer.clients.forEach((socket) => socket.send("{\"type\":\"pub\",\"path\":\"/item/7\",\"message\":1}"))
        ),
        Queue.take(heard)
      )
      yield* Effect.repeat(Effect.sync(() => peer.clients.size), { until: (open) => open > 0 })
      yield* publish
      yield* publish
      const called = yield* Effect.promise(() => crossed(async () => () => Effect.runPromise(publish)))
      yield* Fiber.interrupt(consumer)
      return called
    })))
    peer.close()
    expectPath("An update at the client", called, 5)
  })
})

describe("what turns back", () => {
  const passes = {
    "/item/8": [],
    "/even/8": ["Fanouts > Delivery"],
    "/kept/8": ["Recovery > Delivery", "RecoverySync > Recovery"]
  }
  const paths = Object.entries(passes)

  it.each(paths)("a publish to %s", async (path, expected) => {
    const ask = await open()
    await ask({ type: "hello", id: 1, version: "2", auth: await token(), subs: [path] })
    await server.publish(path, 2)
    const { ways } = await crossed(async () => () => server.publish(path, 2))
    expect(turns(ways)).toEqual(expected)
  })

  it("a publish of another node", async () => {
    // Nothing of what nodes do now and then is among it.
    vi.useFakeTimers({ toFake: ["setTimeout"] })
    onTestFinished(() => void vi.useRealTimers())
    const engine = await Effect.runPromise(MemoryEngine.make)
    const start = async () => {
      const node = Hapi.server({ port: 0, host: "127.0.0.1" })
      const broker = await Effect.runPromise(ClusterBroker.make(engine, { timeout: 1_000, maxInFlight: 10 }))
      await node.register({ plugin: Nes, options: { auth: false, heartbeat: false, broker } })
      declare(node)
      await node.start()
      onTestFinished(() => node.stop({ timeout: 1 }))
      return node
    }
    const [here, there] = [await start(), await start()]
    for (const [path, expected] of paths) {
      const heard = await open(there)
      await heard({ type: "hello", id: 1, version: "2", subs: [path] })
      const publish = async () => {
        const next = heard()
        await here.publish(path, 2)
        await next
      }
      await publish()
      const { ways } = await crossed(async () => publish)
      expect(ways.some((way) => way.startsWith("src/cluster/ClusterNode.ts > src/server/subscription/Delivery.ts")))
        .toBe(true)
      expect(turns(ways)).toEqual(expected)
    }
  })

  it("a hello that recovers what was missed", async () => {
    const hello = { type: "hello", id: 1, version: "2", auth: await token(), subs: ["/kept/9"] }
    const { positions } = await (await open())(hello) as { readonly positions: object }
    await server.publish("/kept/9", 1)
    const greeting = async () => {
      const say = await open()
      return async () => {
        await say({ ...hello, recover: positions })
        await say()
      }
    }
    await (await greeting())()
    const { ways } = await crossed(greeting)
    const replay = ["recovery/RecoverySync", "recovery/Recovery", "subscription/Delivery"]
    expect(ways).toContain(replay.map((file) => `src/server/${file}.ts`).join(" > "))
    expect(turns(ways)).toEqual([])
  })

  it.each([["an answer", "/item/"], ["an error", "none"]])("%s that is given at once", async (_what, path) => {
    const ask = await open()
    await ask({ type: "hello", id: 1, version: "2", auth: await token() })
    let number = 0
    const subscribe = () => ask({ type: "sub", id: 2, path: `${path}${++number}` })
    await subscribe()
    const { ways } = await crossed(async () => subscribe)
    expect(turns(ways)).toEqual([])
  })
})
