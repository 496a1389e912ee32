/** Naps, a few of each; `npm run naps` takes a hundred. */
import { describe, expect, it } from "vitest"
import * as Naps from "./Naps.js"

const none = { disconnects: 0, timeouts: 0, faults: [] }

describe.each([["SIGSTOP", 2], ["busy loop", 1]] as const)(
  "after %s, what has arrived is read before anything is late:",
  (sleep, naps) => {
    it.each(["Client", "NesClient"] as const)("%s misses no heartbeat, and gives no call up", async (who) => {
      expect(await Naps.client(who, sleep, naps)).toMatchObject({ naps, ...none })
    })

    it("a server ends none of its clients", async () => {
      expect(await Naps.server(sleep, naps)).toMatchObject({ naps, ...none })
    })
  }
)

// The Effect client's limit covers both.
it.each([["Client", "upgrade"], ["Client", "hello"], ["NesClient", "hello"]] as const)(
  "nor does %s give up a connection whose %s was answered in time",
  async (who, at) => {
    expect(await Naps.opening(who, at)).toMatchObject({ naps: 1, ...none })
  }
)

it("clients stay with a server that stood still, amid its pings and between them", async () => {
  expect(await Naps.clients(2)).toMatchObject({ naps: 2, ...none })
})
