/** A server with one subscription, and sockets that are looked at message by message. */
import Hapi from "@hapi/hapi"
import { once } from "node:events"
import { onTestFinished } from "vitest"
import { WebSocket } from "ws"
import * as Nes from "../../src/hapi.js"
import type { Position, Positions } from "../../src/protocol/Message.js"

export interface Heard {
  readonly type?: string
  readonly path?: string
  readonly message?: unknown
  readonly position?: Position
  readonly positions?: Positions
}

const dial = async (url: string, hello: object) => {
  const ws = new WebSocket(url)
  onTestFinished(() => ws.terminate())
  const inbox: Array<Heard & { readonly id?: number }> = []
  const heard: Array<Heard & { readonly id?: number }> = []
  let wake = (): void => {}
  ws.on("message", (data: Buffer) => {
    const message = JSON.parse(data.toString()) as Heard
    inbox.push(message)
    heard.push(message)
    wake()
  })
  await once(ws, "open")
  const take = async (): Promise<Heard & { readonly id?: number }> => {
    for (;;) {
      const message = inbox.shift()
      if (message) {
        return message
      }
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  let before: Array<Heard> = []
  const ask = async (message: { readonly id: number; readonly [field: string]: unknown }): Promise<Heard> => {
    ws.send(JSON.stringify(message))
    before = []
    for (;;) {
      const heard = await take()
      if (heard.id === message.id) {
        return heard
      }
      before.push(heard)
    }
  }
  const greeting = await ask({ type: "hello", id: 1, version: "2", ...hello })
  return {
    greeting,
    /** Asks, and returns the answer. */
    ask,
    send: (message: object) => ws.send(JSON.stringify(message)),
    /** All that has come. */
    heard,
    /** What came before the last answer. */
    get before() {
      return before
    },
    next: take,
    /** The next messages, this many. */
    take: async (count: number): Promise<ReadonlyArray<Heard>> => {
      const heard: Array<Heard> = []
      while (heard.length < count) {
        heard.push(await take())
      }
      return heard
    },
    close: () => ws.terminate()
  }
}

export const startServer = async (
  options: Nes.SubscriptionOptions,
  pluginOptions: Nes.PluginOptions = {},
  prepare: (server: Hapi.Server) => void = () => {}
) => {
  const server = Hapi.server({ host: "127.0.0.1", port: 0 })
  prepare(server)
  await server.register({ plugin: Nes.plugin, options: pluginOptions })
  server.subscription("/a/{id}", options)
  server.subscription("/plain")
  const hellos: Array<unknown> = []
  server.listener.on("upgrade", (_request, socket) => {
    socket.on("data", (frame: Buffer) => {
      const text = unmask(frame)
      if (text.includes("\"hello\"")) {
        hellos.push(JSON.parse(text))
      }
    })
  })
  await server.start()
  onTestFinished(() => server.stop({ timeout: 500 }))
  const url = server.info.uri.replace("http", "ws")
  return {
    server,
    url,
    hellos,
    open: (hello: object = {}) => dial(url, hello),
    /** Cuts every connection. */
    cut: () => {
      for (const connection of server.plugins.nes.node.hub.connections.keys()) {
        connection.ws.terminate()
      }
    }
  }
}

// A client's frame, shorter than 64 kB.
const unmask = (frame: Buffer): string => {
  const length = (frame[1] ?? 0) & 127
  const start = length === 126 ? 4 : 2
  const mask = frame.subarray(start, start + 4)
  return frame.subarray(start + 4).map((byte, i) => byte ^ (mask[i % 4] ?? 0)).toString()
}
