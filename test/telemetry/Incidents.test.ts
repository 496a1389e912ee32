import { expect, it } from "vitest"
import { Incidents } from "../../src/server/telemetry/Log.js"

it("are kept from when somebody looks, the last hundred, and no text of an error with them", () => {
  let now = 0
  const incidents = new Incidents(() => ++now)
  incidents.note({ kind: "before" })
  incidents.logged(["nes", "filter", "error"], new Error("before"), "a:1")
  expect(incidents.areKept).toBe(false)
  expect(incidents.all).toEqual([])

  incidents.logged(["nes", "filter", "error"], new TypeError("secret"), "a:1")
  incidents.logged(["nes", "broker", "error"], Object.assign(new Error("secret"), { code: "ECONNREFUSED" }), undefined)
  incidents.logged(["nes", "broker", "error"], Object.assign(new Error("secret"), { code: "secret" }), undefined)
  incidents.logged(["nes", "serialization", "error"], "secret", undefined)
  incidents.logged(["nes", "broker", "up"], "secret", undefined)
  expect(incidents.all).toEqual([
    { at: 1, kind: "filter error", socket: "a:1", reason: "TypeError" },
    { at: 2, kind: "broker error", reason: "ECONNREFUSED" },
    { at: 3, kind: "broker error", reason: "Error" },
    { at: 4, kind: "serialization error" }
  ])
  for (let i = 0; i < 100; i++) {
    incidents.note({ kind: String(i) })
  }
  expect(incidents.all.map(({ kind }) => kind)).toEqual(Array.from({ length: 100 }, (_, i) => String(i)))
})

it("say nothing of an error whose causes go round, or that throws as it is read", () => {
  const incidents = new Incidents(() => 0)
  expect(incidents.all).toEqual([])
  const round = new RangeError("round")
  round.cause = new Error("and round", { cause: round })
  class Unreadable extends Error {
    get code(): string {
      throw new Error("as it is read")
    }
  }
  for (const error of [round, new Unreadable(), Object.setPrototypeOf(new Error("bare"), Object.create(null))]) {
    incidents.logged(["nes", "error"], error, undefined)
  }
  expect(incidents.all.map(({ reason }) => reason)).toEqual([expect.any(String), undefined, undefined])
})
