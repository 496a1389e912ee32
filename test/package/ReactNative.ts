/** What a bundle for React Native has to do with: its globals, none of them Node's, and a WebSocket like a browser's. */
import * as assert from "node:assert/strict"
import { once } from "node:events"
import { createContext, runInContext } from "node:vm"
import { WebSocketServer } from "ws"

/** Runs a bundle that leaves the class in `Client`, and connects and asks with it. */
export const runsOnReactNative = async (bundle: string): Promise<void> => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" })
  server.on("connection", (socket) =>
    socket.on("message", (data) => {
      const { id, message, type } = JSON.parse(String(data)) as Readonly<Record<string, unknown>>
      socket.send(JSON.stringify({ type, id, ...(type === "hello" ? { socket: "s" } : { message }) }))
    }))
  await once(server, "listening")
  const { port } = server.address() as { readonly port: number }
  const {
    AbortController,
    clearInterval,
    clearTimeout,
    console,
    performance,
    setInterval,
    setTimeout,
    URL,
    WebSocket
  } = globalThis
  const app: Record<string, unknown> = {
    AbortController,
    URL,
    WebSocket,
    clearInterval,
    clearTimeout,
    console,
    performance,
    queueMicrotask,
    setInterval,
    setTimeout
  }
  Object.assign(app, { global: app, window: app, self: app, globalThis: app })
  createContext(app)
  runInContext(bundle, app, { filename: "index.bundle" })
  const answer: unknown = await runInContext(
    `(async () => {
      const client = new globalThis.Client("ws://127.0.0.1:${port}")
      await client.connect({ reconnect: false })
      const { payload } = await client.message("hello")
      await client.disconnect()
      return payload
    })()`,
    app
  )
  assert.equal(answer, "hello")
  await new Promise((resolve) => server.close(resolve))
}
