/** A node that stops is the last to leave: what is published by requests that are still being answered reaches everybody. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { Client } from "../../src/client.js"
import { NesHttpServer, NesServer } from "../../src/index.js"
import { RedisBroker } from "../../src/redis.js"
import { hear, startNode, until } from "./Cluster.js"
import { RedisServer } from "./RedisServer.js"

let redis: RedisServer
beforeAll(async () => {
  redis = await RedisServer.start()
}, 120_000)
afterAll(() => redis.stop())

interface Door {
  readonly url: string
  readonly stop: () => Promise<void>
}

/** The path of the other node's subscriptions, and when a handler has begun. */
interface Order {
  readonly id: string
  readonly begun: () => void
}

const work = 400

const onHapi = async ({ begun, id }: Order): Promise<Door> => {
  const node = await startNode(redis, {
    declare: (server) => {
      server.subscription("/kept/{id}", { recovery: true })
      server.subscription("/plain/{id}")
      server.route({
        method: "GET",
        path: "/order",
        handler: async () => {
          begun()
          await sleep(work)
          await server.publish(`/kept/${id}`, 1)
          await server.publish(`/plain/${id}`, 2)
          await server.broadcast(3)
          return "published"
        }
      })
    }
  })
  return { url: node.server.info.uri, stop: () => node.server.stop({ timeout: 5_000 }) }
}

const onEffect = async ({ begun, id }: Order): Promise<Door> => {
  const http = createServer()
  const route = HttpRouter.add(
    "GET",
    "/order",
    Effect.gen(function*() {
      const nes = yield* NesServer.NesServer
      begun()
      yield* Effect.promise(() => sleep(work))
      yield* nes.publish(`/kept/${id}`, 1)
      yield* nes.publish(`/plain/${id}`, 2)
      yield* nes.broadcast(3)
      return HttpServerResponse.text("published")
    })
  )
  const live = Layer.mergeAll(
    NesHttpServer.layerSubscription("/kept/{id}", { recovery: true }),
    NesHttpServer.layerSubscription("/plain/{id}")
  ).pipe(
    Layer.provideMerge(NesHttpServer.serve(route, { server: http })),
    Layer.provide(NodeHttpServer.layer(() => http, { port: 0, host: "127.0.0.1" })),
    Layer.provide(RedisBroker.layer({ url: redis.url }))
  )
  const scope = Scope.makeUnsafe()
  await Effect.runPromise(Layer.buildWithScope(live, scope))
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    stop: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

describe.each([["hapi", onHapi], ["Effect", onEffect]] as const)("on the %s door", (door, start) => {
  it.each(["HTTP", "the socket"])("what a request of %s publishes meanwhile reaches the other node", async (way) => {
    const id = `${door}-${way.length}`
    let begun = (): void => {}
    const beginning = new Promise<void>((resolve) => {
      begun = resolve
    })
    const node = await start({ id, begun: () => begun() })
    const other = await startNode(redis, {
      declare: (server) => {
        server.subscription("/kept/{id}", { recovery: true })
        server.subscription("/plain/{id}")
      }
    })
    const far = await other.connect()
    const broadcasts: Array<unknown> = []
    far.onUpdate = (message) => void broadcasts.push(message)
    const [kept, plain] = [await hear(far, `/kept/${id}`), await hear(far, `/plain/${id}`)]
    const near = new Client(node.url.replace("http", "ws"))
    onTestFinished(() => near.disconnect())
    await near.connect({ reconnect: false })
    const answer = way === "HTTP"
      ? fetch(`${node.url}/order`).then((response) => response.text())
      : near.request("/order").then(({ payload }) => payload)
    await beginning
    const stopping = node.stop()
    expect(await answer).toBe("published")
    await stopping
    await until(() => kept.length === 1 && plain.length === 1 && broadcasts.length === 1)
  })
})
