/** The plugin and `@hapi/nes` 14 side by side, for the tests of a file. */
import { afterAll, beforeAll } from "vitest"
import type { Script } from "./Script.js"
import { Theatre } from "./Theatre.js"
import type { Transcript } from "./Transcript.js"

interface Pair {
  /** Plays a script on both. */
  readonly perform: (script: Script) => Promise<readonly [ours: Transcript, peer: Transcript]>
  /** For how long one of their loops was held up, at most, since this was asked last (ms). */
  readonly withheld: () => Promise<number>
}

export const open = (): Pair => {
  let theatres: readonly [Theatre, Theatre]
  beforeAll(() => {
    theatres = [new Theatre("effect-nes"), new Theatre("@hapi/nes")]
  })
  afterAll(() => Promise.all(theatres.map((theatre) => theatre.close())))
  return {
    perform: (script) => Promise.all([theatres[0].perform(script), theatres[1].perform(script)]),
    withheld: async () => Math.max(...await Promise.all(theatres.map((theatre) => theatre.withheld())))
  }
}
