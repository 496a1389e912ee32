/**
 * A server as the interop tests see it: where it is, and what it can be told to do. Every server under test serves the
 * same application (see `InteropApplication`), so that any client can be held against any server.
 */
import { ChildProcess } from "../../harness/ChildProcess.js"
import type { Implementation } from "./Plugin.js"

/** How the server is set up. */
export interface ServerOptions {
  /** In ms; `false` for none. */
  readonly heartbeat?: false | { readonly interval: number; readonly timeout: number }
  /** UTF-16 units; absent: no limit. */
  readonly maxChunkChars?: number
  /** Required authentication of this type; absent: none. Users are named in `InteropApplication`. */
  readonly auth?: "direct" | "token" | "cookie"
}

/** What a server can be told to do. */
export type Command =
  | { readonly type: "publish"; readonly path: string; readonly message: unknown }
  | { readonly type: "broadcast"; readonly message: unknown }
  /** To every subscriber of the path; `null` for no last message. */
  | { readonly type: "revoke"; readonly path: string; readonly message: unknown }
  /** To every socket. */
  | { readonly type: "send"; readonly message: unknown }
  /** Disconnects every socket. */
  | { readonly type: "disconnect" }
  /** Answers how many sockets are subscribed to the path. */
  | { readonly type: "subscribers"; readonly path: string }
  /** Answers how many sockets there are. */
  | { readonly type: "sockets" }

export interface ServerUnderTest {
  /** `ws://…` */
  readonly url: string
  /** Starts another of its kind in the same process, which takes no commands; where it is. */
  beside(options: ServerOptions): Promise<string>
  /** Fulfils the command; what it answers depends on it. */
  control(command: Command): Promise<unknown>
  /** For how long its loop was held up, at most, since this was asked last (ms). */
  withheld(): Promise<number>
  /** Makes the server fall silent, its sockets open; `resume` wakes it. */
  pause(): void
  resume(): void
  stop(): Promise<void>
}

/** How a kind of server is started. */
export type StartServer = (options: ServerOptions) => Promise<ServerUnderTest>

/** A server in a process of its own, whose module serves `start`, more than once, and `control` of the first. */
const startChild = async (module: URL, args: ReadonlyArray<string>, options: ServerOptions) => {
  const child = await ChildProcess.start(module, args)
  try {
    const url = String(await child.call("start", options))
    return {
      url,
      beside: async (options: ServerOptions) => String(await child.call("start", options)),
      control: (command: Command) => child.call("control", command),
      withheld: () => child.withheld(),
      pause: () => child.signal("SIGSTOP"),
      resume: () => child.signal("SIGCONT"),
      stop: async () => {
        await child.stop()
      }
    }
  } catch (error) {
    await child.kill()
    throw error
  }
}

/** hapi 21 with `@hapi/nes` 14 or with our plugin. */
export const startHapi21 = (implementation: Implementation): StartServer => (options) =>
  startChild(new URL("./hapi21.child.ts", import.meta.url), [implementation], options)

/** Our server without hapi. */
export const startHttp: StartServer = (options) => startChild(new URL("./http.child.ts", import.meta.url), [], options)

/** hapi 16 with nes 6. */
export const startHapi16: StartServer = (options) =>
  startChild(new URL("./hapi16.child.ts", import.meta.url), [], options)
