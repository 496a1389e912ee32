/**
 * Every client against every server, ours and the deployed ones: requests, route ids, messages, subscriptions,
 * publications, broadcasts, revocations, heartbeats, chunking, authentication and reconnection, over real sockets.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { WebSocket } from "ws"
import { makeEffectClient, makePlainClient } from "./OurClients.js"
import {
  type ClientUnderTest,
  failureOf,
  type MakeClient,
  makeNes14Client,
  makeNes6Client,
  stopProcesses
} from "./peers/ClientUnderTest.js"
import { hello, long, users, wide } from "./peers/InteropApplication.js"
import {
  type ServerOptions,
  type ServerUnderTest,
  startHapi16,
  startHapi21,
  startHttp,
  type StartServer
} from "./peers/ServerUnderTest.js"

interface ServerKind {
  readonly name: string
  readonly start: StartServer
  /** nes 6 speaks 2.3. */
  readonly reauth: boolean
  /** The deployed servers lose characters outside the BMP where a chunk ends inside one. */
  readonly keepsPairs: boolean
  /** nes 6 takes all that the token seals for the credentials. */
  readonly ofToken: (credentials: unknown) => unknown
}

interface ClientKind {
  readonly name: string
  readonly make: MakeClient
  readonly reauth: boolean
}

const identity = (credentials: unknown): unknown => credentials

const servers: ReadonlyArray<ServerKind> = [
  { name: "our hapi plugin", start: startHapi21("effect-nes"), reauth: true, keepsPairs: true, ofToken: identity },
  { name: "our server without hapi", start: startHttp, reauth: true, keepsPairs: true, ofToken: identity },
  { name: "@hapi/nes 14", start: startHapi21("@hapi/nes"), reauth: true, keepsPairs: false, ofToken: identity },
  { name: "nes 6", start: startHapi16, reauth: false, keepsPairs: false, ofToken: (credentials) => ({ credentials }) }
]

const clients: ReadonlyArray<ClientKind> = [
  { name: "our plain Client", make: makePlainClient, reauth: true },
  { name: "our Effect client", make: makeEffectClient, reauth: true },
  { name: "@hapi/nes 14's client", make: makeNes14Client, reauth: true },
  { name: "nes 6's client", make: makeNes6Client, reauth: false }
]

/** So short that every answer beyond the smallest comes in pieces. */
const chunked: ServerOptions = { maxChunkChars: 50 }

const failure = async (call: Promise<unknown>): Promise<unknown> => {
  try {
    return { succeeded: await call }
  } catch (error) {
    return failureOf(error)
  }
}

/** Waits until so many sockets are subscribed to the path: a Stream does not tell when its subscription began. */
const subscribed = async (server: ServerUnderTest, path: string, count: number): Promise<void> => {
  for (let attempt = 0; attempt < 2000; attempt++) {
    if (await server.control({ type: "subscribers", path }) === count) {
      return
    }
  }
  expect(await server.control({ type: "subscribers", path })).toBe(count)
}

/** The token that the authentication endpoint answers to this user. */
const login = async (url: string, name: string): Promise<unknown> => {
  const response = await fetch(`${url.replace("ws:", "http:")}/nes/auth`, {
    // One that was kept since the last time may be closed by the server as it is asked over it.
    headers: { authorization: `Custom ${name}`, connection: "close" }
  })
  return (await response.json() as { readonly token?: unknown }).token
}

afterAll(stopProcesses)

for (const { keepsPairs, name: serverName, ofToken, reauth: serverReauth, start } of servers) {
  describe(`against ${serverName}`, () => {
    let server: ServerUnderTest
    let guarded: string
    let sealing: string

    beforeAll(async () => {
      server = await start(chunked)
      ;[guarded, sealing] = await Promise.all([server.beside({ auth: "direct" }), server.beside({ auth: "token" })])
    })

    afterAll(() => server.stop())

    for (const { make, name, reauth } of clients) {
      describe(name, () => {
        let client: ClientUnderTest

        beforeAll(async () => {
          client = await make(server.url)
          await client.connect({ delay: 20 })
        })

        afterAll(() => client.stop())

        it("connects", async () => {
          expect(await client.events.next("connect")).toEqual([])
          expect(await client.id()).toMatch(/./)
          expect(await server.control({ type: "sockets" })).toBe(1)
        })

        it("requests", async () => {
          expect(await client.request("/")).toEqual({ payload: hello, statusCode: 200, headers: {} })
          expect((await client.request({ path: "/item/5", method: "GET" })).payload).toEqual({ id: "5" })
          expect(await client.request({ path: "/empty" })).toEqual({ payload: null, statusCode: 204, headers: {} })
          expect(
            await client.request({
              path: "/echo",
              method: "POST",
              payload: { text: "ünï😀", list: [1, null] },
              headers: { "X-Custom": "yes" }
            })
          ).toEqual({
            payload: { payload: { text: "ünï😀", list: [1, null] }, custom: "yes" },
            statusCode: 200,
            headers: {}
          })
        })

        it("requests by route id", async () => {
          expect((await client.request("hello")).payload).toBe(hello)
          expect((await client.request({ path: "echo", payload: { a: 1 } })).payload).toEqual({
            payload: { a: 1 },
            custom: null
          })
        })

        it("sees the response headers it may see", async () => {
          expect((await client.request("/headers")).headers).toEqual({ "x-answer": "yes" })
        })

        it("joins what came in chunks", async () => {
          expect((await client.request("/long")).payload).toBe(long)
          const text = keepsPairs ? wide : "without pairs"
          await server.control({ type: "broadcast", message: text })
          expect(await client.events.next("update")).toEqual([text])
        })

        it("gets the errors of routes and of the protocol", async () => {
          expect(await failure(client.request("/fail"))).toEqual({ type: "server", message: "no", statusCode: 403 })
          expect(await failure(client.request("/missing"))).toEqual({
            type: "server",
            message: "Not Found",
            statusCode: 404
          })
          expect(await failure(client.request("missing"))).toEqual({
            type: "server",
            message: "Not Found",
            statusCode: 404
          })
          expect(await failure(client.request({ path: "/", headers: { Authorization: "x" } }))).toEqual({
            type: "server",
            message: "Cannot include an Authorization header",
            statusCode: 400
          })
        })

        it("sends messages", async () => {
          expect(await client.message({ a: ["😀"] })).toEqual({ echo: { a: ["😀"] } })
          expect(await client.message(null)).toEqual({ echo: null })
          expect(await failure(client.message("fail"))).toEqual({ type: "server", message: "bad", statusCode: 400 })
        })

        it("subscribes and receives what is published, as far as the filter lets it", async () => {
          await client.subscribe("/item/5")
          await subscribed(server, "/item/5", 1)
          expect(await client.subscriptions()).toEqual(["/item/5"])
          for (
            const [path, message] of [
              ["/item/6", "of another item"],
              ["/item/5", { hidden: true }],
              ["/item/5", { n: 1 }],
              ["/item/5", { replace: { n: 2 } }],
              ["/item/5", long],
              ["/item/5", 0],
              ["/item/5", null],
              ["/item/5", "last"]
            ] as const
          ) {
            await server.control({ type: "publish", path, message })
          }
          for (const message of [{ n: 1 }, { n: 2 }, long, 0, null, "last"]) {
            expect(await client.events.next("publish")).toEqual(["/item/5", message, false])
          }
        })

        it("unsubscribes", async () => {
          await client.subscribe("/o")
          await subscribed(server, "/o", 1)
          await client.unsubscribe("/item/5")
          await subscribed(server, "/item/5", 0)
          await server.control({ type: "publish", path: "/item/5", message: "missed" })
          await server.control({ type: "publish", path: "/o", message: "seen" })
          expect(await client.events.next("publish")).toEqual(["/o", "seen", false])
          expect(await client.subscriptions()).toEqual(["/o"])
        })

        it("is refused a subscription that does not exist", async () => {
          expect(await failure(client.subscribe("/missing"))).toEqual({
            type: "server",
            message: "Subscription not found",
            statusCode: 404
          })
          expect(await client.subscriptions()).toEqual(["/o"])
        })

        it("receives broadcasts, and what is sent to it alone", async () => {
          await server.control({ type: "broadcast", message: { to: "all" } })
          await server.control({ type: "send", message: [long] })
          await server.control({ type: "broadcast", message: null })
          expect(await client.events.next("update")).toEqual([{ to: "all" }])
          expect(await client.events.next("update")).toEqual([[long]])
          expect(await client.events.next("update")).toEqual([null])
        })

        it("sees its subscriptions revoked, with a last message or without", async () => {
          await server.control({ type: "revoke", path: "/o", message: "the end" })
          expect(await client.events.next("publish")).toEqual(["/o", "the end", true])
          expect(await client.subscriptions()).toEqual([])
          await client.subscribe("/item/7")
          await client.subscribe("/o")
          await Promise.all([subscribed(server, "/item/7", 1), subscribed(server, "/o", 1)])
          await server.control({ type: "revoke", path: "/item/7", message: null })
          await server.control({ type: "publish", path: "/o", message: "still there" })
          expect(await client.events.next("publish")).toEqual(["/o", "still there", false])
          expect(await client.subscriptions()).toEqual(["/o"])
          expect(await server.control({ type: "subscribers", path: "/item/7" })).toBe(0)
        })

        it("reconnects with its subscriptions", async () => {
          const before = await client.id()
          await server.control({ type: "disconnect" })
          expect(await client.events.next("disconnect")).toEqual([true])
          expect(await client.events.next("connect")).toEqual([])
          expect(await client.id()).not.toBe(before)
          await subscribed(server, "/o", 1)
          await server.control({ type: "publish", path: "/o", message: "again" })
          expect(await client.events.next("publish")).toEqual(["/o", "again", false])
          expect((await client.request("/")).payload).toBe(hello)
        })

        it("disconnects", async () => {
          await client.disconnect()
          expect(await client.events.next("disconnect")).toEqual([false])
          expect(await failure(client.request("/"))).toEqual({
            type: "disconnect",
            message: "Failed to send message - server disconnected",
            statusCode: undefined
          })
          expect(client.events.pending).toEqual([])
        })

        it("authenticates, and is refused when it does not", async () => {
          const authorized = await make(guarded)
          try {
            expect(await failure(authorized.connect({ reconnect: false }))).toEqual({
              type: "server",
              message: "Connection requires authentication",
              statusCode: 401
            })
            expect(
              await failure(
                authorized.connect({ auth: { headers: { authorization: "Custom nobody" } }, reconnect: false })
              )
            ).toEqual({ type: "server", message: "Unknown user", statusCode: 401 })
            await authorized.connect({ auth: { headers: { authorization: "Custom john" } } })
            expect((await authorized.request("/me")).payload).toEqual(users.john)
            if (reauth) {
              const again = failure(authorized.reauthenticate({ headers: { authorization: "Custom jane" } }))
              expect(await again).toEqual(
                serverReauth
                  ? { succeeded: undefined }
                  : { type: "server", message: "Unknown message type", statusCode: 400 }
              )
              expect((await authorized.request("/me")).payload).toEqual(serverReauth ? users.jane : users.john)
            }
          } finally {
            await authorized.stop()
          }
        })

        it("authenticates with a token from the endpoint", async () => {
          const authorized = await make(sealing)
          try {
            expect(await failure(authorized.connect({ auth: "no token", reconnect: false }))).toEqual({
              type: "server",
              message: "Invalid token",
              statusCode: 401
            })
            await authorized.connect({ auth: await login(sealing, "john") })
            expect((await authorized.request("/me")).payload).toEqual(ofToken(users.john))
          } finally {
            await authorized.stop()
          }
        })
      })
    }
  })
}

/** A bare socket that says hello and answers no pings: how many it saw before the server ended it. */
const mute = (url: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url)
    let pings = 0
    socket.once("open", () => socket.send(JSON.stringify({ type: "hello", id: 1, version: "2" })))
    socket.on("message", (data) => {
      const { type } = JSON.parse(String(data)) as { readonly type?: unknown }
      pings += type === "ping" ? 1 : 0
    })
    socket.once("close", () => resolve(pings))
    socket.once("error", reject)
  })

/** For the machine, too, which may stand still for two seconds amid all these processes. */
const patient = { interval: 2_400, timeout: 2_300 }

describe.concurrent("heartbeats of", () => {
  for (const { name, start } of servers) {
    it(`${name}: clients that answer stay, one that does not is ended, and a silent server is noticed`, async () => {
      const server = await start({ heartbeat: patient })
      const all = await Promise.all(clients.map(({ make }) => make(server.url)))
      try {
        await Promise.all(all.map((client) => client.connect({ delay: 20 })))
        const ids = await Promise.all(all.map((client) => client.id()))
        expect(await mute(server.url)).toBeGreaterThan(0)
        expect(await Promise.all(all.map((client) => client.id()))).toEqual(ids)
        for (const client of all) {
          expect(client.events.take()).toEqual([{ name: "connect", data: [] }])
        }
        server.pause()
        await Promise.all(all.map(async (client) => {
          expect(await client.events.next("error")).toEqual(["Disconnecting due to heartbeat timeout"])
        }))
        server.resume()
        await Promise.all(all.map(async (client) => {
          expect(await client.events.next("disconnect")).toEqual([true])
          await client.events.next("connect")
          expect((await client.request("/")).payload).toBe(hello)
        }))
      } finally {
        server.resume()
        await Promise.all(all.map((client) => client.stop()))
        await server.stop()
      }
    })
  }
})
