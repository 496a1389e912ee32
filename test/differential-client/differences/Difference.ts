/** The shape of a known difference: what it is called, what it is, why, and both sides of every session that shows it. */
import type { Transcript } from "../harness/Transcript.js"

/** The peers there are differences from. */
export type Deployed = "nes14" | "nes6"

/** What a session must bring with the peer and with ours; without lines of the server, its side must be equal. */
export interface Shown {
  readonly theirs: ReadonlyArray<string>
  readonly ours: ReadonlyArray<string>
  readonly withServer: boolean
}

export interface Difference {
  readonly id: string
  /** What the peer does; a sentence that goes on after “in 14,” or “in 6,”. */
  readonly there: string
  /** What ours does. */
  readonly here: string
  readonly why: string
  /** The sessions that show it, by peer. */
  readonly shown: { readonly [Peer in Deployed]?: Readonly<Record<string, Shown>> }
  /** For what shows in many sessions at once: turns a peer's lines into ours, so that the other sessions must be equal. */
  readonly levelled?: { readonly [Peer in Deployed]?: (lines: ReadonlyArray<string>) => ReadonlyArray<string> }
}

/** A transcript as lines: the application's, and on demand one for each connection attempt, as the server saw it. */
export const linesOf = (transcript: Transcript, withServer: boolean): ReadonlyArray<string> =>
  withServer
    ? [...transcript.application, ...transcript.server.map((lines, n) => `attempt ${n + 1}: ${lines.join("; ")}`)]
    : transcript.application

/**
 * Both transcripts of a session in one text: lines after `- ` are the peer's, lines after `+ ` ours, all others are both's.
 */
export const shown = (strings: TemplateStringsArray): Shown => {
  const lines = strings.raw.join("").split("\n").map((line) => line.trim()).filter((line) => line !== "")
  const side = (mine: string, other: string) =>
    lines.filter((line) => !line.startsWith(other)).map((line) => line.startsWith(mine) ? line.slice(2) : line)
  return {
    theirs: side("- ", "+ "),
    ours: side("+ ", "- "),
    withServer: lines.some((line) => /^([-+] )?attempt \d+: /.test(line))
  }
}
