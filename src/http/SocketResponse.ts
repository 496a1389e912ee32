/** An HTTP response as the answer a client gets: JSON as a value, anything else as text, nothing as `null`. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Cookies from "effect/http/Cookies"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import * as Stream from "effect/Stream"
import type { Response } from "../server/Application.js"
import * as ResponseBody from "../server/conversation/ResponseBody.js"
import * as Refusal from "./Refusal.js"

/** A body that failed, or is of a kind that nobody can read. */
class UnreadableBody extends Data.TaggedError("UnreadableBody")<{
  readonly message: string
  readonly cause?: unknown
}> {}

/** A body that does not go into a message: it is no text, or too long, or does not end. */
export class UnsendableBody extends Data.TaggedError("UnsendableBody")<{ readonly message: string }> {}

type Body = string | Uint8Array | null
type Reading = Body | Effect.Effect<Uint8Array, UnreadableBody | UnsendableBody>

const isJson = (contentType: unknown): boolean =>
  typeof contentType === "string" && /^application\/(?:[\w.-]+\+)?json\b/i.test(contentType)

// Old clients end their process on an error without a body.
const nothing = (statusCode: number): unknown => statusCode >= 400 ? Refusal.payloadOf(statusCode) : null

const unreadable = (cause: unknown): UnreadableBody =>
  cause instanceof UnreadableBody ? cause : new UnreadableBody({ message: "The body of a response failed", cause })

const collect = (
  stream: Stream.Stream<Uint8Array | string, unknown>,
  maxBytes: number,
  contentType: string | undefined
): Effect.Effect<Uint8Array, UnreadableBody | UnsendableBody> =>
  Effect.suspend(() => {
    if (ResponseBody.isEndless(contentType)) {
      return Effect.fail(new UnsendableBody({ message: ResponseBody.endless }))
    }
    const parts: Array<Buffer> = []
    let size = 0
    return stream.pipe(
      Stream.mapError(unreadable),
      Stream.runForEachArray((chunk) => {
        for (const part of chunk) {
          const bytes = Buffer.from(part)
          size += bytes.byteLength
          if (size > maxBytes) {
            return Effect.fail(new UnsendableBody({ message: ResponseBody.tooLong(maxBytes) }))
          }
          parts.push(bytes)
        }
        return Effect.void
      }),
      Effect.map(() => Buffer.concat(parts)),
      // Whoever waits for it may leave: the platform's HTTP server lets go of its streams in the same way.
      Effect.interruptible
    )
  })

const isAsyncIterable = (u: unknown): u is AsyncIterable<Uint8Array | string> =>
  typeof u === "object" && u !== null && Symbol.asyncIterator in u

const readRaw = (body: unknown, maxBytes: number, contentType: string | undefined): Reading => {
  if (body === undefined || body === null) {
    return null
  }
  if (typeof body === "string" || body instanceof Uint8Array) {
    return body
  }
  return isAsyncIterable(body)
    ? collect(Stream.fromAsyncIterable(body, unreadable), maxBytes, contentType)
    : Effect.fail(new UnreadableBody({ message: "The body of a response is neither text, bytes nor a stream" }))
}

const read = ({ body, headers }: HttpServerResponse, maxBytes: number): Reading => {
  const contentType = headers["content-type"]
  switch (body._tag) {
    case "Empty":
      return null
    case "Uint8Array":
      return body.text ?? body.body
    case "Raw":
      return readRaw(body.body, maxBytes, contentType)
    case "Stream":
      return collect(body.stream, maxBytes, contentType)
    case "FormData":
      return Effect.tryPromise({
        try: async () => new Uint8Array(await new globalThis.Response(body.formData).arrayBuffer()),
        catch: unreadable
      })
  }
}

const headersOf = ({ cookies, headers }: HttpServerResponse): Response["headers"] =>
  Cookies.isEmpty(cookies) ? headers : { ...headers, "set-cookie": Cookies.toSetCookieHeaders(cookies) }

const conclude = (
  response: HttpServerResponse,
  body: Body,
  http: boolean
): Response | Effect.Effect<never, UnsendableBody> => {
  const { status: statusCode } = response
  const headers = headersOf(response)
  if (body === null) {
    return http
      ? { statusCode, headers, payload: null, body: "none" }
      : { statusCode, headers, payload: nothing(statusCode) }
  }
  let text = body
  if (typeof text !== "string") {
    const message = ResponseBody.refuse(text, response.headers["content-encoding"])
    if (message !== undefined) {
      return Effect.fail(new UnsendableBody({ message }))
    }
    text = Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString("utf8")
  }
  return isJson(response.headers["content-type"]) && ResponseBody.isJson(text)
    ? { statusCode, headers, payload: undefined, json: text, ...(http && { body: "json" }) }
    : { statusCode, headers, payload: text, ...(http && { body: "text" }) }
}

/** The answer, or what collects a body of at most `maxBytes` first; `http` is that of the request. */
export const of = (
  method: string,
  response: HttpServerResponse,
  maxBytes: number,
  http: boolean
): Response | Effect.Effect<Response, UnreadableBody | UnsendableBody> => {
  const body = method === "HEAD" ? null : read(response, maxBytes)
  return Effect.isEffect(body)
    ? Effect.flatMap(body, (bytes) => {
      const answer = conclude(response, bytes, http)
      return Effect.isEffect(answer) ? answer : Effect.succeed(answer)
    })
    : conclude(response, body, http)
}

/** The answer of a route that has none: it failed beyond what the platform answers. */
export const failed: Response = { statusCode: 500, headers: {}, payload: Refusal.payloadOf(500) }
