/** nes 6's callback client, one after another in the same process. */
import { createRequire } from "node:module"
import { emit, serve } from "../../harness/ChildEndpoint.js"

type Callback<Args extends ReadonlyArray<unknown> = []> = (error: Error | null | undefined, ...args: Args) => void

interface Client {
  readonly id: unknown
  onError: (error: Error) => void
  onConnect: () => void
  onDisconnect: (willReconnect: boolean) => void
  onUpdate: (message: unknown) => void
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

const promised = <Args extends ReadonlyArray<unknown>, A>(
  call: (callback: Callback<Args>) => void,
  value: (...args: Args) => A
): Promise<A> =>
  new Promise((resolve, reject) => call((error, ...args) => (error ? reject(error) : resolve(value(...args)))))

const nothing = (): void => {}

serve({
  make: (url) => make(String(url)),
  connect: (options) => promised<[], void>((callback) => client.connect(options, callback), nothing),
  id: () => client.id,
  request: (options) =>
    promised<[unknown, unknown, unknown], object>(
      (callback) => client.request(options, callback),
      (payload, statusCode, headers) => ({ payload, statusCode, headers })
    ),
  message: (message) =>
    promised<[unknown], unknown>((callback) => client.message(message, callback), (answer) => answer),
  subscribe: (path) =>
    promised<[], void>(
      (callback) =>
        client.subscribe(
          String(path),
          (message, flags) => emit("publish", path, message, flags.revoked === true),
          callback
        ),
      nothing
    ),
  unsubscribe: (path) => promised<[], void>((callback) => client.unsubscribe(String(path), null, callback), nothing),
  subscriptions: () => client.subscriptions(),
  reauthenticate: () => {
    throw new Error("nes 6 cannot reauthenticate")
  },
  disconnect: () => new Promise<void>((resolve) => client.disconnect(resolve))
}, () => new Promise<void>((resolve) => client.disconnect(resolve)))
