/** What is published to a path that no subscription is declared for is told to who develops, once. */
import Hapi from "@hapi/hapi"
import { afterEach, expect, it, vi } from "vitest"
import * as Nes from "../../src/hapi.js"

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

const warned = async (paths: ReadonlyArray<string>): Promise<ReadonlyArray<unknown>> => {
  const warning = vi.spyOn(process, "emitWarning").mockImplementation(() => {})
  const server = Hapi.server()
  await server.register(Nes.plugin)
  server.subscription("/item/{id}")
  await server.initialize()
  for (const path of paths) {
    await server.publish(path, "news")
  }
  await server.stop()
  return warning.mock.calls.map(([text]) => text)
}

it("warns of the first one in development, and of none elsewhere", async () => {
  const said = (path: string): string =>
    `Published to a path that no subscription is declared for: no client of this server can get it: ${path}`
  for (const environment of ["", "development"]) {
    vi.stubEnv("NODE_ENV", environment)
    expect(await warned(["/item/5", "/items/5", "/items/6", "/item/6"])).toEqual([said("/items/5")])
    vi.restoreAllMocks()
    expect(await warned(["/item/5"])).toEqual([])
    vi.restoreAllMocks()
  }
  for (const environment of ["production", "test"]) {
    vi.stubEnv("NODE_ENV", environment)
    expect(await warned(["/items/5"])).toEqual([])
  }
})
