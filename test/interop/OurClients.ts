/** Our two clients, as the interop tests see a client. */
import { Client } from "../../src/client.js"
import { Events } from "./peers/ChildProcess.js"
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
