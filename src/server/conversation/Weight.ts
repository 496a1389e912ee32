/** What a JSON text becomes: how much memory its values may take, and whether they are nested too deeply. */
const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const colon = 0x3a

// Bytes of an array or object, of one more element in it, and of a key, as V8 has them at worst; a character has two.
const perValue = 160
const perElement = 24
const perKey = 40
const perCharacter = 2

/** A text can become at most so many bytes for each of its characters: arrays in arrays. */
export const most = 32

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

/** The bytes that a text's values may take; `Infinity` if it is deeper than `maxDepth`: who walks a value recurs. */
export const of = (json: string, maxDepth: number): number => {
  let weight = perCharacter * json.length
  let depth = 0
  // One bit tells `[` from `{`, and `]` from `}`.
  for (let i = 0; i < json.length; i++) {
    const unit = json.charCodeAt(i)
    if (unit === quote) {
      i = endOfString(json, i)
    } else if (unit === comma) {
      weight += perElement
    } else if (unit === colon) {
      weight += perKey
    } else if ((unit | 0x20) === 0x7b) {
      weight += perValue
      if (++depth > maxDepth) {
        return Infinity
      }
    } else if ((unit | 0x20) === 0x7d) {
      depth--
    }
  }
  return weight
}
