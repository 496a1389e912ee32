/** What `npm run mutate` runs: the tests that run the source in a process of theirs. */
import { defineConfig } from "vitest/config"
import base from "../vitest.config.js"

export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ["test/{protocol,server,client,cluster,contract,http,hapi,telemetry}/**/*.test.ts"],
    // What goes by the time a run takes, or by what a process has of its own.
    exclude: ["test/**/{Exit,Draining,Lifecycle,Turns}.test.ts"]
  }
})
