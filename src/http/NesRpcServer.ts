/**
 * Effect's RPC over the connections of `NesServer`: procedures and Streams beside requests, subscriptions and updates.
 * Handlers and middleware know the socket of a call and its credentials, as routes do.
 *
 * ```ts
 * const Live = NesRpcServer.layer(Users).pipe(
 *   Layer.provide(UsersLive),
 *   Layer.provide(NesHttpServer.serve(routes, { server, auth }))
 * )
 * ```
 *
 * @since 1.0.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as ErrorReporter from "effect/ErrorReporter"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Rpc from "effect/rpc/Rpc"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import type { FromClientEncoded, FromServerEncoded } from "effect/rpc/RpcMessage"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as RpcServer from "effect/rpc/RpcServer"
import type * as Scope from "effect/Scope"
import { isDeepStrictEqual } from "node:util"
import type * as Message from "../protocol/Message.js"
import { parentOf, rootless } from "../protocol/Tracing.js"
import type { Connection } from "../server/connection/Connection.js"
import { errorAnswer } from "../server/conversation/ErrorAnswer.js"
import { toAnswer } from "../server/conversation/Errors.js"
import { getOrMake } from "../server/Groups.js"
import { NesServer } from "../server/NesServer.js"
import * as Log from "../server/telemetry/Log.js"
import * as Socket from "./Socket.js"

type Id = string | number

type Exit = Extract<FromServerEncoded, { readonly _tag: "Exit" }>["exit"]

interface Call {
  readonly credentials: Socket.Credentials | null
  readonly weight: number
  /** Brings it to its handler, for which its payload may have to wait to be decoded. */
  bringing: Fiber.Fiber<void> | undefined
  readonly begun: () => void
  /** Whether its client wants to know nothing but that it has ended. */
  readonly isDiscarded: boolean
  isStream: boolean
  /** Whether its client has been told of its end, though its handler may still run. */
  isOver: boolean
}

interface Client {
  readonly connection: Connection
  readonly calls: Map<Id, Call>
  /** What its calls run with, as long as it has these credentials. */
  known: { readonly credentials: Socket.Credentials | null; readonly context: Context.Context<never> } | undefined
}

// What says nothing about the fault, encoded as `Schema.Defect` does.
const hidden = { name: "Error", message: "An internal server error occurred" }
const died = { _tag: "Die", defect: hidden } as const
const interrupted = { _tag: "Interrupt", fiberId: null } as const

// Effect answers a call to be discarded when it begins, and tells of its end no more: whoever made such calls could have
// any number in flight. Without `discard` it is answered, as over HTTP, when it has ended.
const requestOf = (
  { headers, id, payload, sampled, spanId, tag, traceId }: Message.Rpc
): FromClientEncoded => {
  // Any text would go on to collectors, which refuse what others have sent along with it.
  const parent = parentOf(`00-${traceId}-${spanId}-00`)
  return {
    _tag: "Request",
    id,
    tag,
    payload: payload ?? null,
    headers: (headers ?? []) as ReadonlyArray<[string, string]>,
    ...(parent && { traceId: parent.traceId, spanId: parent.spanId, sampled: sampled ?? false })
  }
}

/**
 * The protocol of RPC servers on the connections of `NesServer`; one RPC server at a time can have it, and a
 * second one dies.
 *
 * @since 1.0.0
 * @category protocols
 */
export const makeProtocol: Effect.Effect<RpcServer.Protocol["Service"], never, NesServer | Scope.Scope> = RpcServer
  .Protocol.make(
    Effect.fnUntraced(function*(writeRequest) {
      const { node } = yield* NesServer
      const context = yield* rootless()
      const disconnects = yield* Queue.unbounded<number>()
      const clients = new Map<number, Client>()

      // The client learns that there was a fault, and the log learns which.
      const reported = new WeakSet<Fiber.Fiber<unknown, unknown>>()
      const report = (connection: Connection, cause: Cause.Cause<unknown>): void =>
        void Effect.runForkWith(context)(
          Effect.annotateLogs(Effect.logError("A procedure failed", cause), Log.annotationsOf(connection))
        )
      const reporterOf = (connection: Connection): ErrorReporter.ErrorReporter => ({
        [ErrorReporter.TypeId]: ErrorReporter.TypeId,
        report: ({ cause, fiber }) => {
          reported.add(fiber)
          if (Cause.hasDies(cause)) {
            report(connection, cause)
          }
        }
      })
      const reporters = Context.get(context, ErrorReporter.CurrentErrorReporters)

      const run = (client: Client, request: FromClientEncoded): Fiber.Fiber<void> => {
        const { connection, known } = client
        const { credentials } = connection.auth
        const { context: own } = client.known = known?.credentials === credentials ? known : {
          credentials,
          context: Context.add(
            Context.merge(context, Socket.contextOf(connection)),
            ErrorReporter.CurrentErrorReporters,
            new Set([...reporters, reporterOf(connection)])
          )
        }
        return Effect.runForkWith(own)(writeRequest(connection.number, request))
      }

      const say = (connection: Connection, id: Id, answer: object): void =>
        node.answer(connection, JSON.stringify({ type: "rpc", id, ...answer }))

      // Of a call that is not under way there is nothing to tell.
      const tell = (
        connection: Connection,
        message: Extract<FromClientEncoded, { readonly _tag: "Ack" | "Interrupt" }>
      ): boolean => {
        const client = clients.get(connection.number)
        const call = client?.calls.get(message.requestId)
        if (client === undefined || call === undefined) {
          return false
        }
        if (!abandon(call)) {
          run(client, message)
        }
        return true
      }

      // No handler knows of a call that is still being brought to it.
      const abandon = ({ bringing }: Call): boolean => {
        if (bringing === undefined || bringing.pollUnsafe() !== undefined) {
          return false
        }
        bringing.interruptUnsafe()
        return true
      }

      const end = ({ calls, connection }: Client, id: Id): void => {
        const call = calls.get(id)
        if (calls.delete(id) && call !== undefined) {
          if (call.isStream) {
            connection.streams--
            connection.streaming -= call.weight
          }
          call.begun()
        }
      }

      const endAll = (client: Client): void => {
        for (const [id, call] of client.calls) {
          end(client, id)
          abandon(call)
        }
      }

      // What middleware has let in goes on for whoever it was, not for whoever the client has become.
      const isOthers = ({ auth }: Connection, { credentials }: Call): boolean =>
        credentials !== auth.credentials && !isDeepStrictEqual(credentials, auth.credentials)

      const expel = (client: Client, requestId: Id, call: Call): void => {
        const answer = toAnswer(errorAnswer("identityChanged"), null, { type: "rpc", id: requestId }, undefined)
        call.isOver = true
        node.answer(client.connection, JSON.stringify(answer))
        run(client, { _tag: "Interrupt", requestId })
      }

      yield* Effect.acquireRelease(
        Effect.sync(() =>
          node.serve({
            call: (connection, message, weight) => {
              const client = getOrMake(
                clients,
                connection.number,
                () => ({ connection, calls: new Map(), known: undefined })
              )
              if (client.calls.has(message.id)) {
                return Promise.reject(errorAnswer("idInUse"))
              }
              return new Promise((begun) => {
                const call: Call = {
                  credentials: connection.auth.credentials,
                  weight,
                  bringing: undefined,
                  begun,
                  isDiscarded: message.discard === true,
                  isStream: false,
                  isOver: false
                }
                client.calls.set(message.id, call)
                const fiber = run(client, requestOf(message))
                call.bringing = fiber
                fiber.addObserver((exit) => {
                  // No handler has heard of it.
                  if (exit._tag === "Failure" && client.calls.get(message.id) === call) {
                    if (Cause.hasDies(exit.cause)) {
                      report(connection, exit.cause)
                    }
                    reported.add(fiber)
                    const reason = Cause.hasInterruptsOnly(exit.cause) ? interrupted : died
                    const failure: Exit = { _tag: "Failure", cause: [reason] }
                    send(client, fiber, { _tag: "Exit", requestId: message.id, exit: failure })
                  }
                })
              })
            },
            ack: (connection, requestId) => tell(connection, { _tag: "Ack", requestId }),
            cancel: (connection, requestId) => tell(connection, { _tag: "Interrupt", requestId }),
            reauthenticated: (connection) => {
              const client = clients.get(connection.number)
              for (const [id, call] of client?.calls ?? []) {
                if (client && call.isStream && !call.isOver && isOthers(connection, call)) {
                  expel(client, id, call)
                }
              }
            },
            departed: (connection) => {
              const client = clients.get(connection.number)
              if (client !== undefined) {
                clients.delete(connection.number)
                endAll(client)
                Queue.offerUnsafe(disconnects, connection.number)
              }
            }
          })
        ),
        (leave) =>
          Effect.sync(() => {
            leave()
            clients.forEach(endAll)
          })
      )

      const logUnreported = (client: Client, fiber: Fiber.Fiber<unknown, unknown>, defect: unknown): void => {
        if (!reported.has(fiber)) {
          report(client.connection, Cause.die(defect))
        }
      }

      // What is wrong with a request itself is said in the fiber that brought it; all else comes from handlers.
      const exitOf = (client: Client, fiber: Fiber.Fiber<unknown, unknown>, exit: Exit): Exit => {
        if (exit._tag === "Success" || fiber.context === client.known?.context) {
          return exit
        }
        const cause = exit.cause.map((reason) => {
          if (reason._tag === "Die") {
            logUnreported(client, fiber, reason.defect)
            return died
          }
          return reason
        })
        return { _tag: "Failure", cause }
      }

      const send = (client: Client, fiber: Fiber.Fiber<unknown, unknown>, response: FromServerEncoded): void => {
        const { calls, connection } = client
        switch (response._tag) {
          case "Chunk": {
            const { requestId, values } = response
            const call = calls.get(requestId)
            if (call?.isDiscarded) {
              run(client, { _tag: "Ack", requestId })
            } else if (call && !call.isOver && isOthers(connection, call)) {
              expel(client, requestId, call)
            } else if (call && !call.isOver) {
              say(connection, requestId, { values })
              if (!call.isStream) {
                call.isStream = true
                connection.streams++
                connection.streaming += call.weight
                call.begun()
              }
            }
            return
          }
          case "Exit": {
            const { requestId } = response
            const call = calls.get(requestId)
            if (call && !call.isOver) {
              const exit = call.isDiscarded && response.exit._tag === "Success"
                ? { _tag: "Success", value: null }
                : exitOf(client, fiber, response.exit)
              say(connection, requestId, { exit })
            }
            end(client, requestId)
            return
          }
          case "Defect": {
            const ended = [...calls]
            logUnreported(client, fiber, response.defect)
            for (const [id, call] of ended) {
              if (!call.isOver) {
                call.isOver = true
                say(connection, id, { defect: hidden })
              }
            }
            // A fault ends all calls of its client, but RPC servers let their handlers run on; who is gone has no fiber to
            // be interrupted, and is answered as if it had been.
            fiber.addObserver(() =>
              void setImmediate(() => {
                for (const [requestId, call] of ended) {
                  if (calls.get(requestId) === call) {
                    run(client, { _tag: "Interrupt", requestId })
                  }
                }
              })
            )
          }
        }
      }

      return {
        disconnects,
        send: (clientId: number, response: FromServerEncoded) =>
          Effect.withFiber((fiber) => {
            const client = clients.get(clientId)
            if (client !== undefined) {
              send(client, fiber, response)
            }
            return Effect.void
          }),
        end: () => Effect.void,
        clientIds: Effect.sync(() => new Set(clients.keys())),
        initialMessage: Effect.succeedNone,
        supportsAck: true,
        supportsTransferables: false,
        supportsSpanPropagation: true,
        supportsNotifications: false,
        codecFor: RpcSerialization.json.codecFor
      }
    })
  )

/**
 * `makeProtocol` as a Layer.
 *
 * @since 1.0.0
 * @category layers
 */
export const layerProtocol: Layer.Layer<RpcServer.Protocol, never, NesServer> = Layer.effect(
  RpcServer.Protocol,
  makeProtocol
)

/**
 * Serves a group of procedures on the connections of `NesServer`. The options are those of `RpcServer.layer`.
 *
 * @since 1.0.0
 * @category layers
 */
export const layer = <Rpcs extends Rpc.Any>(
  group: RpcGroup.RpcGroup<Rpcs>,
  options?: Parameters<typeof RpcServer.layer>[1]
): Layer.Layer<
  never,
  never,
  NesServer | Rpc.ToHandler<Rpcs> | Rpc.Middleware<Rpcs> | Rpc.ServicesServer<Rpcs>
> => Layer.provide(RpcServer.layer(group, options), layerProtocol)
