/** A page that is frozen: no script of it runs, and what arrives waits. */
import type { Browser, CDPSession } from "playwright-core"
import { type Figures, repeat } from "../hardness/Naps.js"
import { start } from "./Site.js"
import { Visitor } from "./Visitor.js"

/** How a page is put to sleep: by the system, which stops its process, or by its debugger, which holds back all its tasks. */
export type Freeze = "stopped" | "paused"

// The Chromium of the tests has no background whose pages it freezes (`Page.setWebLifecycleState` does nothing).
const freezing: Readonly<Record<Freeze, (page: CDPSession, browser: CDPSession) => Promise<() => unknown>>> = {
  stopped: async (_page, browser) => {
    const { processInfo } = await browser.send("SystemInfo.getProcessInfo")
    const renderers = processInfo.filter(({ type }) => type === "renderer")
    const signal = (name: NodeJS.Signals) => renderers.forEach(({ id }) => process.kill(id, name))
    signal("SIGSTOP")
    return () => signal("SIGCONT")
  },
  paused: async (page) => {
    await page.send("Debugger.enable")
    const paused = new Promise((resolve) => page.once("Debugger.paused", resolve))
    await page.send("Debugger.pause")
    await paused
    return () => page.send("Debugger.resume")
  }
}

// What arrives at a page comes by two processes more, which a machine under load holds up as well.
const heartbeat = { interval: 750, timeout: 250 }
const nap = 2200

/** A page's client naps while it waits for an answer. */
export const client = (browser: Browser, how: Freeze, naps: number): Promise<Figures> =>
  repeat(naps, async (naps, server, faults) => {
    server.heartbeat = heartbeat
    const site = await start()
    const context = await browser.newContext()
    try {
      const visitor = await Visitor.open(context, `${site.server.info.uri}/esm`, server.url)
      const sessions = [await context.newCDPSession(visitor.page), await browser.newBrowserCDPSession()] as const
      // The debugger stops where a script runs; and a page that was not frozen would tick on.
      const page = await visitor.page.evaluateHandle(() => {
        const state = { outcome: Promise.resolve(""), tick: performance.now(), naps: 0 }
        setInterval(() => {
          const now = performance.now()
          state.naps += now - state.tick > 2000 ? 1 : 0
          state.tick = now
        }, 5)
        return state
      })
      await visitor.connect({ reconnect: false })
      const client = await visitor.client()
      for (let n = 0; n < naps; n++) {
        const asked = server.asked()
        await client.evaluate((client, page) => {
          page.outcome = Promise.race([
            client.message("nap").then(({ payload }) => String(payload), (error: Error) => error.message),
            new Promise<string>((resolve) => {
              client.onHeartbeatTimeout = () => resolve("heartbeat timeout, disconnected")
            })
          ])
        }, page)
        // A client that is not connected any more asks nothing.
        const outcome = page.evaluate((page) => page.outcome)
        const id = await Promise.race([asked, outcome])
        if (typeof id !== "string") {
          const wake = await freezing[how](...sessions)
          await server.answer(id)
          await new Promise((resolve) => setTimeout(resolve, nap))
          await wake()
        }
        if (await outcome !== "answer") {
          faults.push(await outcome)
          return n
        }
        server.silence = 0
      }
      if (await page.evaluate((page) => page.naps) < naps) {
        faults.push("the page did not sleep")
      }
      return naps
    } finally {
      await context.close()
      await site.server.stop()
    }
  })
