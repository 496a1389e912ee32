/** Every known difference, by subject. `docs/differences.md` lists the same. */
import { answers } from "./Answers.js"
import { applications } from "./Applications.js"
import { connecting } from "./Connecting.js"
import type { Deployed, Difference, Shown } from "./Difference.js"
import { liveness } from "./Liveness.js"
import { nes6 } from "./Nes6.js"
import { objects } from "./Objects.js"

export const differences: ReadonlyArray<Difference> = [
  ...connecting,
  ...answers,
  ...applications,
  ...liveness,
  ...objects,
  ...nes6
]

/** The sessions that show a difference from a peer, by name. A session shows one difference only. */
export const shownWith = (peer: Deployed): ReadonlyMap<string, Shown> => {
  const all = new Map<string, Shown>()
  for (const { id, shown } of differences) {
    for (const [name, both] of Object.entries(shown[peer] ?? {})) {
      if (all.has(name)) {
        throw new Error(`${id} shows “${name}” a second time`)
      }
      all.set(name, both)
    }
  }
  return all
}

/** A peer's lines with every difference that is levelled out taken for ours. */
export const level = (peer: Deployed, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  differences.reduce((levelled, { levelled: rules }) => rules?.[peer]?.(levelled) ?? levelled, lines)

/** The entry of a difference in `docs/differences.md`. */
export const documented = ({ here, id, levelled, shown, there, why }: Difference): string => {
  const from = [shown.nes14 ?? levelled?.nes14 ? ["14"] : [], shown.nes6 ?? levelled?.nes6 ? ["6"] : []].flat()
  return `- \`${id}\`: in ${from.join(" and ")}, ${there}. Here, ${here}. Why: ${why}`
}
