/** Churn for some seconds; `npm run soak` has ten minutes. */
import { expect, it } from "vitest"
import * as Soak from "./Soak.js"

it.each(["effect-nes", "NesHttpServer"] as const)(
  "thousands of connections later, nothing is left of them (%s)",
  { timeout: 120_000 },
  async (door) => {
    const { faults, ...figures } = await Soak.run(door, 1, 150)
    expect(faults).toEqual([])
    expect(figures).toMatchObject({ lost: 0, leaks: 0 })
    expect(figures.connections).toBeGreaterThan(250)
    expect(figures.updates).toBeGreaterThan(125)
  }
)
