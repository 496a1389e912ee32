/** The two transports, against a raw server. The browser's is given the `ws` module's WebSocket, which has its API. */
import * as Effect from "effect/Effect"
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { WebSocket } from "ws"
import type { Listener, Open } from "../../src/client/Socket.js"
import { open as openBrowser } from "../../src/client/WebSocket.browser.js"
import { load, open as openNode } from "../../src/client/WebSocket.js"
import { RawServer } from "../harness/RawServer.js"

let server: RawServer
const native = globalThis.WebSocket

beforeAll(() => Effect.runPromise(load))

beforeEach(async () => {
  server = await RawServer.start()
  Object.assign(globalThis, { WebSocket })
})

afterEach(async () => {
  Object.assign(globalThis, { WebSocket: native })
  await server.stop()
})

/** Writes down what happens; `ended` when the socket is closed. */
const listen = (): Listener & {
  readonly heard: Array<unknown>
  readonly isOpen: Promise<void>
  readonly ended: Promise<void>
} => {
  const heard: Array<unknown> = []
  let open: () => void = () => {}
  let end: () => void = () => {}
  return {
    heard,
    isOpen: new Promise((resolve) => {
      open = resolve
    }),
    ended: new Promise((resolve) => {
      end = resolve
    }),
    opened: () => {
      heard.push("opened")
      open()
    },
    received: (text) => heard.push(text),
    receivedBinary: () => heard.push("binary"),
    failed: () => heard.push("failed"),
    closed: (close) => {
      heard.push(close)
      end()
    }
  }
}

for (
  const [name, open] of [["ws", openNode], ["the browser's WebSocket", openBrowser]] as ReadonlyArray<[string, Open]>
) {
  describe(name, () => {
    for (const scheme of ["ws", "http", "HTTP"]) {
      it(`opens ${scheme}: addresses, sends and receives text, and closes`, async () => {
        const listener = listen()
        const connection = server.next()
        const socket = open(server.url.replace("ws", scheme), undefined, listener)
        expect(socket.isOpen()).toBe(false)
        const raw = await connection
        await listener.isOpen
        expect(socket.isOpen()).toBe(true)
        socket.send("{\"type\":\"ping\",\"id\":\"ü😀\"}")
        expect(await raw.next("ping")).toEqual({ type: "ping", id: "ü😀" })
        raw.text("ü😀")
        raw.socket.send(Buffer.from([1]))
        raw.socket.close(1001, "bye")
        await listener.ended
        expect(socket.isOpen()).toBe(false)
        expect(listener.heard).toEqual(["opened", "ü😀", "binary", { code: 1001, reason: "bye", wasClean: true }])
      })
    }

    it("closes with a code the platform allows, or without", async () => {
      const listener = listen()
      const connection = server.next()
      const socket = open(server.url, undefined, listener)
      const raw = await connection
      await listener.isOpen
      socket.close(1009, "too big")
      expect(await raw.closed).toBe(open === openNode ? 1009 : 1005)
      await listener.ended
    })

    it("closed while connecting fails, and closes", async () => {
      const listener = listen()
      const socket = open(server.url, undefined, listener)
      socket.close()
      await listener.ended
      expect(listener.heard).toEqual(["failed", expect.objectContaining({ code: 1006, wasClean: false })])
      socket.terminate()
    })

    it("throws for an address that is none", () => {
      expect(() => open("nonsense", undefined, listen())).toThrow("Invalid URL: nonsense")
    })
  })
}
