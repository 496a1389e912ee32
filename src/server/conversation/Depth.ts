/**
 * How deeply a JSON text is nested.
 *
 * `JSON.parse` does not mind depth, but whoever walks a value by recursion does: `JSON.stringify`, a clone, a validator.
 *
 * @since 0.1.0
 */
const quote = 0x22
const backslash = 0x5c

// Whether an uneven number of backslashes comes before this place.
const isEscaped = (json: string, place: number): boolean => {
  let start = place
  while (json.charCodeAt(start - 1) === backslash) {
    start--
  }
  return (place - start) % 2 === 1
}

const endOfString = (json: string, start: number): number => {
  let end = json.indexOf("\"", start + 1)
  while (end >= 0 && isEscaped(json, end)) {
    end = json.indexOf("\"", end + 1)
  }
  return end < 0 ? json.length : end
}

/**
 * Whether a valid JSON text is nested more deeply than `max`. One that is too short to be is not looked at.
 *
 * @since 0.1.0
 * @category guards
 */
export const exceeds = (json: string, max: number): boolean => {
  // Every level takes two characters.
  if (json.length <= 2 * max) {
    return false
  }
  let depth = 0
  // One bit tells `[` from `{`, and `]` from `}`.
  for (let i = 0; i < json.length; i++) {
    const unit = json.charCodeAt(i)
    if (unit === quote) {
      i = endOfString(json, i)
    } else if ((unit | 0x20) === 0x7b) {
      if (++depth > max) {
        return true
      }
    } else if ((unit | 0x20) === 0x7d) {
      depth--
    }
  }
  return false
}
