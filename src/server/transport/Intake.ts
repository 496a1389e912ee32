/** How fast is read: nobody is read from so fast that others do not get their turn. */
import type { Socket } from "node:net"
import type { Turns } from "./Turns.js"

/** Who is read from. */
export interface Source {
  readonly raw: Socket
  /** Reads nothing until `readOn`. */
  readonly stopReading: () => void
  readonly readOn: () => void
}

const source = Symbol("effect-nes/Source")
const isTimed = Symbol("effect-nes/isTimed")

type Read = Socket & { [source]?: Source; [isTimed]?: true }

// As much as one read can bring: there is probably more.
const full = 65_536

// What takes no longer (ms) is no reason to wait for more than a turn.
const short = 1

/**
 * After each full read a socket lets everything else have a turn, and if it took long to take apart, twice that time.
 * All
 * sockets share these listeners.
 */
export class Intake {
  private began = 0

  constructor(private readonly turns: Turns) {}

  /** Begins to watch what is read; whoever takes it apart listens already. */
  watch(reader: Source): void {
    const raw: Read = reader.raw
    raw[source] = reader
    raw.on("data", this.after)
  }

  private readonly before = (): void => {
    this.began = performance.now()
  }

  private readonly after = this.listener((raw, reader) => {
    const took = raw[isTimed] ? performance.now() - this.began : 0
    if (!raw[isTimed]) {
      raw[isTimed] = true
      raw.prependListener("data", this.before)
    }
    reader.stopReading()
    if (took > short) {
      setTimeout(() => reader.readOn(), 2 * took).unref()
    } else {
      void this.turns.next().then(() => reader.readOn())
    }
  })

  private listener(run: (raw: Read, reader: Source) => void) {
    return function(this: Read, chunk: Buffer): void {
      const reader = this[source]
      if (chunk.length >= full && reader) {
        run(this, reader)
      }
    }
  }
}
