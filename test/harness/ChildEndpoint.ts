/** The child's side of `ChildProcess`: answers calls, reports events, and ends when the parent lets go. */
import type { ToChild, ToParent } from "./ChildProcess.js"
import { LoopWatch } from "./LoopWatch.js"

type Handler = (...args: Array<unknown>) => unknown

const post = (message: ToParent): void => {
  process.send?.(message)
}

/** What of an error is worth sending: its message and its own fields, where they survive a JSON round trip. */
export const describeError = (error: unknown): Readonly<Record<string, unknown>> => {
  if (!(error instanceof Error)) {
    return { message: String(error) }
  }
  const fields: Record<string, unknown> = { message: error.message }
  for (const [key, value] of Object.entries(error)) {
    if (typeof value !== "function" && key !== "stack") {
      fields[key] = value === undefined ? undefined : plain(value)
    }
  }
  return fields
}

/** A value as JSON would carry it; what JSON cannot carry becomes its text. */
export const plain = (value: unknown): unknown => {
  if (value === undefined) {
    return undefined
  }
  try {
    const text = JSON.stringify(value)
    return text === undefined ? String(value) : JSON.parse(text)
  } catch {
    return String(value)
  }
}

/** Reports an event to the parent. */
export const emit = (event: string, ...data: ReadonlyArray<unknown>): void => post({ event, data })

/**
 * Answers the parent's calls with these handlers, and for how long its loop was held up (`withheld`). `stop`, where there is one, runs when the parent asks for the end or is
 * gone; the process then ends, whatever is still open.
 */
export const serve = (handlers: Readonly<Record<string, Handler>>, stop: () => unknown = () => {}): void => {
  const loop = new LoopWatch()
  const end = (): void => {
    void Promise.resolve().then(stop).finally(() => process.exit(0))
  }
  process.on("message", (data) => {
    const message = data as ToChild
    if ("stop" in message) {
      return end()
    }
    const { args, call, name } = message
    const run = async (): Promise<unknown> => {
      const handler = name === "withheld" ? () => loop.take() : handlers[name]
      if (handler === undefined) {
        throw new Error(`no handler ${name}`)
      }
      return await handler(...args)
    }
    run().then(
      (value) => post({ reply: call, value }),
      (error: unknown) => post({ reply: call, error: describeError(error) })
    )
  })
  process.once("disconnect", end)
  post({ ready: true })
}
