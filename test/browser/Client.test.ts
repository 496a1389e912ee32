/** The browser builds of the plain client, in a real Chromium. */
import type { Browser, BrowserContext } from "playwright-core"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest"
import { RawServer } from "../harness/RawServer.js"
import { read } from "../structure/Repository.js"
import { farHost, launch } from "./Chromium.js"
import { Proxy } from "./Proxy.js"
import { builds, nes14, type Site, start } from "./Site.js"
import { Visitor } from "./Visitor.js"

// A loaded machine takes its time: only what never comes is waited for so long.
vi.setConfig({ testTimeout: 90_000 })
const patience = { timeout: 30_000 }

let browser: Browser
let context: BrowserContext
let site: Site

const ws = (url: string): string => url.replace("http", "ws")

beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

beforeEach(async () => {
  context = await browser.newContext()
  site = await start()
})
afterEach(async () => {
  await context.close()
  await site.server.stop()
})

/** Replaces the site: behind the login, or on another port. */
const restart = async (options: Parameters<typeof start>[0]): Promise<void> => {
  await site.server.stop()
  site = await start(options)
}

const visit = (build: string): Promise<Visitor> =>
  Visitor.open(context, `${site.server.info.uri}/${build}`, ws(site.server.info.uri))

describe.each(Object.entries(builds))("%s", (_, build) => {
  it("connects, requests, sends messages, subscribes, unsubscribes, and disconnects", async () => {
    const visitor = await visit(build)
    await visitor.connect()
    expect(await visitor.do((client) => client.id)).toMatch(/./)
    expect(
      await visitor.do((client) => client.request({ method: "POST", path: "/item/5", payload: { text: "ü😀" } }))
    ).toMatchObject({ statusCode: 200, payload: { id: "5", payload: { text: "ü😀" } } })
    expect(
      await visitor.do((client) =>
        client.request("/nothing").catch((error: { readonly type: string; readonly statusCode: number }) => [
          error.type,
          error.statusCode
        ])
      )
    ).toEqual(["server", 404])
    expect(await visitor.do((client) => client.message([1]))).toEqual({ payload: { echo: [1] } })

    await visitor.subscribe("/item/5")
    await site.server.publish("/item/6", "not for it")
    await site.server.publish("/item/5", { status: "packed" })
    expect(await visitor.hears("pub")).toEqual([{ status: "packed" }])
    await site.server.broadcast({ news: "all is well" })
    expect(await visitor.hears("update")).toEqual([{ news: "all is well" }])

    await visitor.do((client) => client.unsubscribe("/item/5", null))
    await site.server.publish("/item/5", "too late")
    await site.server.broadcast("after it")
    await visitor.hears("update", 2)
    await visitor.do((client) => client.disconnect())
    expect(await visitor.heard()).toEqual([
      ["connect"],
      ["pub", { status: "packed" }],
      ["update", { news: "all is well" }],
      ["update", "after it"],
      ["disconnect", false, 1005, true]
    ])
  })

  it("authenticates with the cookie of a real login", async () => {
    await restart({ auth: true })
    const { uri } = site.server.info
    const page = await context.newPage()
    await page.goto(`${uri}/${build}`)

    const stranger = await Visitor.of(page, ws(uri))
    const refusal = stranger.connect()
    await expect(refusal).rejects.toThrow("Connection requires authentication")
    expect(await page.evaluate(() => fetch("/nes/auth").then((response) => response.status))).toBe(401)

    await page.goto(`${uri}/login`)
    await page.fill("[name=user]", "ada")
    await page.fill("[name=password]", "secret")
    await page.click("button")
    await page.waitForURL(`${uri}/esm`)
    await page.goto(`${uri}/${build}`)
    expect(await page.evaluate(() => fetch("/nes/auth").then((response) => response.json()))).toEqual({
      status: "authenticated"
    })
    expect(await page.evaluate(() => document.cookie), "hidden from scripts").toBe("")

    const ada = await Visitor.of(page, ws(uri))
    await ada.connect()
    expect(await ada.do((client) => client.request("/me"))).toMatchObject({ payload: { user: { name: "ada" } } })
  })

  it("returns when the server was restarted, subscribed as before", async () => {
    const visitor = await visit(build)
    await visitor.connect({ delay: 50, maxDelay: 100 })
    await visitor.subscribe("/item/5")
    const before = await visitor.do((client) => client.id)
    const port = Number(site.server.info.port)
    await site.server.stop()
    expect(await visitor.hears("disconnect")).toEqual([true, expect.any(Number), true])
    expect(await visitor.do((client) => client.id)).toBe(null)
    // At least one attempt finds nobody.
    await visitor.hears("error")

    site = await start({ port })
    await visitor.hears("connect", 2)
    expect(await visitor.do((client) => client.id)).not.toBe(before)
    await site.server.publish("/item/5", "again")
    expect(await visitor.hears("pub")).toEqual(["again"])
  })

  it("a page that is left closes the connection by itself", async () => {
    const visitor = await visit(build)
    await visitor.connect()
    const id = await visitor.do((client) => client.id)
    await visitor.page.goto("about:blank")
    await expect.poll(() => site.gone, patience).toEqual([id])

    const raw = await RawServer.start()
    const connection = raw.next()
    const other = await Visitor.open(context, `${site.server.info.uri}/${build}`, raw.url)
    const connected = other.connect()
    const socket = await connection
    await socket.accept()
    await connected
    await other.page.goto(`${site.server.info.uri}/login`)
    expect(await socket.closed, "going away").toBe(1001)
    await raw.stop()
  })
})

describe("a network that goes", () => {
  // The next attempt would be due in a minute, and a missed heartbeat would be heard as such.
  const patient = { delay: 60_000, maxDelay: 60_000 }
  let proxy: Proxy

  beforeEach(async () => {
    proxy = await Proxy.start(Number(site.server.info.port))
  })
  afterEach(() => proxy.stop())

  const cut = async (): Promise<void> => {
    proxy.cut()
    await context.setOffline(true)
  }
  const heal = async (): Promise<void> => {
    proxy.heal()
    await context.setOffline(false)
  }
  const visitFar = (build: string): Promise<Visitor> => {
    const host = `${farHost}:${proxy.port}`
    return Visitor.open(context, `http://${host}/${build}`, `ws://${host}`)
  }

  it.each(Object.entries(builds))("%s: is lost at once when offline, back at once when online", async (_, build) => {
    const visitor = await visitFar(build)
    await visitor.connect(patient)
    await visitor.subscribe("/item/5")
    await cut()
    expect(await visitor.hears("disconnect")).toEqual([true, 1006, false])
    await heal()
    await visitor.hears("connect", 2)
    await site.server.publish("/item/5", "again")
    expect(await visitor.hears("pub")).toEqual(["again"])
    expect((await visitor.heard()).map(([event]) => event)).toEqual([
      "connect",
      "offline",
      "disconnect",
      "online",
      "connect",
      "pub"
    ])
  })

  it("a server on the same machine needs no network", async () => {
    const visitor = await visit("esm")
    await visitor.connect(patient)
    // Chromium, told to be offline, holds even these frames back until it is online again.
    await context.setOffline(true)
    await visitor.hears("offline")
    await context.setOffline(false)
    await visitor.hears("online")
    await site.server.broadcast("still there")
    await visitor.hears("update")
    expect(await visitor.heard()).toEqual([["connect"], ["offline"], ["online"], ["update", "still there"]])
  })

  it("P-network: @hapi/nes 14 waits for its heartbeat", async () => {
    const [theirs, ours] = await Promise.all([visitFar(nes14), visitFar("esm")])
    await Promise.all([theirs.connect(patient), ours.connect(patient)])
    const id = await theirs.do((client) => client.id)
    await cut()
    await Promise.all([theirs.hears("offline"), ours.hears("offline")])
    await heal()
    await Promise.all([theirs.hears("online"), ours.hears("connect", 2)])
    await site.server.broadcast("all is well")
    await ours.hears("update")
    expect(await theirs.do((client) => client.id), "of a socket that is dead").toBe(id)
    expect(await theirs.heard()).toEqual([["connect"], ["offline"], ["online"]])
  })
})

it("the documentation lists the known differences in a page", () => {
  const section = read("docs/differences.md").split(/^## /m).find((section) => section.startsWith("In a page\n")) ?? ""
  expect([...section.matchAll(/^- `([^`]+)`/gm)].map(([, id]) => id)).toEqual(["P-network"])
})
