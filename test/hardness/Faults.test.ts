/** A failing network, the short version; `npm run faults` is the long one. */
import { expect, it } from "vitest"
import * as Faults from "./Faults.js"

it(
  "what was acknowledged arrived, order is kept, nothing comes twice, every call ends",
  { timeout: 120_000 },
  async () => {
    const { faults, ...figures } = await Faults.run(2)
    expect(faults).toEqual([])
    expect(figures).toMatchObject({ scenarios: 19, lost: 0, disordered: 0, ended: figures.calls })
    expect(figures.injected).toBeGreaterThanOrEqual(8)
    expect(figures.updates).toBeGreaterThan(8000)
  }
)
