/** Which headers of a response its client gets to see. */
import type { Settings } from "../Settings.js"

/** The headers that the settings let clients see. */
export const visibleHeaders = (
  headers: Readonly<Record<string, unknown>>,
  allowed: Exclude<Settings["headers"], null>
): Readonly<Record<string, unknown>> =>
  allowed === "*"
    ? headers
    : Object.fromEntries(Object.entries(headers).filter(([name]) => allowed.has(name.toLowerCase())))
