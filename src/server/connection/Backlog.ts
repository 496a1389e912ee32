/** What becomes of a client that does not read what is written to it. */
import type { Socket } from "node:net"
import { type Limits, longestTimer } from "../LimitSettings.js"

export interface Lag {
  /** With more bytes waiting than this it is not written to any more. */
  most: number
  /** To be called with the length of each answer: it has asked for it, however large it is. */
  readonly allow: (bytes: number) => void
  readonly end: () => void
}

interface Reader {
  readonly raw: Pick<Socket, "on" | "off" | "setTimeout">
  lag: Lag | undefined
  readonly stopReading: () => void
  readonly readOn: () => void
  readonly giveUp: (limit: "maxBufferedBytes" | "stallTimeout") => void
}

/**
 * Begins to watch a client for which so many bytes wait.
 *
 * It is behind when more than `maxBufferedBytes` wait for it. Nothing is read from it then, so that it asks for nothing
 * more. It may be sent as much again, with answers to what it has asked before four times as much, not counting the
 * message that made it fall behind and answers that are longer than that by themselves; but it must take something now
 * and then.
 */
export const begin = <R extends Reader>(
  reader: R,
  bytes: number,
  { maxBufferedBytes: limit, stallTimeout: patience }: Limits,
  caughtUp: (reader: R) => void
): Lag => {
  const { raw } = reader
  const expire = (): void => reader.giveUp("stallTimeout")
  const end = (): void => {
    reader.lag = undefined
    raw.off("drain", end)
    raw.off("timeout", expire)
    raw.setTimeout(0)
    reader.readOn()
    caughtUp(reader)
  }
  raw.on("drain", end)
  if (patience !== false) {
    // It counts what leaves of a large message, too.
    raw.setTimeout(Math.min(patience, longestTimer))
    raw.on("timeout", expire)
  }
  reader.stopReading()
  const lag: Lag = {
    most: limit + Math.max(limit, bytes),
    allow: (bytes) => {
      lag.most = bytes > limit ? lag.most + bytes : Math.max(lag.most, Math.min(lag.most + bytes, 4 * limit))
    },
    end
  }
  return reader.lag = lag
}
