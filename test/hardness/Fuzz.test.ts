/** The fuzzer for some seconds; `npm run fuzz` has longer. */
import { describe, expect, it } from "vitest"
import { complaint, isOwed } from "./Answer.js"
import * as ClientFuzz from "./ClientFuzz.js"
import * as ServerFuzz from "./ServerFuzz.js"

describe("mutated sessions, for some seconds", { timeout: 120_000 }, () => {
  it.each(["effect-nes", "NesHttpServer"] as const)(
    "do not end the server (%s), get well-formed answers, pass no gate, leave no trace, and disturb nobody",
    async (door) => {
      const { faults, ...figures } = await ServerFuzz.run(door, {
        seconds: 1,
        seed: 7,
        least: 120,
        kinds: [0, 3, 4, 6],
        crowd: 40
      })
      expect(faults).toEqual([])
      expect(figures).toMatchObject({ deaths: 0, hangs: 0, malformed: 0, passed: 0, disturbed: 0, leaks: 0 })
      expect(figures.sessions).toBeGreaterThan(100)
      expect(figures.answers).toBeGreaterThan(300)
      expect(figures.asked).toBeGreaterThanOrEqual(4)
    }
  )

  it.each(["Client", "NesClient"] as const)("do not end the %s, and every call ends once", async (subject) => {
    const { faults, ...figures } = await ClientFuzz.run(subject, { seconds: 1, seed: 7, least: 100 })
    expect(faults).toEqual([])
    expect(figures).toMatchObject({ deaths: 0, lost: 0 })
    expect(figures.calls).toBeGreaterThan(100)
    expect(figures.messages).toBeGreaterThan(100)
  })

  it("would end @hapi/nes 14, so that a fault is found where there is one", async () => {
    const { deaths, faults, passed } = await ServerFuzz.run("@hapi/nes", {
      seconds: 10,
      seed: 7,
      kinds: [0],
      isEnough: ({ deaths, passed }) => deaths > 0 && passed > 0
    })
    expect(deaths).toBeGreaterThan(0)
    expect(passed).toBeGreaterThan(0)
    expect(faults.join("\n")).toContain("the server died")
  })
})

describe("what counts as well-formed", () => {
  it.each([
    [`{"type":"ping"}`, undefined],
    [`{"type":"request","id":1,"statusCode":200,"payload":null}`, undefined],
    [`{"statusCode":400,"payload":{"error":"Bad Request","message":"Cannot parse message"}}`, undefined],
    [`{"type":"request","id":null,"statusCode":200}`, "an id that cannot be"],
    [`{"type":"pub","message":1}`, "no path"],
    [`{"type":"sub"}`, "an answer without id"],
    [`{"type":"hello","id":1}`, "half a hello"],
    [`{"statusCode":400,"payload":{}}`, "an error without a message"],
    [`null`, "no JSON object"],
    [`{"type":"re`, "no JSON object"]
  ])("%s", (text, expected) => {
    expect(complaint(text)).toBe(expected)
  })

  it.each([
    [`{"type":"message","id":1}`, true],
    [`{"type":"ping"}`, true],
    [`{"type":"ping","id":0}`, true],
    [`{"type":"ping","id":[]}`, true],
    [`{"type":"ping","id":"1"}`, false],
    [`[]`, true],
    [`{`, true]
  ])("whether %s is owed an answer: %s", (text, expected) => {
    expect(isOwed(text)).toBe(expected)
  })
})
