/** A call of one of the server's endpoints. */
import type * as Message from "../protocol/Message.js"
import type { Draft } from "./Pending.js"

/**
 * What `client.request` asks for (nes-api.txt, `client.request(options, callback)`).
 *
 * @since 0.1.0
 * @category models
 */
export interface RequestOptions {
  /** The path of the endpoint, or the id of its route. */
  readonly path: string
  /** The HTTP method. Default: `"GET"`. */
  readonly method?: string | undefined
  /** Request headers; `null` is absent. An Authorization header is refused by the server. */
  readonly headers?: Readonly<Record<string, string | number | boolean | null | undefined>> | undefined
  /** The request's payload. */
  readonly payload?: unknown
}

/**
 * What a payload is: the value of a JSON text, the text of a body, or nothing.
 *
 * @since 1.0.0
 * @category models
 */
export type Body = "json" | "text" | "none"

/**
 * The answer to a request.
 *
 * @since 0.1.0
 * @category models
 */
export interface Response<A = unknown> {
  readonly payload: A
  readonly statusCode: number
  /** The response headers the server lets through. */
  readonly headers: Readonly<Record<string, unknown>> | undefined
  /** What the payload is, where `NesClient` was asked for that (`http`) and the server tells. */
  readonly body?: Body
}

/** The message of a request: a text stands for a GET of that path or route id. */
export const draft = (options: string | RequestOptions): Draft<Message.Request> => {
  const { headers, method, path, payload }: RequestOptions = typeof options === "string" ? { path: options } : options
  return { type: "request", method: method || "GET", path, headers, payload, id: 0 }
}

export const response = ({ headers, payload, statusCode }: Message.Answer): Response => ({
  payload,
  statusCode: statusCode as number,
  headers
})
