/** A cluster on an engine in memory: the same as on Redis. */
import * as Effect from "effect/Effect"
import { beforeAll, describe } from "vitest"
import * as ClusterBroker from "../../src/cluster/ClusterBroker.js"
import { startNodeOn } from "./Cluster.js"
import * as MemoryEngine from "./MemoryEngine.js"
import { suite } from "./Suite.js"

describe("on an engine in memory", () => {
  let engine: MemoryEngine.MemoryEngine
  beforeAll(() => {
    engine = Effect.runSync(MemoryEngine.make)
  })

  suite("memory", (options) =>
    startNodeOn(
      (onEvent) => Effect.runSync(ClusterBroker.make(engine, { timeout: 1_000, maxInFlight: 1_000, onEvent })),
      options
    ))
})
