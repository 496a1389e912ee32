/** fast-check with one seed for every run, so that `npm test` judges the change alone; `SEED=random` searches anew. */
import * as fc from "fast-check"

const { SEED = "1" } = process.env

fc.configureGlobal(SEED === "random" ? {} : { seed: Number(SEED) })

/** How often: as many times as are enough for one seed, or as a search takes. */
export const runs = (short: number, long: number): number => SEED === "random" ? long : short

export * from "fast-check"
