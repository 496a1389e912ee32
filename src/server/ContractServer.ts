/**
 * The server's side of contracts: what is published is checked when it is compiled, and encoded by the Schema.
 *
 * @since 0.1.0
 */
import * as Boom from "@hapi/boom"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Contract from "../protocol/Contract.js"
import type { UserError } from "../protocol/NesError.js"
import type { BrokerError } from "./Broker.js"
import { NesServer, type SubscriptionOptions } from "./NesServer.js"
import type { BroadcastOptions, PublishOptions } from "./Node.js"

/** @since 1.0.0 */
export type { FilterContext as FilterContextOf, PresenceOptions } from "./subscription/Subscription.js"
/** @since 1.0.0 */
export type { Awaitable } from "./Awaitable.js"
/** @since 1.0.0 */
export type { BroadcastOptions, PublishOptions } from "./Node.js"
/** @since 1.0.0 */
export type { Access, Rule } from "./subscription/Access.js"
/** @since 1.0.0 */
export type { FilterContext, SubscriptionOptions as Options, Verdict } from "./NesServer.js"

/**
 * Declares the subscription of a contract.
 *
 * @since 0.1.0
 * @category subscriptions
 */
export const subscription = <Path extends string, Message extends Schema.Constraint>(
  contract: Contract.Subscription<Path, Message>,
  options?: SubscriptionOptions
): Effect.Effect<void, UserError, NesServer> => NesServer.use((nes) => nes.subscription(contract.path, options))

/**
 * Publishes to the subscribers of a path. Fails with a `ContractError` if the message does not encode, with a
 * `UserError` if a parameter of the path is empty.
 *
 * @since 0.1.0
 * @category subscriptions
 */
export const publish = <Path extends string, Message extends Schema.Constraint>(
  contract: Contract.Subscription<Path, Message>,
  params: Contract.ParamsArgument<Path>,
  message: NoInfer<Message["Type"]>,
  options?: PublishOptions
): Effect.Effect<void, Contract.ContractError | UserError | BrokerError, NesServer | Message["EncodingServices"]> =>
  NesServer.use((nes) => {
    let path: string
    try {
      path = Contract.pathOf(contract, params)
    } catch (cause) {
      return Effect.fail(cause as UserError)
    }
    return Effect.flatMapEager(
      Contract.encode(contract.message, path)(message),
      (encoded) => nes.publish(path, encoded, options)
    )
  })

/**
 * Sends a message to all connections. Fails with a `ContractError` if it does not encode.
 *
 * @since 0.1.0
 * @category broadcasts
 */
export const broadcast = <Message extends Schema.Constraint>(
  contract: Contract.Broadcast<Message>,
  message: NoInfer<Message["Type"]>,
  options?: BroadcastOptions
): Effect.Effect<void, Contract.ContractError | UserError | BrokerError, NesServer | Message["EncodingServices"]> =>
  NesServer.use((nes) =>
    Effect.flatMapEager(
      Contract.encode(contract.message, contract.name)(message),
      (encoded) => nes.broadcast(encoded, options)
    )
  )

/**
 * Recognises one kind of custom message: the effect it yields makes the answer. `S` is what the door has for a socket,
 * `E` what an answer fails with, `R` what it requires.
 *
 * @since 0.1.0
 * @category models
 */
export type Handler<S, E, R> = (
  message: unknown,
  socket: S
) => Effect.Effect<Effect.Effect<unknown, E, R>, Contract.ContractError, R>

/**
 * Answers the custom messages of a contract. An answer that does not encode is a defect. `answer` may name the socket's
 * type, that of the door: `Socket` of `effect-nes` or of `effect-nes/hapi`.
 *
 * @since 0.1.0
 * @category messages
 */
export const handler = <Request extends Schema.Constraint, Response extends Schema.Constraint, E, R, S = unknown>(
  { name, request, response }: Contract.Message<Request, Response>,
  answer: (message: Request["Type"], socket: S) => Effect.Effect<Response["Type"], E, R>
): Handler<S, E, Request["DecodingServices"] | Response["EncodingServices"] | R> => {
  const decode = Contract.decode(request, name)
  const encode = Contract.encode(response, name)
  return (message, socket) =>
    Effect.map(
      decode(message),
      (decoded) => Effect.flatMap(Effect.suspend(() => answer(decoded, socket)), (value) => Effect.orDie(encode(value)))
    )
}

type AnyHandler = Handler<never, unknown, unknown>

/**
 * What the handlers of a list require.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements<Handlers extends ReadonlyArray<AnyHandler>> = Handlers[number] extends
  Handler<never, unknown, infer R> ? R
  : never

/**
 * What the handlers of a list fail with.
 *
 * @since 1.0.0
 * @category models
 */
export type ErrorOf<Handlers extends ReadonlyArray<AnyHandler>> = Handlers[number] extends
  Handler<never, infer E, unknown> ? E
  : never

/**
 * The socket that all handlers of a list can be given.
 *
 * @since 0.1.0
 * @category models
 */
export type SocketOf<Handlers extends ReadonlyArray<AnyHandler>> = [Handlers[number]] extends
  [(message: unknown, socket: infer S) => unknown] ? S : never

const firstOf = <S, E, R>(
  handlers: ReadonlyArray<Handler<S, E, R>>
): (socket: S, message: unknown) => Effect.Effect<unknown, E, R> =>
  Effect.fnUntraced(function*(socket, message) {
    const errors: Array<string> = []
    for (const handle of handlers) {
      const recognised = yield* Effect.result(handle(message, socket))
      if (Result.isSuccess(recognised)) {
        return yield* recognised.success
      }
      errors.push(recognised.failure.message)
    }
    // Both doors answer a Boom with its status, whichever way it comes.
    return yield* Effect.die(Boom.badRequest(errors.join("\n")))
  })

/**
 * The `onMessage` hook of a server: the first handler that recognises a message answers it; where none does, it is
 * answered 400. What an answer fails with is answered as for any hook. The hook requires what its handlers do: on hapi,
 * which has no Layer to take it from, it has to be provided.
 *
 * @since 0.1.0
 * @category messages
 */
export const onMessage = <Handlers extends ReadonlyArray<AnyHandler>>(
  ...handlers: Handlers
): (
  socket: SocketOf<Handlers>,
  message: unknown
) => Effect.Effect<unknown, ErrorOf<Handlers>, Requirements<Handlers>> =>
  firstOf(
    handlers as unknown as ReadonlyArray<Handler<SocketOf<Handlers>, ErrorOf<Handlers>, Requirements<Handlers>>>
  )
