/** The Effect client against the real `@hapi/nes` 14 server, in a process of its own. */
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as NesClient from "../../src/client/NesClient.js"
import { unhindered } from "../harness/Pace.js"
import { hello, long, users } from "../interop/peers/InteropApplication.js"
import { type ServerUnderTest, startHapi21 } from "../interop/peers/ServerUnderTest.js"

const heartbeat = { interval: 200, timeout: 180 }

let server: ServerUnderTest
let guarded: string
let beating: string

beforeAll(async () => {
  server = await startHapi21("@hapi/nes")({ maxChunkChars: 50 })
  ;[guarded, beating] = await Promise.all([server.beside({ auth: "direct" }), server.beside({ heartbeat })])
})

afterAll(() => server.stop())

const control = (command: Parameters<ServerUnderTest["control"]>[0]): Effect.Effect<unknown> =>
  Effect.promise(() => server.control(command))

/** Waits until so many sockets are subscribed to a path. */
const subscribers = (path: string, count: number): Effect.Effect<void> =>
  Effect.repeat(control({ type: "subscribers", path }), { until: (n) => n === count })

const connect = (options: Partial<NesClient.Options> = {}) =>
  NesClient.make({ url: server.url, reconnect: { delay: 20 }, ...options })

describe("the Effect client and @hapi/nes 14", () => {
  it.live("requests, messages, chunks and errors", () =>
    Effect.gen(function*() {
      const nes = yield* connect()
      expect(yield* nes.request("hello")).toEqual({ payload: hello, statusCode: 200, headers: {} })
      const Item = Schema.Struct({ id: Schema.NumberFromString })
      const item = yield* Effect.flatMap(nes.request("/item/5"), NesClient.schemaPayload(Item))
      expect(item.id).toBe(5)
      expect((yield* nes.request("/long")).payload).toEqual(long)
      expect(yield* nes.message(["😀"])).toEqual({ echo: ["😀"] })
      const error = yield* Effect.flip(nes.request("/fail"))
      expect(error).toMatchObject({ _tag: "ServerError", statusCode: 403, message: "no" })
    }))

  it.live("subscriptions over a reconnect and up to the revocation; broadcasts", () =>
    Effect.gen(function*() {
      const nes = yield* connect()
      const updates = yield* Effect.forkChild(Stream.runCollect(Stream.take(nes.updates, 2)))
      const all = yield* Effect.forkChild(Stream.runCollect(nes.subscribe("/item/5")))
      const some = yield* Effect.forkChild(Stream.runCollect(Stream.take(nes.subscribeMessages("/item/5"), 1)))
      yield* subscribers("/item/5", 1)
      yield* control({ type: "publish", path: "/item/5", message: { n: 1 } })
      expect(Array.from(yield* Fiber.join(some))).toEqual([{ n: 1 }])
      yield* control({ type: "broadcast", message: "a" })
      const again = yield* nes.events.pipe(
        Stream.filter((event) => event._tag === "Connected"),
        Stream.take(1),
        Stream.runDrain,
        Effect.forkChild
      )
      yield* Effect.yieldNow
      yield* control({ type: "disconnect" })
      yield* Fiber.join(again)
      yield* subscribers("/item/5", 1)
      yield* control({ type: "publish", path: "/item/5", message: { n: 2 } })
      yield* control({ type: "send", message: "b" })
      yield* control({ type: "revoke", path: "/item/5", message: "last" })
      expect(Array.from(yield* Fiber.join(all))).toEqual([
        { message: { n: 1 }, revoked: false },
        { message: { n: 2 }, revoked: false },
        { message: "last", revoked: true }
      ])
      expect(Array.from(yield* Fiber.join(updates))).toEqual(["a", "b"])
    }))

  it.live("some heartbeats later the connection is the same, where each could be answered in time", () =>
    Effect.gen(function*() {
      const nes = yield* connect({ url: beating })
      const look = Effect.gen(function*() {
        const before = yield* nes.status
        yield* Effect.sleep(900)
        expect(before._tag).toBe("Connected")
        expect(yield* nes.status).toEqual(before)
      })
      const withheld = () => server.withheld()
      yield* Effect.promise(() => unhindered(heartbeat.timeout / 2, () => Effect.runPromise(look), withheld))
    }))

  it.live("authentication and reauthentication", () =>
    Effect.gen(function*() {
      const refused = yield* Effect.flip(connect({ url: guarded }))
      expect(refused).toMatchObject({ _tag: "ServerError", statusCode: 401 })
      const nes = yield* connect({ url: guarded, auth: { headers: { authorization: "Custom john" } } })
      expect((yield* nes.request("/me")).payload).toEqual(users.john)
      yield* nes.reauthenticate({ headers: { authorization: "Custom jane" } })
      expect((yield* nes.request("/me")).payload).toEqual(users.jane)
    }))
})
