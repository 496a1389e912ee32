/** How the programs of this folder are told how long to run, and how they end: with one line of figures. */
import { parseArgs } from "node:util"

export interface Arguments {
  readonly seconds: number
  readonly seed: number
  /** What is held against the test: `effect-nes` unless told otherwise. */
  readonly peer: "effect-nes" | "@hapi/nes"
}

export const parse = (seconds: number): Arguments => {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: String(seconds) },
      seed: { type: "string", default: "1" },
      peer: { type: "string", default: "effect-nes" }
    }
  })
  const parsed = { seconds: Number(values.seconds), seed: Number(values.seed) }
  if (!(parsed.seconds > 0) || !Number.isSafeInteger(parsed.seed)) {
    throw new Error("--seconds takes a positive number, --seed a whole one")
  }
  if (values.peer !== "effect-nes" && values.peer !== "@hapi/nes") {
    throw new Error("--peer is effect-nes or @hapi/nes")
  }
  return { ...parsed, peer: values.peer }
}

/** `fuzz: 1,200 sessions, leaks: 0` */
export const line = (name: string, figures: Readonly<Record<string, number | string>>): string =>
  `${name}: ${
    Object.entries(figures).map(([what, figure]) =>
      `${what}: ${typeof figure === "number" ? figure.toLocaleString("en") : figure}`
    ).join(", ")
  }`

/** Prints the line, and ends the process: with 1 if anything went wrong. */
export const finish = (line: string, faults: ReadonlyArray<string>): never => {
  for (const fault of faults.slice(0, 20)) {
    console.error(fault)
  }
  console.log(line)
  process.exit(faults.length > 0 ? 1 : 0)
}
