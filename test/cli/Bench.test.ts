/** The bar of `effect-nes bench`: how far it has come, for people at a terminal, and for nobody else. */
import Hapi from "@hapi/hapi"
import { expect, it, onTestFinished, vi } from "vitest"
import { run } from "../../src/cli/Bench.js"
import { Output } from "../../src/cli/Output.js"
import * as Nes from "../../src/hapi.js"

/** Runs it with an error output that is a terminal or not; returns what was written there. */
const written = async (isTTY: boolean, isJson: boolean): Promise<string> => {
  const server = Hapi.server({ host: "127.0.0.1" })
  await server.register({ plugin: Nes.plugin, options: { auth: false, maxConnections: 6 } })
  server.route({ method: "GET", path: "/", handler: () => "hello" })
  await server.start()
  onTestFinished(() => server.stop({ timeout: 0 }))
  let text = ""
  const write = vi.spyOn(process.stderr, "write").mockImplementation((chunk) => {
    text += String(chunk)
    return true
  })
  const before = Object.getOwnPropertyDescriptor(process.stderr, "isTTY")
  Object.defineProperty(process.stderr, "isTTY", { value: isTTY, configurable: true })
  try {
    const options = { auth: undefined, ws: {}, timeout: 5_000, concurrency: 2, subscribe: undefined }
    const result = await run(
      { ...options, url: server.info.uri, clients: 8, seconds: 0.3, request: "/" },
      new Output(isJson)
    )
    expect(result).toMatchObject({ clients: 6, failed: 2 })
  } finally {
    write.mockRestore()
    Reflect.deleteProperty(process.stderr, "isTTY")
    if (before) {
      Object.defineProperty(process.stderr, "isTTY", before)
    }
  }
  return text
}

it("grows to the whole at each stage, those that fail included, and is wiped away", async () => {
  const [wiped = "", ...shown] = (await written(true, false)).split("\r").slice(1).toReversed()
  expect(wiped).toBe("\u001b[K")
  const bars = shown.toReversed().map((bar) => /^(\w+) +(█*)(░*) (\d+) %$/.exec(bar)?.slice(1) ?? [bar])
  for (const stage of ["connecting", "measuring"]) {
    const percent = bars.filter(([name]) => name === stage).map(([, , , percent]) => Number(percent))
    expect(percent.at(-1)).toBe(100)
    expect(percent).toEqual(percent.toSorted((a, b) => a - b))
  }
  expect(new Set(bars.map(([name]) => name))).toEqual(new Set(["connecting", "measuring"]))
  for (const [, full = "", empty = "", percent] of bars) {
    expect(full.length + empty.length).toBe(30)
    expect(Math.abs(full.length / 30 - Number(percent) / 100)).toBeLessThan(0.03)
  }
})

it("is not shown to a file, nor beside JSON", async () => {
  expect([await written(false, false), await written(true, true)]).toEqual(["", ""])
})
