/** `npm run chat`, as two people use it in Chromium, each at a node of their own. */
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, expect, it, vi } from "vitest"
import { violations } from "../browser/Axe.js"
import { launch } from "../browser/Chromium.js"
import { install } from "../redis/RedisServer.js"
import { Terminal } from "./Terminal.js"

vi.setConfig({ testTimeout: 90_000 })

let browser: Browser
let terminal: Terminal
let urls: ReadonlyArray<string>

beforeAll(async () => {
  install()
  browser = await launch()
  terminal = new Terminal("chat", { PORT: String(30_000 + 4 * (process.pid % 500)), REDIS_URL: undefined }, "node")
  await terminal.prints(/Ctrl-C ends both/)
  urls = [...terminal.output.matchAll(/Open (\S+) /g)].map(([, url]) => url ?? "")
}, 120_000)
afterAll(async () => {
  await browser.close()
  terminal.close()
})

const wrong: Array<string> = []

/** Somebody with a browser of their own who logs in at a node. */
const logIn = async (name: string, url: string): Promise<Page> => {
  const page = await (await browser.newContext({ viewport: { width: 390, height: 800 } })).newPage()
  page.on("pageerror", (error) => wrong.push(error.message))
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()))
  await page.goto(url)
  await page.getByLabel("Your name").fill(name)
  await page.keyboard.press("Enter")
  await page.getByText(`${name}, at node ${new URL(url).port}`).waitFor()
  return page
}

const say = async (page: Page, text: string): Promise<void> => {
  await page.getByLabel("Message", { exact: true }).fill(text)
  await page.keyboard.press("Enter")
}

const messages = (page: Page) => page.getByRole("log", { name: "Messages" }).locator("li")
const people = (page: Page) => page.getByRole("list", { name: "People" }).locator("li").allTextContents()

it("carries what is said between nodes, shows who is there, and what was said before", async () => {
  const [first = "", second = ""] = urls
  const ann = await logIn("Ann", first)
  await say(ann, "Is anybody there?")
  await messages(ann).getByText("Is anybody there?").waitFor()

  const bob = await logIn("Bob", second)
  await messages(bob).getByText("Is anybody there?").waitFor()
  await expect.poll(() => people(ann)).toEqual(["Ann", "Bob"])
  await expect.poll(async () => (await people(bob)).toSorted()).toEqual(["Ann", "Bob"])
  await say(bob, "I am. <b>Bob</b>")
  await messages(ann).getByText("I am. <b>Bob</b>").waitFor()
  expect(await messages(ann).locator("b").allTextContents()).toEqual(["Ann", "Bob"])

  expect(await violations(ann)).toEqual([])
  await bob.context().close()
  await expect.poll(() => people(ann), { timeout: 20_000 }).toEqual(["Ann"])
  expect(wrong).toEqual([])
  expect(await ann.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false)
  await ann.getByRole("link", { name: "Log out" }).click()
  await ann.getByLabel("Your name").waitFor()
})

it("lets nobody in who has not logged in, nor a page of elsewhere, and refuses blank lines", async () => {
  const [url = ""] = urls
  expect((await fetch(`${url}/nes/auth`)).status).toBe(401)
  expect((await fetch(`${url}/chat/lobby`, { method: "POST" })).status).toBe(401)
  for (const name of ["", "  ", "x".repeat(21)]) {
    const { status } = await fetch(`${url}/login`, {
      method: "POST",
      body: new URLSearchParams({ name }),
      redirect: "manual"
    })
    expect([name, status]).toEqual([name, 400])
  }
  const page = await logIn("Cat", url)
  await say(page, "  ")
  await page.getByRole("alert").getByText("Write 1 to 500 characters").waitFor()
  const elsewhere = await (await browser.newContext()).newPage()
  await elsewhere.goto(`${urls[1]}/`)
  const refused = await elsewhere.evaluate((url) =>
    new Promise((resolve) => {
      const socket = new WebSocket(url.replace("http", "ws"))
      socket.addEventListener("open", () => resolve("open"))
      socket.addEventListener("error", () => resolve("refused"))
    }), url)
  expect(refused).toBe("refused")
})

it("ends with status 0 on Ctrl-C", async () => {
  await terminal.ctrlC()
  expect(await terminal.exited).toBe(0)
})
