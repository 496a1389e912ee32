/** `@hapi/nes` 14's client, one after another in the same process. */
import { createRequire } from "node:module"
import { emit, serve } from "../../harness/ChildEndpoint.js"

interface Client {
  readonly id: unknown
  onError: (error: Error) => void
  onConnect: () => void
  onDisconnect: (willReconnect: boolean) => void
  onUpdate: (message: unknown) => void
  connect(options: unknown): Promise<void>
  request(options: unknown): Promise<unknown>
  message(message: unknown): Promise<{ readonly payload: unknown }>
  subscribe(path: string, handler: (message: unknown, flags: { readonly revoked?: boolean }) => void): Promise<void>
  unsubscribe(path: string, handler: null): Promise<void>
  subscriptions(): ReadonlyArray<string>
  reauthenticate(auth: unknown): Promise<unknown>
  disconnect(): Promise<void>
}

const { Client } = createRequire(import.meta.url)("@hapi/nes") as { readonly Client: new(url: string) => Client }
let client: Client

/** Makes the client that is used from now on; of the one before nothing is heard any more. */
const make = (url: string): void => {
  const made = client = new Client(url)
  const tell = (name: string, ...data: ReadonlyArray<unknown>): void => {
    if (client === made) {
      emit(name, ...data)
    }
  }
  made.onError = (error) => tell("error", error.message)
  made.onConnect = () => tell("connect")
  made.onDisconnect = (willReconnect) => tell("disconnect", willReconnect)
  made.onUpdate = (message) => tell("update", message)
}

serve({
  make: (url) => make(String(url)),
  connect: (options) => client.connect(options),
  id: () => client.id,
  request: (options) => client.request(options),
  message: async (message) => (await client.message(message)).payload,
  subscribe: (path) =>
    client.subscribe(String(path), (message, flags) => emit("publish", path, message, flags.revoked === true)),
  unsubscribe: (path) => client.unsubscribe(String(path), null),
  subscriptions: () => client.subscriptions(),
  reauthenticate: async (auth) => void await client.reauthenticate(auth),
  disconnect: () => client.disconnect()
}, () => client.disconnect())
