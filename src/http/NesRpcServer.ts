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
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Rpc from "effect/rpc/Rpc"
import type * as RpcGroup from "effect/rpc/RpcGroup"
import type { FromClientEncoded, FromServerEncoded } from "effect/rpc/RpcMessage"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as RpcServer from "effect/rpc/RpcServer"
import type * as Scope from "effect/Scope"
import { answers } from "../protocol/Answers.js"
import type * as Message from "../protocol/Message.js"
import type { Connection } from "../server/connection/Connection.js"
import { errorAnswer } from "../server/conversation/ErrorAnswer.js"
import { NesServer } from "../server/NesServer.js"
import * as Socket from "./Socket.js"

type Id = string | number

interface Call {
  /** Ends the wait for the first of the answer. */
  readonly begun: () => void
  isStream: boolean
}

interface Client {
  readonly id: number
  readonly connection: Connection
  readonly calls: Map<Id, Call>
  /** What its calls run with, as long as it has these credentials. */
  known: { readonly credentials: Socket.Credentials | null; readonly context: Context.Context<never> } | undefined
}

const requestOf = (
  { discard, headers, id, payload, sampled, spanId, tag, traceId }: Message.Rpc
): FromClientEncoded => ({
  _tag: "Request",
  id,
  tag,
  payload: payload ?? null,
  headers: (headers ?? []) as ReadonlyArray<[string, string]>,
  ...(discard === true && { discard }),
  ...(typeof traceId === "string" && typeof spanId === "string" && { traceId, spanId, sampled: sampled ?? false })
})

/**
 * The protocol of RPC servers on the connections of `NesServer`; one RPC server at a time can have it.
 *
 * @since 1.0.0
 * @category protocols
 */
export const makeProtocol: Effect.Effect<RpcServer.Protocol["Service"], never, NesServer | Scope.Scope> = RpcServer
  .Protocol.make(
    Effect.fnUntraced(function*(writeRequest) {
      const { node } = yield* NesServer
      const context = yield* Effect.context()
      const disconnects = yield* Queue.unbounded<number>()
      const clients = new Map<number, Client>()
      const byConnection = new Map<Connection, Client>()
      let counter = 0

      const clientOf = (connection: Connection): Client => {
        let client = byConnection.get(connection)
        if (client === undefined) {
          client = { id: counter++, connection, calls: new Map(), known: undefined }
          byConnection.set(connection, client)
          clients.set(client.id, client)
        }
        return client
      }

      const run = (client: Client, request: FromClientEncoded): void => {
        const { credentials } = client.connection.auth
        if (client.known === undefined || client.known.credentials !== credentials) {
          client.known = { credentials, context: Context.merge(context, Socket.contextOf(client.connection)) }
        }
        Effect.runForkWith(client.known.context)(writeRequest(client.id, request))
      }

      // Of a call that is not under way there is nothing to tell.
      const tell = (
        connection: Connection,
        message: Extract<FromClientEncoded, { readonly _tag: "Ack" | "Interrupt" }>
      ): boolean => {
        const client = byConnection.get(connection)
        if (!client?.calls.has(message.requestId)) {
          return false
        }
        run(client, message)
        return true
      }

      const end = ({ calls, connection }: Client, id: Id): void => {
        const call = calls.get(id)
        if (calls.delete(id) && call !== undefined) {
          if (call.isStream) {
            connection.streams--
          }
          call.begun()
        }
      }

      const endAll = (client: Client): void => {
        for (const id of client.calls.keys()) {
          end(client, id)
        }
      }

      yield* Effect.acquireRelease(
        Effect.sync(() =>
          node.serve({
            call: (connection, message) => {
              const client = clientOf(connection)
              if (client.calls.has(message.id)) {
                return Promise.reject(errorAnswer(answers.idInUse))
              }
              return new Promise((begun) => {
                client.calls.set(message.id, { begun, isStream: false })
                run(client, requestOf(message))
              })
            },
            ack: (connection, requestId) => tell(connection, { _tag: "Ack", requestId }),
            cancel: (connection, requestId) => tell(connection, { _tag: "Interrupt", requestId }),
            departed: (connection) => {
              const client = byConnection.get(connection)
              if (client !== undefined) {
                byConnection.delete(connection)
                clients.delete(client.id)
                endAll(client)
                Queue.offerUnsafe(disconnects, client.id)
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

      const send = (client: Client, response: FromServerEncoded): void => {
        const { calls, connection } = client
        switch (response._tag) {
          case "Chunk": {
            const { requestId, values } = response
            const call = calls.get(requestId)
            const text = `{"type":"rpc","id":${JSON.stringify(requestId)},"values":${JSON.stringify(values)}}`
            if (call !== undefined) {
              node.answer(connection, text)
              if (!call.isStream) {
                call.isStream = true
                connection.streams++
                call.begun()
              }
            }
            return
          }
          case "Exit": {
            const { exit, requestId } = response
            const text = `{"type":"rpc","id":${JSON.stringify(requestId)},"exit":${JSON.stringify(exit)}}`
            if (calls.has(requestId)) {
              node.answer(connection, text)
              end(client, requestId)
            }
            return
          }
          case "Defect":
            for (const id of calls.keys()) {
              node.answer(connection, JSON.stringify({ type: "rpc", id, defect: response.defect ?? null }))
              end(client, id)
              // What goes on for it would do so for nobody.
              run(client, { _tag: "Interrupt", requestId: id })
            }
        }
      }

      return {
        disconnects,
        send: (clientId: number, response: FromServerEncoded) =>
          Effect.sync(() => {
            const client = clients.get(clientId)
            if (client !== undefined) {
              send(client, response)
            }
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
