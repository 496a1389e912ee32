/** A server of the door named by the argument, in a process of its own, whose memory is measured. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Hapi from "@hapi/hapi"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as References from "effect/References"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { setImmediate, setTimeout } from "node:timers/promises"
import * as v8 from "node:v8"
import { runInNewContext } from "node:vm"
import * as Nes from "../../src/hapi.js"
import { NesHttpServer, NesServer, type Socket } from "../../src/index.js"
import type { Node } from "../../src/server/Node.js"
import { serve } from "../harness/ChildEndpoint.js"

export type Door = "effect-nes" | "NesHttpServer"

/** How the application is set up. */
export interface Setup {
  readonly limits: Readonly<Record<string, number | false>>
  /** Whether `onConnection` never ends, after it has sent so many messages of 10,000 characters. */
  readonly greeting?: number
}

v8.setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

const never = new Promise<never>(() => {})

let node: Node

/** The messages that wait for their answers. */
let waiting: Array<(answer: string) => void> = []

const onMessage = (): Promise<string> => new Promise((resolve) => waiting.push(resolve))

const greet = (send: (message: string) => unknown, count: number): Promise<never> => {
  for (let i = 0; i < count; i++) {
    void send("x".repeat(10_000))
  }
  return never
}

const startHapi = async ({ greeting, limits }: Setup): Promise<number> => {
  const server = Hapi.server({ host: "127.0.0.1", debug: false })
  await server.register({
    plugin: Nes.plugin,
    options: {
      heartbeat: false,
      limits,
      onMessage,
      ...(greeting !== undefined &&
        { onConnection: (socket: Nes.Socket) => greet((message) => socket.send(message), greeting) })
    }
  })
  server.route({ method: "GET", path: "/never", handler: () => never })
  server.subscription("/{path*}")
  server.subscription("/room/{id}", { presence: true })
  await server.start()
  node = server.plugins.nes.node
  return server.info.port as number
}

const startHttp = async ({ greeting, limits }: Setup): Promise<number> => {
  const server = createServer()
  const layer = NesHttpServer.layerSubscription("/{path*}").pipe(
    Layer.provideMerge(
      NesHttpServer.serve(HttpRouter.add("GET", "/never", Effect.never), {
        server,
        heartbeat: false,
        limits,
        onMessage: () => Effect.promise(onMessage),
        ...(greeting !== undefined && {
          onConnection: (socket: Socket.Socket) =>
            Effect.promise(() => greet((message) => Effect.runPromise(socket.send(message)), greeting))
        })
      }).pipe(Layer.provide(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" })))
    ),
    Layer.provide(Layer.succeed(References.MinimumLogLevel, "None"))
  )
  const runtime = ManagedRuntime.make(layer)
  node = (await runtime.runPromise(NesServer.NesServer)).node
  return (server.address() as AddressInfo).port
}

const inUse = (collections: number): number => {
  for (let n = 0; n < collections; n++) {
    collect()
  }
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
}

/**
 * Does something until there is no room, and says how much was in use at most; what has been freed of Buffers is known
 * at the next collection.
 */
const measure = async (every: number, work: () => unknown): Promise<number> => {
  let most = 0
  for (let i = 0; node.exceeded.maxBufferedBytes === 0; i++) {
    most = i % every === 0 ? Math.max(most, inUse(2)) : most
    await work()
  }
  return most
}

serve({
  start: (setup) => {
    waiting = []
    return process.argv[2] === "effect-nes" ? startHapi(setup as Setup) : startHttp(setup as Setup)
  },
  /** Bytes in use. */
  memory: () => setImmediate().then(() => inUse(1)),
  /** Messages that wait for their answers. */
  waiting: () => waiting.length,
  /** Answers all messages with so many characters. */
  answer: (length) => {
    for (const resolve of waiting.splice(0)) {
      resolve("x".repeat(length as number))
    }
  },
  /** Publishes until the network takes no more, not even when it has had time to make room. */
  fill: async (path) => {
    const isFull = (): boolean => [...node.hub.connections.keys()].some(({ bufferedBytes }) => bufferedBytes > 50_000)
    while (!isFull()) {
      void node.publish(path as string, "x".repeat(10_000))
      await (isFull() ? setTimeout(50) : setImmediate())
    }
  },
  /** Publishes in one turn, or each in a turn of its own, until there is no room; how much was in use at most. */
  publish: (path, length, isOneTurn) =>
    measure(length === 1 ? 128 : 4, () => {
      for (let i = 0; i < 16; i++) {
        void node.publish(path as string, "x".repeat(length as number))
      }
      return isOneTurn === true ? undefined : setImmediate()
    }),
  exceeded: () => node.exceeded
})
