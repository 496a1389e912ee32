/** The nes plugins that run on hapi 21, behind one type: what an application sees of them. */
import type * as Hapi from "@hapi/hapi"

export type Implementation = "effect-nes" | "@hapi/nes"

const modules: Readonly<Record<Implementation, string>> = {
  "effect-nes": new URL("../../../src/hapi.ts", import.meta.url).href,
  "@hapi/nes": "@hapi/nes"
}

/** Loads one of them, as `import * as Nes` would: only the one asked for is ever in the process. */
export const loadPlugin = async (implementation: Implementation): Promise<{ plugin: Hapi.Plugin<object> }> =>
  await import(modules[implementation])

/** The documented `Socket`, as a hook or `eachSocket` receives it. */
export interface Socket {
  readonly id: string
  readonly app: Record<string, unknown>
  readonly auth: {
    readonly isAuthenticated: boolean
    readonly credentials: Readonly<Record<string, unknown>> | null
    readonly artifacts: unknown
    readonly strategy?: string
  }
  readonly info: Readonly<Record<string, unknown>>
  readonly server: Hapi.Server
  disconnect(): Promise<void>
  send(message: unknown): Promise<void>
  publish(path: string, message: unknown): Promise<void>
  revoke(path: string, message: unknown, options?: { readonly ignoreClose?: boolean }): Promise<void>
  isOpen(): boolean
}

/** What the plugin adds to the server. */
export interface Decorations {
  subscription(path: string, options?: object): void
  publish(path: string, message: unknown, options?: object): unknown
  broadcast(message: unknown, options?: object): unknown
  eachSocket(each: (socket: Socket) => unknown, options?: object): unknown
}

/** The decorations of a server on which one of the plugins is registered. */
export const decorations = (server: Hapi.Server): Decorations => server as unknown as Decorations

/** `request.socket` of a handler. */
export const socketOf = (request: Hapi.Request): Socket | null =>
  (request as unknown as { socket: Socket | null }).socket
