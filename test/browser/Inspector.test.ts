/** The inspector's page, in a real Chromium. */
import * as Boom from "@hapi/boom"
import Hapi from "@hapi/hapi"
import { Effect } from "effect"
import { join } from "node:path"
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from "vitest"
import { Client } from "../../src/client.js"
import * as Nes from "../../src/hapi.js"
import { Broker, type NesServer } from "../../src/index.js"
import * as Inspector from "../../src/inspector.js"
import { root } from "../structure/Repository.js"
import { violations } from "./Axe.js"
import { launch } from "./Chromium.js"

/** Where the picture of the page goes that its document shows, when it is to be taken anew. */
const picture = process.env.UPDATE_SCREENSHOT ? join(root, "docs/inspector.png") : undefined

vi.setConfig({ testTimeout: 90_000 })
const patience = { timeout: 30_000 }

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

const start = async (broker = Effect.runSync(Broker.makeMemory), isInspected = true) => {
  const server = Hapi.server({ host: "127.0.0.1", port: 0, debug: false })
  server.auth.scheme("named", () => ({
    authenticate: (request, h) => h.authenticated({ credentials: { user: request.headers["x-user"] } })
  }))
  server.auth.strategy("named", "named")
  server.auth.scheme("operator", () => ({
    authenticate: (request, h) => {
      if (request.state.operator !== "yes") {
        throw Boom.unauthorized("Operators only")
      }
      return h.authenticated({ credentials: {} })
    }
  }))
  server.auth.strategy("operator", "operator")
  await server.register({
    plugin: Nes.plugin,
    options: { broker, auth: { index: true, route: "named" }, limits: { maxSubscriptions: 8 } }
  })
  if (isInspected) {
    await server.register({ plugin: Inspector.plugin, options: { auth: "operator" } })
  }
  server.route({ method: "GET", path: "/", options: { auth: "named" }, handler: () => "hello" })
  server.subscription("/item/{id}", { recovery: true })
  server.subscription("/room/{id}", { presence: true })
  await server.start()
  onTestFinished(() => server.stop({ timeout: 200 }))
  const connect = async (user: string): Promise<Client> => {
    const client = new Client(server.info.uri.replace("http", "ws"))
    onTestFinished(() => client.disconnect())
    await client.connect({ reconnect: false, auth: { headers: { "x-user": user } } })
    return client
  }
  return { server, connect, url: `${server.info.uri}/nes/inspector` }
}

/** Opens the page as an operator, collecting what goes wrong in it. */
const open = async (url: string, options: Parameters<Browser["newContext"]>[0] = {}) => {
  const context = await browser.newContext({ viewport: { width: 1180, height: 900 }, ...options })
  onTestFinished(() => context.close())
  await context.addCookies([{ name: "operator", value: "yes", url }])
  const page = await context.newPage()
  const wrong: Array<string> = []
  page.on("pageerror", (error) => wrong.push(error.message))
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()))
  await page.goto(url)
  await page.getByText("Connected", { exact: true }).waitFor()
  return { page, wrong }
}

const rows = (page: Page) => page.locator("#rows button")

const total = (page: Page) => page.locator("#total").textContent()

/** Connections that nobody has made, for the read model alone. */
const synthesize = (node: NesServer.Node, count: number): void => {
  const { connections } = node.hub
  const made = Array.from({ length: count }, (_, i) =>
    ({
      id: `${node.id}:${i}`,
      number: i,
      user: `user${i}`,
      info: { remoteAddress: `10.0.${i >> 8}.${i & 255}`, remotePort: 1, "x-forwarded-for": undefined },
      auth: { isAuthenticated: true, credentials: null, artifacts: null, strategy: "named" },
      stage: "ready",
      subscriptions: new Map(),
      bufferedBytes: i,
      processing: 0
    }) as unknown as NesServer.Connection)
  made.forEach((connection) => connections.add(connection))
  onTestFinished(() => made.forEach((connection) => connections.remove(connection)))
}

it("finds a connection, sends to it, revokes and disconnects; what clients wrote is shown as it is", async () => {
  const broker = Effect.runSync(Broker.makeMemory)
  const { connect, server, url } = await start(broker)
  const far = await start(broker)
  await start(broker, false)
  const hostile = "<img src=x onerror=\"document.title='broken'\">"
  const [ann, eve] = [await far.connect("ann"), await connect(hostile)]
  const others = await Promise.all(["bob", "cyd", "dan", "fay", "gus", "hal", "ida"].map(connect))
  await Promise.all(
    [ann, eve, ...others].flatMap((client, i) => [client.subscribe(`/item/${i % 3}`), client.subscribe("/room/1")])
  )
  for (let i = 0; i < 8; i++) {
    await others[0]?.subscribe(`/item/more${i}`).catch(() => {})
  }
  const { page, wrong } = await open(url)
  await page.getByText(hostile).first().waitFor()
  await page.getByLabel("User, address or id").fill("ann")
  await page.getByRole("button", { name: "Search" }).click()
  await expect.poll(() => total(page), patience).toBe("(1)")
  await rows(page).first().click()

  const heard: Array<unknown> = []
  ann.onUpdate = (message) => void heard.push(message)
  await page.getByLabel("Message (JSON or text)").fill("{\"n\":1}")
  await page.getByRole("button", { name: "Send" }).click()
  await page.getByText("Sent.").waitFor()
  await expect.poll(() => heard, patience).toEqual([{ n: 1 }])

  await page.getByRole("list", { name: "Its subscriptions" }).getByRole("button", { name: "Revoke" }).first().click()
  await page.getByText("Revoked.").waitFor()
  await expect.poll(() => ann.subscriptions(), patience).toEqual(["/room/1"])

  await page.getByRole("listitem").filter({ hasText: "/room/1" }).getByRole("button", { name: "Who" }).click()
  await page.getByRole("list", { name: "Present" }).getByText(hostile).waitFor()
  await page.getByText("limit exceeded").waitFor()
  await page.getByText("does not answer").waitFor()
  expect(await violations(page)).toEqual([])
  if (picture !== undefined) {
    await page.getByLabel("User, address or id").fill("")
    await page.getByLabel("Subscribed to the path").fill("")
    await page.getByRole("button", { name: "Search" }).click()
    const feed = setInterval(() => {
      void server.publish("/item/1", Date.now())
      others.forEach((client) => void client.request("/"))
    }, 50)
    await expect.poll(() => total(page), patience).toBe("(9)")
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    clearInterval(feed)
    await page.screenshot({ path: picture, fullPage: true })
  }
  const lost = new Promise((resolve) => {
    ann.onDisconnect = resolve
  })
  await page.getByRole("button", { name: "Disconnect" }).click()
  await lost
  await page.getByText("Disconnected.").waitFor()
  expect(await page.title()).toBe("effect-nes inspector")
  expect(wrong).toEqual([])
})

it("shows all of every node, its broker too, on a desk and on a phone", async () => {
  const broker = Effect.runSync(Broker.makeMemory)
  const health = (): Broker.Health => ({
    name: "Redis",
    connected: true,
    latency: 12.3,
    counts: { "commands under way": 12_345, "paths catching up": 678, outages: 3, "commands not shared": 21 }
  })
  const { url } = await start({
    join: (node) => Effect.map(broker.join(node), (membership) => ({ ...membership, health }))
  })
  await start(broker, false)
  const { page, wrong } = await open(url)
  for (const width of [1200, 390]) {
    await page.setViewportSize({ width, height: 900 })
    await page.getByText(/Redis 12.3 ms, .* commands not shared 21/).waitFor()
    const cut = await page.evaluate(() =>
      [document.documentElement, ...document.querySelectorAll(".scroll")]
        .filter(({ clientWidth, scrollWidth }) => scrollWidth > clientWidth)
        .map(({ id, tagName }) => `${tagName} ${id}`)
    )
    expect([width, cut]).toEqual([width, []])
    expect(await violations(page)).toEqual([])
  }
  expect(wrong).toEqual([])
})

it("scrolls through 50,000 connections, of which it holds a few lines, dark and narrow; a page takes no time", async () => {
  const { server, url } = await start()
  const { node } = server.plugins.nes
  synthesize(node, 50_000)
  const { page, wrong } = await open(url, { colorScheme: "dark", viewport: { width: 390, height: 800 } })
  await expect.poll(() => total(page), patience).toBe("(50,000)")
  await page.locator("#list").evaluate((list) => list.scrollTo(0, list.scrollHeight))
  await page.getByText("user49999", { exact: true }).waitFor()
  expect(await rows(page).count()).toBeLessThan(40)
  await page.getByLabel("User, address or id").fill("10.0.7.255")
  await page.keyboard.press("Enter")
  await page.getByText("user2047", { exact: true }).waitFor()
  await expect.poll(() => total(page), patience).toBe("(1)")

  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390)
  expect(await violations(page)).toEqual([])
  expect(wrong).toEqual([])

  // Looking at every one of them is done in slices.
  const inspection = node.inspect()
  // However fast the machine is: each look at the clock is a moment after the one before.
  let now = 0
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now += 0.1)
  const began = process.cpuUsage()
  let turns = 0
  let waits = true
  const turn = (): void => {
    turns++
    if (waits) {
      setImmediate(turn)
    }
  }
  turn()
  await inspection.ask({ type: "connections", search: "user4999", path: undefined, ranges: { [node.id]: [0, 100] } })
  waits = false
  const { system, user } = process.cpuUsage(began)
  const took = (system + user) / 1_000
  clock.mockRestore()
  expect(turns).toBeGreaterThan(3)
  expect(took).toBeLessThan(1_000)
  if (picture !== undefined) {
    console.log(`one page of 50,000: ${took.toFixed(1)} ms`)
  }
})

it("is nothing for who is no operator", async () => {
  const { url } = await start()
  const page = await browser.newPage()
  expect((await page.goto(url))?.status()).toBe(401)
  await page.close()
})
