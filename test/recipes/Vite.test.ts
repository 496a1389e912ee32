/** The recipe of Vite and React, in a real Chromium: StrictMode, hot updates, the back/forward cache, navigation. */
import Hapi from "@hapi/hapi"
import Inert from "@hapi/inert"
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Browser, BrowserContext, Page } from "playwright-core"
import { build, createServer, type InlineConfig, type ViteDevServer } from "vite"
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest"
import * as Nes from "../../src/hapi.js"
import { launch } from "../browser/Chromium.js"
import { freePort } from "../redis/RedisServer.js"
import { root } from "../structure/Repository.js"

const folder = mkdtempSync(join(tmpdir(), "effect-nes-vite-"))
const patience = { timeout: 30_000 }

let browser: Browser
let hapi: Hapi.Server
let vite: ViteDevServer
let context: BrowserContext
let page: Page
let url: string
const there = new Set<string>()
const complaints: Array<string> = []

interface Probe {
  readonly late: ReadonlyArray<string>
  readonly calls: ReadonlyArray<string>
}

const probe = (): Promise<Probe> =>
  page.evaluate(() => ({ late: [], calls: [], ...(globalThis as { readonly probe?: Probe }).probe }))

beforeAll(async () => {
  cpSync(join(root, "examples/recipes"), folder, { recursive: true })
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
  cpSync(join(root, "test/recipes/ProbedClient.js"), join(folder, "ProbedClient.js"))
  hapi = Hapi.server({ port: 0, host: "127.0.0.1" })
  await hapi.register({
    plugin: Nes.plugin,
    options: {
      path: "/nes",
      onConnection: (socket) => void there.add(socket.id),
      onDisconnection: (socket) => void there.delete(socket.id)
    }
  })
  hapi.subscription("/item/{id}")
  await hapi.start()
  process.env.NES_URL = hapi.info.uri.replace("http", "ws")
  const config: InlineConfig = {
    root: join(folder, "vite"),
    logLevel: "silent",
    resolve: {
      alias: {
        "effect-nes/client": join(folder, "ProbedClient.js"),
        "effect-nes-dist": join(root, "dist/browser/client.js")
      }
    }
  }
  await build({ ...config, build: { outDir: join(folder, "built"), emptyOutDir: true } })
  await hapi.register(Inert)
  hapi.route({ method: "GET", path: "/{file*}", handler: { directory: { path: join(folder, "built") } } })
  vite = await createServer({
    ...config,
    cacheDir: join(folder, "cache"),
    optimizeDeps: { include: ["react", "react/jsx-runtime", "react/jsx-dev-runtime", "react-dom/client"] },
    server: { host: "127.0.0.1", port: await freePort(), fs: { strict: false } }
  })
  await vite.listen()
  url = vite.resolvedUrls?.local[0] ?? ""
  browser = await launch()
}, 120_000)

afterAll(async () => {
  await browser.close()
  await vite.close()
  await hapi.stop({ timeout: 100 })
  delete process.env.NES_URL
  rmSync(folder, { recursive: true, force: true })
})

beforeEach(async () => {
  complaints.length = 0
  context = await browser.newContext()
  page = await context.newPage()
  page.on("console", (message) => {
    // Chromium's own word on a connection that is let go before it is there: StrictMode's first.
    if (["error", "warning"].includes(message.type()) && !/closed before the connection is/.test(message.text())) {
      complaints.push(message.text())
    }
  })
  page.on("pageerror", (error) => complaints.push(String(error)))
  await page.goto(url)
})
afterEach(async () => {
  await context.close()
  await expect.poll(() => there.size, patience).toBe(0)
})

const shows = async (item: unknown): Promise<void> => {
  await page.getByText("connected", { exact: true }).waitFor(patience)
  // The subscription is there when the hello has been answered: it came with it.
  await hapi.publish("/item/5", item)
  await page.getByText(JSON.stringify(item), { exact: true }).waitFor(patience)
}

const sound = async (): Promise<void> => {
  expect(await probe()).toMatchObject({ late: [] })
  expect(complaints).toEqual([])
}

it("StrictMode: mounted, unmounted and mounted again, there is one connection, and it is subscribed", async () => {
  await shows({ status: "packed" })
  expect((await probe()).calls).toEqual(["connect", "disconnect", "connect"])
  await expect.poll(() => there.size, patience).toBe(1)
  await sound()
})

it("a hot update lets go of the old client's connection, and nothing of it is called any more", async () => {
  await shows(1)
  const [before] = [...there]
  const file = join(folder, "vite/App.tsx")
  writeFileSync(file, readFileSync(file, "utf8").replace("<main>", "<main><h1>hot</h1>"))
  await page.getByRole("heading", { name: "hot" }).waitFor(patience)
  await shows(2)
  await expect.poll(() => [...there], patience).not.toContain(before)
  expect(there.size).toBe(1)
  expect((await probe()).calls, "of one page").toEqual([
    "connect",
    "disconnect",
    "connect",
    "disconnect",
    "connect",
    "disconnect",
    "connect"
  ])
  await sound()
})

it("what is built: a page lets go of its connection for the back/forward cache, and is connected when it returns", async () => {
  await page.goto(hapi.info.uri)
  await shows("before")
  const { calls } = await probe()
  // The Chromium of the tests has no such cache: what it would tell the page is told by hand.
  const tell = (event: string) =>
    page.evaluate((event) => dispatchEvent(new PageTransitionEvent(event, { persisted: true })), event)
  await tell("pagehide")
  await expect.poll(() => there.size, patience).toBe(0)
  await hapi.publish("/item/5", "meanwhile")
  await tell("pageshow")
  await shows("after")
  expect(there.size).toBe(1)
  expect((await probe()).calls).toEqual([...calls, "disconnect", "connect"])
  await sound()
})

it("a page that is reloaded leaves no connection behind", async () => {
  await shows("before")
  const [before] = [...there]
  await page.reload()
  await shows("after")
  await expect.poll(() => [...there], patience).not.toContain(before)
  expect(there.size).toBe(1)
  await sound()
})
