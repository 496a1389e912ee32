/** The recipe of atoms and React, in a real Chromium. */
import Hapi from "@hapi/hapi"
import * as esbuild from "esbuild"
import { join } from "node:path"
import type { Browser } from "playwright-core"
import { afterAll, beforeAll, expect, it } from "vitest"
import * as Nes from "../../src/hapi.js"
import { launch } from "../browser/Chromium.js"
import { root } from "../structure/Repository.js"

const patience = { timeout: 30_000 }

let browser: Browser
beforeAll(async () => {
  browser = await launch()
}, 120_000)
afterAll(() => browser.close())

it("atoms show what a request answers and what is published, ask again, and let go of what is not shown", async () => {
  const { outputFiles: [script] } = await esbuild.build({
    entryPoints: [join(root, "examples/recipes/atoms/main.tsx")],
    bundle: true,
    write: false,
    format: "esm",
    jsx: "automatic",
    conditions: ["source", "browser"],
    define: { "process.env.NODE_ENV": `"development"` }
  })
  const server = Hapi.server({ host: "localhost", port: 0 })
  const heard: Array<string> = []
  await server.register({
    plugin: Nes.plugin,
    options: { onDisconnection: () => void heard.push("disconnect") }
  })
  server.subscription("/item/{id}", {
    onSubscribe: (_socket, path) => void heard.push(`subscribe ${path}`),
    onUnsubscribe: (_socket, path) => void heard.push(`unsubscribe ${path}`)
  })
  let status = "new"
  const page = `<!doctype html><html lang="en"><title>Atoms</title><link rel="icon" href="data:,"><div id="root"></div>`
  server.route([
    { method: "GET", path: "/", handler: () => `${page}<script type="module" src="/main.js"></script></html>` },
    { method: "GET", path: "/main.js", handler: (_, h) => h.response(script?.text).type("text/javascript") },
    { method: "GET", path: "/item/{id}", handler: () => status },
    {
      method: "POST",
      path: "/item/{id}",
      handler: async ({ path }) => {
        status = "packed"
        await server.publish(path, { by: "john" })
        return null
      }
    }
  ])
  await server.start()
  const context = await browser.newContext()
  const view = await context.newPage()
  const wrong: Array<string> = []
  view.on("pageerror", ({ message }) => wrong.push(message))
  const item = (name: string) => view.getByLabel(name, { exact: true }).textContent()
  await view.goto(server.info.uri)

  await expect.poll(() => item("Item"), patience).toBe(`"new"`)
  await expect.poll(() => heard, patience).toEqual(["subscribe /item/5"])
  await view.getByRole("button", { name: "Pack" }).click()
  await expect.poll(() => item("Item"), patience).toBe(`"packed"`)
  await expect.poll(() => item("Published"), patience).toBe(`{"by":"john"}`)

  status = "sent"
  await server.eachSocket((socket) => socket.disconnect())
  await expect.poll(() => item("Item"), patience).toBe(`"sent"`)
  expect(await item("Connection")).toBe(`"Connected"`)

  heard.length = 0
  await view.getByRole("button", { name: "Live" }).click()
  await expect.poll(() => heard, patience).toEqual(["unsubscribe /item/5"])
  await context.close()
  await expect.poll(() => heard, patience).toEqual(["unsubscribe /item/5", "disconnect"])
  expect(wrong).toEqual([])
  await server.stop({ timeout: 100 })
})
