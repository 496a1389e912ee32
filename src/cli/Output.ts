/** What a command says: text for people, or one JSON object a line; and the status it ends with. */
import * as Data from "effect/Data"
import type { NesError } from "../protocol/NesError.js"

export const exitCodes = {
  /** The server answered with an error, or a check of `doctor` found one. */
  refused: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** There is no connection. */
  unreachable: 3,
  /** No answer came in time. */
  timeout: 4,
  interrupted: 130
} as const

/** A command that has failed, and has said so. */
export class Failed extends Data.TaggedError("Failed")<{ readonly exitCode: number }> {}

export const describe = (error: NesError): Record<string, unknown> => ({
  type: error.type,
  message: error.message,
  ...("statusCode" in error && error.statusCode !== undefined && { statusCode: error.statusCode }),
  ..."cause" in error && error.cause instanceof Error && { cause: error.cause.message }
})

const statuses: Readonly<Record<NesError["type"], number>> = {
  disconnect: exitCodes.unreachable,
  protocol: exitCodes.refused,
  server: exitCodes.refused,
  timeout: exitCodes.timeout,
  user: exitCodes.usage,
  ws: exitCodes.unreachable
}

export const pretty = (value: unknown): string => typeof value === "string" ? value : JSON.stringify(value, null, 2)

/** Where a command's words go: what it was asked for to the output, all else to the error output. */
export class Output {
  constructor(readonly isJson: boolean) {}

  result(type: string, data: Record<string, unknown>, text: string): void {
    process.stdout.write(`${this.isJson ? JSON.stringify({ type, ...data }) : text}\n`)
  }

  /** What happens beside it. In JSON it is part of the output: a program tells it apart by its `type`. */
  note(type: string, data: Record<string, unknown>, text: string): void {
    if (this.isJson) {
      this.result(type, data, text)
    } else {
      process.stderr.write(`${text}\n`)
    }
  }

  fail(error: NesError): Failed {
    const described = describe(error)
    const { cause, message, statusCode } = described
    const details = [statusCode, cause].filter((detail) => detail !== undefined).join(", ")
    this.note("error", { error: described }, `${String(message)}${details && ` (${details})`}`)
    return new Failed({ exitCode: statuses[error.type] })
  }
}
