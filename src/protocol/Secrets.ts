/** Secrets that are about to be used. */
import * as Redacted from "effect/Redacted"

/**
 * A value with what is redacted in it, wherever it is, revealed: JSON would make "<redacted>" of it. What says itself what
 * JSON makes of it, as a Buffer does, is left as it is, and what holds itself is left for JSON to refuse.
 */
export const reveal = (value: unknown, within: ReadonlyArray<unknown> = []): unknown => {
  if (Redacted.isRedacted(value)) {
    return reveal(Redacted.value(value), within)
  }
  if (typeof value !== "object" || value === null || "toJSON" in value || within.includes(value)) {
    return value
  }
  const inside = [...within, value]
  return Array.isArray(value)
    ? value.map((each) => reveal(each, inside))
    : Object.fromEntries(Object.entries(value).map(([name, each]) => [name, reveal(each, inside)]))
}
