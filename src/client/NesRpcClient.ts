/**
 * Effect's RPC over the connection of `NesClient`: calls and Streams beside its requests, subscriptions and updates, with
 * the credentials that the connection has.
 *
 * ```ts
 * const program = Effect.gen(function*() {
 *   const client = yield* RpcClient.make(Users)
 *   return yield* client.GetUser({ id: 5 })
 * }).pipe(Effect.scoped, Effect.provide(NesRpcClient.layerProtocol))
 * ```
 *
 * @since 1.0.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RpcClient from "effect/rpc/RpcClient"
import * as RpcClientError from "effect/rpc/RpcClientError"
import type { FromClientEncoded, FromServerEncoded } from "effect/rpc/RpcMessage"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import type * as Message from "../protocol/Message.js"
import { DisconnectError, type NesError } from "../protocol/NesError.js"
import { rootless } from "../protocol/Tracing.js"
import { NesClient } from "./NesClient.js"
import { hasMore } from "./Pending.js"
import * as Session from "./Session.js"

type RequestId = string | number
type Request = Extract<FromClientEncoded, { readonly _tag: "Request" }>
type Failure = Extract<FromServerEncoded, { readonly _tag: "Exit" }>["exit"]

const lost = (cause: NesError): RpcClientError.RpcClientError =>
  new RpcClientError.RpcClientError({ reason: new Socket.SocketReadError({ cause }) })

const unsent = (message: string): RpcClientError.RpcClientError =>
  new RpcClientError.RpcClientError({
    reason: new Socket.SocketWriteError({ cause: new DisconnectError({ message }) })
  })

const died = (defect: unknown): Failure => ({ _tag: "Failure", cause: [{ _tag: "Die", defect }] })

// What the server said of a call that it did not make, or of an answer that is none.
const refusal = (message: string): Failure => died({ name: "ServerError", message })

const responseOf = (requestId: RequestId, answer: Message.Answer): FromServerEncoded => {
  const { defect, values } = answer
  const exit = defect === undefined ? answer.exit ?? refusal("Received invalid response") : died(defect)
  return hasMore(answer)
    ? { _tag: "Chunk", requestId, values: values as NonEmptyReadonlyArray<unknown> }
    : { _tag: "Exit", requestId, exit: exit as Failure }
}

/**
 * The protocol of RPC clients on the connection of `NesClient`. While there is none, calls fail with an
 * `RpcClientError`, as those do that are under way when it is lost; after a reconnect they work again. The `timeout` of
 * the client holds for calls as for requests, for a Stream for each time that it waits for more.
 *
 * @since 1.0.0
 * @category protocols
 */
export const makeProtocol: Effect.Effect<RpcClient.Protocol["Service"], never, NesClient | Scope.Scope> = RpcClient
  .Protocol.make(
    Effect.fnUntraced(function*(writeResponse, clientIds) {
      const session = Session.of(yield* NesClient)
      const fork = Effect.runForkWith(yield* rootless())
      // What calls were sent as, and with which id.
      const calls = new Map<RequestId, { readonly id: number }>()
      // What comes for a call is handed on in order, most of it without a wait. Whoever consumes a Stream slowly holds up
      // no other call: it may be what they wait for.
      const waiting = new Map<RequestId, Array<Effect.Effect<void>>>()

      const hand = (requestId: RequestId, effect: Effect.Effect<void>): void => {
        const before = waiting.get(requestId)
        if (before !== undefined) {
          before.push(effect)
          return
        }
        const fiber = fork(effect)
        if (fiber.pollUnsafe() === undefined) {
          const rest: Array<Effect.Effect<void>> = []
          waiting.set(requestId, rest)
          fiber.addObserver(() => {
            waiting.delete(requestId)
            rest.forEach((effect) => hand(requestId, effect))
          })
        }
      }

      const failed = (clientId: number, requestId: RequestId, callId: number, error: NesError): void => {
        const wasUnderWay = calls.delete(requestId)
        if (error._tag !== "DisconnectError") {
          if (error._tag !== "ServerError") {
            // The server does not know that nobody waits for it any more.
            session.say("cancel", callId)
          }
          hand(requestId, writeResponse(clientId, { _tag: "Exit", requestId, exit: refusal(error.message) }))
        } else if (wasUnderWay) {
          // All that are under way fail at once.
          calls.clear()
          clientIds.forEach((id) => fork(writeResponse(id, { _tag: "ClientProtocolError", error: lost(error) })))
        }
      }

      const request = (
        clientId: number,
        { _tag, headers, id, ...call }: Request
      ): Effect.Effect<void, RpcClientError.RpcClientError> => {
        if (session.status._tag !== "Connected") {
          return Effect.fail(unsent("Failed to send message - server disconnected"))
        }
        if (!session.offers("rpc")) {
          return Effect.fail(unsent("The server does not answer calls"))
        }
        const draft = { type: "rpc" as const, ...call, ...(headers.length > 0 && { headers }), id: 0 }
        calls.set(id, draft)
        session.send(draft, (error, answer) => {
          if (error !== undefined) {
            failed(clientId, id, draft.id, error)
            return
          }
          if (!hasMore(answer)) {
            calls.delete(id)
          }
          hand(id, writeResponse(clientId, responseOf(id, answer)))
        })
        if (draft.id === 0) {
          calls.delete(id)
          return Effect.fail(unsent("Failed to send message - server disconnected"))
        }
        return Effect.void
      }

      const say = (message: Exclude<FromClientEncoded, Request>): void => {
        const id = message._tag === "Ack" || message._tag === "Interrupt" ? calls.get(message.requestId)?.id : undefined
        if (id !== undefined && message._tag === "Ack") {
          session.pending.resume(id)
          session.say("ack", id)
        } else if (id !== undefined && message._tag === "Interrupt") {
          calls.delete(message.requestId)
          session.forget(id)
          session.say("cancel", id)
        }
      }

      return {
        send: (clientId: number, message: FromClientEncoded) =>
          message._tag === "Request"
            ? Effect.suspend(() => request(clientId, message))
            : Effect.sync(() => say(message)),
        supportsAck: true,
        supportsTransferables: false,
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
export const layerProtocol: Layer.Layer<RpcClient.Protocol, never, NesClient> = Layer.effect(
  RpcClient.Protocol,
  makeProtocol
)
