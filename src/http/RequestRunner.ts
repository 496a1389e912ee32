/** Runs the requests of sockets through an HTTP application, each in a fiber that ends with its connection. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpEffect from "effect/http/HttpEffect"
import type { HttpMiddleware } from "effect/http/HttpMiddleware"
import * as HttpServerError from "effect/http/HttpServerError"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import * as Option from "effect/Option"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import type { Call, Request, Response } from "../server/Application.js"
import type { Connection } from "../server/connection/Connection.js"
import * as ResponseBody from "../server/conversation/ResponseBody.js"
import * as Groups from "../server/Groups.js"
import * as Log from "../server/telemetry/Log.js"
import * as Socket from "./Socket.js"
import { Exchange, headersOf, SocketRequest } from "./SocketRequest.js"
import * as SocketResponse from "./SocketResponse.js"

// The services of one socket's requests, as long as it has these credentials.
interface Known {
  readonly credentials: Socket.Credentials | null
  readonly context: Context.Context<never>
}

// Room for what the platform and the application add to a request's context before Effect copies it.
const maxDepth = 16

export class RequestRunner {
  private readonly context: Context.Context<never>
  private readonly handled: Effect.Effect<void>
  private readonly known = new WeakMap<Socket.Socket, Known>()
  private readonly waiting: Groups.Groups<Connection, Fiber.Fiber<void>> = new Map()

  /** What the application requires is in `context`. Where nobody reads logs, `isLogged` is `false`. */
  constructor(
    app: Effect.Effect<HttpServerResponse, unknown, HttpServerRequest.HttpServerRequest | Scope.Scope>,
    context: Context.Context<never>,
    private readonly scope: Scope.Scope,
    private readonly options: {
      readonly middleware: HttpMiddleware | undefined
      readonly maxStreamBytes: number
      readonly isLogged: boolean
    }
  ) {
    this.context = Context.makeUnsafe(context.mapUnsafe, { maxDepth })
    // The request is in the context that the fiber is given.
    this.handled = HttpEffect.toHandled(app, respond(options.maxStreamBytes), options.middleware) as Effect.Effect<void>
  }

  /** Runs a request: one that does not have to wait is answered at once. */
  run(
    connection: Connection,
    { headers, http = false, method, path, payload }: Request,
    call?: Call
  ): Response | Promise<Response> {
    const exchange = new Exchange(path, method, payload, http)
    const request = new SocketRequest(
      exchange,
      path,
      headersOf(headers, payload),
      Option.fromUndefinedOr(connection.info.remoteAddress)
    )
    const context = Context.add(
      this.contextOf(Socket.of(connection)),
      HttpServerRequest.HttpServerRequest,
      request
    )
    const fiber = Effect.runForkWith(context)(this.handled)
    if (fiber.pollUnsafe() === undefined) {
      this.watch(connection, fiber, exchange)
      if (call) {
        call.onCancel = () => abort(fiber)
      }
    } else {
      exchange.answer(SocketResponse.failed)
    }
    return exchange.response ?? new Promise((resolve) => {
      exchange.answered = resolve
    })
  }

  /** Interrupts what a connection has asked for, and waits for no more. */
  departed(connection: Connection): void {
    for (const fiber of this.waiting.get(connection) ?? []) {
      abort(fiber)
    }
  }

  private watch(connection: Connection, fiber: Fiber.Fiber<void>, exchange: Exchange): void {
    Groups.add(this.waiting, connection, fiber)
    Fiber.runIn(fiber, this.scope)
    fiber.addObserver(() => {
      exchange.answer(SocketResponse.failed)
      Groups.remove(this.waiting, connection, fiber)
    })
  }

  private contextOf(socket: Socket.Socket): Context.Context<never> {
    const { credentials } = socket.auth
    const known = this.known.get(socket)
    if (known !== undefined && known.credentials === credentials) {
      return known.context
    }
    const context = this.context.pipe(
      Context.add(Socket.CurrentSocket, Option.some(socket)),
      Context.add(Socket.CurrentCredentials, Option.fromNullOr(credentials)),
      (context) =>
        this.options.isLogged
          ? Context.add(context, References.CurrentLogAnnotations, {
            ...Context.get(this.context, References.CurrentLogAnnotations),
            [Log.socketId]: socket.id
          })
          : context
    )
    this.known.set(socket, { credentials, context })
    return context
  }
}

const abort = (fiber: Fiber.Fiber<void>): void =>
  fiber.interruptUnsafe(undefined, HttpServerError.ClientAbort.annotation)

const respond = (maxBytes: number) => (request: HttpServerRequest.HttpServerRequest, response: HttpServerResponse) => {
  const { source } = request
  if (!(source instanceof Exchange)) {
    return Effect.void
  }
  const answer = SocketResponse.of(request.method, response, maxBytes, source.http)
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
    Effect.tapErrorTag(
      "UnsendableBody",
      ({ message }) => Effect.sync(() => source.answer(ResponseBody.unsent(message)))
    ),
    Effect.ensuring(Effect.sync(() => source.answer(SocketResponse.failed)))
  )
}
