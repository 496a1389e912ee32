import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

export default defineConfig({
  ssr: { resolve: { conditions: ["source"], externalConditions: ["source"] } },
  resolve: { conditions: ["source"] },
  test: {
    include: ["test/**/*.test.ts"],
    // Much of the time goes by in child processes, so that two files at a time are no burden to two cores.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Errors outside the type tests are the business of the step `types` of npm test.
    typecheck: { enabled: false, include: ["test/**/*.test-d.ts"], ignoreSourceErrors: true }
  }
})
