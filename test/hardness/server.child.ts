/** The application that is maltreated, in a process of its own, on the plugin named by the argument. */
import * as Hapi from "@hapi/hapi"
import type { Hub } from "../../src/server/subscription/Hub.js"
import { serve } from "../harness/ChildEndpoint.js"
import { decorations, type Implementation, loadPlugin, type Socket, socketOf } from "../interop/peers/Plugin.js"
import { Gates } from "./Gates.js"
import * as Holdings from "./Holdings.js"
import * as WideHapi from "./WideHapi.js"

/** How the application is set up. */
export interface Setup {
  readonly port?: number
  /** Registration options of the plugin. */
  readonly nes?: Readonly<Record<string, unknown>>
  /** Whether there is a default strategy, optional to use: `authorization: Custom NAME`. */
  readonly auth?: boolean
  /** Whether `onConnection` takes its time, and refuses some; a wide application does. */
  readonly gated?: boolean
  /** Whether it is a wide application, see `WideHapi`, and whether it asks for credentials. */
  readonly wide?: "required" | "try"
}

const plugin = await loadPlugin(process.argv[2] as Implementation)
let server: Hapi.Server | undefined
/** Present where `onConnection` takes its time, and refuses some. */
let gates: Gates | undefined
let announcing: NodeJS.Timeout | undefined
let subscribed = 0
/** The numbers that requests have reported, in order. */
let reported: Array<number> = []

const routes = (server: Hapi.Server): Array<Hapi.ServerRoute> => [
  { method: "GET", path: "/", options: { id: "hello" }, handler: () => "world" },
  { method: "POST", path: "/echo", options: { id: "echo" }, handler: (request) => ({ payload: request.payload }) },
  {
    method: "GET",
    path: "/item/{id}",
    handler: (request) => ({ id: request.params.id, query: request.query, headers: request.headers })
  },
  {
    method: "POST",
    path: "/report/{n}",
    handler: (request) => {
      const n = Number(request.params.n)
      reported.push(n)
      void decorations(server).publish("/reports", n)
      return n
    }
  },
  {
    method: "POST",
    path: "/victim/{n}",
    options: { auth: false },
    handler: async (request) => {
      const { params: { n }, server } = request
      // Where nothing but the victim listens, and where nobody may.
      await decorations(server).publish("/victim", Number(n))
      void decorations(server).publish("/vault", n)
      return { n: Number(n), payload: request.payload }
    }
  }
]

const authenticate = (server: Hapi.Server): void => {
  server.auth.scheme("custom", () => ({
    authenticate: (request, h) =>
      typeof request.headers.authorization === "string" && request.headers.authorization.startsWith("Custom ")
        ? h.authenticated({ credentials: { user: request.headers.authorization.slice(7) } })
        : h.unauthenticated(new Error("who?"))
  }))
  server.auth.strategy("default", "custom")
  server.auth.default({ strategy: "default", mode: "optional" })
}

const subscriptions = (server: Hapi.Server): void => {
  const nes = decorations(server)
  nes.subscription("/o")
  nes.subscription("/victim", { auth: false })
  nes.subscription("/reports")
  nes.subscription("/item/{id}", { filter: (_path: string, message: unknown) => message !== "hidden" })
  if (process.argv[2] === "effect-nes") {
    server.subscription("/live/{id}", {
      recovery: true,
      snapshot: (_socket, path) => ({ path }),
      presence: { grace: false }
    })
  }
  nes.subscription("/hooked/{id}", {
    onSubscribe: (socket: Socket, path: string) => {
      gates?.enter("a subscription", socket)
      if (path.endsWith("bad")) {
        throw new Error("not this one")
      }
      subscribed++
    },
    onUnsubscribe: () => {
      subscribed--
    }
  })
}

const greet = async (socket: Socket): Promise<void> => {
  await socket.send("greeting")
  if (!await gates?.greet(socket)) {
    throw new Error("not you")
  }
}

const announce = async (server: Hapi.Server): Promise<void> => {
  await decorations(server).publish("/item/1", "news")
  await decorations(server).publish("/live/1", "news")
  await decorations(server).broadcast("news")
}

const guard = (server: Hapi.Server): void => {
  server.ext("onPreHandler", (request, h) => {
    const socket = socketOf(request)
    if (socket) {
      gates?.enter(`a request for ${request.path}`, socket)
    }
    return h.continue
  })
  announcing = setInterval(() => void announce(server), 20)
}

const start = async ({ auth, gated, nes, port, wide }: Setup): Promise<string> => {
  gates = gated || wide ? new Gates(wide === "required") : undefined
  server = Hapi.server({ port: port ?? 0, host: "127.0.0.1", debug: false, ...(wide && WideHapi.serverOptions) })
  if (auth) {
    authenticate(server)
  }
  if (wide) {
    await WideHapi.prepare(server, wide)
  }
  await server.register({
    plugin: plugin.plugin,
    options: {
      onMessage: (socket: Socket, message: unknown) => {
        gates?.enter("a message", socket)
        return message ?? null
      },
      ...(gates && { onConnection: greet }),
      ...nes
    }
  })
  server.route(routes(server))
  if (wide && gates) {
    WideHapi.declare(server, gates)
  }
  subscriptions(server)
  if (gates) {
    guard(server)
  }
  await server.start()
  return `ws://127.0.0.1:${server.info.port}`
}

interface Node {
  readonly hub: Hub
  readonly exceeded: object
}

/** Only ours has one. */
const node = (): Node | undefined => {
  const { nes } = (server?.plugins ?? {}) as { readonly nes?: { readonly node?: Node } }
  return nes?.node
}

const entries = (): number => {
  const hub = node()?.hub
  return hub === undefined ? 0 : Holdings.entries(hub) + subscribed
}

serve({
  start: (setup) => start(setup as Setup),
  holdings: async () => ({ ...await Holdings.take(), entries: entries() }),
  /** What there is of clients. */
  left: () => ({ sockets: Holdings.sockets(), polluted: Holdings.polluted(), entries: entries() }),
  /** Publishes numbers, as many in a turn. */
  publish: async (path, from, to) => {
    for (let n = from as number; n < (to as number); n++) {
      await (server && decorations(server).publish(path as string, n))
    }
  },
  burst: (path, from, to) => {
    for (let n = from as number; n < (to as number); n++) {
      void (server && decorations(server).publish(path as string, n))
    }
  },
  reported: () => {
    const numbers = reported
    reported = []
    return numbers
  },
  exceeded: () => node()?.exceeded,
  passed: () => gates?.passed ?? [],
  stop: () => {
    clearInterval(announcing)
    return server?.stop({ timeout: 1000 })
  }
})
