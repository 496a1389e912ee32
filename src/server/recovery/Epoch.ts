/** Which positions of a path go on from which others. */
import type * as Message from "../../protocol/Message.js"

/**
 * Where a history stands apart from the path: what is lost with it (`run`), how much it has lost all the same
 * (`losses`), and the time in units of how long a path without updates is remembered (`period`).
 *
 * The epoch of a path that nothing has been published to is made of these alone, so that nothing needs to be kept of
 * it; the first update puts the path's own random part before it.
 */
export const unpublished = (run: string, losses: number, period: number): string =>
  `.${run}.${losses.toString(16)}.${period.toString(16)}`

const ground = (epoch: string): ReadonlyArray<string> => epoch.slice(epoch.indexOf(".") + 1).split(".")

/**
 * Whether nothing can have been lost between a position and what an epoch has after that offset: it is the same epoch,
 * or the path had no update at the position and could not have had one, and forgotten it, meanwhile.
 */
export const continues = ({ epoch, offset }: Message.Position, later: string): boolean => {
  if (epoch === later) {
    return true
  }
  if (offset > 0 || !epoch.startsWith(".")) {
    return false
  }
  const [run, losses, period = ""] = ground(epoch)
  const [laterRun, laterLosses, laterPeriod = ""] = ground(later)
  const elapsed = parseInt(laterPeriod, 16) - parseInt(period, 16)
  return run === laterRun && losses === laterLosses && elapsed >= 0 && elapsed <= 1
}

// Without what tells the epochs apart that one server has had of a path.
const runOf = (epoch: string): string => (ground(epoch)[0] ?? "").replace(/-\d+$/, "")

/** Whether two epochs are of one and the same history, whatever was lost of it. */
export const isOfSameRun = (one: string, other: string): boolean => runOf(one) === runOf(other)

const lineage = (epoch: string): string => epoch.split(".", 1)[0] ?? ""

/**
 * From which offset on a later epoch, which begins after `start`, has what a reader at a position has not seen. Offsets
 * go on where the epoch of one and the same history ends; those of another history say nothing: what that one had
 * before, the reader may have seen.
 */
export const unseen = ({ epoch, offset }: Message.Position, later: string, start: number): number =>
  lineage(epoch) !== lineage(later) || epoch.startsWith(".")
    ? start
    : isOfSameRun(epoch, later)
    ? offset
    : Math.min(offset, start)
