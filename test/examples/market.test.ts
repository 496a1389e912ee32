/** `npm run market`: a slow Effect client in the terminal, and the dashboard in Chromium. */
import type { Browser } from "playwright-core"
import { afterAll, beforeAll, expect, it, vi } from "vitest"
import { violations } from "../browser/Axe.js"
import { launch } from "../browser/Chromium.js"
import { Terminal } from "./Terminal.js"

vi.setConfig({ testTimeout: 60_000 })

let browser: Browser
let terminal: Terminal
let url: string

beforeAll(async () => {
  browser = await launch()
  terminal = new Terminal("market", { PORT: String(32_100 + process.pid % 500) }, "node")
  const [, address = ""] = await terminal.prints(/Open (\S+) in a browser/)
  url = address
}, 90_000)
afterAll(async () => {
  await browser.close()
  terminal.close()
})

it("lets a slow client have the newest price, and says how many passed by", async () => {
  const passed = async (count: number): Promise<ReadonlyArray<number>> => {
    await terminal.prints(new RegExp(`(?:trader   ALFA [\\d.]+, \\d+ prices passed by\\n[^]*){${count}}`))
    return [...terminal.output.matchAll(/(\d+) prices passed by/g)].map(([, prices]) => Number(prices))
  }
  const [first, ...later] = await passed(4)
  expect(first).toBe(0)
  expect(later.filter((prices) => prices < 1)).toEqual([])
})

it("refuses what is not traded", () => terminal.prints(/trader   ZULU is not traded/))

it("shows prices as they come, before and after a break", async () => {
  const page = await (await browser.newContext({ viewport: { width: 390, height: 800 } })).newPage()
  const wrong: Array<string> = []
  page.on("pageerror", (error) => wrong.push(error.message))
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()))
  await page.goto(url)
  await page.getByText("connected", { exact: true }).waitFor()
  const rows = page.locator("tbody tr")
  const cells = (symbol: string) => rows.filter({ hasText: symbol }).locator("td").allTextContents()
  for (const symbol of ["ALFA", "BRVO", "CHRL", "DLTA"]) {
    await expect.poll(async () => Number((await cells(symbol))[2]), { timeout: 20_000 }).toBeGreaterThan(2)
    expect((await cells(symbol))[1]).toMatch(/^[+−]\d+\.\d\d %$/)
  }
  await page.getByRole("button", { name: "Disconnect" }).click()
  await page.getByText("disconnected", { exact: true }).waitFor()
  const [, , before] = await cells("ALFA")
  await page.getByRole("button", { name: "Connect", exact: true }).click()
  await page.getByText("connected", { exact: true }).waitFor()
  await expect.poll(async () => Number((await cells("ALFA"))[2]), { timeout: 20_000 }).toBeGreaterThan(Number(before))
  expect(wrong).toEqual([])
  expect(await violations(page)).toEqual([])
  expect(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false)
})

it("ends with status 0 on Ctrl-C", async () => {
  await terminal.ctrlC()
  expect(await terminal.exited).toBe(0)
})
