/** Requests end with their client, as over HTTP; what is collected of an answer has a limit. */
import type Hapi from "@hapi/hapi"
import Inert from "@hapi/inert"
import { get } from "node:http"
import { join } from "node:path"
import { PassThrough, Readable } from "node:stream"
import { describe, expect, it } from "vitest"
import { Gate, Journal } from "../harness/Journal.js"
import { root } from "../structure/Repository.js"
import { live } from "./LiveServer.js"

// What a route can notice of its client's departure.
const watch = (request: Hapi.Request, journal: Journal): void => {
  const { req, res } = request.raw
  request.events.once("disconnect", () => journal.note("disconnect", request.active()))
  req.once("aborted", () => journal.note("aborted"))
  req.once("close", () => journal.note("request closed"))
  res.once("close", () => journal.note("response closed"))
}

const departed = (request: Hapi.Request): Promise<void> =>
  new Promise((resolve) => request.events.once("disconnect", resolve))

// Routes that do not end by themselves, and how they came to an end.
const endless = (journal: Journal) => (server: Hapi.Server): void => {
  server.events.on("response", ({ path, response }) => {
    journal.note("response", path, "isBoom" in response ? response.output.statusCode : response.statusCode)
  })
  server.route([
    {
      method: "GET",
      path: "/waits",
      handler: async (request) => {
        watch(request, journal)
        journal.note("asked")
        await departed(request)
        // A stream that comes too late is not left open.
        return new Readable({ read() {} }).once("close", () => journal.note("late stream closed"))
      }
    },
    {
      method: "GET",
      path: "/streams",
      handler: (request, h) => {
        watch(request, journal)
        const stream = new PassThrough()
        const timer = setInterval(() => stream.write("x"), 5)
        stream.once("data", () => journal.note("asked"))
        stream.once("close", () => {
          clearInterval(timer)
          journal.note("stream closed")
        })
        return h.response(stream).type("text/plain")
      }
    },
    {
      method: "POST",
      path: "/posted",
      handler: async (request) => {
        watch(request, journal)
        journal.note("asked")
        await departed(request)
        return null
      }
    },
    { method: "GET", path: "/fine", handler: () => "fine" }
  ])
}

const ended: Readonly<Record<string, ReadonlyArray<string>>> = {
  "/waits": ["disconnect", "aborted", "request closed", "response closed", "response", "late stream closed"],
  "/streams": ["disconnect", "aborted", "request closed", "response closed", "response", "stream closed"]
}

const sorted = (journal: Journal): ReadonlyArray<string> =>
  journal.entries.map((entry) => JSON.stringify(entry)).toSorted()

const overHttp = async (path: string): Promise<ReadonlyArray<string>> => {
  const journal = new Journal()
  const { server } = await live({ declare: endless(journal) })
  const request = get(server.info.uri + path).on("error", () => {})
  await journal.until("asked")
  request.destroy()
  await Promise.all((ended[path] ?? []).map((name) => journal.until(name)))
  return sorted(journal)
}

describe.each(Object.keys(ended))("what %s is doing ends, and the route is told as over HTTP,", (path) => {
  it.each(["disconnects", "is cut off", "is disconnected"])("when its client %s", async (how) => {
    const journal = new Journal()
    const { open, server } = await live({ declare: endless(journal) })
    const client = await open()
    await client.hello()
    client.say({ type: "request", method: "GET", path })
    await journal.until("asked")
    if (how === "disconnects") {
      client.socket.close()
    } else if (how === "is cut off") {
      client.cut()
    } else {
      await server.eachSocket((socket) => socket.disconnect())
    }
    await Promise.all((ended[path] ?? []).map((name) => journal.until(name)))
    expect(sorted(journal)).toEqual(await overHttp(path))
  })

  it("when the server stops", async () => {
    const journal = new Journal()
    const { open, server } = await live({ declare: endless(journal) })
    const client = await open()
    await client.hello()
    client.say({ type: "request", method: "GET", path })
    await journal.until("asked")
    await server.stop({ timeout: 50 })
    await Promise.all((ended[path] ?? []).map((name) => journal.until(name)))
  })
})

it("a request with a payload is told too, and others of the server go on", async () => {
  const journal = new Journal()
  const { connect, open } = await live({ declare: endless(journal) })
  const other = await connect()
  const client = await open()
  await client.hello()
  for (let i = 0; i < 3; i++) {
    client.say({ type: "request", method: "POST", path: "/posted", payload: { a: 1 } })
  }
  await journal.until("asked", 3)
  client.cut()
  await journal.until("disconnect", 3)
  await journal.until("response closed", 3)
  expect(journal.of("disconnect")).toEqual(Array.from({ length: 3 }, () => ["disconnect", false]))
  expect((await other.request("/fine")).payload).toBe("fine")
})

it("an authentication ends with its connection", async () => {
  const journal = new Journal()
  const gate = new Gate()
  const { open } = await live({
    prepare: (server) => {
      server.auth.scheme("slow", () => ({
        authenticate: async (request, h) => {
          watch(request, journal)
          await gate.hold()
          return h.authenticated({ credentials: {} })
        }
      }))
      server.auth.strategy("slow", "slow")
      server.auth.default("slow")
    }
  })
  const client = await open()
  client.say({ type: "hello", version: "2", auth: {} })
  await gate.reached
  client.cut()
  await journal.until("disconnect")
  await journal.until("response closed")
  gate.open()
})

describe("an answer that is collected", () => {
  const declare = (journal: Journal) => (server: Hapi.Server): void => {
    const body = (size: number): Readable =>
      Readable.from(Array.from({ length: size / 10 }, () => Buffer.alloc(10, "x")), { objectMode: false })
        .once("close", () => journal.note("closed"))
    const forever = (): Readable =>
      new Readable({
        read() {
          setImmediate(() => this.push("data: x\n\n"))
        }
      }).once("close", () => journal.note("closed"))
    server.route([
      { method: "GET", path: "/1000", handler: () => body(1000) },
      { method: "GET", path: "/1010", handler: () => body(1010) },
      { method: "GET", path: "/more", handler: () => forever() },
      { method: "GET", path: "/file", handler: { file: { path: join(root, "package.json"), confine: false } } },
      { method: "GET", path: "/text", handler: () => "x".repeat(5000) },
      { method: "GET", path: "/events", handler: (_, h) => h.response(forever()).type("text/event-stream") },
      {
        method: "GET",
        path: "/abandoned",
        handler: ({ raw }, h) => {
          setImmediate(() => forever().pipe(raw.res))
          return h.abandon
        }
      },
      {
        method: "GET",
        path: "/abandoned-events",
        handler: ({ raw }, h) => {
          forever().pipe(raw.res.setHeader("content-type", "text/event-stream"))
          return h.abandon
        }
      },
      {
        method: "GET",
        path: "/frames",
        handler: (_, h) => h.response(forever()).type("multipart/x-mixed-replace; boundary=x")
      }
    ])
  }
  const files = { prepare: (server: Hapi.Server) => server.register(Inert) }
  const tooLong = "The response is longer than 1000 bytes and cannot be sent over a socket"
  const events = "The response is a stream of events and cannot be sent over a socket"

  it.each([
    ["/1010", tooLong],
    ["/more", tooLong],
    ["/file", tooLong],
    ["/abandoned", tooLong],
    ["/events", events],
    ["/frames", events],
    ["/abandoned-events", events]
  ])(
    "of %s is answered 500 with why, and the stream of hapi's response is destroyed",
    async (path, message) => {
      const journal = new Journal()
      const { connect, log } = await live({
        ...files,
        declare: declare(journal),
        nes: { payload: { maxStreamBytes: 1000 } }
      })
      const client = await connect()
      await expect(client.request(path)).rejects.toMatchObject({
        statusCode: 500,
        message,
        data: { statusCode: 500, error: "Internal Server Error", message }
      })
      if (!/file|abandoned/.test(path)) {
        await journal.until("closed")
      }
      expect(log.entries).toEqual([["nes response error", message]])
      expect((await client.request("/1000")).payload).toBe("x".repeat(1000))
    }
  )

  it("may be as long as it likes with `false`, and what is no stream always", async () => {
    const unlimited = await live({
      ...files,
      declare: declare(new Journal()),
      nes: { payload: { maxStreamBytes: false } }
    })
    expect((await (await unlimited.connect()).request("/1010")).payload).toBe("x".repeat(1010))
    const limited = await live({
      ...files,
      declare: declare(new Journal()),
      nes: { payload: { maxStreamBytes: 1000 } }
    })
    expect((await (await limited.connect()).request("/text")).payload).toBe("x".repeat(5000))
  })

  it("is at most 10 MiB by default", async () => {
    const mebibyte = Buffer.alloc(1024 * 1024, "x")
    const { connect } = await live({
      declare: (server) => {
        server.route({
          method: "GET",
          path: "/{n}",
          handler: ({ params }) =>
            Readable.from(Array.from({ length: Number(params.n) }, () => mebibyte), { objectMode: false })
        })
      }
    })
    const client = await connect()
    expect((await client.request<string>("/10")).payload).toHaveLength(10 * mebibyte.length)
    await expect(client.request("/11")).rejects.toMatchObject({ statusCode: 500 })
  })
})
