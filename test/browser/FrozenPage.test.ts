/** A page that is frozen, a few times; `npm run naps` does it a hundred times. */
import type { Browser } from "playwright-core"
import { afterAll, beforeAll, expect, it } from "vitest"
import { launch } from "./Chromium.js"
import * as FrozenPage from "./FrozenPage.js"

let browser: Browser

beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

it.each(["stopped", "paused"] as const)("a page that was %s has lost nothing, and judges nothing late", async (how) => {
  expect(await FrozenPage.client(browser, how, 1)).toMatchObject({ naps: 1, disconnects: 0, timeouts: 0, faults: [] })
})
