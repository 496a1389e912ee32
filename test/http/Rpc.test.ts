/** Effect's RPC over a connection that does other things too. */
import { describe, expect, it, vi } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Headers from "effect/http/Headers"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as RpcMiddleware from "effect/rpc/RpcMiddleware"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { WebSocket } from "ws"
import {
  Authentication,
  NesClient,
  NesHttpServer,
  NesRpcClient,
  NesRpcServer,
  NesServer,
  Socket,
  TestServer
} from "../../src/index.js"

class User extends Schema.Class<User>("User")({ id: Schema.Number, born: Schema.Date }) {}
class Missing extends Schema.TaggedError<Missing>()("Missing", { id: Schema.Number }) {}
class Unknown extends Schema.TaggedError<Unknown>()("Unknown", {}) {}

class CurrentUser extends Context.Service<CurrentUser, string>()("CurrentUser") {}
class WhoAsks extends RpcMiddleware.Service<WhoAsks, { provides: CurrentUser }>()("WhoAsks", { error: Unknown }) {}

class Faulty extends RpcMiddleware.Service<Faulty>()("Faulty") {}

const fault = new TypeError("a fault with a secret")

/** A Schema whose decoding waits, and then dies. */
const Dying = Schema.Number.pipe(
  Schema.decodeTo(Schema.Number, {
    decode: SchemaGetter.transformEffect<number, number>(() => Effect.andThen(Effect.yieldNow, Effect.die(fault))),
    encode: SchemaGetter.passthrough()
  })
)

const decoding: Array<string> = []

/** A Schema whose decoding never ends by itself. */
const Slow = Schema.Number.pipe(
  Schema.decodeTo(Schema.Number, {
    decode: SchemaGetter.transformEffect<number, number>(() =>
      Effect.onInterrupt(
        Effect.andThen(Effect.sync(() => decoding.push("begun")), Effect.never),
        () => Effect.sync(() => decoding.push("interrupted"))
      )
    ),
    encode: SchemaGetter.passthrough()
  })
)

const Users = RpcGroup.make(
  Rpc.make("Get", { payload: { id: Schema.Number }, success: User, error: Missing }),
  Rpc.make("Nothing"),
  Rpc.make("Die"),
  Rpc.make("Whoami", { success: Schema.String }).middleware(WhoAsks),
  Rpc.make("Socket", { success: Schema.Struct({ id: Schema.String, user: Schema.Unknown }) }),
  Rpc.make("Hang"),
  Rpc.make("Throw"),
  Rpc.make("Refused").middleware(Faulty),
  Rpc.make("Unencodable", { success: Schema.String }),
  Rpc.make("Undecodable", { payload: Schema.Struct({ id: Dying }) }),
  Rpc.make("Broken", { success: Schema.Number, stream: true }),
  Rpc.make("Later"),
  Rpc.make("Headers", { success: Schema.Record(Schema.String, Schema.String) }),
  Rpc.make("Count", { payload: { to: Schema.Number }, success: Schema.Number, error: Missing, stream: true }),
  Rpc.make("Many", { success: Schema.Number, stream: true }),
  Rpc.make("HangStream", { success: Schema.Number, stream: true }),
  Rpc.make("Keep", { payload: { text: Schema.String }, success: Schema.Number, stream: true }),
  Rpc.make("Silent", { success: Schema.Number, stream: true }),
  Rpc.make("Slow", { payload: Schema.Struct({ id: Slow }) })
)

/** What the first value of `Silent` waits for. */
const silent = Effect.runSync(Queue.unbounded<void>())

/** What handlers tell the test. */
class Diary extends Context.Service<Diary, Queue.Queue<string>>()("Diary") {}

const born = new Date(0)

const UsersLive = Users.toLayer(Effect.gen(function*() {
  const diary = yield* Diary
  const hang = Queue.offer(diary, "begun").pipe(
    Effect.andThen(Effect.never),
    Effect.onInterrupt(() => Queue.offer(diary, "interrupted"))
  )
  return {
    Get: ({ id }) => id === 404 ? Effect.fail(new Missing({ id })) : Effect.succeed(new User({ id, born })),
    Nothing: () => Effect.void,
    Die: () => Effect.die(fault),
    Throw: (): Effect.Effect<void> => {
      throw fault
    },
    Refused: () => Effect.void,
    Unencodable: () => Effect.succeed(JSON.parse(`{"secret":1}`) as string),
    Undecodable: () => Effect.void,
    Broken: () => Stream.concat(Stream.make(1), Stream.die(fault)),
    Later: () =>
      Effect.map(Deferred.make<void>(), (deferred) => {
        Deferred.doneUnsafe(deferred, Exit.die(fault))
        return deferred
      }),
    Headers: (_: void, { headers }: { readonly headers: Headers.Headers }) => Effect.succeed({ ...headers }),
    Whoami: () => CurrentUser,
    Socket: () =>
      Effect.gen(function*() {
        const { id } = yield* Effect.orDie(Socket.current)
        const { user } = yield* Effect.orDie(Socket.credentials)
        return { id, user }
      }),
    Hang: () => hang,
    Count: ({ to }) =>
      to === 404
        ? Stream.concat(Stream.make(1), Stream.fail(new Missing({ id: 404 })))
        : Stream.range(1, to).pipe(
          Stream.rechunk(1),
          Stream.tap((n) => Queue.offer(diary, `made ${n}`))
        ),
    Many: () => Stream.range(0, 99),
    HangStream: () => Stream.concat(Stream.make(1), Stream.fromEffect(hang)),
    Keep: () => Stream.concat(Stream.make(1), Stream.never),
    Silent: () =>
      Stream.fromEffect(Effect.andThen(Queue.offer(diary, "begun"), Effect.as(Queue.take(silent), 1))).pipe(
        Stream.concat(Stream.never),
        Stream.onExit(() => Queue.offer(diary, "ended"))
      ),
    Slow: () => Effect.asVoid(Queue.offer(diary, "begun"))
  }
}))

const WhoAsksLive = Layer.succeed(
  WhoAsks,
  (effect) =>
    Effect.flatMap(Effect.mapError(Socket.credentials, () => new Unknown()), ({ user }) =>
      user === "banned"
        ? Effect.fail(new Unknown())
        : Effect.provideService(effect, CurrentUser, String(user)))
)

const FaultyLive = Layer.succeed(Faulty, () => Effect.die(fault))

const auth = Authentication.make({
  mode: "optional",
  authenticate: Effect.map(
    HttpServerRequest.HttpServerRequest,
    ({ headers }) => ({ credentials: { user: headers.authorization } })
  )
})

const as = (user: string): Partial<NesClient.Options> => ({ auth: { headers: { authorization: user } } })

const routes = HttpRouter.add("GET", "/", HttpServerResponse.text("here"))

const serve = (options?: Parameters<typeof NesRpcServer.layer>[1], limits: object = { maxInFlight: 4 }) =>
  NesRpcServer.layer(Users, options).pipe(
    Layer.provide([UsersLive, WhoAsksLive, FaultyLive]),
    Layer.provideMerge(Layer.merge(
      NesHttpServer.layerSubscription("/news"),
      Layer.effect(Diary, Queue.unbounded<string>())
    )),
    Layer.provideMerge(TestServer.layer(routes, { auth, limits })),
    Layer.provide(HttpServer.layerServices)
  )

const Live = serve({ disableFatalDefects: true })

/** A bare client, `say` of which resolves with the next message that comes. */
const bare = Effect.gen(function*() {
  const { url, ws } = yield* TestServer.TestServer
  const answers = yield* Queue.unbounded<Readonly<Record<string, unknown>>>()
  const socket = yield* Effect.acquireRelease(
    Effect.callback<WebSocket>((resume) => {
      const socket = new WebSocket(url, { ...ws, headers: { host: "shop.example", "x-forwarded-for": "192.0.2.7" } })
      socket.on(
        "message",
        (data: Buffer) => Queue.offerUnsafe(answers, JSON.parse(data.toString()) as Readonly<Record<string, unknown>>)
      )
      socket.once("open", () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.terminate())
  )
  const send = (message: object): void => socket.send(JSON.stringify(message))
  const say = (message: object) => {
    send(message)
    return Queue.take(answers)
  }
  yield* say({ type: "hello", id: 1, version: "2", extensions: ["cancel", "rpc"] })
  return { answers, say, send }
})

const hidden = "An internal server error occurred"

/** A client of the group on a connection of its own. */
const connect = (options: Partial<NesClient.Options> = as("john")) =>
  Effect.gen(function*() {
    const nes = yield* TestServer.connect(options)
    const protocol = yield* Effect.provideService(NesRpcClient.makeProtocol, NesClient.NesClient, nes)
    const rpc = yield* Effect.provideService(RpcClient.make(Users), RpcClient.Protocol, protocol)
    return { nes, rpc }
  })

const textOf = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "success"

const read = Effect.flatMap(Diary, Queue.take)

const connectionOf = Effect.flatMap(NesServer.NesServer, (nes) => nes.connections)

/** Until the server is at rest: nothing in flight, no stream open. */
const atRest = Effect.repeat(connectionOf, {
  until: (connections) => connections.every(({ processing, streams }) => processing === 0 && streams === 0),
  schedule: Schedule.spaced("1 millis")
})

describe("a call", () => {
  it.live("succeeds and fails with what its Schemas say", () =>
    Effect.gen(function*() {
      const { rpc } = yield* connect()
      expect(yield* rpc.Get({ id: 5 })).toEqual(new User({ id: 5, born }))
      expect(yield* Effect.flip(rpc.Get({ id: 404 }))).toEqual(new Missing({ id: 404 }))
      expect(yield* rpc.Nothing()).toBeUndefined()
      const all = yield* Effect.all([1, 2, 3, 4].map((id) => rpc.Get({ id })), { concurrency: "unbounded" })
      expect(all.map(({ id }) => id)).toEqual([1, 2, 3, 4])
      yield* atRest
    }).pipe(Effect.provide(Live)))

  it.live("that dies does so at the client, and others go on", () =>
    Effect.gen(function*() {
      const { rpc } = yield* connect()
      const exit = yield* Effect.exit(rpc.Die())
      expect(textOf(exit)).toContain(hidden)
      expect(yield* rpc.Get({ id: 5 })).toBeInstanceOf(User)
    }).pipe(Effect.provide(Live)))

  it.live("that dies takes the client's others along where Effect has it so, at the server too", () =>
    Effect.gen(function*() {
      const { rpc } = yield* connect()
      const other = yield* Effect.forkChild(Effect.exit(Stream.runDrain(rpc.HangStream())))
      expect(yield* read).toBe("begun")
      expect(textOf(yield* Effect.exit(rpc.Die()))).toContain(hidden)
      expect(textOf(yield* Fiber.join(other))).toContain(hidden)
      expect(yield* read).toBe("interrupted")
      yield* atRest
    }).pipe(Effect.provide(serve({}))))

  it.live("knows the socket and its credentials, in handlers and in middleware", () =>
    Effect.gen(function*() {
      const john = yield* connect()
      expect(yield* john.rpc.Whoami()).toBe("john")
      const [connection] = yield* connectionOf
      expect(yield* john.rpc.Socket()).toEqual({ id: connection?.id, user: "john" })
      yield* john.nes.reauthenticate({ headers: { authorization: "jane" } })
      expect(yield* john.rpc.Whoami()).toBe("jane")
      const banned = yield* connect(as("banned"))
      expect(yield* Effect.flip(banned.rpc.Whoami())).toEqual(new Unknown())
      const nobody = yield* connect({})
      expect(yield* Effect.flip(nobody.rpc.Whoami())).toEqual(new Unknown())
    }).pipe(Effect.provide(Live)))

  it.live("that is interrupted is interrupted at the server, and is in flight no more", () =>
    Effect.gen(function*() {
      const { rpc } = yield* connect()
      for (let n = 0; n < 5; n++) {
        const fiber = yield* Effect.forkChild(rpc.Hang())
        expect(yield* read).toBe("begun")
        yield* Fiber.interrupt(fiber)
        expect(yield* read).toBe("interrupted")
      }
      yield* atRest
    }).pipe(Effect.provide(Live)))

  it.live("ends with its client", () =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        const { rpc } = yield* connect()
        yield* Effect.forkScoped(rpc.Hang())
        yield* Effect.forkScoped(Stream.runDrain(rpc.HangStream()))
        expect([yield* read, yield* read]).toEqual(["begun", "begun"])
      }))
      expect([yield* read, yield* read]).toEqual(["interrupted", "interrupted"])
    }).pipe(Effect.provide(Live)))

  it.live("fails when the connection is lost, and works again after a reconnect", () =>
    Effect.gen(function*() {
      const { nes, rpc } = yield* connect({ ...as("john"), reconnect: { delay: 1 } })
      const hanging = yield* Effect.forkChild(Effect.flip(rpc.Hang()))
      const streaming = yield* Effect.forkChild(Effect.flip(Stream.runDrain(rpc.HangStream())))
      yield* read
      yield* read
      const [connection] = yield* connectionOf
      connection?.ws.terminate()
      expect(yield* Fiber.join(hanging)).toMatchObject({ _tag: "RpcClientError" })
      expect(yield* Fiber.join(streaming)).toMatchObject({ _tag: "RpcClientError" })
      yield* Effect.repeat(nes.status, { until: ({ _tag }) => _tag === "Connected", schedule: Schedule.spaced(1) })
      expect(yield* rpc.Whoami()).toBe("john")
      yield* nes.disconnect
      expect(yield* Effect.flip(rpc.Nothing())).toMatchObject({ _tag: "RpcClientError" })
    }).pipe(Effect.provide(Live)))

  it.live("shares the connection with requests, subscriptions and updates", () =>
    Effect.gen(function*() {
      const { nes, rpc } = yield* connect()
      const server = yield* NesServer.NesServer
      const news = yield* Effect.forkChild(Stream.runHead(nes.subscribeMessages("/news")))
      const update = yield* Effect.forkChild(Stream.runHead(nes.updates))
      yield* Effect.repeat(Socket.all({ subscription: "/news" }), { until: ({ length }) => length === 1 })
      const counted = yield* Effect.forkChild(Stream.runCollect(rpc.Count({ to: 20 })))
      yield* server.publish("/news", "good")
      yield* server.broadcast("to all")
      expect((yield* nes.request("/")).payload).toBe("here")
      expect(yield* Fiber.join(news)).toMatchObject({ value: "good" })
      expect(yield* Fiber.join(update)).toMatchObject({ value: "to all" })
      expect(yield* Fiber.join(counted)).toHaveLength(20)
      expect(yield* connectionOf).toHaveLength(1)
    }).pipe(Effect.provide(Live)))
})

describe("a Stream", () => {
  it.live("yields in order, ends, and fails with what its Schema says", () =>
    Effect.gen(function*() {
      const { rpc } = yield* connect()
      expect(yield* Stream.runCollect(rpc.Count({ to: 100 }))).toEqual(Array.from({ length: 100 }, (_, n) => n + 1))
      const seen: Array<number> = []
      const error = yield* Effect.flip(
        Stream.runForEach(rpc.Count({ to: 404 }), (n) => Effect.sync(() => void seen.push(n)))
      )
      expect([seen, error]).toEqual([[1], new Missing({ id: 404 })])
      yield* atRest
    }).pipe(Effect.provide(Live)))

  it.live("waits for a consumer that is slow", () =>
    Effect.gen(function*() {
      const { rpc } = yield* connect()
      const go = yield* Deferred.make<void>()
      const first = yield* Deferred.make<void>()
      const counting = yield* Effect.forkChild(Stream.runForEach(
        rpc.Count({ to: 1000 }, { streamBufferSize: 1 }),
        () => Effect.andThen(Deferred.succeed(first, undefined), Deferred.await(go))
      ))
      const diary = yield* Diary
      // Whatever the client lets the server make has been made when it has answered so many calls behind it.
      const made = Effect.gen(function*() {
        for (let n = 0; n < 20; n++) {
          yield* rpc.Nothing()
        }
        return yield* Queue.size(diary)
      })
      yield* Deferred.await(first)
      const before = yield* made
      expect(before).toBeLessThan(10)
      expect(yield* made).toBe(before)
      yield* Deferred.succeed(go, undefined)
      yield* Fiber.join(counting)
      expect(yield* Queue.size(diary)).toBe(1000)
    }).pipe(Effect.provide(Live)))

  it.live("that nobody consumes any more is interrupted at the server", () =>
    Effect.gen(function*() {
      const { rpc } = yield* connect()
      const fiber = yield* Effect.forkChild(Stream.runDrain(rpc.HangStream()))
      expect(yield* read).toBe("begun")
      const [connection] = yield* connectionOf
      expect([connection?.processing, connection?.streams]).toEqual([0, 1])
      yield* Fiber.interrupt(fiber)
      expect(yield* read).toBe("interrupted")
      yield* atRest
    }).pipe(Effect.provide(Live)))

  it.live("whose values do not all fit holds up no other call, not even one that its consumer waits for", () =>
    Effect.gen(function*() {
      const { rpc } = yield* connect()
      const users = yield* Stream.runCollect(
        Stream.mapEffect(rpc.Many(undefined, { streamBufferSize: 1 }), (id) => rpc.Get({ id }))
      )
      expect(users.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, n) => n))
      yield* atRest
    }).pipe(Effect.provide(Live)))

  it.effect("has its time while it waits for the server, not while its consumer is slow", () =>
    Effect.gen(function*() {
      const { rpc } = yield* connect({ ...as("john"), timeout: 150 })
      const taken = yield* Queue.unbounded<number>()
      const counted = Stream.tap(
        rpc.Count({ to: 3 }, { streamBufferSize: 1 }),
        (n) => Effect.andThen(Queue.offer(taken, n), Effect.sleep(400))
      )
      const counting = yield* Effect.forkChild(Stream.runCollect(counted))
      for (const n of [1, 2, 3]) {
        expect(yield* Queue.take(taken)).toBe(n)
        yield* TestClock.adjust(400)
      }
      expect(yield* Fiber.join(counting)).toEqual([1, 2, 3])
    }).pipe(Effect.provide(Live)))

  it.effect("that is given up for its slowness is interrupted at the server", () =>
    Effect.gen(function*() {
      const { rpc } = yield* connect({ ...as("john"), timeout: 50 })
      const values = yield* Queue.unbounded<number>()
      const stream = Stream.runForEach(rpc.HangStream(), (n) => Queue.offer(values, n))
      const streaming = yield* Effect.forkChild(Effect.exit(stream))
      expect(yield* read).toBe("begun")
      expect(yield* Queue.take(values)).toBe(1)
      yield* TestClock.adjust(50)
      expect(textOf(yield* Fiber.join(streaming))).toContain("Request timed out")
      expect(yield* read).toBe("interrupted")
      yield* Effect.repeat(connectionOf, { until: ([connection]) => connection?.streams === 0 })
    }).pipe(Effect.provide(Live)))

  it.live("counts as in flight, as calls do: one too many is refused", () =>
    Effect.gen(function*() {
      const { rpc } = yield* connect()
      const fibers = yield* Effect.forEach([1, 2, 3, 4], () => Effect.forkChild(Stream.runDrain(rpc.HangStream())))
      yield* Effect.forEach(fibers, () => read)
      const exit = yield* Effect.exit(rpc.Nothing())
      expect(textOf(exit)).toContain("Too many messages in flight")
      yield* Fiber.interrupt(fibers[0] as Fiber.Fiber<unknown, unknown>)
      expect(yield* read).toBe("interrupted")
      yield* Effect.repeat(connectionOf, {
        until: ([connection]) => connection?.streams === 3,
        schedule: Schedule.spaced("1 millis")
      })
      expect(yield* rpc.Nothing()).toBeUndefined()
    }).pipe(Effect.provide(Live)))
})

describe("a Stream whose client becomes somebody else", () => {
  const as = (authorization: string) => ({ headers: { authorization } })
  const changed = "The credentials have changed"

  it.live("ends, at the server too; one of the same credentials goes on, and so does a call", () =>
    Effect.gen(function*() {
      const { nes, rpc } = yield* connect()
      const hanging = yield* Effect.forkChild(rpc.Hang())
      expect(yield* read).toBe("begun")
      const streaming = yield* Effect.forkChild(Effect.exit(Stream.runDrain(rpc.HangStream())))
      expect(yield* read).toBe("begun")
      yield* nes.reauthenticate(as("john"))
      expect(yield* connectionOf).toMatchObject([{ streams: 1 }])
      yield* nes.reauthenticate(as("jane"))
      expect(textOf(yield* Fiber.join(streaming))).toContain(changed)
      expect(yield* read).toBe("interrupted")
      expect(yield* connectionOf).toMatchObject([{ processing: 1, streams: 0 }])
      yield* Fiber.interrupt(hanging)
      yield* atRest
    }).pipe(Effect.provide(Live)))

  it.live("yields nothing more, had it yielded nothing before", () =>
    Effect.gen(function*() {
      const { nes, rpc } = yield* connect()
      const streaming = yield* Effect.forkChild(Effect.exit(Stream.runCollect(rpc.Silent())))
      expect(yield* read).toBe("begun")
      yield* nes.reauthenticate(as("jane"))
      yield* Queue.offer(silent, undefined)
      expect(textOf(yield* Fiber.join(streaming))).toContain(changed)
      expect(yield* read).toBe("ended")
      yield* atRest
    }).pipe(Effect.provide(Live)))
})

describe("a call whose payload is still being decoded", () => {
  it.live("is interrupted with its client, or when that takes it back: no handler begins", () =>
    Effect.gen(function*() {
      const { nes, rpc } = yield* connect()
      const fiber = yield* Effect.forkChild(rpc.Slow({ id: 1 }))
      const until = (length: number) =>
        Effect.repeat(Effect.sync(() => decoding.length), {
          until: (now) => now === length,
          schedule: Schedule.spaced("1 millis")
        })
      yield* until(1)
      yield* Fiber.interrupt(fiber)
      yield* until(2)
      yield* atRest
      yield* Effect.forkChild(Effect.exit(rpc.Slow({ id: 1 })))
      yield* until(3)
      yield* nes.disconnect
      yield* until(4)
      expect(decoding).toEqual(["begun", "interrupted", "begun", "interrupted"])
      expect(yield* Queue.size(yield* Diary)).toBe(0)
    }).pipe(Effect.provide(Live)))
})

it.live("what Streams were asked with counts as long as they are open: what does not fit beside is refused", () =>
  Effect.gen(function*() {
    const { nes, rpc } = yield* connect()
    const keep = (length: number) => Stream.runDrain(rpc.Keep({ text: "x".repeat(length) }))
    const first = yield* Effect.forkChild(keep(1_000))
    yield* Effect.repeat(connectionOf, {
      until: ([connection]) => connection?.streams === 1 && connection.processing === 0,
      schedule: Schedule.spaced("1 millis")
    })
    expect(textOf(yield* Effect.exit(keep(1_000)))).toContain("Too many messages in flight")
    expect((yield* nes.request("/")).payload).toBe("here")
    expect(yield* rpc.Nothing()).toBeUndefined()
    yield* Fiber.interrupt(first)
    yield* atRest
    expect(yield* connectionOf).toMatchObject([{ streaming: 0, weight: 0 }])
    const again = yield* Effect.forkChild(keep(1_000))
    yield* Effect.repeat(connectionOf, { until: ([connection]) => connection?.streams === 1 })
    yield* Fiber.interrupt(again)
  }).pipe(Effect.provide(serve({ disableFatalDefects: true }, { maxInFlightBytes: 60_000 }))))

describe("a call to be discarded", () => {
  it.live("counts as in flight until its handler has ended, as all others do", () =>
    Effect.gen(function*() {
      const { answers, say, send } = yield* bare
      for (const id of [1, 2, 3, 4]) {
        send({ type: "rpc", id, tag: id % 2 ? "Hang" : "HangStream", discard: true })
        expect(yield* read).toBe("begun")
      }
      const [connection] = yield* connectionOf
      expect(connection?.weight).toBeGreaterThan(0)
      for (let id = 5; id < 50; id++) {
        expect(yield* say({ type: "rpc", id, tag: "Hang", discard: true })).toMatchObject({ id, statusCode: 429 })
      }
      expect(yield* say({ type: "cancel", id: 1 })).toMatchObject({ id: 1, exit: { _tag: "Failure" } })
      expect(yield* read).toBe("interrupted")
      expect(yield* say({ type: "rpc", id: 1, tag: "Get", payload: { id: 5 }, discard: true })).toEqual({
        type: "rpc",
        id: 1,
        exit: { _tag: "Success", value: null }
      })
      for (const id of [2, 3, 4]) {
        yield* say({ type: "cancel", id })
      }
      yield* atRest
      expect(yield* connectionOf).toMatchObject([{ weight: 0 }])
      expect(yield* Queue.size(answers)).toBe(0)
    }).pipe(Effect.provide(Live)))

  it.live("ends for the client when its handler has, with a failure too", () =>
    Effect.gen(function*() {
      const { rpc } = yield* connect()
      const sent = vi.spyOn(WebSocket.prototype, "send")
      expect(yield* rpc.Get({ id: 5 }, { discard: true })).toBeUndefined()
      expect(sent.mock.calls.map(([text]) => JSON.parse(String(text)))).toContainEqual(
        expect.objectContaining({ type: "rpc", discard: true })
      )
      sent.mockRestore()
      expect(yield* Effect.flip(rpc.Get({ id: 404 }, { discard: true }))).toEqual(new Missing({ id: 404 }))
      const fiber = yield* Effect.forkChild(rpc.Hang(undefined, { discard: true }))
      expect(yield* read).toBe("begun")
      yield* Fiber.interrupt(fiber)
      expect(yield* read).toBe("interrupted")
      yield* atRest
    }).pipe(Effect.provide(Live)))
})

describe("a fault", () => {
  /** The same with what is logged as an error. */
  const logged = (options?: Parameters<typeof NesRpcServer.layer>[1]) =>
    Effect.gen(function*() {
      const entries = yield* Queue.unbounded<string>()
      const logger = Logger.make<unknown, void>(({ cause, logLevel, message }) => {
        if (logLevel === "Error") {
          Queue.offerUnsafe(entries, `${String(message)} ${Cause.pretty(cause)}`)
        }
      })
      const context = yield* Layer.build(Layer.provide(serve(options), Logger.layer([logger])))
      return { context, entries }
    })

  const tags = ["Die", "Throw", "Refused", "Unencodable", "Undecodable", "Broken", "Later"]

  it.live.each([true, false])(
    "is told to the log, and not to the client (disableFatalDefects: %s)",
    (disableFatalDefects) =>
      Effect.gen(function*() {
        const { context, entries } = yield* logged({ disableFatalDefects })
        yield* Effect.gen(function*() {
          const { answers, say, send } = yield* bare
          for (const [n, tag] of tags.entries()) {
            const id = n + 1
            let answer = yield* say({ type: "rpc", id, tag, payload: tag === "Undecodable" ? { id: 1 } : null })
            if (answer.values) {
              send({ type: "ack", id })
              answer = yield* Queue.take(answers)
            }
            expect(answer).toMatchObject({ id })
            expect(JSON.stringify(answer)).toContain(hidden)
            expect(JSON.stringify(answer)).not.toContain("secret")
            expect(yield* Queue.take(entries)).toMatch(
              tag === "Unencodable" ? /Failed to encode/ : /a fault with a secret/
            )
            yield* atRest
          }
          expect(yield* Queue.size(entries)).toBe(0)
        }).pipe(Effect.provide(context))
      })
  )

  it.live("in a request is told to the client, as are errors of the Schema, and to no log", () =>
    Effect.gen(function*() {
      const { context, entries } = yield* logged()
      yield* Effect.gen(function*() {
        const { say } = yield* bare
        for (
          const [message, text] of [
            [{ tag: "Nobody" }, "Unknown request tag: Nobody"],
            [{ tag: "Get", payload: { id: "x" } }, "at ["],
            [{ tag: "Get", payload: { id: 404 } }, "Missing"]
          ] as const
        ) {
          const answer = yield* say({ type: "rpc", id: 2, ...message })
          expect(answer).toMatchObject({ exit: { _tag: "Failure" } })
          expect(JSON.stringify(answer)).toContain(text)
        }
        expect(yield* Queue.size(entries)).toBe(0)
      }).pipe(Effect.provide(context))
    }))

  it.live("that ends all calls of a client interrupts their handlers, which count until then", () =>
    Effect.gen(function*() {
      const { answers, say, send } = yield* bare
      for (let round = 0; round < 3; round++) {
        for (const id of [1, 2]) {
          send({ type: "rpc", id, tag: "Hang" })
          expect(yield* read).toBe("begun")
        }
        const ids = [(yield* say({ type: "rpc", id: 3, tag: "Die" })).id, (yield* Queue.take(answers)).id]
        expect([...ids, (yield* Queue.take(answers)).id]).toEqual([1, 2, 3])
        expect([yield* read, yield* read]).toEqual(["interrupted", "interrupted"])
        yield* atRest
      }
      expect(yield* Queue.size(answers)).toBe(0)
    }).pipe(Effect.provide(serve())))
})

describe("headers of a call", () => {
  it.live("are checked as those of a request are", () =>
    Effect.gen(function*() {
      const { say } = yield* bare
      const call = (...headers: ReadonlyArray<readonly [string, string]>) =>
        say({ type: "rpc", id: 2, tag: "Headers", headers })
      expect(yield* call(["A", "1"], ["host", "evil"], ["X-Forwarded-For", "6.6.6.6"], ["te", "x"])).toMatchObject({
        exit: { value: { a: "1", host: "shop.example", "x-forwarded-for": "192.0.2.7" } }
      })
      for (
        const [headers, text] of [
          [[["Authorization", "Bearer x"]], "Cannot include an Authorization header"],
          [[["a\r\nb", "x"]], "has no valid name"],
          [[["a", "\0"]], "has a value with an invalid character"],
          [[["a", "x".repeat(16_384)]], "is too much"],
          [Array.from({ length: 2001 }, (_, n) => [`x${n}`, ""] as const), "is one too many"]
        ] as const
      ) {
        const answer = yield* call(...headers)
        expect(answer).toMatchObject({ statusCode: 400 })
        expect(JSON.stringify(answer)).toContain(text)
      }
    }).pipe(Effect.provide(Live)))
})

describe("bad input", () => {
  it.live("is answered, and a procedure that nobody serves too", () =>
    Effect.gen(function*() {
      const { say, send } = yield* bare
      for (
        const [wrong, text] of [
          [{}, "Message missing tag"],
          [{ tag: 1 }, "Message tag must be a string"],
          [{ tag: "Get", headers: [["a"]] }, "Message headers must be an array of pairs of strings"],
          [{ tag: "Get", sampled: 1 }, "Message sampled must be a boolean"]
        ] as const
      ) {
        expect(yield* say({ type: "rpc", id: 2, ...wrong })).toMatchObject({
          type: "rpc",
          id: 2,
          statusCode: 400,
          payload: { message: text }
        })
      }
      for (const wrong of [{ tag: "Missing" }, { tag: "__proto__" }, { tag: "Get", payload: { id: "x" } }]) {
        expect(yield* say({ type: "rpc", id: 3, ...wrong })).toMatchObject({ id: 3, exit: { _tag: "Failure" } })
      }
      send({ type: "rpc", id: 4, tag: "Hang" })
      expect(yield* read).toBe("begun")
      expect(yield* say({ type: "rpc", id: 4, tag: "Hang" })).toMatchObject({ statusCode: 400 })
      send({ type: "ack", id: 99 })
      send({ type: "cancel", id: 99 })
      expect(yield* say({ type: "rpc", id: "text", tag: "Nothing" })).toEqual({
        type: "rpc",
        id: "text",
        exit: { _tag: "Success", value: null }
      })
    }).pipe(Effect.provide(Live)))

  it.live("a server that serves none says so", () =>
    Effect.gen(function*() {
      const { rpc } = yield* connect({})
      const exit = yield* Effect.exit(rpc.Nothing())
      expect(textOf(exit)).toContain("Not Implemented")
    }).pipe(Effect.provide(TestServer.layer(Layer.empty).pipe(Layer.provide(HttpServer.layerServices)))))
})

it.effect("a client that was not made here has no procedures, and is told so", () =>
  Effect.gen(function*() {
    const foreign = {} as NesClient.Service
    const exit = yield* Effect.exit(Effect.provideService(NesRpcClient.makeProtocol, NesClient.NesClient, foreign))
    expect(String(exit)).toContain("not made by `NesClient.make`")
  }).pipe(Effect.scoped))

it.live("a second RPC server on a server dies, and the first goes on; after it there may be another", () =>
  Effect.gen(function*() {
    const first = RpcGroup.make(Rpc.make("First", { success: Schema.Number }))
    const second = RpcGroup.make(Rpc.make("Second", { success: Schema.Number }))
    const firstLive = NesRpcServer.layer(first).pipe(
      Layer.provide(first.toLayer({ First: () => Effect.succeed(1) }))
    )
    const secondLive = NesRpcServer.layer(second).pipe(
      Layer.provide(second.toLayer({ Second: () => Effect.succeed(2) }))
    )
    const call = RpcClient.make(first.merge(second)).pipe(Effect.provide(NesRpcClient.layerProtocol))
    yield* Effect.scoped(Effect.gen(function*() {
      yield* Layer.build(firstLive)
      const exit = yield* Effect.exit(Layer.build(secondLive))
      expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).toContain("has an RPC server already")
      expect(yield* Effect.flatMap(call, (client) => client.First())).toBe(1)
    }))
    yield* Layer.build(secondLive)
    expect(yield* Effect.flatMap(call, (client) => client.Second())).toBe(2)
  }).pipe(
    Effect.scoped,
    Effect.provide(
      TestServer.layerClient().pipe(
        Layer.provideMerge(TestServer.layer(Layer.empty)),
        Layer.provide(HttpServer.layerServices)
      )
    )
  ))
