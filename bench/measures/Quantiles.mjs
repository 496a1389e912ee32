/** The middle and the tail of what was measured. */
const at = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]

/**
 * The median, the 99th percentile and the longest, each under its name: `last50`, `last99`, `last100`; nothing of what was
 * not measured.
 *
 * @param {string} name
 * @param {ReadonlyArray<number | undefined>} values
 */
export const quantiles = (name, values) => {
  const sorted = values.filter((value) => value !== undefined && value !== null).toSorted((a, b) => a - b)
  return sorted.length === 0
    ? {}
    : { [`${name}50`]: at(sorted, 0.5), [`${name}99`]: at(sorted, 0.99), [`${name}100`]: sorted.at(-1) }
}
