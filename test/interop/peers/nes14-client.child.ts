/** `@hapi/nes` 14's client, one after another in the same process. */
import { createRequire } from "node:module"
import { emit, serve } from "../../harness/ChildEndpoint.js"
import { Current, type Events } from "./Current.js"

interface Client extends Events {
  readonly id: unknown
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
const current = new Current(Client)

serve({
  make: (url) => current.make(String(url)),
  connect: (options) => current.client.connect(options),
  id: () => current.client.id,
  request: (options) => current.client.request(options),
  message: async (message) => (await current.client.message(message)).payload,
  subscribe: (path) =>
    current.client.subscribe(String(path), (message, flags) => emit("publish", path, message, flags.revoked === true)),
  unsubscribe: (path) => current.client.unsubscribe(String(path), null),
  subscriptions: () => current.client.subscriptions(),
  reauthenticate: async (auth) => void await current.client.reauthenticate(auth),
  disconnect: () => current.client.disconnect()
}, () => current.client.disconnect())
