/** What whoever develops an application should mend is told once: publishes that nobody can get, and filters that change messages. */
import Hapi from "@hapi/hapi"
import { afterEach, expect, it, vi } from "vitest"
import * as Nes from "../../src/hapi.js"
import { fence, live } from "./LiveServer.js"

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

it("warns of the first filter that changes the message itself, in development only", async () => {
  const warning = vi.spyOn(process, "emitWarning").mockImplementation(() => {})
  const publishAll = async (environment: string, ...paths: ReadonlyArray<string>): Promise<void> => {
    vi.stubEnv("NODE_ENV", environment)
    const { connect, server } = await live({
      declare: (server) => {
        server.subscription<{ n: number }>("/changed/{id}", { filter: (_path, message) => ++message.n > 0 })
        server.subscription<{ n: number }>("/copied", { filter: (_path, { n }) => ({ override: { n: n + 1 } }) })
        server.subscription("/seen", { filter: () => true })
      }
    })
    const clients = [await connect(), await connect()]
    for (const path of paths) {
      await Promise.all(clients.map((client) => client.subscribe(path, () => {})))
      await server.publish(path, { n: 0 })
      await Promise.all(clients.map(fence))
    }
  }
  await publishAll("production", "/changed/1")
  await publishAll("development", "/copied", "/seen")
  expect(warning).not.toHaveBeenCalled()
  await publishAll("development", "/changed/2", "/changed/3")
  expect(warning.mock.calls).toEqual([[
    "A filter has changed the message, and not for one subscriber alone: return { override } instead: /changed/2",
    { type: "NesWarning", code: "NES_FILTER_CHANGES" }
  ]])
})
