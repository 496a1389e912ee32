/** Plays every session with a deployed peer and with ours, and holds the transcripts equal, or to a known difference. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { unhindered } from "../harness/Pace.js"
import { type Deployed, linesOf } from "./differences/Difference.js"
import { level, shownWith } from "./differences/index.js"
import { Driver } from "./harness/Driver.js"
import type { PeerName } from "./harness/Peer.js"
import { subjects } from "./sessions/index.js"

/** Long enough for the most loaded machine: only what never comes is waited for so long. */
const patient = 5000

/** For the sessions in which something is known never to come. */
const impatient = 300

/** What is short in the sessions is 30 ms at least: they say nothing of a process that did not get its turn for as long. */
const heldUp = 5

const hangs = (lines: ReadonlyArray<string>): boolean => lines.some((line) => /^never: |[:;] no further /.test(line))

export const compare = (deployed: Deployed, oursName: PeerName): void => {
  const differences = shownWith(deployed)
  let theirs: Driver
  let ours: Driver

  beforeAll(async () => {
    ;[theirs, ours] = await Promise.all([Driver.start(deployed), Driver.start(oursName)])
  })
  afterAll(async () => {
    await Promise.all([theirs.stop(), ours.stop()])
  })

  for (const [subject, sessions] of Object.entries(subjects)) {
    describe(subject, () => {
      for (const { name } of sessions.filter(({ since14 }) => deployed === "nes14" || !since14)) {
        const known = differences.get(name)
        let withheld = 0
        it(known === undefined ? name : `${name} (a known difference)`, () =>
          unhindered(heldUp, async () => {
            const [their, our] = await Promise.all([
              theirs.play({ name, patience: known !== undefined && hangs(known.theirs) ? impatient : patient }),
              ours.play({ name, patience: known !== undefined && hangs(known.ours) ? impatient : patient })
            ])
            withheld = Math.max(their.withheld, our.withheld)
            if (known === undefined) {
              expect(our.application).toEqual(level(deployed, their.application))
            } else {
              expect(linesOf(their, known.withServer)).toEqual(known.theirs)
              expect(linesOf(our, known.withServer)).toEqual(known.ours)
            }
            if (known?.withServer !== true) {
              expect(our.server).toEqual(their.server)
            }
            expect(our.left, "timers and sockets left").toEqual([])
          }, () => withheld))
      }
    })
  }

  it("every known difference is shown by a session", () => {
    const names = new Set(Object.values(subjects).flat().map(({ name }) => name))
    expect(Array.from(differences.keys()).filter((name) => !names.has(name))).toEqual([])
  })
}
