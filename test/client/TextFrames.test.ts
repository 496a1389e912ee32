/** What a socket's listener hears is what it hears from ws, however the bytes arrive. */
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { Agent, type ClientRequestArgs, createServer, request } from "node:http"
import * as Https from "node:https"
import * as Net from "node:net"
import type { Duplex, Writable } from "node:stream"
import { deflateRawSync } from "node:zlib"
import { afterAll, beforeAll, expect, it, vi } from "vitest"
import * as Ws from "ws"
import type { Socket } from "../../src/client/Socket.js"
import { load, open } from "../../src/client/WebSocket.js"
import * as certificate from "../hapi/Certificate.js"
import * as fc from "../harness/Property.js"

const server = new Ws.WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: { threshold: 0 } })

beforeAll(async () => {
  await Effect.runPromise(load)
  if (server.address() === null) {
    await once(server, "listening")
  }
})

afterAll(() => new Promise((resolve) => server.close(resolve)))

const longest = 100_000

const frame = (first: number, payload: Buffer): Buffer => {
  const { length } = payload
  const size = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const header = Buffer.alloc(size)
  header[0] = first
  header[1] = size === 2 ? length : size === 4 ? 126 : 127
  if (size === 4) {
    header.writeUInt16BE(length, 2)
  } else if (size === 10) {
    header.writeBigUInt64BE(BigInt(length), 2)
  }
  return Buffer.concat([header, payload])
}

const text = (payload: string): Buffer => frame(0x81, Buffer.from(payload))

const frames: Record<string, Buffer> = {
  short: text("{}"),
  empty: text(""),
  longer: text("ü😀".repeat(30)),
  medium: text("m".repeat(65_535)),
  long: text("l".repeat(65_536)),
  longest: text("x".repeat(longest)),
  ping: frame(0x89, Buffer.from("ping")),
  pong: frame(0x8a, Buffer.alloc(0)),
  replacement: text("\ufffd"),
  fragments: Buffer.concat([frame(0x01, Buffer.from("a")), frame(0x80, Buffer.from("b"))]),
  compressed: frame(0xc1, deflateRawSync("compressed", { finishFlush: 2 }).subarray(0, -4)),
  binary: frame(0x82, Buffer.from("b")),
  beginning: frame(0x01, Buffer.from("a")),
  invalid: frame(0x81, Buffer.from([0xff])),
  "too long": text("x".repeat(longest + 1)),
  "long ping": frame(0x89, Buffer.alloc(126)),
  masked: Buffer.from([0x81, 0x80, 1, 2, 3, 4]),
  reserved: frame(0xb1, Buffer.from("r")),
  close: frame(0x88, Buffer.from([0x03, 0xe8]))
}

/** What a socket hears of these reads, until it is cut. */
const hear = async (
  reads: ReadonlyArray<Buffer>,
  isHidden: boolean,
  options?: Ws.ClientOptions
): Promise<ReadonlyArray<unknown>> => {
  const heard: Array<unknown> = []
  let read: (bytes: Buffer) => unknown = () => {}
  const createConnection = ({ onread, ...options }: Net.NetConnectOpts): Net.Socket => {
    const raw = Net.connect({ ...options, ...(!isHidden && { onread }) })
    const buffer = onread?.buffer as Uint8Array
    read = (bytes) => {
      if (isHidden) {
        return raw.emit("data", bytes)
      }
      for (let at = 0; at < bytes.length; at += buffer.length) {
        const part = bytes.subarray(at, at + buffer.length)
        buffer.set(part)
        onread?.callback.call(raw, part.length, buffer)
      }
    }
    return raw
  }
  const { port } = server.address() as Net.AddressInfo
  let end: () => void = () => {}
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const socket = await new Promise<Socket>((resolve) => {
    const opening: Socket = open(`ws://127.0.0.1:${port}`, { createConnection, maxPayload: longest, ...options }, {
      opened: () => resolve(opening),
      received: (message) => heard.push(message),
      receivedBinary: () => heard.push("binary"),
      failed: (error) => heard.push(String(error)),
      closed: ({ code }) => {
        heard.push(code)
        end()
      }
    })
  })
  reads.forEach((bytes) => read(bytes))
  socket.terminate()
  await ended
  return heard
}

const cut = (bytes: Buffer, places: ReadonlyArray<number>): ReadonlyArray<Buffer> => {
  const ends = places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b)
  return [0, ...ends].map((end, i) => bytes.subarray(end, ends[i])).filter(({ length }) => length > 0)
}

it("hears what ws hears, whatever frames come and wherever the reads cut them", async () => {
  const kinds = Object.keys(frames)
  const some = fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 6 })
  const places = fc.array(fc.oneof(fc.nat(16), fc.nat(300), fc.nat(400_000)), { maxLength: 8 })
  const sequences = kinds.map((kind) => ["short", kind, "short", "short"])
  await fc.assert(
    fc.asyncProperty(some, places, async (names, cuts) => {
      const reads = cut(Buffer.concat(names.flatMap((name) => frames[name] ?? [])), cuts)
      expect(await hear(reads, false)).toEqual(await hear(reads, true))
    }),
    {
      // Those of the examples included.
      numRuns: 2 * kinds.length + 1 + fc.runs(40, 400),
      examples: [
        ...sequences.flatMap<[Array<string>, Array<number>]>((names) => [[names, []], [names, [1, 3, 5, 6, 7, 9]]]),
        // The first byte of a frame, read where a frame with another length was.
        [["longer", "empty"], [184, 185]]
      ]
    }
  )
})

it("ws does not see text that has arrived as a whole", async () => {
  // What the server reads is seen, too.
  await expect.poll(() => server.clients.size).toBe(0)
  const seen = vi.spyOn((Reflect.get(Ws, "Receiver") as typeof Writable).prototype, "write")
  const reads = [Buffer.concat([text("a"), text("b")]), text("c")]
  await hear(reads, false)
  expect(seen).not.toHaveBeenCalled()
  await hear(reads, false, { allowSynchronousEvents: true })
  expect(seen).not.toHaveBeenCalled()
  await hear(reads, true)
  expect(seen).toHaveBeenCalledTimes(2)
  await hear(reads, false, { allowSynchronousEvents: false })
  expect(seen).toHaveBeenCalledTimes(4)
  seen.mockRestore()
})

/** What an application may reach a server by: a proxy, which knows nothing of how its sockets are to be read. */
class ProxyAgent extends Agent {
  constructor(private readonly port: number) {
    super()
  }

  override createConnection({ host, port }: ClientRequestArgs, done: (error: Error | null, raw: Duplex) => void) {
    request({ host: "127.0.0.1", port: this.port, method: "CONNECT", path: `${host}:${port}`, agent: false })
      .once("connect", (_response, raw) => done(null, raw))
      .end()
    return undefined
  }
}

const frameOfClose = (code: number, reason: string): Buffer => {
  const payload = Buffer.alloc(2 + reason.length, reason, "latin1")
  payload.writeUInt16BE(code)
  payload.write(reason, 2)
  return frame(0x88, payload)
}

// How a peer ends, when its last ping has been answered.
const ends: Record<string, (raw: Net.Socket) => void> = {
  close: (raw) => void raw.write(frameOfClose(1000, "")),
  "close with a reason": (raw) => void raw.write(frameOfClose(4000, "gone")),
  "close without a code": (raw) => void raw.write(frame(0x88, Buffer.alloc(0))),
  "close with a wrong code": (raw) => void raw.write(frameOfClose(1005, "")),
  "end amid a frame": (raw) => void raw.end(text("cut").subarray(0, 3)),
  end: (raw) => void raw.end(),
  reset: (raw) => void raw.resetAndDestroy(),
  refusal: () => {},
  "no answer": () => {}
}

it("the same is heard in the same order, whatever makes the connection", async () => {
  let script: { readonly end: string; readonly reads: ReadonlyArray<Buffer> } = { end: "", reads: [] }
  const http = createServer()
  const sockets = new Ws.WebSocketServer({ noServer: true, perMessageDeflate: { threshold: 0 } })
  http.on("upgrade", (incoming, raw: Net.Socket, head) => {
    const { end, reads } = script
    if (end === "refusal") {
      raw.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n")
    } else if (end === "no answer") {
      raw.end("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    } else {
      sockets.handleUpgrade(incoming, raw, head, async (peer) => {
        peer.on("error", () => {}).on("pong", (data) => data.toString() === "last" && ends[end]?.(raw))
        await once(peer, "message")
        for (const bytes of reads) {
          raw.write(bytes)
          await new Promise(setImmediate)
        }
        peer.ping("last")
      })
    }
  })
  http.on("connect", (_incoming, raw: Net.Socket) => {
    const there = Net.connect((http.address() as Net.AddressInfo).port, "127.0.0.1", () => {
      raw.write("HTTP/1.1 200 OK\r\n\r\n")
      raw.pipe(there).pipe(raw)
    })
    raw.on("error", () => {}).on("close", () => there.destroy())
    there.on("error", () => raw.resetAndDestroy())
  })
  await once(http.listen(0, "127.0.0.1"), "listening")
  const { port } = http.address() as Net.AddressInfo
  const hear = (options: Ws.ClientOptions): Promise<ReadonlyArray<unknown>> =>
    new Promise((resolve) => {
      const heard: Array<unknown> = []
      const over = (last: unknown): void => resolve([...heard, last])
      const socket = open(`ws://127.0.0.1:${port}`, { maxPayload: longest, ...options }, {
        opened: () => {
          heard.push("opened")
          socket.send("")
        },
        received: (message) => heard.push(["text", message]),
        receivedBinary: () => heard.push("binary"),
        failed: over,
        closed: over
      })
    })
  const ways: ReadonlyArray<Ws.ClientOptions> = [
    { createConnection: () => Net.connect(port, "127.0.0.1") },
    { agent: new ProxyAgent(port) },
    { agent: new Agent(), perMessageDeflate: true, allowSynchronousEvents: false }
  ]
  const kinds = Object.keys(frames).filter((name) => name !== "close")
  const some = fc.array(fc.constantFrom(...kinds), { maxLength: 4 })
  const places = fc.array(fc.oneof(fc.nat(16), fc.nat(300), fc.nat(400_000)), { maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(some, places, fc.constantFrom(...Object.keys(ends)), async (names, cuts, end) => {
      script = { end, reads: cut(Buffer.concat(names.flatMap((name) => frames[name] ?? [])), cuts) }
      const heard = await hear({})
      for (const options of ways) {
        expect(await hear(options)).toEqual(heard)
      }
    }),
    {
      numRuns: Object.keys(ends).length + kinds.length + fc.runs(10, 200),
      examples: [
        ...Object.keys(ends).map((end): [Array<string>, Array<number>, string] => [["short", "long"], [], end]),
        ...kinds.map((kind): [Array<string>, Array<number>, string] => [["short", kind, "short"], [5], "close"])
      ]
    }
  )
  http.close()
})

it("what comes with the answer to the handshake is heard, wherever it ends", async () => {
  const http = createServer()
  await once(http.listen(0, "127.0.0.1"), "listening")
  const { port } = http.address() as Net.AddressInfo
  // A part of the first looks like a frame.
  const bytes = Buffer.concat([text("\u00c1\u0001a"), text("b")])
  for (let place = 0; place <= bytes.length; place++) {
    const heard: Array<unknown> = []
    http.once("upgrade", ({ headers }, peer) => {
      const key = createHash("sha1").update(`${headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      const head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${key.digest("base64")}\r\n\r\n`
      peer.write(Buffer.concat([Buffer.from(head), bytes.subarray(0, place)]))
      peer.once("data", () => peer.end(bytes.subarray(place)))
    })
    await new Promise<unknown>((resolve) => {
      const socket = open(`ws://127.0.0.1:${port}`, undefined, {
        opened: () => socket.send("opened"),
        received: (message) => heard.push(message),
        receivedBinary: () => heard.push("binary"),
        failed: (error) => heard.push(error),
        closed: resolve
      })
    })
    expect(heard).toEqual(["\u00c1\u0001a", "b"])
  }
  http.close()
})

it("pings are answered among text", async () => {
  const pong = new Promise((resolve) =>
    server.once("connection", (peer) => {
      peer.on("pong", resolve)
      peer.on("message", () => {
        peer.send("{}", { compress: false })
        peer.ping("a")
      })
    })
  )
  const { port } = server.address() as Net.AddressInfo
  const none = (): void => {}
  const socket = open(`ws://127.0.0.1:${port}`, undefined, {
    opened: () => socket.send("{}"),
    received: none,
    receivedBinary: none,
    failed: none,
    closed: none
  })
  expect(String(await pong)).toBe("a")
  socket.terminate()
})

it.each(["ws", "wss"])("sockets of %s that read and write at the same time each hear their own", async (scheme) => {
  const texts = (name: string): Array<string> =>
    Array.from({ length: 500 }, (_, i) => `/${name} ${i} ${"x".repeat(i * 7 % 900)}`)
  const http = scheme === "ws" ? createServer() : Https.createServer(certificate)
  const echoed = new Map<string | undefined, Array<string>>()
  new Ws.WebSocketServer({ server: http }).on("connection", (peer, { url }) => {
    const echoes: Array<string> = []
    echoed.set(url, echoes)
    peer.once("message", () => {
      peer.on("message", (message) => echoes.push(String(message)) === 500 && peer.close())
      texts(String(url).slice(1)).forEach((text) => peer.send(text))
    })
  })
  await once(http.listen(0, "localhost"), "listening")
  const { port } = http.address() as Net.AddressInfo
  const hear = (name: string): Promise<ReadonlyArray<string>> =>
    new Promise((resolve, reject) => {
      const heard: Array<string> = []
      const socket = open(`${scheme}://localhost:${port}/${name}`, { rejectUnauthorized: false }, {
        opened: () => socket.send(""),
        received: (message) => {
          heard.push(message)
          socket.send(message)
        },
        receivedBinary: reject,
        failed: reject,
        closed: () => resolve(heard)
      })
    })
  for (const [i, heard] of (await Promise.all(["a", "b", "c"].map(hear))).entries()) {
    const sent = texts("abc".charAt(i))
    expect(heard).toEqual(sent)
    expect(echoed.get(`/${"abc".charAt(i)}`)).toEqual(sent)
  }
  http.close()
})
