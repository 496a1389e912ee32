/** A hapi server with the plugin, and who connects to it; everything is closed when the test ends. */
import Hapi from "@hapi/hapi"
import { once } from "node:events"
import { onTestFinished } from "vitest"
import { type ClientOptions, WebSocket } from "ws"
import * as Nes from "../../src/hapi.js"

/** What happened, in order, for a test to wait for and to look at. */
export class Journal {
  readonly entries: Array<ReadonlyArray<unknown>> = []
  readonly #waiting = new Set<() => void>()

  readonly note = (...entry: ReadonlyArray<unknown>): void => {
    this.entries.push(entry)
    for (const wake of [...this.#waiting]) {
      wake()
    }
  }

  /** The first entries of all that begin with this name. */
  of(name: string): ReadonlyArray<ReadonlyArray<unknown>> {
    return this.entries.filter(([first]) => first === name)
  }

  /** The entries in an order of their own, where they may have come in any. */
  get sorted(): ReadonlyArray<ReadonlyArray<unknown>> {
    return this.entries.toSorted((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
  }

  get names(): ReadonlyArray<unknown> {
    return this.entries.map(([name]) => name)
  }

  /** Waits until there are this many entries of a name. */
  async until(name: string, count = 1): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        if (this.of(name).length >= count) {
          this.#waiting.delete(wake)
          resolve()
        }
      }
      this.#waiting.add(wake)
      wake()
    })
  }
}

/** A point within a hook: the test waits until it is reached, the hook until it is let go. */
export class Gate {
  #reach: () => void = () => {}
  #open: () => void = () => {}
  readonly reached = new Promise<void>((resolve) => {
    this.#reach = resolve
  })
  readonly opened = new Promise<void>((resolve) => {
    this.#open = resolve
  })

  /** To be called by the hook. */
  readonly hold = (): Promise<void> => {
    this.#reach()
    return this.opened
  }

  readonly open = (): void => this.#open()
}

export type Frame = Readonly<Record<string, unknown>>

/** A socket whose every message is the test's. Heartbeats are answered and not shown. */
export class RawClient {
  readonly frames: Array<Frame> = []
  readonly closed: Promise<number>
  #id = 0
  readonly #waiting = new Set<() => void>()

  constructor(readonly socket: WebSocket) {
    socket.on("message", (data) => {
      const frame = JSON.parse(String(data)) as Frame
      if (frame.type === "ping") {
        this.say({ type: "ping" })
      } else {
        this.frames.push(frame)
        for (const wake of [...this.#waiting]) {
          wake()
        }
      }
    })
    this.closed = new Promise((resolve) => socket.once("close", resolve))
  }

  /** Sends a message and returns its id. */
  say(message: Frame): number {
    this.socket.send(JSON.stringify({ id: ++this.#id, ...message }))
    return this.#id
  }

  /** Sends a message and waits for what answers it. */
  ask(message: Frame): Promise<Frame> {
    const id = this.say(message)
    return this.next((frame) => frame.id === id)
  }

  hello(fields: Frame = {}): Promise<Frame> {
    return this.ask({ type: "hello", version: "2", ...fields })
  }

  /** The first frame, arrived or to come, of which this holds; it is taken out. */
  next(is: (frame: Frame) => boolean): Promise<Frame> {
    return new Promise((resolve) => {
      const wake = (): void => {
        const index = this.frames.findIndex(is)
        const frame = this.frames[index]
        if (frame !== undefined) {
          this.frames.splice(index, 1)
          this.#waiting.delete(wake)
          resolve(frame)
        }
      }
      this.#waiting.add(wake)
      wake()
    })
  }

  /** Returns when the server has looked at everything sent before, and what it wrote by then has arrived. */
  async fence(): Promise<void> {
    await this.ask({ type: "fence" })
  }

  /** Cuts the connection without a word. */
  cut(): void {
    this.socket.terminate()
  }
}

/** A started server. */
export interface Live {
  readonly server: Hapi.Server
  readonly url: string
  /** The server's log entries of the plugin, as [tags, message of the error]. */
  readonly log: Journal
  readonly connect: (options?: Parameters<Nes.Client["connect"]>[0] & object) => Promise<Nes.Client>
  readonly open: (options?: ClientOptions) => Promise<RawClient>
}

export interface Options {
  readonly hapi?: Hapi.ServerOptions
  readonly nes?: Nes.PluginOptions
  /** Comes before the plugin. */
  readonly prepare?: (server: Hapi.Server) => unknown
  /** Declares routes and subscriptions, before the start. */
  readonly declare?: (server: Hapi.Server) => unknown
}

/** Users of the scheme `user`: who sends `authorization: NAME` is them. */
export const users: Readonly<Record<string, Hapi.AuthCredentials>> = {
  john: { user: "john", scope: ["a", "admin"] },
  jane: { user: "jane", scope: ["b"] },
  robot: { app: "robot", scope: ["a"] }
}

/** A default strategy that knows the users. */
export const authenticating = (
  server: Hapi.Server,
  mode: "required" | "optional" = "required",
  access?: Hapi.RouteOptionsAccessObject
): void => {
  server.auth.scheme("user", () => ({
    authenticate: (request, h) => {
      const credentials = users[String(request.headers.authorization)]
      return credentials ? h.authenticated({ credentials, artifacts: { by: "name" } }) : h.unauthenticated(
        new Error("Unknown user")
      )
    }
  }))
  server.auth.strategy("user", "user")
  server.auth.default({ strategy: "user", mode, ...access })
}

/** What `client.connect()` takes to be one of the users. */
export const as = (name: string): { readonly auth: { readonly headers: { readonly authorization: string } } } => ({
  auth: { headers: { authorization: name } }
})

const clientsOf = (url: string): Pick<Live, "connect" | "open"> => ({
  connect: async (options = {}) => {
    const client = new Nes.Client(url)
    onTestFinished(() => client.disconnect())
    await client.connect({ reconnect: false, ...options })
    return client
  },
  open: async (options = {}) => {
    const socket = new WebSocket(url, options)
    onTestFinished(() => socket.terminate())
    const raw = new RawClient(socket)
    await once(socket, "open")
    return raw
  }
})

/** Starts a server. */
export const live = async ({ declare, hapi = {}, nes = {}, prepare }: Options = {}): Promise<Live> => {
  const server = Hapi.server({ port: 0, host: "127.0.0.1", debug: false, ...hapi })
  const log = new Journal()
  server.events.on({ name: "log", filter: "nes" }, ({ data, error, tags }) => {
    log.note(tags.join(" "), error instanceof Error ? error.message : data)
  })
  await prepare?.(server)
  await server.register({ plugin: Nes.plugin, options: nes })
  await declare?.(server)
  onTestFinished(() => server.stop({ timeout: 0 }))
  await server.start()
  const url = server.info.uri.replace(/^http/, "ws")
  return { server, url, log, ...clientsOf(url) }
}

/** Collects the updates of a subscription. */
export const updatesOf = async (client: Nes.Client, path: string): Promise<Journal> => {
  const journal = new Journal()
  await client.subscribe(path, (message, flags) => journal.note(flags.revoked ? "revoked" : "update", message))
  return journal
}

/** Returns when everything the server wrote to a client before has arrived there. */
export const fence = async (client: Nes.Client): Promise<void> => {
  await client.message("fence").catch(() => {})
}
