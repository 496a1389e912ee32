/**
 * A client as the interop tests see it: Promises and events, whatever its own style. What it is told unasked comes as
 * events: `connect`, `disconnect` (willReconnect), `error` (message), `update` (message), and `publish` (path, message,
 * revoked).
 */
import { ChildProcess, type Events, RemoteError } from "../../harness/ChildProcess.js"

export interface Answer {
  readonly payload: unknown
  readonly statusCode: number
  readonly headers: Readonly<Record<string, unknown>> | undefined
}

export interface ConnectOptions {
  readonly auth?: unknown
  readonly reconnect?: boolean
  /** In ms. */
  readonly delay?: number
}

export interface RequestOptions {
  readonly path: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly payload?: unknown
}

/** What of a failed call is compared. */
export interface Failure {
  readonly type: unknown
  readonly message: unknown
  readonly statusCode: unknown
}

export interface ClientUnderTest {
  readonly events: Events
  connect(options?: ConnectOptions): Promise<void>
  id(): Promise<unknown>
  request(options: string | RequestOptions): Promise<Answer>
  message(message: unknown): Promise<unknown>
  subscribe(path: string): Promise<void>
  unsubscribe(path: string): Promise<void>
  /** The current subscription paths. */
  subscriptions(): Promise<ReadonlyArray<unknown>>
  reauthenticate(auth: unknown): Promise<void>
  disconnect(): Promise<void>
  /** Ends the client and whatever it runs in. */
  stop(): Promise<void>
}

/** How a kind of client is made; it does not connect yet. */
export type MakeClient = (url: string) => Promise<ClientUnderTest>

/** The comparable part of what a call failed with. */
export const failureOf = (error: unknown): Failure => {
  const { message, statusCode, type } = (error instanceof RemoteError ? error.fields : error) as Failure
  return { type, message, statusCode }
}

/** Processes without a client. */
const idle = new Map<URL, Array<ChildProcess>>()

/** Ends the processes that clients have left. */
export const stopProcesses = async (): Promise<void> => {
  const children = [...idle.values()].flat()
  idle.clear()
  await Promise.all(children.map((child) => child.stop()))
}

/** A client in a process of its own, whose module serves one call per method. */
const makeChild = (module: URL): MakeClient => async (url) => {
  const child = idle.get(module)?.pop() ?? await ChildProcess.start(module)
  await child.call("make", url)
  const call = (name: string, ...args: ReadonlyArray<unknown>): Promise<unknown> => child.call(name, ...args)
  return {
    events: child.events,
    connect: async (options = {}) => void await call("connect", options),
    id: () => call("id"),
    request: async (options) => await call("request", options) as Answer,
    message: (message) => call("message", message),
    subscribe: async (path) => void await call("subscribe", path),
    unsubscribe: async (path) => void await call("unsubscribe", path),
    subscriptions: async () => await call("subscriptions") as ReadonlyArray<unknown>,
    reauthenticate: async (auth) => void await call("reauthenticate", auth),
    disconnect: async () => void await call("disconnect"),
    stop: async () => {
      await call("disconnect")
      child.events.take()
      idle.set(module, [...idle.get(module) ?? [], child])
    }
  }
}

/** `@hapi/nes` 14's client. */
export const makeNes14Client = makeChild(new URL("./nes14-client.child.ts", import.meta.url))

/** nes 6's client. */
export const makeNes6Client = makeChild(new URL("./nes6-client.child.ts", import.meta.url))
