/** What `npm run mutate` runs: the tests that run the source in a process of theirs. */
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"
import base from "../vitest.config.js"

/** Files that are soon through come first: one of them may notice. */
class ShortestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const took = (file: TestSpecification): number => this.ctx.cache.getTestSpecificationResult(file)?.duration ?? 0
    return files.toSorted((a, b) => took(a) - took(b))
  }
}

// What goes by what a process has of its own.
const alone = ["test/{server,http,hapi,telemetry}/**/{Intake,Prometheus,Inspector,Registration}.test.ts"]

export default defineConfig({
  ...base,
  test: {
    expect: { poll: { timeout: 4_000 } },
    sequence: { sequencer: ShortestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: "together",
          include: ["test/{protocol,server,client,cluster,contract,http,hapi,telemetry}/**/*.test.ts"],
          // What goes by the time a run takes, or by children, and what takes long.
          exclude: [
            ...alone,
            "test/**/{Exit,Draining,Lifecycle,Turns}.test.ts",
            "test/hapi/{Api,AuthenticationSealed,Heartbeat,Races,Resets,Snapshot}.test.ts",
            "test/http/{Transports,Upgrades}.test.ts",
            "test/cluster/ClusterBroker.test.ts",
            "test/telemetry/Monitoring.test.ts"
          ],
          // The source is read once: four times as fast.
          isolate: false,
          // Most of the changes that are noticed leave a test waiting; the longest takes three seconds.
          testTimeout: 8_000
        }
      },
      { extends: true, test: { name: "alone", include: alone } }
    ]
  }
})
