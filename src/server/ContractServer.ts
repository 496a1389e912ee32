/**
 * The server's side of contracts: what is published is checked when it is compiled, and encoded by the Schema.
 *
 * @since 0.1.0
 */
import * as Boom from "@hapi/boom"
import * as Effect from "effect/Effect"
import * as Contract from "../protocol/Contract.js"
import type { UserError } from "../protocol/NesError.js"
import type { Connection } from "./Connection.js"
import { NesServer } from "./NesServer.js"
import type { BroadcastOptions, PublishOptions } from "./Node.js"
import type { Options } from "./Subscription.js"

/**
 * Declares the subscription of a contract.
 *
 * @since 0.1.0
 * @category subscriptions
 */
export const subscription = <Path extends string, A, I, R>(
  contract: Contract.Subscription<Path, A, I, R>,
  options?: Options
): Effect.Effect<void, UserError, NesServer> =>
  Effect.flatMap(NesServer, (nes) => nes.subscription(contract.path, options))

/**
 * Publishes to the subscribers of a path. Fails with a `ContractError` if the message does not encode.
 *
 * @since 0.1.0
 * @category subscriptions
 */
export const publish = Effect.fn("ContractServer.publish")(
  function*<Path extends string, A, I, R>(
    contract: Contract.Subscription<Path, A, I, R>,
    params: Contract.ParamsArgument<Path>,
    message: NoInfer<A>,
    options?: PublishOptions
  ) {
    const nes = yield* NesServer
    const path = Contract.pathOf(contract, params)
    const encoded = yield* Contract.encode(contract.message, path)(message)
    yield* nes.publish(path, encoded, options)
  }
)

/**
 * Sends a message to all connections. Fails with a `ContractError` if it does not encode.
 *
 * @since 0.1.0
 * @category broadcasts
 */
export const broadcast = Effect.fn("ContractServer.broadcast")(
  function*<A, I, R>(contract: Contract.Broadcast<A, I, R>, message: NoInfer<A>, options?: BroadcastOptions) {
    const nes = yield* NesServer
    const encoded = yield* Contract.encode(contract.message, contract.name)(message)
    yield* nes.broadcast(encoded, options)
  }
)

/**
 * Recognises one kind of custom message: the effect it yields makes the answer.
 *
 * @since 0.1.0
 * @category models
 */
export type Handler<R> = (
  message: unknown,
  connection: Connection
) => Effect.Effect<Effect.Effect<unknown, unknown, R>, Contract.ContractError, R>

/**
 * Answers the custom messages of a contract.
 *
 * @since 0.1.0
 * @category messages
 */
export const handler = <A, I, R, B, J, S, E, X>(
  { name, request, response }: Contract.Message<A, I, R, B, J, S>,
  answer: (message: A, connection: Connection) => Effect.Effect<B, E, X>
): Handler<R | S | X> => {
  const decode = Contract.decode(request, name)
  const encode = Contract.encode(response, name)
  return (message, connection) =>
    Effect.map(decode(message), (decoded) => Effect.flatMap(answer(decoded, connection), encode))
}

/**
 * What the handlers of a list require.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirements<Handlers extends ReadonlyArray<Handler<unknown>>> = Handlers[number] extends Handler<infer R> ?
  R
  : never

type Hook = (connection: Connection, message: unknown) => Effect.Effect<unknown, unknown>

const firstOf = <R>(handlers: ReadonlyArray<Handler<R>>): Effect.Effect<Hook, never, R> =>
  Effect.map(
    Effect.context<R>(),
    (context) => (connection, message) =>
      Effect.validateFirst(handlers, (handle) => handle(message, connection)).pipe(
        Effect.mapError((errors) => Boom.badRequest(errors.map((error) => error.message).join("\n"))),
        Effect.flatten,
        Effect.provide(context)
      )
  )

/**
 * The `onMessage` hook that answers with the first handler that recognises the message, and with 400 where none does.
 * What an answer fails with is answered as for any hook: a Boom as it is, others as 500.
 *
 * @since 0.1.0
 * @category messages
 */
export const onMessage = <Handlers extends ReadonlyArray<Handler<unknown>>>(
  ...handlers: Handlers
): Effect.Effect<Hook, never, Requirements<Handlers>> =>
  firstOf(handlers as ReadonlyArray<Handler<Requirements<Handlers>>>)
