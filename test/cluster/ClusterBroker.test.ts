/** A cluster on an engine in memory: the same as on Redis. */
import type { Server } from "@hapi/hapi"
import * as Effect from "effect/Effect"
import { beforeAll, describe, expect, it } from "vitest"
import * as ClusterBroker from "../../src/cluster/ClusterBroker.js"
import { hear, type NodeOptions, startNodeOn, until } from "./Cluster.js"
import * as MemoryEngine from "./MemoryEngine.js"
import { suite } from "./Suite.js"

describe("on an engine in memory", () => {
  let engine: MemoryEngine.MemoryEngine
  beforeAll(() => {
    engine = Effect.runSync(MemoryEngine.make)
  })

  const start = (options: NodeOptions) =>
    startNodeOn(
      (onEvent) => Effect.runSync(ClusterBroker.make(engine, { timeout: 1_000, maxInFlight: 1_000, onEvent })),
      options
    )

  suite("memory", start)

  it("a publish ends though the last subscriber leaves while it waits for what others published before", async () => {
    const declare = (server: Server): void => server.subscription("/kept/{id}", { recovery: true })
    const [a, b] = [await start({ declare }), await start({ declare })]
    const client = await a.connect()
    const heard = await hear(client, "/kept/waits")
    await a.server.publish("/kept/waits", 1)
    await until(() => heard.length === 1)
    engine.mute(true)
    await b.server.publish("/kept/waits", 2)
    const published = a.server.publish("/kept/waits", 3)
    await client.unsubscribe("/kept/waits", null)
    engine.mute(false)
    await published
    expect(heard).toEqual([1])
  })
})
