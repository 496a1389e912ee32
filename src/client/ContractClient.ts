/**
 * The client's side of contracts: what is asked for is checked when it is compiled, what arrives when it arrives.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import * as Contract from "../protocol/Contract.js"
import type { NesError } from "../protocol/NesError.js"
import { type CallOptions, NesClient, type Update } from "./NesClient.js"
import type { Buffer, OverflowError } from "./StreamBuffer.js"

/**
 * The decoded updates of a path. An update that does not decode fails this Stream with a `ContractError` that names the
 * path, and no other; `subscribeEither` goes on instead.
 *
 * @since 0.1.0
 * @category subscriptions
 */
export const subscribe = <Path extends string, A, I, R>(
  contract: Contract.Subscription<Path, A, I, R>,
  ...args: Contract.ParamsArguments<Path, [buffer?: Buffer]>
): Stream.Stream<Update<A>, NesError | OverflowError | Contract.ContractError, NesClient | R> =>
  Stream.mapEffect(subscribeEither(contract, ...args), (update) => update)

/**
 * The updates of a path, each decoded or the reason why it does not.
 *
 * @since 0.1.0
 * @category subscriptions
 */
export const subscribeEither = <Path extends string, A, I, R>(
  contract: Contract.Subscription<Path, A, I, R>,
  ...args: Contract.ParamsArguments<Path, [buffer?: Buffer]>
): Stream.Stream<
  Either.Either<Update<A>, Contract.ContractError>,
  NesError | OverflowError,
  NesClient | R
> => {
  const [params, buffer] = args
  const path = Contract.fill(contract.path, params)
  const decode = Contract.decode(contract.message, path)
  return Stream.unwrap(
    Effect.map(
      NesClient,
      (nes) =>
        Stream.mapEffect(
          nes.subscribe(path, buffer),
          (update) => Effect.either(Effect.map(decode(update.message), (message) => ({ ...update, message })))
        )
    )
  )
}

/**
 * Sends a custom message, and decodes the answer.
 *
 * @since 0.1.0
 * @category messages
 */
export const message = Effect.fn("ContractClient.message")(
  function*<A, I, R, B, J, S>(
    { name, request, response }: Contract.Message<A, I, R, B, J, S>,
    value: NoInfer<A>,
    options?: CallOptions
  ) {
    const nes = yield* NesClient
    const encoded = yield* Contract.encode(request, name)(value)
    const answer = yield* nes.message(encoded, options)
    return yield* Contract.decode(response, name)(answer)
  }
)

/**
 * The decoded broadcasts, each decoded or the reason why it does not: what the server sends to this client alone arrives
 * here too.
 *
 * @since 0.1.0
 * @category broadcasts
 */
export const updatesEither = <A, I, R>(
  { message, name }: Contract.Broadcast<A, I, R>
): Stream.Stream<Either.Either<A, Contract.ContractError>, never, NesClient | R> => {
  const decode = Contract.decode(message, name)
  return Stream.unwrap(
    Effect.map(NesClient, (nes) => Stream.mapEffect(nes.updates, (update) => Effect.either(decode(update))))
  )
}

/**
 * The decoded broadcasts; fails with a `ContractError` on one that does not decode.
 *
 * @since 0.1.0
 * @category broadcasts
 */
export const updates = <A, I, R>(
  contract: Contract.Broadcast<A, I, R>
): Stream.Stream<A, Contract.ContractError, NesClient | R> =>
  Stream.mapEffect(updatesEither(contract), (update) => update)
