import type { Stage } from "./Stage.js"

/** A script for a client and a server, played with every peer in turn. */
export interface Session {
  readonly name: string
  /** Uses what nes 7–14 added, so that there is nothing in nes 6 to compare with. */
  readonly since14: boolean
  readonly play: (stage: Stage) => Promise<void>
}

/** A session for every peer. */
export const session = (name: string, play: Session["play"]): Session => ({ name, since14: false, play })

/** A session for what nes 7–14 added. */
export const session14 = (name: string, play: Session["play"]): Session => ({ name, since14: true, play })
