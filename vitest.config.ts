import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** Files that need a process without a past, or load one so that others would notice. */
const alone = [
  "test/hardness/**/*.test.ts",
  "test/structure/Paths.test.ts",
  "test/{cluster/ClusterBroker,hapi/Registration,redis/RedisBroker,server/inspection/Page,telemetry/Prometheus}.test.ts"
]

/**
 * Files that take long: they begin first, so that no worker waits for another's at the end. What measures time comes
 * after what does not, beside which sources are still being checked.
 */
const long = [
  "package/FirstSteps",
  "hardness/Memory",
  "differential-server/server",
  "package/Package",
  "redis/Chaos",
  "redis/Faults",
  "interop/interop",
  "hardness/Fuzz",
  "browser/Page",
  "hardness/Naps",
  "differential-client/Nes6",
  "differential-client/Nes14",
  "bench/smoke",
  "hardness/AnyRequest",
  "hardness/Soak",
  "docs/Site",
  "redis/RedisBroker",
  "http/Transports",
  "examples/start",
  "hardness/Faults",
  "redis/Outage",
  "http/Upgrades",
  "client/Exit",
  "redis/Presence",
  "redis/Sentinel",
  "redis/Balance",
  "cli/Commands",
  "examples/cluster",
  "hapi/Heartbeat",
  "browser/FrozenPage",
  "hapi/Snapshot",
  "hapi/Limits",
  "hapi/Lifecycle"
]
const rank = ({ moduleId }: TestSpecification): number => {
  const index = long.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`))
  return index < 0 ? long.length : index
}

class LongFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
  }
}

export default defineConfig({
  ssr: { resolve: { conditions: ["source"], externalConditions: ["source"] } },
  resolve: { conditions: ["source"] },
  test: {
    // Much of a test is waiting: twice as many as there are cores leave none of them idle.
    maxWorkers: Math.max(2, availableParallelism()) * 2,
    // What Node makes of a source, with its types or without, is kept from process to process.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL("node_modules/.cache/node", import.meta.url)) },
    sequence: { sequencer: LongFirst },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is polled for may take its time on a busy machine; by default it is given up after a second.
    expect: { poll: { timeout: 30_000 } },
    projects: [
      { extends: true, test: { name: "alone", include: alone } },
      {
        extends: true,
        // Of an import, most is effect's: it is made once a process.
        test: { name: "together", include: ["test/**/*.test.ts"], exclude: alone, isolate: false }
      }
    ]
  }
})
