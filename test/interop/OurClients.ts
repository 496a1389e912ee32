/** Our two clients, as the interop tests see a client. */
import { Effect, Exit, Fiber, Scope, Stream } from "effect"
import { Client } from "../../src/client.js"
import * as NesClient from "../../src/client/NesClient.js"
import { Events } from "../harness/ChildProcess.js"
import type { Answer, MakeClient } from "./peers/ClientUnderTest.js"

/** The plain `Client`, its Promise style. */
export const makePlainClient: MakeClient = (url) => {
  const client = new Client(url)
  const events = new Events()
  const emit = (name: string, ...data: ReadonlyArray<unknown>): void => events.push({ name, data })
  client.onError = (error) => emit("error", error.message)
  client.onConnect = () => emit("connect")
  client.onDisconnect = (willReconnect) => emit("disconnect", willReconnect)
  client.onUpdate = (message) => emit("update", message)
  return Promise.resolve({
    events,
    connect: (options) => client.connect(options),
    id: () => Promise.resolve(client.id),
    request: async (options): Promise<Answer> => await client.request(options),
    message: async (message) => (await client.message(message)).payload,
    subscribe: (path) =>
      client.subscribe(path, (message, flags) => emit("publish", path, message, flags.revoked === true)),
    unsubscribe: (path) => client.unsubscribe(path, null),
    subscriptions: () => Promise.resolve(client.subscriptions()),
    reauthenticate: async (auth) => void await client.reauthenticate(auth),
    disconnect: () => client.disconnect(),
    stop: () => client.disconnect()
  })
}

/** The Effect client: `NesClient`, its Streams run into events. */
export const makeEffectClient: MakeClient = async (url) => {
  const scope = Scope.makeUnsafe()
  const client = await Effect.runPromise(Scope.provide(NesClient.make({ url, connect: false }), scope))
  const events = new Events()
  const emit = (name: string, ...data: ReadonlyArray<unknown>): void => events.push({ name, data })
  const run = <A>(effect: Effect.Effect<A, unknown>): Promise<A> => Effect.runPromise(effect)
  const listen = <A, E>(stream: Stream.Stream<A, E>, take: (value: A) => void): Fiber.Fiber<void, E> =>
    Effect.runFork(Stream.runForEach(stream, (value) => Effect.sync(() => take(value))))

  listen(client.updates, (message) => emit("update", message))
  listen(client.events, (event) => {
    switch (event._tag) {
      case "Connected":
        return emit("connect")
      case "Disconnected":
        return emit("disconnect", event.willReconnect)
      case "Error":
        return emit("error", event.error.message)
      default:
    }
  })
  const subscriptions = new Map<string, ReturnType<typeof listen<NesClient.Update, unknown>>>()

  return {
    events,
    connect: ({ auth, delay, reconnect } = {}) =>
      run(client.connect({
        ...(auth === undefined ? undefined : { auth }),
        reconnect: reconnect === false ? false : delay === undefined ? true : { delay }
      })),
    id: () => run(Effect.map(client.status, (status) => status._tag === "Connected" ? status.id : null)),
    request: async (options): Promise<Answer> => await run(client.request(options)),
    message: (message) => run(client.message(message)),
    subscribe: async (path) => {
      const fiber = listen(
        client.subscribe(path),
        ({ message, revoked }) => emit("publish", path, message, revoked)
      )
      subscriptions.set(path, fiber)
      // A Stream does not tell when its subscription began; a later call's answer comes after the subscription's, and a
      // second one after the Stream has had its turn.
      await run(Effect.repeat(Effect.ignore(client.request("/hello")), { times: 1 }))
      const exit = fiber.pollUnsafe()
      if (exit && Exit.isFailure(exit)) {
        await run(Fiber.join(fiber))
      }
    },
    unsubscribe: async (path) => {
      const fiber = subscriptions.get(path)
      if (fiber) {
        await run(Fiber.interrupt(fiber))
      }
    },
    subscriptions: () => run(client.subscriptions),
    reauthenticate: (auth) => run(client.reauthenticate(auth)),
    disconnect: () => run(client.disconnect),
    stop: () => run(Scope.close(scope, Exit.void))
  }
}
