/** One table of settings: what both doors make of the same, and that nothing of it is forgotten. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { decodePlugin } from "../../src/hapi/Options.js"
import { decode } from "../../src/http/Options.js"
import * as LimitSettings from "../../src/server/LimitSettings.js"
import * as Settings from "../../src/server/Settings.js"
import { read } from "../structure/Repository.js"

const { hooks: _, log: __, closeTimeout: ___, ...documented } = Settings.defaults

const effect = (options: object) => Effect.runSync(Effect.map(decode(options, false), ({ settings }) => settings))

const hapi = (options: object) => {
  const settings = decodePlugin({ auth: false, ...options })
  const names = Object.keys(documented).filter((name) => name !== "maxChunkChars")
  return {
    ...Object.fromEntries(names.map((name) => [name, Reflect.get(settings, name)])),
    limits: settings.limits,
    maxChunkChars: settings.payload.maxChunkChars
  }
}

describe("settings", () => {
  it("are the documented ones where nothing is said, at both doors", () => {
    expect(hapi({})).toEqual(documented)
    expect(effect({})).toEqual(documented)
  })

  const told = {
    path: "/nes",
    headers: ["X-A"],
    compression: 512,
    heartbeat: { interval: 1000, timeout: 10 },
    maxConnections: 5,
    maxConnectionsPerAddress: 2,
    origin: "https://our.example",
    metrics: false
  }

  it("mean the same at both doors, whose times are milliseconds and durations", () => {
    expect(hapi(told)).toEqual(effect({ ...told, heartbeat: { interval: "1 second", timeout: "10 millis" } }))
    expect(effect(told)).toMatchObject({ ...told, headers: new Set(["x-a"]), origin: ["https://our.example"] })
  })

  it("may be `null` or `undefined`, which stand for the default", () => {
    for (const nothing of [null, undefined]) {
      const options = Object.fromEntries(Object.keys(told).map((name) => [name, nothing]))
      expect(hapi(options)).toEqual(documented)
      expect(effect(options)).toEqual(documented)
    }
  })
})

const complaint = (door: (options: object) => unknown, options: object): string => {
  try {
    return `none, but ${JSON.stringify(door(options))}`
  } catch (error) {
    return error instanceof Error ? error.message.replace("limits.", "") : "no error"
  }
}

describe("wrong settings", () => {
  const wrong = [Number.NaN, -1, 0, -Infinity, "5", "", true, [], {}, Symbol("five"), new Number(5), () => 5]

  it.each(Object.keys(LimitSettings.defaults))("limits.%s is of its kind, at both doors", (name) => {
    for (const door of [hapi, effect]) {
      for (const value of wrong) {
        expect(complaint(door, { limits: { [name]: value } })).toMatch(
          new RegExp(`configuration: ${name}: expected`)
        )
      }
    }
  })

  it.each<PropertyKey>(["constructor", "toString", "__proto__", "hasOwnProperty", Symbol("unknown"), 0])(
    "no setting is called %s",
    (name) => {
      for (const options of [{}, { limits: {} }]) {
        const inner = "limits" in options ? options.limits : options
        Object.defineProperty(inner, name, { value: 1, enumerable: true })
        for (const door of [hapi, effect]) {
          expect(complaint(door, options)).toMatch(`configuration: ${String(name)}`)
        }
      }
    }
  )

  it("a heartbeat is no longer than the timers of clients", () => {
    const longest = 2 ** 31 - 2
    for (const door of [hapi, effect]) {
      expect(door({ heartbeat: { interval: longest, timeout: 1 } })).toHaveProperty("heartbeat.interval", longest)
      expect(complaint(door, { heartbeat: { interval: longest, timeout: 2 } })).toMatch("heartbeat.interval")
    }
    expect(complaint(effect, { heartbeat: { interval: Infinity } })).toMatch("heartbeat.interval")
  })
})

it("durations are whole numbers, as Redis wants them, and the infinite ones too", () => {
  expect(effect({ limits: { helloTimeout: "1500 micros", stallTimeout: Infinity } }).limits).toMatchObject({
    helloTimeout: 2,
    stallTimeout: Number.MAX_SAFE_INTEGER
  })
})

describe.each(Object.entries(LimitSettings.defaults))("limits.%s", (name, otherwise: unknown) => {
  const value = name === "slowClient" ? "drop" : 7

  it("is taken by both doors, and `false` is none", () => {
    for (const door of [hapi, effect]) {
      expect(door({ limits: { [name]: value } }).limits).toEqual({ ...LimitSettings.defaults, [name]: value })
      if (name !== "slowClient") {
        const none = door({ limits: { [name]: false } }).limits as unknown as Record<string, unknown>
        expect([false, Infinity]).toContain(none[name])
      }
    }
  })

  it("is counted, and documented with its default", () => {
    if (name !== "slowClient") {
      expect(LimitSettings.exceeded()).toHaveProperty(name, 0)
    }
    const line = read("docs/operations.md").split("\n").find((line) => line.startsWith(`| \`${name}\``))
    const [, , cell = ""] = (line ?? "").split("|")
    const spelled = typeof otherwise === "number" && name !== "maxFrameBytes"
      ? new RegExp(`${otherwise.toLocaleString("en")}|${otherwise / 1024} KiB|${otherwise / 1048576} MiB`)
      : typeof otherwise === "string"
      ? new RegExp(otherwise)
      : /none|largest/
    expect(cell).toMatch(spelled)
  })
})
