/** Chunking of long texts, server to client (wire protocol 2.4, "Chunking"). */
const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff
const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff

/**
 * Slices a JSON text longer than `maxChars` (UTF-16 code units, the prefix not counted): every slice but the last gets
 * the prefix `+`, the last `!`. A shorter text is returned alone and unprefixed. No slice ends inside a surrogate pair,
 * so each is valid UTF-8 by itself; where `maxChars` is 1, the two units of a pair go together.
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

/** The longest text, in UTF-16 code units: V8's; other engines allow more. */
export const longest = 0x1fffffe8

// So many parts at most are kept before they are put together: a part has a price, however short it is.
const maxParts = 4_096

/** Puts one sequence together again: `{` begins a whole text, which ends it, `!` its last chunk, all else continues it. */
export class Joiner {
  private joined: Array<string> = []
  private parts: Array<string> = []
  private length = 0
  private empty = 0
  private readonly maxChars: number

  /** `maxChars` bounds the joined text (UTF-16 code units); by default, only what a string can hold does. */
  constructor(maxChars: number = Infinity) {
    this.maxChars = Math.min(maxChars, longest)
  }

  /** Whether the sequence under way has outgrown `maxChars`, or has as many empty parts. Its parts are dropped. */
  get exceeded(): boolean {
    return Math.max(this.length, this.empty) > this.maxChars
  }

  /** Takes the next text; returns the whole text that it is or completes, or `undefined` while more must come. */
  push(text: string): string | undefined {
    if (text.startsWith("{")) {
      return text
    }
    if (text.length > 1) {
      this.length += text.length - 1
      this.parts.push(text.slice(1))
    } else {
      this.empty++
    }
    if (this.exceeded) {
      this.joined = []
      this.parts = []
      return undefined
    }
    if (this.parts.length === maxParts) {
      this.joined.push(this.parts.join(""))
      this.parts = []
    }
    return text.startsWith("!") ? this.joined.join("") + this.parts.join("") : undefined
  }
}
