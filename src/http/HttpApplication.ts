/**
 * The Application port on the platform's HTTP applications: an `HttpApp`, an `HttpRouter`, or what `HttpApiBuilder` makes
 * of an `HttpApi`. Requests over a socket run through it in this process, without an HTTP request being made.
 *
 * @since 0.1.0
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpMiddleware from "@effect/platform/HttpMiddleware"
import * as HttpServerError from "@effect/platform/HttpServerError"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type { HttpServerResponse } from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as FiberSet from "effect/FiberSet"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type * as Message from "../protocol/Message.js"
import { Application, type Response, type Service } from "../server/Application.js"
import type { Connection } from "../server/connection/Connection.js"
import * as Log from "../server/telemetry/Log.js"
import * as Authentication from "./Authentication.js"
import * as RequestRunner from "./RequestRunner.js"
import * as Socket from "./Socket.js"
import { Exchange, headersOf, SocketRequest } from "./SocketRequest.js"
import * as SocketResponse from "./SocketResponse.js"

/**
 * How an HTTP application is put on a socket.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> {
  /** The middleware that ordinary HTTP requests go through (the second argument of `HttpServer.serve`). */
  readonly middleware?: HttpMiddleware.HttpMiddleware | undefined
  /** Route ids: clients may ask for one instead of a method and a path. */
  readonly ids?: { readonly [id: string]: `${string} /${string}` } | undefined
  /**
   * The longest body that is put together from a stream, in bytes: a message leaves in one piece. A longer one is
   * answered 500. Default: 10 MiB.
   */
  readonly maxStreamBytes?: number | undefined
  /** Authentication; `false` (the default) for none. */
  readonly auth?: Authentication.Authentication<R> | false | undefined
}

/**
 * What a port needs from outside, once the application has what a request and the server bring.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements<R> = Exclude<R, HttpServerRequest.HttpServerRequest | Scope.Scope>

const defaultMaxStreamBytes = 10 * 1024 * 1024

// The platform's span of a request costs as much as the request, and without a tracer nobody sees it.
const isTraced = Effect.map(
  Effect.tracer,
  (tracer) => tracer !== Context.get(DefaultServices.liveServices, Tracer.Tracer)
)

const untraced = Effect.locally(HttpMiddleware.currentTracerDisabledWhen, () => true)

const parseId = (target: string): { readonly method: string; readonly path: string } => {
  const at = target.indexOf(" ")
  return { method: target.slice(0, at), path: target.slice(at + 1) }
}

const respond = (maxBytes: number) => (request: HttpServerRequest.HttpServerRequest, response: HttpServerResponse) => {
  const { source } = request
  if (!(source instanceof Exchange)) {
    return Effect.void
  }
  const reply = SocketResponse.of(request.method, response, maxBytes)
  if (!Effect.isEffect(reply)) {
    source.answer(reply)
    return Effect.void
  }
  return reply.pipe(
    Effect.map((reply) => source.answer(reply)),
    Effect.tapErrorCause((cause) =>
      Cause.isInterruptedOnly(cause)
        ? Effect.void
        : Effect.logError("A response could not be sent over its socket", cause)
    ),
    Effect.ensuring(Effect.sync(() => source.answer(SocketResponse.failed)))
  )
}

// Loggers write an error down as a cause; of one that is the message, the default logger makes an empty object.
const logged = (tags: ReadonlyArray<string>, data: unknown, connection?: Connection): Effect.Effect<void> => {
  const entry = data instanceof Error ? [data.message, Cause.fail(data)] : [data]
  return (tags.includes("error") ? Effect.logError(...entry) : Effect.logInfo(...entry)).pipe(
    Effect.annotateLogs({ tags: tags.join(","), ...(connection && Log.annotationsOf(connection)) })
  )
}

/**
 * Makes the port. Requests that have not ended are interrupted when their connection does, and all with the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <E, R, RA = never>(
  app: HttpApp.Default<E, R>,
  options: Options<RA> = {}
): Effect.Effect<Service, never, Scope.Scope | Requirements<R | RA>> =>
  Effect.gen(function*() {
    const { auth = false, ids = {}, maxStreamBytes = defaultMaxStreamBytes, middleware } = options
    const traced = yield* isTraced
    const runtime = yield* (traced ? Effect.runtime() : untraced(Effect.runtime()))
    const fork = Runtime.runFork(runtime)
    const fibers = yield* FiberSet.make()
    const waiting = new Map<Connection, Set<Fiber.RuntimeFiber<void>>>()
    // What the application requires is in the runtime's context: the type of this function says so.
    const provided = app as HttpApp.Default<E>
    const handled = traced || middleware
      ? RequestRunner.full(provided, respond(maxStreamBytes), middleware)
      : RequestRunner.bare(provided, respond(maxStreamBytes))
    const port = Authentication.port(auth)
    const settled = <A, E>(effect: Effect.Effect<A, E, RA>): Effect.Effect<A, E> =>
      Effect.provide(effect as Effect.Effect<A, E>, runtime)

    // What a handler logs names its socket.
    const annotations = FiberRefs.getOrDefault(runtime.fiberRefs, FiberRef.currentLogAnnotations)
    const isLogged = yield* Log.listens(LogLevel.Fatal)
    const known = new WeakMap<Socket.Socket, FiberRefs.FiberRefs>()
    const annotated = (socket: Socket.Socket): FiberRefs.FiberRefs => {
      const made = isLogged ? known.get(socket) : runtime.fiberRefs
      if (made) {
        return made
      }
      const fiberRefs = FiberRefs.updateAs(runtime.fiberRefs, {
        fiberId: FiberId.none,
        fiberRef: FiberRef.currentLogAnnotations,
        value: HashMap.set(annotations, Log.socketId, socket.id)
      })
      known.set(socket, fiberRefs)
      return fiberRefs
    }

    const start = (exchange: Exchange, request: SocketRequest, socket: Socket.Socket): Fiber.RuntimeFiber<void> => {
      const services = new Map<string, unknown>(runtime.context.unsafeMap)
      services.set(HttpServerRequest.HttpServerRequest.key, request)
      services.set(Socket.CurrentSocket.key, Option.some(socket))
      services.set(Socket.CurrentCredentials.key, Option.fromNullable(socket.auth.credentials))
      const fiber = Runtime.runFork(
        Runtime.make({
          context: Context.unsafeMake<never>(services),
          fiberRefs: annotated(socket),
          runtimeFlags: runtime.runtimeFlags
        })
      )(handled)
      if (!exchange.response && fiber.unsafePoll() !== null) {
        exchange.answer(SocketResponse.failed)
      }
      return fiber
    }

    const watch = (connection: Connection, fiber: Fiber.RuntimeFiber<void>, exchange: Exchange): void => {
      const own = waiting.get(connection) ?? new Set()
      waiting.set(connection, own.add(fiber))
      FiberSet.unsafeAdd(fibers, fiber)
      fiber.addObserver(() => {
        exchange.answer(SocketResponse.failed)
        if (own.delete(fiber) && own.size === 0) {
          waiting.delete(connection)
        }
      })
    }

    const service: Service = {
      ...port,
      request: (connection, { headers, method, path, payload }: Message.Request): Response | Promise<Response> => {
        const exchange = new Exchange(path, method, payload)
        const request = new SocketRequest(exchange, path, headersOf(headers, payload), connection.info.remoteAddress)
        const fiber = start(exchange, request, Socket.of(connection))
        if (fiber.unsafePoll() === null) {
          watch(connection, fiber, exchange)
        }
        return exchange.response ?? new Promise((resolve) => {
          exchange.answered = resolve
        })
      },
      departed: (connection) => {
        for (const fiber of waiting.get(connection) ?? []) {
          fiber.unsafeInterruptAsFork(HttpServerError.clientAbortFiberId)
        }
      },
      lookup: (id) => {
        const target = Object.hasOwn(ids, id) ? ids[id] : undefined
        return target === undefined ? undefined : parseId(target)
      },
      authenticateCookie: (_connection, cookies) => port.authenticateCookie(cookies),
      authenticate: (connection, given) => settled(port.authenticate(connection, given)),
      verify: (connection) => settled(port.verify(connection.auth)),
      log: (tags, data, connection) => void fork(logged(tags, data, connection))
    }
    return service
  }) as Effect.Effect<Service, never, Scope.Scope | Requirements<R | RA>>

/**
 * The port as a Layer, for `NesServer.layer`. `NesHttpServer.serve` does both, and HTTP beside it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E, R, RA = never>(
  app: HttpApp.Default<E, R>,
  options: Options<RA> = {}
): Layer.Layer<Application, never, Requirements<R | RA>> => Layer.scoped(Application, make(app, options))

/**
 * `layer`, with what may come from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <E, R, RA = never>(
  app: HttpApp.Default<E, R>,
  code: Omit<Options<RA>, "maxStreamBytes">,
  config: Config.Config.Wrap<Pick<Options, "maxStreamBytes">>
): Layer.Layer<Application, ConfigError.ConfigError, Requirements<R | RA>> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(config), (options) => layer(app, { ...options, ...code })))
