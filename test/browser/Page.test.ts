/** The page that `npm start` serves, in a real Chromium, with the very program behind it. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, expect, it, vi } from "vitest"
import { sources } from "../harness/Sources.js"
import { root } from "../structure/Repository.js"
import { violations } from "./Axe.js"
import { launch } from "./Chromium.js"

/** Where the picture of the page goes that the README shows, when it is to be taken anew. */
const picture = process.env.UPDATE_SCREENSHOT ? join(root, "docs/page.png") : undefined

/** `npm start`'s program, listening. */
interface Program {
  readonly process: ChildProcess
  readonly url: string
}

const run = async (port: number): Promise<Program> => {
  const child = spawn(process.execPath, [...sources, "examples/start.ts"], {
    cwd: root,
    env: { ...process.env, PORT: String(port) },
    stdio: ["ignore", "pipe", "inherit"]
  })
  let output = ""
  const url = await new Promise<string>((resolve, reject) => {
    child.once("exit", () => reject(new Error(`ended early:\n${output}`)))
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text
      const page = /Open (\S+) in a browser/.exec(output)?.[1]
      if (page !== undefined) {
        resolve(page)
      }
    })
  })
  return { process: child, url }
}

const end = async ({ process }: Program, signal: NodeJS.Signals): Promise<void> => {
  const exited = once(process, "exit")
  process.kill(signal)
  await exited
}

// A loaded machine takes its time: only what never comes is waited for so long.
vi.setConfig({ testTimeout: 90_000 })
const patience = { timeout: 30_000 }

let browser: Browser
let program: Program

beforeAll(async () => {
  browser = await launch()
  program = await run(0)
})
afterAll(async () => {
  await browser.close()
  await end(program, "SIGINT")
})

/** Opens the page, collecting what goes wrong in it. */
const open = async (options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page & { wrong: Array<string> }> => {
  const context = await browser.newContext({ ...options, reducedMotion: "reduce" })
  const page = await context.newPage()
  const wrong: Array<string> = []
  page.on("pageerror", (error) => wrong.push(error.message))
  page.on("console", (message) => {
    // A browser itself writes of every socket that cannot be opened.
    if (message.type() === "error" && !/WebSocket connection to/.test(message.text())) {
      wrong.push(message.text())
    }
  })
  await page.goto(program.url)
  await state(page, "Connected")
  return Object.assign(page, { wrong })
}

const state = (page: Page, name: string): Promise<unknown> => page.getByText(name, { exact: true }).first().waitFor()

const figure = async (page: Page, name: string): Promise<number> =>
  Number(await page.locator(".figures div", { hasText: name }).locator("dd").textContent())

/** Waits until that many updates have come on top of those there are. */
const updates = async (page: Page, count = 1): Promise<void> => {
  const before = await figure(page, "Updates received")
  await expect.poll(() => figure(page, "Updates received"), patience).toBeGreaterThanOrEqual(before + count)
}

it("shows a connection, a feed that moves, requests, and broadcasts", async () => {
  const [page, other] = [await open(), await open()]
  await updates(page)
  await expect.poll(() => page.locator("#connections").textContent(), patience).toBe("3")
  expect(await page.locator("#curve").getAttribute("d")).toMatch(/^M\d/)

  await page.getByRole("button", { name: "Send" }).first().click()
  await page.getByText("\"status\": \"new\"").waitFor()
  await page.getByLabel("Path or route id").fill("/nowhere")
  await page.keyboard.press("Enter")
  await page.getByText("404", { exact: true }).waitFor()

  await page.getByLabel("Message").fill("<b>hello</b>")
  await page.keyboard.press("Enter")
  await other.getByRole("log", { name: "Broadcasts" }).getByText("<b>hello</b>").waitFor()

  await page.getByRole("button", { name: "Unsubscribe" }).click()
  await page.getByRole("button", { name: "Subscribe", exact: true }).click()
  await updates(page)
  expect([...page.wrong, ...other.wrong].filter((text) => !/404/.test(text))).toEqual([])
  await Promise.all([page.context().close(), other.context().close()])
})

it("shows who is here, what was said before, and the topic as it stands", async () => {
  const page = await open()
  await page.getByLabel("Your name").fill("<i>Ann</i>")
  await page.getByRole("button", { name: "Be called so" }).click()
  await page.getByLabel("Words for the lobby").fill("first words")
  await page.getByRole("button", { name: "Say it" }).click()
  await page.getByRole("log", { name: "Last words" }).getByText("first words").waitFor()
  await page.getByLabel("The next topic").fill("The weather")
  await page.getByRole("button", { name: "Change it" }).click()
  await page.getByText("changed just now").waitFor()

  const other = await open()
  await other.getByRole("log", { name: "Last words" }).getByText("first words").waitFor()
  await other.getByText("The weather").waitFor()
  await other.getByText("so it was when this page came").waitFor()
  await other.getByRole("list", { name: "Who is here" }).getByText("<i>Ann</i>", { exact: true }).waitFor()
  await expect.poll(() => page.locator("#count").textContent(), patience).toBe("2")

  // Who is back at once has not left.
  await page.getByRole("button", { name: "Cut the connection" }).click()
  await expect.poll(() => figure(page, "Times healed"), patience).toBe(1)
  await page.getByText("<i>Ann</i> (this page)", { exact: true }).waitFor()
  await other.context().close()
  await expect.poll(() => page.locator("#count").textContent(), patience).toBe("1")
  expect(page.wrong).toEqual([])
  await page.context().close()
})

it("heals after a cut, and recovers what was missed", async () => {
  const page = await open({ viewport: { width: 1120, height: 900 }, deviceScaleFactor: 1.5 })
  await updates(page, picture === undefined ? 1 : 40)
  await page.getByRole("button", { name: "Cut the connection" }).click()
  await page.getByRole("log", { name: "Events" }).getByText("attempt 1 in 1 s").waitFor()
  await state(page, "Connected")
  expect(await figure(page, "Attempt")).toBe(0)
  expect(await figure(page, "Times healed")).toBe(1)
  await updates(page, picture === undefined ? 1 : 12)
  expect(await figure(page, "Recovered")).toBeGreaterThan(0)
  expect(await figure(page, "Lost")).toBe(0)
  expect(await page.locator("#recoveries").getAttribute("d")).toMatch(/^M\d/)
  expect(page.wrong).toEqual([])
  if (picture !== undefined) {
    await page.getByRole("button", { name: "Send" }).first().click()
    await page.getByLabel("Message").fill("Hello, everyone")
    await page.keyboard.press("Enter")
    await page.getByText("Hello, everyone").waitFor()
    await page.mouse.click(1, 1)
    await page.screenshot({ path: picture, fullPage: true })
  }
  await page.context().close()
})

it("leaves the keyboard's focus where it is while the connection comes and goes, and does nothing meanwhile", async () => {
  const page = await open()
  await page.getByLabel("Message").fill("said while nobody could hear it")
  const others = ["#cut", "#feed-toggle", "#request button", "#broadcast button", "#text"]
  const focused = () => page.evaluate((all) => all.find((one) => document.activeElement?.matches(one)), others)
  for (const control of others) {
    await state(page, "Connected")
    await page.locator(control).focus()
    // As in another tab: the server closes this page's socket.
    await page.locator("#cut").evaluate((button: HTMLButtonElement) => button.click())
    await state(page, "Reconnecting")
    if (control !== "#text") {
      await page.keyboard.press("Enter")
    }
    expect(await focused()).toBe(control)
    await state(page, "Connected")
    expect(await focused()).toBe(control)
  }
  expect(await figure(page, "Times healed")).toBe(others.length)
  expect(await page.locator("#feed-toggle").textContent()).toBe("Unsubscribe")
  expect(await page.getByRole("log", { name: "Broadcasts" }).locator("li").count()).toBe(0)
  expect(page.wrong).toEqual([])
  await page.context().close()
})

it("refuses a blank broadcast before it is sent", async () => {
  const page = await open()
  for (const blank of ["", "  "]) {
    await page.getByLabel("Message").fill(blank)
    await page.keyboard.press("Enter")
    expect(await page.getByLabel("Message").evaluate((input: HTMLInputElement) => input.validationMessage)).not.toBe("")
  }
  await page.getByLabel("Message").fill("hello")
  await page.keyboard.press("Enter")
  const broadcasts = page.getByRole("log", { name: "Broadcasts" }).locator("li span")
  await broadcasts.first().waitFor()
  expect(await broadcasts.allTextContents()).toEqual(["hello"])
  await page.context().close()
})

it("has a chart with a title, a unit and a scale that what it shows fits in", async () => {
  const page = await open()
  await updates(page, 2)
  const chart = page.getByRole("figure", { name: "Server CPU, % of one core, the last 30 seconds" })
  await chart.waitFor()
  const scale = await chart.locator(".scale").allTextContents()
  const [highest = 0, half = 0] = scale.map((text) => Number(/^(\d+) %$/.exec(text)?.[1]))
  expect([half * 2, scale[2]]).toEqual([highest, "0 %"])
  const heights = (await page.locator("#curve").getAttribute("d") ?? "").match(/(?<= )[\d.-]+/g) ?? []
  expect(heights.filter((height) => Number(height) < 1 || Number(height) > 119)).toEqual([])
  await page.context().close()
})

it("heals when the server is killed and started again", async () => {
  const page = await open()
  await updates(page)
  await end(program, "SIGKILL")
  await state(page, "Reconnecting")
  await expect.poll(() => figure(page, "Attempt"), patience).toBe(3)
  // The newest first: the attempts that failed, and the loss.
  const events = await page.getByRole("log", { name: "Events" }).locator("li span").allTextContents()
  const unreachable = (next: number) => `the server cannot be reached; attempt ${next} in 2 s`
  expect(events.slice(0, 2)).toEqual([unreachable(3), unreachable(2)])
  expect(events[2]).toMatch(/^closed with 1006, .*; attempt 1 in 1 s$/)
  const before = await figure(page, "Updates received")
  // Later lines soon push it out.
  const told = page.getByText("another server process counts anew").waitFor()
  program = await run(Number(new URL(program.url).port))
  await state(page, "Connected")
  await expect.poll(() => figure(page, "Updates received"), patience).toBeGreaterThan(before)
  await told
  expect(page.wrong).toEqual([])
  await page.context().close()
})

it("is usable on a phone, in light and dark, with every control named", async () => {
  for (const colorScheme of ["light", "dark"] as const) {
    const page = await open({ colorScheme, viewport: { width: 360, height: 740 } })
    const { names, scrolls, small } = await page.evaluate(() => ({
      scrolls: document.documentElement.scrollWidth > innerWidth,
      small: [...document.querySelectorAll("button, input, select")].filter((control) =>
        control.getBoundingClientRect().height < 44
      ).length,
      names: [...document.querySelectorAll("input, select")].map((control) =>
        control instanceof HTMLInputElement || control instanceof HTMLSelectElement ? control.labels?.length : 0
      )
    }))
    expect(await violations(page)).toEqual([])
    expect({ scrolls, small, names }).toEqual({ scrolls: false, small: 0, names: [1, 1, 1, 1, 1, 1] })
    await page.context().close()
  }
})
