/**
 * Turns what an application or a server sees into lines of text, so that two transcripts compare line by line and a
 * difference reads like a diff. Key order and absent-versus-undefined fields are not observable in the protocol and
 * are levelled out here; everything else shows.
 */

const documented = ["type", "isNes", "statusCode", "data", "headers", "path"] as const

const field = (value: object, key: string): unknown => Reflect.get(value, key)

/** An error as the documentation describes it: `message`, `type`, `isNes`, `statusCode`, … */
const showError = (error: object, within: ReadonlyArray<unknown>): string => {
  const parts = [`message: ${show(field(error, "message"), within)}`]
  for (const key of documented) {
    if (field(error, key) !== undefined) {
      parts.push(`${key}: ${show(field(error, key), within)}`)
    }
  }
  return `Error { ${parts.join(", ")} }`
}

const isError = (value: unknown): value is Error => value instanceof Error

/** One value, with its keys sorted and undefined fields left out. */
export const show = (value: unknown, within: ReadonlyArray<unknown> = []): string => {
  if (within.includes(value)) {
    return "<itself>"
  }
  const inside = [...within, value]
  if (isError(value)) {
    return showError(value, inside)
  }
  if (Array.isArray(value)) {
    return `[${value.map((item) => show(item, inside)).join(", ")}]`
  }
  if (typeof value === "object" && value !== null) {
    const parts = Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => `${key}: ${show(item, inside)}`)
    return parts.length === 0 ? "{}" : `{ ${parts.join(", ")} }`
  }
  return typeof value === "string" ? JSON.stringify(value) : String(value)
}

/** The arguments of a call, without those left undefined at its end. */
export const showArguments = (args: ReadonlyArray<unknown>): string => {
  const length = args.findLastIndex((item) => item !== undefined) + 1
  return `(${args.slice(0, length).map((item) => show(item)).join(", ")})`
}
