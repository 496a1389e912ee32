/** A request that came over a socket, as Effect's routers and middleware know requests. */
import * as Effect from "effect/Effect"
import * as Cookies from "effect/http/Cookies"
import * as Headers from "effect/http/Headers"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpServerError from "effect/http/HttpServerError"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Multipart from "effect/http/Multipart"
import * as UrlParams from "effect/http/UrlParams"
import * as Inspectable from "effect/Inspectable"
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Response } from "../server/Application.js"
import type * as RequestHead from "../server/conversation/RequestHead.js"

/** What a request asks, and what is answered. All versions that middleware makes of a request share it. */
export class Exchange {
  response: Response | undefined
  answered: ((response: Response) => void) | undefined

  /** `payload` is a JSON value; `undefined` for none. `http` is that of the request (see `Application.Request`). */
  constructor(
    readonly originalUrl: string,
    readonly method: string,
    readonly payload: unknown,
    readonly http = false
  ) {}

  answer(response: Response): void {
    if (!this.response) {
      this.response = response
      this.answered?.(response)
    }
  }
}

type RequestError = HttpServerError.HttpServerError

const encoder = new TextEncoder()

/** The headers of a message. As in hapi, a payload that is no text is of type JSON unless the headers say otherwise. */
export const headersOf = (given: RequestHead.Headers, payload: unknown): Headers.Headers => {
  const json = payload !== undefined && typeof payload !== "string"
  return Headers.fromRecordUnsafe(json ? { "content-type": "application/json", ...given } : { ...given })
}

export class SocketRequest extends Inspectable.Class implements HttpServerRequest.HttpServerRequest {
  readonly [HttpServerRequest.TypeId] = HttpServerRequest.TypeId
  readonly [HttpIncomingMessage.TypeId] = HttpIncomingMessage.TypeId
  readonly protocol: "http" | "https" | undefined

  constructor(
    readonly source: Exchange,
    readonly url: string,
    readonly headers: Headers.Headers,
    readonly remoteAddress: Option.Option<string>,
    readonly peerAddress = remoteAddress,
    protocol?: "http" | "https"
  ) {
    super()
    this.protocol = protocol
  }

  get originalUrl(): string {
    return this.source.originalUrl
  }

  // hapi takes methods in any case, and so do its clients; unknown ones find no route.
  get method(): string {
    return this.source.method.toUpperCase()
  }

  get cookies(): Readonly<Record<string, string>> {
    return Cookies.parseHeader(this.headers.cookie ?? "")
  }

  get text(): Effect.Effect<string, RequestError> {
    return this.within(() => this.body)
  }

  /** The payload as it was sent; a text is parsed, as an HTTP body is. */
  get json(): Effect.Effect<Schema.Json, RequestError> {
    const { payload } = this.source
    return this.within(() =>
      (payload === undefined || typeof payload === "string" ? JSON.parse(this.body) : payload) as Schema.Json
    )
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, RequestError> {
    return this.within(() => UrlParams.fromInput(new URLSearchParams(this.body)))
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, RequestError> {
    return this.within(() => encoder.encode(this.body).buffer)
  }

  get stream(): Stream.Stream<Uint8Array, RequestError> {
    return Stream.sync(() => encoder.encode(this.body))
  }

  get multipart(): HttpServerRequest.HttpServerRequest["multipart"] {
    return Multipart.toPersisted(this.multipartStream)
  }

  get multipartStream(): Stream.Stream<Multipart.Part, Multipart.MultipartError> {
    return Stream.pipeThroughChannel(
      Stream.mapError(this.stream, (cause) => Multipart.MultipartError.fromReason("InternalError", cause)),
      Multipart.makeChannel(this.headers)
    )
  }

  get upgrade(): HttpServerRequest.HttpServerRequest["upgrade"] {
    return this.upgradeWith()
  }

  upgradeWith(): HttpServerRequest.HttpServerRequest["upgrade"] {
    return Effect.fail(this.error({ description: "A request over a socket cannot be upgraded" }))
  }

  modify(options: Parameters<HttpServerRequest.HttpServerRequest["modify"]>[0]): SocketRequest {
    return new SocketRequest(
      this.source,
      options.url ?? this.url,
      options.headers ?? this.headers,
      options.remoteAddress ?? this.remoteAddress,
      options.peerAddress ?? this.peerAddress,
      options.protocol ?? this.protocol
    )
  }

  toJSON(): unknown {
    return { _id: "effect-nes/http/SocketRequest", method: this.method, url: this.originalUrl }
  }

  private get body(): string {
    const { payload } = this.source
    return payload === undefined ? "" : typeof payload === "string" ? payload : JSON.stringify(payload)
  }

  // A body that the application finds too large is refused as over HTTP, where a stream is not measured either.
  private within<A>(read: () => A): Effect.Effect<A, RequestError> {
    return Effect.flatMap(
      HttpIncomingMessage.MaxBodySize,
      (most) =>
        most !== undefined && Buffer.byteLength(this.body) > most
          ? Effect.fail(this.error({ reason: "BodyTooLarge", description: "maxBytes exceeded" }))
          : Effect.try({ try: read, catch: (cause) => this.error({ cause }) })
    )
  }

  private error(
    reason: Omit<ConstructorParameters<typeof HttpServerError.RequestParseError>[0], "request">
  ): RequestError {
    return new HttpServerError.HttpServerError({
      reason: new HttpServerError.RequestParseError({ request: this, ...reason })
    })
  }
}
