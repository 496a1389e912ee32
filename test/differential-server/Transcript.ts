/**
 * What a script saw, in lanes: one for each socket (its frames and its end, in order), and one each for control calls,
 * the application's own record, plain HTTP and the server process. Lanes are ordered, the order between them is not.
 */
export type Transcript = Readonly<Record<string, ReadonlyArray<string>>>

/** Takes notes while a script plays, and rewrites what differs from run to run. */
export class Notes {
  readonly #lanes = new Map<string, Array<string>>()
  readonly #names = new Map<string, string>()
  readonly #seen = new Set<string>()
  readonly #rewrites: Array<readonly [RegExp, string]> = [
    [/Fe26\.2\*[\w*.-]+/g, "<sealed>"],
    [/[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT/g, "<date>"],
    // What follows the documented beginning is the validator's own wording.
    [/(Invalid nes configuration)[^]*/g, "$1"],
    [/(Invalid subscription options: [^\s":]+)(?:\\.|[^"\\])*/g, "$1"]
  ]

  note(lane: string, line: string): void {
    this.place(lane)(line)
  }

  /** Keeps a place for a line that follows: of two things that run at once, either may end first. */
  place(lane: string): (line: string) => void {
    const lines = this.#lanes.get(lane) ?? []
    this.#lanes.set(lane, lines)
    const at = lines.push("") - 1
    return (line) => {
      lines[at] = line
    }
  }

  /** From now on (and backwards) this text reads as that name. */
  alias(text: string, name: string): void {
    if (!this.#names.has(text)) {
      this.#names.set(text, name)
    }
  }

  /** A socket whose hello nobody saw still needs a name that is the same everywhere: its place among such sockets. */
  seen(id: string): void {
    this.#seen.add(id)
  }

  transcript(): Transcript {
    const unknown = [...this.#seen].filter((id) => !this.#names.has(id))
    unknown.forEach((id, index) => this.alias(id, `<socket ${index}>`))
    const clean = (line: string): string => {
      let text = line
      for (const [from, to] of this.#names) {
        text = text.replaceAll(from, to)
      }
      return this.#rewrites.reduce((rewritten, [from, to]) => rewritten.replaceAll(from, to), text)
    }
    const lanes = [...this.#lanes].map(([lane, lines]) => [lane, lines.filter(Boolean).map(clean)] as const)
    return Object.fromEntries(lanes.filter(([, lines]) => lines.length > 0))
  }
}

const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => [k, sorted(v)]))
    : value

/** The same transcript with the keys of every JSON line sorted. */
export const canonical = (transcript: Transcript): Transcript =>
  Object.fromEntries(
    Object.entries(transcript).map(([lane, lines]) => [
      lane,
      lines.map((line) => {
        try {
          return JSON.stringify(sorted(JSON.parse(line)))
        } catch {
          return line
        }
      })
    ])
  )
