/** The callback style of nes-api.txt ("Registration", "server.subscription"), and a server that stops and starts again. */
import Hapi from "@hapi/hapi"
import { expect, it, onTestFinished, vi } from "vitest"
import * as Nes from "../../src/hapi.js"
import * as Hooks from "../../src/hapi/Hooks.js"
import type { Host } from "../../src/hapi/Socket.js"
import type { Connection } from "../../src/server/connection/Connection.js"

it("hooks answer through next, the first call counts; a stopped server starts again", async () => {
  const unsubscribed: Array<unknown> = []
  const server = Hapi.server({ port: 0 })
  await server.register({
    plugin: Nes.plugin,
    options: {
      onMessage: (_socket, message, next) => {
        setImmediate(() => {
          next({ received: message })
          next("a second answer")
        })
      }
    }
  })
  server.subscription("/item/{id}", {
    filter: (_path, message, _options, next) => next(true, { instead: message }),
    onSubscribe: (_socket, _path, params, next) => next(params.id === "none" ? new Error("no such item") : undefined),
    onUnsubscribe: (_socket, _path, params, next) => {
      unsubscribed.push(params)
      next()
    }
  })
  server.route({ method: "GET", path: "/never", handler: () => new Promise<string>(() => {}) })

  for (const round of [1, 2]) {
    await server.start()
    const client = new Nes.Client(server.info.uri.replace("http", "ws"))
    await client.connect({ reconnect: false })
    expect(await client.message(round)).toEqual({ payload: { received: round } })
    await expect(client.subscribe("/item/none", () => {})).rejects.toMatchObject({ type: "server", statusCode: 500 })

    const update = new Promise((resolve) => void client.subscribe("/item/5", resolve))
    await client.subscribe("/item/6", () => {})
    await server.publish("/item/5", round)
    expect(await update).toEqual({ instead: round })

    const pending = expect(client.request("/never")).rejects.toMatchObject({ type: "disconnect" })
    await server.stop({ timeout: 100 })
    await pending
    expect(unsubscribed.splice(0)).toEqual([{ id: "5" }, { id: "6" }])
  }
})

it("a hook may return a call that gets a callback: what the callback does is the answer", async () => {
  const server = Hapi.server({ port: 0 })
  await server.register({
    plugin: Nes.plugin,
    options: { onMessage: (socket, message, next) => socket.send(message, (err) => next(err ?? "sent")) }
  })
  server.subscription("/item/{id}", {
    onSubscribe: (socket, path, _params, next) => socket.publish(path, "welcome", next),
    onUnsubscribe: (socket, path, _params, next) => socket.revoke(path, null, next)
  })
  await server.start()
  const client = new Nes.Client(server.info.uri.replace("http", "ws"))
  await client.connect({ reconnect: false })
  expect(await client.message("hello")).toEqual({ payload: "sent" })
  const update = new Promise((resolve) => void client.subscribe("/item/5", resolve))
  expect(await update).toBe("welcome")
  await client.unsubscribe("/item/5", null)
  await client.disconnect()
  await server.stop({ timeout: 100 })
})

it("a hook that declares `next` and does not call it is told of after 10 seconds, once", () => {
  const warnings: Array<string> = []
  vi.useFakeTimers({ toFake: ["setTimeout"] })
  const spy = vi.spyOn(process, "emitWarning").mockImplementation((warning) => void warnings.push(String(warning)))
  onTestFinished(() => {
    vi.useRealTimers()
    spy.mockRestore()
  })
  const host = { log: () => {}, socketOf: () => undefined } as unknown as Host
  const connection = {} as Connection
  const call = (options: Nes.PluginOptions & Nes.SubscriptionOptions): void => {
    const { onMessage } = Hooks.ofPlugin(options, host)
    const { filter, onSubscribe, onUnsubscribe } = Hooks.ofSubscription(options, host)
    for (let time = 0; time < 3; time++) {
      void onMessage?.(connection, "message")
      void filter?.("/a", "message", { connection, credentials: null, params: {}, internal: undefined })
      void onSubscribe?.(connection, "/a", {})
      void onUnsubscribe?.(connection, "/a", {})
      vi.advanceTimersByTime(10_000)
    }
  }
  call({ onMessage: (_socket, message, next) => setTimeout(next, 9_999, message) })
  call({ onMessage: (_socket, _message, _next) => new Promise(() => {}), filter: (_path, _message) => false })
  expect(warnings).toEqual([])
  call({
    onMessage: (_socket, message, _next) => message,
    filter: (_path, _message, _options, _next) => true,
    onSubscribe: (_socket, _path, _params, _next) => {},
    onUnsubscribe: (_socket, _path, _params, _next) => {}
  })
  expect(warnings.map((text) => text.split(" ", 1)[0])).toEqual([
    "`onMessage`",
    "`filter`",
    "`onSubscribe`",
    "`onUnsubscribe`"
  ])
})
