/**
 * Chunking of long texts, server to client (wire protocol 2.4, "Chunking").
 *
 * @since 0.1.0
 */
const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff
const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff

/**
 * Slices a JSON text longer than `maxChars` (UTF-16 code units, the prefix not counted): every slice but the last gets
 * the prefix `+`, the last `!`. A shorter text is returned alone and unprefixed. No slice ends inside a surrogate pair,
 * so each is valid UTF-8 by itself; where `maxChars` is 1, the two units of a pair go together.
 *
 * @since 0.1.0
 * @category chunking
 */
export const split = (text: string, maxChars: number): ReadonlyArray<string> => {
  if (!(text.length > maxChars)) {
    return [text]
  }
  const size = Math.max(1, Math.floor(maxChars))
  const chunks: Array<string> = []
  let start = 0
  while (start < text.length) {
    let end = Math.min(start + size, text.length)
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1)) && isLowSurrogate(text.charCodeAt(end))) {
      end = end - 1 > start ? end - 1 : end + 1
    }
    chunks.push((end < text.length ? "+" : "!") + text.slice(start, end))
    start = end
  }
  return chunks
}

/**
 * A text that is whole, and whether it cut short a chunk sequence that had not ended.
 *
 * @since 0.1.0
 * @category models
 */
export interface Joined {
  readonly text: string
  readonly interrupted: boolean
}

/**
 * Puts chunks together again. A text that starts with `{` is whole; one that starts with `!` ends a sequence; any other
 * continues one.
 *
 * @since 0.1.0
 * @category chunking
 */
export class Joiner {
  private parts: Array<string> = []
  private length = 0
  private open = false

  /** `maxChars` bounds the joined text (UTF-16 code units); unlimited by default, as the specification has it. */
  constructor(private readonly maxChars: number = Infinity) {}

  /** Whether no sequence is under way, so that a text starting with `{` may be used as it is. */
  get idle(): boolean {
    return !this.open
  }

  /** Whether the sequence under way has outgrown `maxChars`. Its parts are dropped, until a whole text or `reset`. */
  get exceeded(): boolean {
    return this.length > this.maxChars
  }

  /** Takes the next text; returns the whole text it completes, or `undefined` while more must come. */
  push(text: string): Joined | undefined {
    if (text.startsWith("{")) {
      const interrupted = this.open
      this.reset()
      return { text, interrupted }
    }
    this.open = true
    // An empty part adds nothing to the text, so it must not add to memory either: maxChars would not see it.
    if (text.length > 1) {
      this.length += text.length - 1
      if (this.exceeded) {
        this.parts = []
        return undefined
      }
      this.parts.push(text.slice(1))
    }
    if (this.exceeded || !text.startsWith("!")) {
      return undefined
    }
    const whole = this.parts.join("")
    this.reset()
    return { text: whole, interrupted: false }
  }

  /** Forgets a sequence under way, as when the connection is lost. */
  reset(): void {
    this.parts = []
    this.length = 0
    this.open = false
  }
}
