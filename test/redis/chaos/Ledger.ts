/** Who was promised what, who got it, and what became of every message in between. */

/** What a reader heard on a path, in order: a message's number, or that some before the next are lost. */
export type Heard = { readonly n: number; readonly replayed: boolean } | "gap"

export interface Figures {
  /** Messages that were published, and how many failed towards their publisher. */
  published: number
  failed: number
  /** Deliveries as they were published, and after a reconnect. */
  delivered: number
  recovered: number
  /** Deliveries that did not take place, of which the reader was told. */
  gaps: number
  /** Revocations that were confirmed. */
  revoked: number
  missing: number
  duplicated: number
  disordered: number
  /** Deliveries to somebody they were not for, and after a revocation that was confirmed. */
  wrongUser: number
  afterRevoke: number
  /** Rounds after which not all came back. */
  unhealed: number
  /** In how many places somebody was listed as present who was not, or the other way round, when all had come to rest. */
  ghosts: number
  /** How often somebody was told to have left, and to be back, who had not left. */
  flaps: number
}

/** What must not happen, whatever does. */
export const sound = {
  missing: 0,
  duplicated: 0,
  disordered: 0,
  wrongUser: 0,
  afterRevoke: 0,
  unhealed: 0,
  ghosts: 0,
  flaps: 0
}

export const none: Figures = {
  published: 0,
  failed: 0,
  delivered: 0,
  recovered: 0,
  gaps: 0,
  revoked: 0,
  ...sound
}

const names = Object.keys(none) as ReadonlyArray<keyof Figures>

const combine = (a: Figures, b: Figures, of: (a: number, b: number) => number): Figures =>
  Object.fromEntries(names.map((name) => [name, of(a[name], b[name])])) as unknown as Figures

export const add = (a: Figures, b: Figures): Figures => combine(a, b, (a, b) => a + b)
export const subtract = (a: Figures, b: Figures): Figures => combine(a, b, (a, b) => a - b)

/** How often that happened all the same. */
export const broken = (figures: Figures): number =>
  (Object.keys(sound) as ReadonlyArray<keyof typeof sound>).reduce((sum, name) => sum + figures[name], 0)

/** One path: numbers are given out in order, each published once, by one publisher at a time. */
export class Ledger {
  readonly confirmed = new Set<number>()
  readonly failed = new Set<number>()
  readonly readers: ReadonlyArray<Array<Heard>>
  /** Numbers given out, from one to before another, while two servers may have taken them at the same time. */
  readonly splits: Array<readonly [from: number, to: number]> = []
  next = 1
  /** How many numbers had been given out, for each gap that a reader was told of. */
  private readonly told: ReadonlyArray<Array<number>>

  constructor(readonly path: string, readers: number) {
    this.readers = Array.from({ length: readers }, () => [])
    this.told = this.readers.map(() => [])
  }

  /** A reader is told that something is lost. */
  tell(reader: number): void {
    this.readers[reader]?.push("gap")
    this.told[reader]?.push(this.next)
  }

  /** The end of the numbers that two servers may have taken at the same time, if this is one of them. */
  splitOf(n: number): number | undefined {
    return this.splits.find(([from, to]) => from <= n && n < to)?.[1]
  }

  /** Whether every reader has heard a message. */
  heardByAll(n: number): boolean {
    return this.readers.every((heard) => heard.some((entry) => entry !== "gap" && entry.n === n))
  }

  /** Whether every reader has heard a message, or has been told since it had heard so many that some are lost. */
  settled(n: number, before: ReadonlyArray<number>): boolean {
    return this.readers.every((heard, reader) =>
      heard.slice(before[reader]).includes("gap") || heard.some((entry) => entry !== "gap" && entry.n === n)
    )
  }

  /** What becomes of a message that failed is not promised; but if one reader has got it, all must. */
  account(): Figures {
    const figures = { ...none, published: this.confirmed.size, failed: this.failed.size }
    const due = new Set(this.confirmed)
    for (const heard of this.readers) {
      for (const entry of heard) {
        if (entry !== "gap") {
          due.add(entry.n)
        }
      }
    }
    const places = this.places()
    this.readers.forEach((heard, reader) => this.accountReader(heard, this.told[reader] ?? [], due, places, figures))
    return figures
  }

  // One that failed may have been on its way all the same, and got its place late: behind which that is confirmed.
  private places(): ReadonlyMap<number, number> {
    const places = new Map<number, number>()
    for (const heard of this.readers) {
      let last = 0
      for (const entry of heard) {
        if (entry !== "gap") {
          last = this.confirmed.has(entry.n) ? Math.max(last, entry.n) : last
          places.set(entry.n, Math.max(places.get(entry.n) ?? 0, last))
        }
      }
    }
    return places
  }

  /** What each reader lacks of what another has, or was promised, from a number on: for whoever looks for the reason. */
  lacking(from: number): ReadonlyArray<string> {
    const numbers = (heard: ReadonlyArray<Heard>): ReadonlyArray<number> =>
      heard.flatMap((entry) => entry === "gap" ? [] : [entry.n])
    const due = new Set([...this.confirmed, ...this.readers.flatMap(numbers)].filter((n) => n >= from))
    return this.readers.map((heard, reader) => {
      const got = new Set(numbers(heard))
      const lost = [...due].filter((n) => !got.has(n)).map((n) => `${n}${this.failed.has(n) ? " (failed)" : ""}`)
      const since = heard.slice(heard.findIndex((entry) => entry !== "gap" && entry.n >= from))
      return `${this.path} reader ${reader} lacks ${lost.join(", ")}; heard ${runs(since).join(" ")}`
    })
  }

  // A gap excuses what has its place between the confirmed ones that were heard before it and after it. Of two servers at
  // a time, each has an order of its own, and what one has lost is known only when all are with the other.
  private accountReader(
    heard: ReadonlyArray<Heard>,
    told: ReadonlyArray<number>,
    due: ReadonlySet<number>,
    places: ReadonlyMap<number, number>,
    figures: Figures
  ): void {
    const got = new Set<number>()
    const gaps: Array<{ readonly from: number; to: number }> = []
    let [last, order] = [0, 0]
    for (const entry of heard) {
      if (entry === "gap") {
        gaps.push({ from: last, to: Infinity })
        order = this.splitOf(last) === undefined ? order : 0
        continue
      }
      const { n, replayed } = entry
      if (got.has(n)) {
        figures.duplicated++
        continue
      }
      got.add(n)
      figures[replayed ? "recovered" : "delivered"]++
      if (this.confirmed.has(n)) {
        figures.disordered += n < order ? 1 : 0
        order = Math.max(order, n)
        gaps.filter(({ to }) => to === Infinity).forEach((gap) => void (gap.to = n))
        last = Math.max(last, n)
      }
    }
    for (const n of due) {
      if (!got.has(n)) {
        const place = this.confirmed.has(n) ? n : (places.get(n) ?? 0) + 0.5
        const end = this.splitOf(n) ?? 0
        const isTold = gaps.some(({ from, to }) => from < place && place < to) ||
          told.some((next) => n < next && next <= end)
        figures[isTold ? "gaps" : "missing"]++
      }
    }
  }
}

// Those that follow each other together.
const runs = (heard: ReadonlyArray<Heard>): ReadonlyArray<string> => {
  const texts: Array<string> = []
  let [first, last] = [NaN, NaN]
  for (const entry of heard) {
    if (entry !== "gap" && entry.n === last + 1) {
      texts[texts.length - 1] = `${first}-${entry.n}`
    } else {
      texts.push(entry === "gap" ? entry : String(entry.n))
      first = entry === "gap" ? NaN : entry.n
    }
    last = entry === "gap" ? NaN : entry.n
  }
  return texts
}
