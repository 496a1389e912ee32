/**
 * Effect's `HttpClient` over the socket, so that an `HttpApi` contract, and whatever else is built on that client,
 * works on the one connection there is.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import type { NesError } from "../protocol/NesError.js"
import { NesClient } from "./NesClient.js"
import type { Response as NesResponse } from "./Request.js"

const failed = (reason: HttpClientError.HttpClientErrorReason): HttpClientError.HttpClientError =>
  new HttpClientError.HttpClientError({ reason })

const refuse = (request: HttpClientRequest.HttpClientRequest, description: string): HttpClientError.HttpClientError =>
  failed(new HttpClientError.EncodeError({ request, description }))

const isJsonType = (contentType: string): boolean => /^application\/(?:[\w.-]+\+)?json\b/.test(contentType)

const isStructure = (value: unknown): boolean => typeof value === "object" && value !== null

// What the socket carries is JSON: an object or a list goes as such, whatever else is written in a body as its text.
const payloadOf = (
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<unknown, HttpClientError.HttpClientError> => {
  const { body } = request
  if (body._tag !== "Uint8Array") {
    const why = `A body of kind ${body._tag} cannot go over a nes connection`
    return body._tag === "Empty" ? Effect.undefined : Effect.fail(refuse(request, why))
  }
  return Effect.try({
    try: (): unknown => {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(body.body)
      const value: unknown = isJsonType(body.contentType) ? JSON.parse(text) : text
      return isStructure(value) ? value : text
    },
    catch: () => refuse(request, `The body is not ${isJsonType(body.contentType) ? "JSON" : "text"}`)
  })
}

// The server serialises a JSON payload anew, so that its length here says nothing.
const headersOf = ({ body, headers }: HttpClientRequest.HttpClientRequest): Record<string, string> => {
  const { "content-length": _, ...kept } = headers
  return body._tag === "Uint8Array" ? { ...kept, "content-type": body.contentType } : kept
}

// A list is a header that is there several times: cookies cannot be told apart once they are joined.
const given = (headers: Readonly<Record<string, unknown>> = {}): Headers =>
  new Headers(
    Object.entries(headers).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((each): [string, string] => [name, String(each)])
    )
  )

const bodyless = new Set([204, 205, 304])

// The server parsed a JSON body for the socket; here it becomes a body again. What a payload is must be guessed if the
// server does not say it.
const toWeb = ({ body: kind, headers: all, payload, statusCode }: NesResponse): Response => {
  const headers = given(all)
  const contentType = headers.get("content-type")
  headers.delete("content-length")
  let isJson = kind === "json"
  if (kind === undefined) {
    headers.delete("content-encoding")
    isJson = contentType === null ? payload !== null && payload !== "" : isJsonType(contentType)
    if (isJson && contentType === null) {
      headers.set("content-type", "application/json")
    }
  }
  const isEmpty = kind !== "json" && (kind === "none" || payload === null || payload === undefined)
  return new Response(isEmpty || bodyless.has(statusCode) ? null : isJson ? JSON.stringify(payload) : String(payload), {
    status: statusCode,
    headers
  })
}

const failure =
  (request: HttpClientRequest.HttpClientRequest) =>
  (error: NesError): Effect.Effect<NesResponse, HttpClientError.HttpClientError> => {
    if (error._tag === "ServerError") {
      const { body, data: payload, headers, statusCode } = error
      return Effect.succeed({ payload, statusCode, headers, ...(body && { body }) })
    }
    const Reason = error._tag === "UserError" ? HttpClientError.EncodeError : HttpClientError.TransportError
    return Effect.fail(failed(new Reason({ request, description: error.message, cause: error })))
  }

/**
 * A client whose requests go over the connection of `NesClient`; only path and query of a URL count. Error answers are
 * responses, as over HTTP; what the connection fails with is an `HttpClientError` with the nes error as its cause.
 * Bodies are JSON or text; others are refused before they are sent. The headers of responses are those that the server
 * lets clients see, and `content-type`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<HttpClient.HttpClient, never, NesClient> = Effect.map(
  NesClient,
  (nes) =>
    HttpClient.make((request, url) =>
      payloadOf(request).pipe(
        Effect.flatMap((payload) =>
          nes.request({
            method: request.method,
            path: url.pathname + url.search,
            headers: headersOf(request),
            payload,
            http: true
          }).pipe(Effect.catch(failure(request)))
        ),
        Effect.flatMap((response) =>
          Effect.try({
            try: () => HttpClientResponse.fromWeb(request, toWeb(response)),
            // The protocol has statuses and headers that HTTP does not.
            catch: (cause) => {
              const description = "The answer is not a response that HTTP has"
              return failed(new HttpClientError.TransportError({ request, description, cause }))
            }
          })
        )
      )
    )
)

/**
 * `HttpClient` over the connection of `NesClient`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<HttpClient.HttpClient, never, NesClient> = Layer.effect(HttpClient.HttpClient, make)
