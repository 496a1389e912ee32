/** The recipe of a service worker, in a real Chromium: one connection for two pages. */
import Hapi from "@hapi/hapi"
import type { Browser } from "playwright-core"
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest"
import * as Nes from "../../src/hapi.js"
import { launch } from "../browser/Chromium.js"
import { read } from "../structure/Repository.js"

const scripts: Readonly<Record<string, string>> = {
  "/client.js": "dist/browser/client.js",
  "/worker.js": "examples/recipes/service-worker/worker.js",
  "/page.js": "examples/recipes/service-worker/page.js"
}

let browser: Browser

beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

interface Recipe {
  readonly subscribe: (path: string, handler: (message: unknown) => void) => Promise<unknown>
  readonly request: (request: string) => Promise<unknown>
}

it("holds one connection, over which two pages subscribe and request", async () => {
  const server = Hapi.server({ port: 0, host: "localhost" })
  onTestFinished(() => server.stop({ timeout: 100 }))
  await server.register({ plugin: Nes.plugin, options: {} })
  server.subscription("/item/{id}")
  server.route({ method: "GET", path: "/hello", handler: () => ({ hello: "world" }) })
  server.route({
    method: "GET",
    path: "/",
    handler: () =>
      `<!doctype html><link rel="icon" href="data:,"><script type="module">globalThis.recipe = await import("/page.js")</script>`
  })
  for (const [path, file] of Object.entries(scripts)) {
    server.route({ method: "GET", path, handler: (_, h) => h.response(read(file)).type("text/javascript") })
  }
  await server.start()
  const context = await browser.newContext()
  onTestFinished(() => context.close())
  const pages = [await context.newPage(), await context.newPage()]
  for (const page of pages) {
    await page.goto(server.info.uri)
    await page.waitForFunction(() => "recipe" in globalThis)
    expect(
      await page.evaluate(() => {
        const { recipe } = globalThis as unknown as { readonly recipe: Recipe }
        const heard: Array<unknown> = []
        Object.assign(globalThis, { heard })
        return recipe.subscribe("/item/5", (message) => void heard.push(message))
      })
    ).toEqual({ subscribed: "/item/5" })
    expect(
      await page.evaluate(() => (globalThis as unknown as { readonly recipe: Recipe }).recipe.request("/hello"))
    ).toMatchObject({ payload: { hello: "world" }, statusCode: 200 })
    expect(
      await page.evaluate(() => (globalThis as unknown as { readonly recipe: Recipe }).recipe.request("/nothing"))
    ).toEqual({ error: "Not Found" })
  }
  await server.publish("/item/5", { status: "packed" })
  for (const page of pages) {
    await page.waitForFunction(() => (globalThis as unknown as { readonly heard: ReadonlyArray<unknown> }).heard.length)
    expect(await page.evaluate(() => (globalThis as unknown as { readonly heard: unknown }).heard)).toEqual([
      { status: "packed" }
    ])
  }
  let sockets = 0
  await server.eachSocket(() => {
    sockets++
  })
  expect(sockets).toBe(1)
})
