import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

/** Files that need a process without a past, or load one so that others would notice. */
const alone = [
  "test/{examples,hardness}/**/*.test.ts",
  "test/structure/Paths.test.ts",
  "test/**/{TurnLimiter,Prometheus,ClusterBroker,RedisBroker,Registration,Page}.test.ts"
]

export default defineConfig({
  ssr: { resolve: { conditions: ["source"], externalConditions: ["source"] } },
  resolve: { conditions: ["source"] },
  test: {
    // Much of the time goes by in child processes, so that two files at a time are no burden to two cores.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // What Node makes of a source, with its types or without, is kept from process to process.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL("node_modules/.cache/node", import.meta.url)) },
    testTimeout: 60_000,
    hookTimeout: 60_000,
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
