/** fast-check with one seed for every run, so that `npm test` judges the change alone; `SEED=random` searches anew. */
import * as fc from "fast-check"

const { SEED = "1" } = process.env

fc.configureGlobal(SEED === "random" ? {} : { seed: Number(SEED) })

export * from "fast-check"
