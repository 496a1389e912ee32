/** nes 6's callback client, one after another in the same process. */
import { createRequire } from "node:module"
import { emit, serve } from "../../harness/ChildEndpoint.js"
import { Current, type Events } from "./Current.js"

type Callback<Args extends ReadonlyArray<unknown> = []> = (error: Error | null | undefined, ...args: Args) => void

interface Client extends Events {
  readonly id: unknown
  connect(options: unknown, callback: Callback): void
  request(options: unknown, callback: Callback<[payload: unknown, statusCode: unknown, headers: unknown]>): void
  message(message: unknown, callback: Callback<[message: unknown]>): void
  subscribe(
    path: string,
    handler: (message: unknown, flags: { readonly revoked?: boolean }) => void,
    callback: Callback
  ): void
  unsubscribe(path: string, handler: null, callback: Callback): void
  subscriptions(): ReadonlyArray<string>
  disconnect(callback: () => void): void
}

const { Client } = createRequire(import.meta.url)("nes") as { readonly Client: new(url: string) => Client }
const current = new Current(Client)

const promised = <Args extends ReadonlyArray<unknown>, A>(
  call: (callback: Callback<Args>) => void,
  value: (...args: Args) => A
): Promise<A> =>
  new Promise((resolve, reject) => call((error, ...args) => (error ? reject(error) : resolve(value(...args)))))

const nothing = (): void => {}

serve({
  make: (url) => current.make(String(url)),
  connect: (options) => promised<[], void>((callback) => current.client.connect(options, callback), nothing),
  id: () => current.client.id,
  request: (options) =>
    promised<[unknown, unknown, unknown], object>(
      (callback) => current.client.request(options, callback),
      (payload, statusCode, headers) => ({ payload, statusCode, headers })
    ),
  message: (message) =>
    promised<[unknown], unknown>((callback) => current.client.message(message, callback), (answer) => answer),
  subscribe: (path) =>
    promised<[], void>(
      (callback) =>
        current.client.subscribe(
          String(path),
          (message, flags) => emit("publish", path, message, flags.revoked === true),
          callback
        ),
      nothing
    ),
  unsubscribe: (path) =>
    promised<[], void>((callback) => current.client.unsubscribe(String(path), null, callback), nothing),
  subscriptions: () => current.client.subscriptions(),
  reauthenticate: () => {
    throw new Error("nes 6 cannot reauthenticate")
  },
  disconnect: () => new Promise<void>((resolve) => current.client.disconnect(resolve))
}, () => new Promise<void>((resolve) => current.client.disconnect(resolve)))
