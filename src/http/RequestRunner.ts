/** Runs the requests of sockets through an HTTP application, each in a fiber that ends with its connection. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { identity } from "effect/Function"
import * as Cookies from "effect/http/Cookies"
import * as HttpEffect from "effect/http/HttpEffect"
import type { HttpMiddleware } from "effect/http/HttpMiddleware"
import * as HttpServerError from "effect/http/HttpServerError"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import * as Option from "effect/Option"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Call, Request, Response } from "../server/Application.js"
import { keep } from "../server/Awaitable.js"
import type { Connection } from "../server/connection/Connection.js"
import * as ResponseBody from "../server/conversation/ResponseBody.js"
import * as Log from "../server/telemetry/Log.js"
import * as Refusal from "./Refusal.js"
import * as Socket from "./Socket.js"
import { Exchange, headersOf, SocketRequest } from "./SocketRequest.js"

// The services of one socket's requests, as long as it has these credentials.
interface Known {
  readonly credentials: Socket.Credentials | null
  readonly context: Context.Context<never>
}

// Room for what the platform and the application add to a request's context before Effect copies it.
const maxDepth = 16

/** What the application requires is in the context `given`. Where nobody reads logs, `isLogged` is `false`. */
export const make = (
  app: Effect.Effect<HttpServerResponse, unknown, HttpServerRequest.HttpServerRequest | Scope.Scope>,
  given: Context.Context<never>,
  scope: Scope.Scope,
  { isLogged, maxStreamBytes, middleware }: {
    readonly middleware: HttpMiddleware | undefined
    readonly maxStreamBytes: number
    readonly isLogged: boolean
  }
) => {
  const shared = Context.makeUnsafe(given.mapUnsafe, { maxDepth })
  // The request is in the context that the fiber is given.
  const handled = HttpEffect.toHandled(app, respond(maxStreamBytes), middleware) as Effect.Effect<void>
  const known = new WeakMap<Socket.Socket, Known>()

  const contextOf = (socket: Socket.Socket): Context.Context<never> => {
    const { credentials } = socket.auth
    const before = known.get(socket)
    if (before !== undefined && before.credentials === credentials) {
      return before.context
    }
    const context = shared.pipe(
      Context.add(Socket.CurrentSocket, Option.some(socket)),
      Context.add(Socket.CurrentCredentials, Option.fromNullOr(credentials)),
      (context) =>
        isLogged
          ? Context.add(context, References.CurrentLogAnnotations, {
            ...Context.get(shared, References.CurrentLogAnnotations),
            [Log.socketId]: socket.id
          })
          : context
    )
    known.set(socket, { credentials, context })
    return context
  }

  /** Runs a request: one that does not have to wait is answered at once. */
  return (
    connection: Connection,
    { headers, http = false, method, path, payload }: Request,
    call?: Call
  ): Response | Promise<Response> => {
    const exchange = new Exchange(path, method, payload, http)
    const address = Option.fromUndefinedOr(connection.info.remoteAddress)
    const request = new SocketRequest(exchange, path, headersOf(headers, payload), address)
    const context = Context.add(contextOf(Socket.of(connection)), HttpServerRequest.HttpServerRequest, request)
    const fiber = Effect.runForkWith(context)(handled)
    if (fiber.pollUnsafe() === undefined) {
      const interruptUnsafe = (): void => fiber.interruptUnsafe(undefined, HttpServerError.ClientAbort.annotation)
      Fiber.runIn(fiber, scope)
      fiber.addObserver(() => exchange.answer(failed))
      fiber.addObserver(keep(connection, { interruptUnsafe }))
      if (call) {
        call.onCancel = interruptUnsafe
      }
    } else {
      exchange.answer(failed)
    }
    return exchange.response ?? new Promise((resolve) => {
      exchange.answered = resolve
    })
  }
}

const respond = (maxBytes: number) => (request: HttpServerRequest.HttpServerRequest, response: HttpServerResponse) => {
  const { source } = request
  if (!(source instanceof Exchange)) {
    return Effect.void
  }
  const body = request.method === "HEAD" ? null : read(response, maxBytes)
  const answer = Effect.isEffect(body)
    ? Effect.flatMap(body, (bytes) => {
      const answer = answerOf(response, bytes, source.http)
      return Effect.isEffect(answer) ? answer : Effect.succeed(answer)
    })
    : answerOf(response, body, source.http)
  if (!Effect.isEffect(answer)) {
    source.answer(answer)
    return Effect.void
  }
  return answer.pipe(
    Effect.map((answer) => source.answer(answer)),
    Effect.tapCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.void
        : Effect.logError("A response could not be sent over its socket", cause)
    ),
    Effect.tapError((error) =>
      Effect.sync(() => error instanceof UnsendableBody && source.answer(ResponseBody.unsent(error.message)))
    ),
    Effect.ensuring(Effect.sync(() => source.answer(failed)))
  )
}

// The answer of a route that has none: it failed beyond what the platform answers.
const failed: Response = { statusCode: 500, headers: {}, payload: Refusal.payloadOf(500) }

/** A body that does not go into a message: it is no text, or too long, or does not end. */
class UnsendableBody extends Data.TaggedError("UnsendableBody")<{ readonly message: string }> {}

type Body = string | Uint8Array | null
type Reading = Body | Effect.Effect<Uint8Array, unknown>

const isJson = (contentType: unknown): boolean =>
  typeof contentType === "string" && /^application\/(?:[\w.-]+\+)?json\b/i.test(contentType)

// Old clients end their process on an error without a body.
const nothing = (statusCode: number): unknown => statusCode >= 400 ? Refusal.payloadOf(statusCode) : null

const collect = (
  stream: Stream.Stream<Uint8Array | string, unknown>,
  maxBytes: number,
  contentType: string | undefined
): Effect.Effect<Uint8Array, unknown> =>
  Effect.suspend(() => {
    if (ResponseBody.isEndless(contentType)) {
      return Effect.fail(new UnsendableBody({ message: ResponseBody.endless }))
    }
    const parts: Array<Buffer> = []
    let size = 0
    return stream.pipe(
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
    ? collect(Stream.fromAsyncIterable(body, identity), maxBytes, contentType)
    : Effect.die(new Error("The body of a response is neither text, bytes nor a stream"))
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
      return Effect.promise(async () => new Uint8Array(await new globalThis.Response(body.formData).arrayBuffer()))
  }
}

const responseHeaders = ({ cookies, headers }: HttpServerResponse): Response["headers"] =>
  Cookies.isEmpty(cookies) ? headers : { ...headers, "set-cookie": Cookies.toSetCookieHeaders(cookies) }

// JSON is answered as a value, anything else as text, nothing as `null`.
const answerOf = (
  response: HttpServerResponse,
  body: Body,
  http: boolean
): Response | Effect.Effect<never, UnsendableBody> => {
  const { status: statusCode } = response
  const headers = responseHeaders(response)
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
