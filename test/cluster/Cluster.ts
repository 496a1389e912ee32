/** Nodes of one cluster, in this process: hapi servers that share an engine and nothing else. */
import Hapi from "@hapi/hapi"
import { onTestFinished } from "vitest"
import { Client } from "../../src/client.js"
import type { BrokerEvent } from "../../src/cluster/BrokerEvent.js"
import type { Service } from "../../src/cluster/ClusterBroker.js"
import * as Nes from "../../src/hapi.js"

export interface Node {
  readonly server: Hapi.Server
  readonly url: string
  readonly events: Array<BrokerEvent>
  readonly connect: (auth?: unknown) => Promise<Client>
  readonly stop: () => Promise<void>
}

/** Checks until something holds, every so often (ms); the test's own timeout ends it. */
export const until = async (holds: () => boolean | Promise<boolean>, every = 5): Promise<void> => {
  while (!await holds()) {
    await new Promise((resolve) => setTimeout(resolve, every))
  }
}

export interface NodeOptions {
  readonly declare?: (server: Hapi.Server) => void
  readonly options?: Nes.PluginOptions
}

/** Makes the broker of a node, which calls this with what happens. */
export type MakeBroker = (onEvent: (event: BrokerEvent) => void) => Service

export const startNodeOn = async (
  makeBroker: MakeBroker,
  { declare = () => {}, options = {} }: NodeOptions = {}
): Promise<Node> => {
  const server = Hapi.server({ host: "127.0.0.1", port: 0 })
  const events: Array<BrokerEvent> = []
  server.auth.scheme("named", () => ({
    authenticate: (request, h) => h.authenticated({ credentials: { user: request.headers["x-user"] } })
  }))
  server.auth.strategy("named", "named")
  await server.register({
    plugin: Nes.plugin,
    options: {
      ...options,
      broker: makeBroker((event) => void events.push(event))
    }
  })
  declare(server)
  await server.start()
  let stopped = false
  const stop = async (): Promise<void> => {
    if (!stopped) {
      stopped = true
      await server.stop({ timeout: 1_000 })
    }
  }
  onTestFinished(stop)
  return {
    server,
    url: server.info.uri.replace("http", "ws"),
    events,
    stop,
    connect: async (auth) => {
      const client = new Client(server.info.uri.replace("http", "ws"))
      onTestFinished(() => client.disconnect())
      await client.connect({ reconnect: true, delay: 20, maxDelay: 100, auth })
      return client
    }
  }
}

/** Credentials of a user. */
export const as = (user: string): unknown => ({ headers: { "x-user": user } })

/** What a client hears on a path, in order. */
export const hear = async (client: Client, path: string): Promise<Array<unknown>> => {
  const heard: Array<unknown> = []
  await client.subscribe(path, (message) => void heard.push(message))
  return heard
}
