/** Failures as answers. */
import * as Boom from "@hapi/boom"
import * as Bounce from "@hapi/bounce"
import { isObject } from "../../protocol/Codec.js"
import type * as Message from "../../protocol/Message.js"
import type { Service } from "../Application.js"
import { Interrupted } from "../Awaitable.js"
import type { Connection } from "../connection/Connection.js"
import type { Settings } from "../Settings.js"

/** A failure as an HTTP error: a Boom as it is, anything else as 500, whose text says nothing about it. */
const toBoom = (error: unknown): Boom.Boom => {
  try {
    if (error instanceof Error) {
      const boom = Boom.boomify(error)
      if (isObject(boom.output) && Number.isInteger(boom.output.statusCode)) {
        return boom
      }
    }
  } catch {
    // It is frozen, or throws as it is read.
  }
  return Boom.internal()
}

/** The failure of a hook, as an answer. Where the client learns nothing but that there was one, the log is told. */
export const ofHook = (hook: string, error: unknown, log: Service["log"], connection?: Connection): Boom.Boom => {
  const boom = toBoom(error)
  // Work that ends with its client has not failed.
  if (boom.output.statusCode === 500 && !(connection?.departed && error instanceof Interrupted)) {
    log(["nes", hook, "error"], error, connection)
  }
  return boom
}

/** Whether an error is a programming fault (`TypeError` and its like) rather than an ordinary failure. */
export const isSystem = (error: unknown): error is Error => {
  try {
    return error instanceof Error && Bounce.isSystem(error)
  } catch {
    // It throws as it is read.
    return false
  }
}

/** Whether a status says that nobody has been refused for good: clients try again. */
export const isTemporary = (statusCode: number): boolean => statusCode === 429 || statusCode >= 500

export const visibleHeaders = (
  headers: Readonly<Record<string, unknown>>,
  allowed: Exclude<Settings["headers"], null>
): Readonly<Record<string, unknown>> =>
  allowed === "*"
    ? headers
    : Object.fromEntries(Object.entries(headers).filter(([name]) => allowed.has(name.toLowerCase())))

export type Quoted = { readonly type?: string | undefined; readonly id?: Message.Id | undefined }

/** The answer that reports a failure. `type`, `id` and `path` are quoted where they are known. */
export const toAnswer = (
  error: unknown,
  allowed: Settings["headers"],
  { id, type }: Quoted,
  path: string | undefined
): Message.Answer => {
  const { headers, payload, statusCode } = toBoom(error).output
  return {
    statusCode,
    payload: isObject(payload) ? { ...payload, statusCode: undefined } : payload,
    headers: allowed === null ? undefined : visibleHeaders(headers, allowed),
    type,
    id,
    path
  }
}
