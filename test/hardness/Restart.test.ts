/** A restart under load, the short version; `npm run restart` is the long one. */
import { expect, it } from "vitest"
import { unhindered } from "../harness/Pace.js"
import * as Restart from "./Restart.js"

it("everybody comes back, spread over time, and every request ends", { timeout: 60_000 }, async () => {
  let held = 0
  await unhindered(50, async () => {
    const { faults, histogram, withheld, ...figures } = await Restart.run({ clients: 150, restarts: 1 })
    held = withheld
    expect(faults).toEqual([])
    expect(figures).toMatchObject({ reconnects: 150, lost: 0 })
    expect(figures.answered).toBeGreaterThan(0)
    // With jitter the first wait is between 250 and 500 ms, the next ones longer: no step of 100 ms has most of them.
    expect(histogram.filter((count) => count > 0).length).toBeGreaterThanOrEqual(3)
    expect(Math.max(...histogram)).toBeLessThan(120)
  }, () => held)
})
